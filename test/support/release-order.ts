/** Orders of packages, and what comes of them. */
import { createHash } from 'node:crypto';
import { makePackage } from '../../src/features/release/package/make-package.js';
import { pagesToMark } from '../../src/features/release/package/item-pages.js';
import type {
  PackageItem,
  PackageManifest,
  PackageOrder,
  PageRedaction,
} from '../../src/features/release/package/order.js';
import { ITEM_POOL, type ItemPool } from '../../src/features/release/package/read/read-item.js';
import { createPool } from '../../src/platform/pool.js';

/** An item of these bytes, which come in parts of `part`. */
export function itemOf(
  title: string,
  contentType: string,
  bytes: Uint8Array,
  more: Partial<PackageItem> = {},
  part = bytes.length,
): PackageItem {
  return {
    ...{ id: `DocumentReference/${title}/_history/1`, title, contentType, size: bytes.length },
    sha256: createHash('sha256').update(bytes).digest('hex'),
    async *open() {
      for (let at = 0; at < bytes.length; at += part) yield bytes.subarray(at, at + part);
    },
    ...more,
  };
}

/** Letter, in points. */
export const LETTER = { width: 612, height: 792 };

/** The item with marks on its pages as they are on Letter now; they are said to be Letter where it has none. */
export async function markedItem(
  item: PackageItem,
  marks: readonly Pick<PageRedaction, 'page' | 'areas'>[],
): Promise<PackageItem> {
  const found = await pagesToMark(item, { pool: PATIENT_POOL, paper: LETTER });
  const { pages, rendering } = typeof found === 'string' ? { pages: [], rendering: undefined } : found;
  const redactions = marks.map(mark => ({
    ...(rendering === undefined ? {} : { rendering }),
    ...(pages[mark.page - 1] ?? LETTER),
    ...mark,
  }));
  return { ...item, redactions };
}

export function orderOf(items: readonly PackageItem[], more: Partial<PackageOrder> = {}): PackageOrder {
  return {
    ...{ form: 'pdf', trackingId: 'ROI-2024-0001', link: 'https://records.example.org/r/ROI-2024-0001' },
    ...{ recipient: ['Dr. Recipient', 'Main Street 1'], sender: ['General Hospital'], patient: ['Ada Lindqvist'] },
    ...{ purpose: 'At the request of the individual', released: '2024-05-06T07:08:09Z', notices: [], items },
    ...more,
  };
}

export interface MadePackage {
  readonly bytes: Buffer;
  readonly manifest: PackageManifest;
}

/** With the limits of memory, and none of the time that a busy machine takes. */
export const PATIENT_POOL: ItemPool = createPool({ ...ITEM_POOL, time: 300_000 });

export async function packageOf(order: PackageOrder, pool: ItemPool = PATIENT_POOL): Promise<MadePackage> {
  const file = makePackage(order, pool);
  const parts: Uint8Array[] = [];
  for await (const part of file.bytes) parts.push(part);
  return { bytes: Buffer.concat(parts), manifest: await file.manifest };
}
