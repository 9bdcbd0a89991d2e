/** What is wrong with the pages of scans; src/features/intake/pages/ */
import assert from 'node:assert/strict';
import { after, describe, it } from 'mocha';
import { contentTypeOf } from '../../../src/fhir/content/content-type.js';
import type { ScanToSee, SeenPages } from '../../../src/features/intake/pages/look-at-pages.js';
import { PAGE_POOL, pageFindings } from '../../../src/features/intake/pages/page-findings.js';
import { createPool, TaskStopped } from '../../../src/platform/pool.js';
import { DOCUMENTS, readPayloads } from '../../support/documents.js';
import { aPdf, aPng, aText, aTiff, WHITE_FAX } from '../../support/scans.js';
import { depthOf } from '../../support/depth.js';
import { skipWithout } from '../../support/shared.js';

const pool = createPool<ScanToSee, SeenPages | undefined>({ ...PAGE_POOL, time: 300_000 });
const WRITTEN = 'BT /F1 12 Tf 50 700 Td (Written) Tj ET';
const aScan = (seed: number, degrees: number, dots = 200): Buffer => aPng(600, 800, aText(seed, degrees), dots);

/** Codes of what is found, with the number that they are about. */
async function foundIn(bytes: Buffer, pages?: number): Promise<string[]> {
  const contentType = (await contentTypeOf(bytes)) ?? '';
  const found = await pageFindings({ bytes, contentType, pages }, pool);
  return found.map(({ code, value }) => (value ? `${code} ${Number(value['valuePositiveInt'])}` : code));
}

/** Of the reference data: what is found, where that is something. */
const PAYLOADS: Readonly<Record<string, readonly string[]>> = {
  'pdf-grayscale-image.pdf': ['DQ-resolution-low 1'],
  'pdf-encrypted.pdf': ['DQ-unreadable'],
  // 238 × 171 pixels: its letters lean, its lines do not.
  'scan-skewed.tif': ['DQ-resolution-low 1'],
  'multipage.tiff': ['DQ-page-blank 1', 'DQ-page-blank 2', 'DQ-page-blank 3'],
  'photo.jpg': ['DQ-resolution-low 1'],
  'photo.png': ['DQ-resolution-low 1'],
  'photo-exif-gps.jpg': ['DQ-page-blank 1'],
  // A page of one point.
  'pdf-broken-trailer-loop.pdf': ['DQ-page-blank 1'],
};

describe('pages of scans', () => {
  after('ends the threads', () => pool.close());

  it('are found level, skewed, on their side', async () => {
    for (let seed = 1; seed <= depthOf('SCANS'); seed++) {
      for (const level of [0, 0.5, -0.5, 180])
        assert.deepEqual(await foundIn(aScan(seed, level)), [], `${seed} ${level}`);
      for (const skewed of [2 + (seed % 6), -2 - (seed % 7)])
        assert.deepEqual(await foundIn(aScan(seed, skewed)), ['DQ-page-skewed 1'], `${seed} ${skewed}`);
      for (const turned of [90, 270]) assert.deepEqual(await foundIn(aScan(seed, turned)), ['DQ-page-turned 1']);
    }
    assert.deepEqual(await foundIn(aScan(1, 94)), ['DQ-page-turned 1', 'DQ-page-skewed 1']);
  });

  it('are found blank but for dust, and with a word on them they are not', async () => {
    const dust = (x: number, y: number): boolean => x % 97 === 13 && y % 89 === 41;
    assert.deepEqual(await foundIn(aPng(600, 800, () => false, 300)), ['DQ-page-blank 1']);
    assert.deepEqual(await foundIn(aPng(600, 800, dust, 300)), ['DQ-page-blank 1']);
    const word = (x: number, y: number): boolean =>
      dust(x, y) || (x > 100 && x < 130 && y > 100 && y < 108 && x % 3 > 0);
    assert.deepEqual(await foundIn(aPng(600, 800, word, 300)), []);
    assert.deepEqual(await foundIn(aPdf([WRITTEN, '', WRITTEN])), ['DQ-page-blank 2']);
  });

  it('have dots enough, as the file says or as a sheet of paper has them', async () => {
    assert.deepEqual(await foundIn(aScan(3, 0, 199)), ['DQ-resolution-low 1']);
    assert.deepEqual(await foundIn(aPng(600, 800, aText(3))), ['DQ-resolution-low 1']);
  });

  it('are counted', async () => {
    const three = aPdf([WRITTEN, WRITTEN, WRITTEN]);
    assert.deepEqual(await foundIn(three, 3), []);
    assert.deepEqual(await foundIn(three, 4), ['DQ-pages-missing 3']);
    assert.deepEqual(await foundIn(three, 2), ['DQ-pages-more 3']);
  });

  it('are counted beyond those that are looked at, and the rest is told', async () => {
    const fax = { compression: 4, strip: WHITE_FAX };
    const blank = Array.from({ length: 50 }, (_, at) => `DQ-page-blank ${at + 1}`);
    const tiff = (pages: number): Buffer => aTiff(Array.from({ length: pages }, () => fax));
    assert.deepEqual(await foundIn(tiff(50), 50), blank);
    assert.deepEqual(await foundIn(tiff(52), 52), ['DQ-not-looked-at 51', ...blank]);
    assert.deepEqual(await foundIn(tiff(52), 50), ['DQ-pages-more 52', 'DQ-not-looked-at 51', ...blank]);
    assert.deepEqual(await foundIn(aPdf(Array.from({ length: 51 }, () => WRITTEN)), 51), ['DQ-not-looked-at 51']);
  });

  it('that cannot be read cost a verdict, and nothing else', async () => {
    const scan = aScan(4, 0);
    for (const at of [40, 200, scan.length - 30])
      assert.deepEqual(await foundIn(scan.subarray(0, at)), ['DQ-unreadable']);
    const huge = Buffer.from(scan);
    huge.writeUInt32BE(60_000, 16);
    huge.writeUInt32BE(60_000, 20);
    assert.deepEqual(await foundIn(huge), ['DQ-unreadable']);
    const stopped = { run: () => Promise.reject(new TaskStopped('time')), close: () => Promise.resolve() };
    const found = await pageFindings({ bytes: scan, contentType: 'image/png', pages: undefined }, stopped);
    assert.deepEqual(
      found.map(({ code }) => code),
      ['DQ-unreadable'],
    );
    assert.deepEqual(await foundIn(Buffer.from('A note.')), []);
  });

  it('of the reference data have the right verdict', async function () {
    const folder = skipWithout(this, ...DOCUMENTS);
    for (const { file, bytes } of readPayloads(folder))
      assert.deepEqual(await foundIn(bytes), PAYLOADS[file] ?? [], file);
  });
});
