/** What is withheld in part: its words and pixels are gone, whatever the file is, and in whatever form it is released. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { PackageItem, PageRedaction } from '../../../src/features/release/package/order.js';
import type { ItemPool } from '../../../src/features/release/package/read/read-item.js';
import { drawnPage, openPdf } from '../../../src/fhir/content/pdfium.js';
import { DOCUMENTS, readPayloads } from '../../support/documents.js';
import { pdfOf, plainPdf } from '../../support/hostile-pdfs.js';
import { pageTexts, skipWithoutProgram, toolOutput } from '../../support/pdf-tools.js';
import { itemOf, LETTER, markedItem, orderOf, packageOf, PATIENT_POOL } from '../../support/release-order.js';
import { aPng } from '../../support/scans.js';
import { skipWithout } from '../../support/shared.js';
import { readZip } from '../../support/zip-reader.js';

/** Where plainPdf writes: 24 points, from 72 700 of a sheet of Letter. */
const WORDS = { x: 0.1, y: 0.07, width: 0.6, height: 0.06 };
const marked = (item: PackageItem): Promise<PackageItem> => markedItem(item, [{ page: 1, areas: [WORDS] }]);

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
      await packageOf(orderOf([await marked(itemOf('Letter', 'application/pdf', pdf))])),
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
    const item = await markedItem(itemOf('Letter', 'application/pdf', plainPdf('Topsecret')), [
      { page: 1, areas: 'all' },
    ]);
    const { bytes, manifest } = await packageOf(orderOf([item]));
    assert.equal(await blackness(bytes, manifest.items[0]!.firstPage!, 792), 1);
  });

  it('leaves no original and no hash of it in a ZIP', async function () {
    const text = await marked(itemOf('Note', 'text/plain', Buffer.from('Topsecret words\n')));
    const letter = await marked(itemOf('Letter', 'application/pdf', plainPdf('Topsecret words')));
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
    const item = await marked(itemOf('Study', 'application/dicom', Buffer.from('\0Topsecret')));
    for (const form of ['pdf', 'zip'] as const) {
      const { bytes, manifest } = await packageOf(orderOf([item], { form }));
      assert.deepEqual([manifest.items[0]!.state, manifest.items[0]!.reason], ['withheld', 'cannot-redact']);
      assert.ok(!bytes.includes('Topsecret'));
    }
  });

  it('is burnt into faxes, photographs and texts', async function () {
    const payloads = readPayloads(skipWithout(this, ...DOCUMENTS));
    const named = (name: string) => payloads.find(({ file }) => file === name)!;
    const items = await Promise.all(
      ['scan-g4.tif', 'scan-hebrew.jpg', 'photo.png'].map(name => {
        const { file, contentType, bytes } = named(name);
        return markedItem(itemOf(file, contentType, bytes), [{ page: 1, areas: 'all' }]);
      }),
    );
    const { bytes, manifest } = await packageOf(orderOf(items));
    for (const { title, firstPage, state } of manifest.items) {
      assert.equal(state, 'merged', title);
      assert.equal(await blackness(bytes, firstPage!, 300), 1, title);
    }
  });

  it('draws what is printed of notes and fields, and says of the others that they are not', async () => {
    const stamp = '/Subtype/Widget/FT/Tx/T(a)/V(Words)/AP<</N 6 0 R>>/F 4';
    const drawn = async (annotation: string): Promise<readonly [reason: string | undefined, dark: number]> => {
      const pdf = pdfOf([
        ...['<</Type/Catalog/Pages 2 0 R>>', '<</Type/Pages/Count 1/Kids[3 0 R]>>'],
        '<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Annots[5 0 R]>>',
        '<</Length 0>>\nstream\n\nendstream',
        `<</Type/Annot/Rect[80 690 420 735]${annotation}>>`,
        '<</Type/XObject/Subtype/Form/BBox[0 0 200 200]/Length 16>>\nstream\n0 0 200 200 re f\nendstream',
      ]);
      const item = await markedItem(itemOf('Form', 'application/pdf', pdf), [
        { page: 1, areas: [{ x: 0, y: 0.9, width: 1, height: 0.01 }] },
      ]);
      const { bytes, manifest } = await packageOf(orderOf([item]));
      const { firstPage, reason } = manifest.items[0]!;
      return [reason, await blackness(bytes, firstPage!, 792)];
    };
    const [reason, dark] = await drawn(stamp);
    assert.equal(reason, undefined);
    assert.ok(dark > 0.5, `${dark}`);
    assert.equal((await drawn('/Subtype/Text/Contents(Note)/F 0'))[0], 'partly-drawn');
    assert.equal((await drawn('/Subtype/Widget/FT/Tx/T(a)/V(Words)/F 4'))[0], 'partly-drawn');
  });

  it('takes the whole page where nobody knows how it is turned, and so where an area is', async () => {
    const corner = { x: 0.95, y: 0.95, width: 0.01, height: 0.01 };
    const left = async (turn: string): Promise<number> => {
      const pdf = Buffer.from(
        plainPdf('Topsecret').toString('latin1').replace('/MediaBox', `/Rotate ${turn}/MediaBox`),
        'latin1',
      );
      const item = await markedItem(itemOf('Letter', 'application/pdf', pdf), [{ page: 1, areas: [corner] }]);
      const { bytes, manifest } = await packageOf(orderOf([item]));
      assert.equal(manifest.items[0]!.state, 'merged', turn);
      return 1 - (await blackness(bytes, manifest.items[0]!.firstPage!, 600));
    };
    for (const turn of ['0', '90', '-90', '450']) assert.ok((await left(turn)) > 0.5, turn);
    for (const turn of ['100', '45', '-10', '0.5']) assert.equal(await left(turn), 0, turn);
  });

  it('burns all areas of a page that is marked twice', async () => {
    const upper = { x: 0, y: 0, width: 1, height: 0.01 };
    const item = await markedItem(itemOf('Letter', 'application/pdf', plainPdf('Topsecret')), [
      { page: 1, areas: [WORDS] },
      { page: 1, areas: [upper] },
    ]);
    const { bytes, manifest } = await packageOf(orderOf([item]));
    assert.equal(await blackness(bytes, manifest.items[0]!.firstPage!, 792), 1);
  });

  it('leaves no page in the file where a later one cannot be drawn', async () => {
    const item = await marked(itemOf('Letter', 'application/pdf', plainPdf('Topsecret', 6)));
    const images = (bytes: Buffer): number => bytes.toString('latin1').split('/Subtype /Image').length - 1;
    assert.equal(images((await packageOf(orderOf([item]))).bytes), 6);
    const { bytes, manifest } = await packageOf(orderOf([item]), failingFrom(4));
    assert.deepEqual([manifest.items[0]!.state, manifest.items[0]!.reason], ['withheld', 'cannot-redact']);
    assert.equal(images(bytes), 0);
  });

  it('is held against the page that was marked: its size, and what the server made of a text', async () => {
    const letter = await marked(itemOf('Letter', 'application/pdf', plainPdf('Topsecret')));
    const note = await marked(itemOf('Note', 'text/plain', Buffer.from('Topsecret\n')));
    const picture = await marked(itemOf('Picture', 'image/png', aPng(100, 100)));
    const altered = (item: PackageItem, more: Partial<PageRedaction>): PackageItem => ({
      ...{ ...item, redactions: item.redactions!.map(mark => ({ ...mark, ...more })) },
    });
    const outcomes = async (items: readonly PackageItem[], paper: 'letter' | 'a4' = 'letter') => {
      const { manifest } = await packageOf(orderOf(items, { paper }));
      return manifest.items.map(({ state, reason }) => `${state} ${reason ?? ''}`);
    };
    assert.deepEqual(await outcomes([letter, note, picture]), ['merged ', 'merged ', 'merged ']);
    // A PDF has its own size on every paper.
    const other = 'withheld other-pages';
    assert.deepEqual(await outcomes([letter, note, picture], 'a4'), ['merged ', other, other]);
    const noSuch = [
      altered(letter, { height: 700 }),
      altered(note, { rendering: 'a'.repeat(64) }),
      { ...note, redactions: note.redactions!.map(({ page, areas }) => ({ page, areas, ...LETTER })) },
    ];
    for (const item of noSuch) assert.deepEqual(await outcomes([item]), [other]);
  });
});

/** Draws no page from this one on, counted from 0. */
const failingFrom = (page: number): ItemPool => ({
  ...PATIENT_POOL,
  run: async (task, moving) =>
    task.do === 'draw' && task.from >= page ? { kind: 'none', reason: 'too-costly' } : PATIENT_POOL.run(task, moving),
});
