/** Blank pages of scans; src/features/documents/read/blank.ts */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { describe, it } from 'mocha';
import { blankIn } from '../../../src/features/documents/read/blank.js';
import { DOCUMENTS, readPayloads } from '../../support/documents.js';
import { aGreyJpeg, aPdf, aPng, aTiff, WHITE_FAX } from '../../support/scans.js';
import { skipWithout } from '../../support/shared.js';

const TEXT = 'BT /F1 12 Tf 50 700 Td (Written) Tj ET';

describe('blank pages', () => {
  it('of PNG: white, with specks of dust, and not with a line of writing', async () => {
    assert.deepEqual(await blankIn(aPng(400, 500), 'image/png'), [1]);
    assert.deepEqual(
      await blankIn(
        aPng(400, 500, (x, y) => x === 7 && y % 100 === 3),
        'image/png',
      ),
      [1],
    );
    assert.deepEqual(
      await blankIn(
        aPng(400, 500, (x, y) => y > 99 && y < 104 && x % 3 === 0),
        'image/png',
      ),
      [],
    );
  });

  it('of TIFF: in the coding of fax, with deflate, and as they are', async () => {
    const [white, written] = [Buffer.alloc(100_000, 0xff), Buffer.alloc(100_000, 0xff)];
    written.fill(0x3c, 5000, 7000);
    const pages = [
      { compression: 4, strip: WHITE_FAX },
      { compression: 4, strip: Buffer.concat([WHITE_FAX.subarray(0, 60), Buffer.from([0x4a, 0x21]), WHITE_FAX]) },
      { compression: 8, strip: deflateSync(white) },
      { compression: 8, strip: deflateSync(written) },
      { compression: 1, strip: white },
      { compression: 1, strip: written },
      { compression: 5, strip: white },
    ];
    assert.deepEqual(await blankIn(aTiff(pages), 'image/tiff'), [1, 3, 5]);
  });

  it('of JPEG: where hardly a block differs from the one before', async () => {
    assert.deepEqual(await blankIn(aGreyJpeg(), 'image/jpeg'), [1]);
    assert.deepEqual(await blankIn(aGreyJpeg(Buffer.alloc(4000, 0x5a)), 'image/jpeg'), []);
  });

  it('of PDF: those that paint nothing', async () => {
    assert.deepEqual(await blankIn(aPdf([TEXT, 'q Q', '', '0 0 10 10 re f']), 'application/pdf'), [2, 3]);
  });

  it('are none of what is damaged, or hostile', async () => {
    const png = aPng(40, 50);
    for (let end = 0; end < png.length; end += 7) await blankIn(png.subarray(0, end), 'image/png');
    const tiff = aTiff([{ compression: 4, strip: WHITE_FAX }]);
    for (let end = 0; end < 100; end += 3) await blankIn(tiff.subarray(0, end), 'image/tiff');
    for (const type of ['image/png', 'image/jpeg', 'image/tiff', 'application/pdf', 'text/plain'])
      assert.deepEqual(await blankIn(Buffer.from('nothing of the kind'), type), [], type);
  });

  it('of the pictures and papers at hand are those of one colour', async function () {
    const folder = skipWithout(this, ...DOCUMENTS);
    const papers = readPayloads(folder).filter(({ contentType }) => /^image\/|pdf$/.test(contentType));
    assert.ok(papers.length > 5);
    for (const { file, contentType } of papers) {
      const bytes = new Uint8Array(readFileSync(join(folder, file)));
      const expected = { 'multipage.tiff': [1, 2, 3], 'photo-exif-gps.jpg': [1] }[file] ?? [];
      assert.deepEqual(await blankIn(bytes, contentType), expected, file);
    }
  });
});
