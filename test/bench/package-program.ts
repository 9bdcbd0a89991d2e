/** What a large package costs: 2,000 pages of scans, letters and texts, made in a process of its own. Prints its cost as JSON. */
import { makePackage } from '../../src/features/release/package/make-package.js';
import type { PackageItem } from '../../src/features/release/package/order.js';
import { plainPdf } from '../support/hostile-pdfs.js';
import { itemOf, orderOf } from '../support/release-order.js';
import { aTiff } from '../support/scans.js';

/** Of each kind; scans have ten pages of 60 KB, letters ten, notes ten. */
const ITEMS = { scans: 100, letters: 50, notes: 50 };
const STRIP = 60 * 1024;
/** Lines of a page of text. */
const LINES = 56;

function items(): PackageItem[] {
  const pages = Array.from({ length: 10 }, (_, n) => ({ compression: 4, strip: Buffer.alloc(STRIP, `scan ${n}`) }));
  const scan = aTiff(pages);
  const note = Buffer.from(
    Array.from({ length: 10 * LINES }, (_, n) => `${n}. A line of a note, with some words.`).join('\n'),
  );
  return [
    ...Array.from({ length: ITEMS.scans }, (_, n) => itemOf(`Scan ${n}`, 'image/tiff', scan)),
    ...Array.from({ length: ITEMS.letters }, (_, n) =>
      itemOf(`Letter ${n}`, 'application/pdf', plainPdf(`Letter ${n}`, 10)),
    ),
    ...Array.from({ length: ITEMS.notes }, (_, n) => itemOf(`Note ${n}`, 'text/plain', note)),
  ];
}

const begun = performance.now();
const file = makePackage(orderOf(items()));
let size = 0;
for await (const part of file.bytes) size += part.length;
const { pages = 0 } = await file.manifest;
const seconds = (performance.now() - begun) / 1000;
const cpu = process.cpuUsage();
process.stdout.write(
  JSON.stringify({
    ...{ pages, size, seconds, cpu: (cpu.user + cpu.system) / 1e6 },
    megabytes: process.resourceUsage().maxRSS / 1024,
  }),
);
