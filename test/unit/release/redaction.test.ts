/** What is withheld in part: its words and pixels are gone, whatever the file is, and in whatever form it is released. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { PackageItem } from '../../../src/features/release/package/order.js';
import { drawnPage, openPdf } from '../../../src/features/release/package/read/pdfium.js';
import { DOCUMENTS, readPayloads } from '../../support/documents.js';
import { plainPdf } from '../../support/hostile-pdfs.js';
import { pageTexts, skipWithoutProgram, toolOutput } from '../../support/pdf-tools.js';
import { itemOf, orderOf, packageOf } from '../../support/release-order.js';
import { skipWithout } from '../../support/shared.js';
import { readZip } from '../../support/zip-reader.js';

/** Where plainPdf writes: 24 points, from 72 700 of a sheet of Letter. */
const WORDS = { x: 0.1, y: 0.07, width: 0.6, height: 0.06 };
const marked = (page: number): Partial<PackageItem> => ({ redactions: [{ page, areas: [WORDS] }] });

/** The part of pixels that are black, of the words' place on a page. */
async function blackness(pdf: Buffer, page: number, height: number): Promise<number> {
  const open = await openPdf(pdf);
  assert.ok(typeof open !== 'string');
  const picture = drawnPage(open, page - 1, 72, 2_000_000);
  open.close();
  let [black, all] = [0, 0];
  for (let y = Math.ceil(WORDS.y * height); y < Math.floor((WORDS.y + WORDS.height) * height); y++)
    for (let x = Math.ceil(WORDS.x * picture.width); x < Math.floor((WORDS.x + WORDS.width) * picture.width); x++) {
      all++;
      if (picture.rgb[3 * (y * picture.width + x)] === 0) black++;
    }
  return black / all;
}

describe('a redaction', () => {
  it('takes words and pixels of a page away', async function () {
    const pdf = plainPdf('Topsecret words', 2);
    const [open, closed] = [
      await packageOf(orderOf([itemOf('Letter', 'application/pdf', pdf)])),
      await packageOf(orderOf([itemOf('Letter', 'application/pdf', pdf, marked(1))])),
    ];
    const first = closed.manifest.items[0]!;
    assert.deepEqual([first.state, first.pages, first.redacted], ['merged', 2, [1]]);
    assert.ok((await blackness(open.bytes, open.manifest.items[0]!.firstPage!, 792)) < 0.3);
    assert.equal(await blackness(closed.bytes, first.firstPage!, 792), 1);
    // The other page is seen as it was.
    const other = await blackness(closed.bytes, first.firstPage! + 1, 792);
    assert.ok(other > 0 && other < 0.3, `${other}`);
    skipWithoutProgram(this, 'pdftotext');
    assert.match(pageTexts(open.bytes).join(), /Topsecret/);
    assert.doesNotMatch(pageTexts(closed.bytes).join(), /Topsecret|words/);
    assert.match(pageTexts(closed.bytes)[first.firstPage! - 1]!, /redacted · 3 of 4/);
    skipWithoutProgram(this, 'qpdf');
    const plain = toolOutput('qpdf', closed.bytes, ['--qdf', '--object-streams=disable', '--check']);
    assert.doesNotMatch(plain, /Topsecret/);
  });

  it('takes a whole page away', async () => {
    const item = itemOf('Letter', 'application/pdf', plainPdf('Topsecret'), {
      redactions: [{ page: 1, areas: 'all' }],
    });
    const { bytes, manifest } = await packageOf(orderOf([item]));
    assert.equal(await blackness(bytes, manifest.items[0]!.firstPage!, 792), 1);
  });

  it('leaves no original and no hash of it in a ZIP', async function () {
    const text = itemOf('Note', 'text/plain', Buffer.from('Topsecret words\n'), marked(1));
    const letter = itemOf('Letter', 'application/pdf', plainPdf('Topsecret words'), marked(1));
    const { bytes, manifest } = await packageOf(orderOf([text, letter], { form: 'zip' }));
    const entries = readZip(bytes);
    assert.deepEqual(
      entries.map(({ name }) => name),
      ['001-Note.pdf', '002-Letter.pdf', 'manifest.json'],
    );
    const told = entries.at(-1)!.bytes.toString();
    assert.ok(!told.includes(letter.sha256) && !told.includes(text.sha256));
    assert.equal(manifest.items[1]!.sha256, letter.sha256);
    skipWithoutProgram(this, 'pdftotext');
    for (const { bytes: pdf } of entries.slice(0, 2)) assert.doesNotMatch(pageTexts(pdf).join(), /Topsecret/);
  });

  it('withholds what it cannot be burnt into', async () => {
    const item = itemOf('Study', 'application/dicom', Buffer.from('\0Topsecret'), marked(1));
    for (const form of ['pdf', 'zip'] as const) {
      const { bytes, manifest } = await packageOf(orderOf([item], { form }));
      assert.deepEqual([manifest.items[0]!.state, manifest.items[0]!.reason], ['withheld', 'cannot-redact']);
      assert.ok(!bytes.includes('Topsecret'));
    }
  });

  it('is burnt into faxes, photographs and texts', async function () {
    const payloads = readPayloads(skipWithout(this, ...DOCUMENTS));
    const named = (name: string) => payloads.find(({ file }) => file === name)!;
    const items = ['scan-g4.tif', 'scan-hebrew.jpg', 'photo.png'].map(name => {
      const { file, contentType, bytes } = named(name);
      return itemOf(file, contentType, bytes, { redactions: [{ page: 1, areas: 'all' }] });
    });
    const { bytes, manifest } = await packageOf(orderOf(items));
    for (const { title, firstPage, state } of manifest.items) {
      assert.equal(state, 'merged', title);
      assert.equal(await blackness(bytes, firstPage!, 300), 1, title);
    }
  });
});
