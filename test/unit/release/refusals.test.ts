/** Orders that are not carried out, and files that mean harm. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'mocha';
import { sampleOf } from '../../support/depth.js';
import { makePackage } from '../../../src/features/release/package/make-package.js';
import { PackageRefused, type PageRedaction } from '../../../src/features/release/package/order.js';
import { HOSTILE_PDFS, plainPdf } from '../../support/hostile-pdfs.js';
import { pageTexts, skipWithoutProgram, toolOutput } from '../../support/pdf-tools.js';
import { itemOf, LETTER, orderOf, packageOf, PATIENT_POOL } from '../../support/release-order.js';

const letter = (more = {}) => itemOf('Letter', 'application/pdf', plainPdf('A letter'), more);
const refused = (fault: string) => (error: unknown) => error instanceof PackageRefused && error.fault === fault;

/** What burns nothing, or cannot be told where. */
const BAD_MARKS: readonly object[] = [
  { page: 0, ...LETTER, areas: 'all' },
  { page: 1, areas: 'all' },
  { page: 1, ...LETTER, width: Number.NaN, areas: 'all' },
  { page: 1, ...LETTER },
  ...[
    ...[[], [{}], [{ x: 0, width: 1, height: 1 }], [{ x: 0, y: 0, width: 1 }], [{ x: 0, y: 0, width: 1, height: 0 }]],
    ...[[{ x: 0, y: 0, width: 2, height: 1 }], [{ x: '0', y: 0, width: 1, height: 1 }]],
    [{ x: 0, y: Number.NaN, width: 1, height: 1 }],
  ].map(areas => ({ page: 1, ...LETTER, areas })),
];

describe('an order', () => {
  it('is refused where it contradicts itself', () => {
    const bad = [
      orderOf([]),
      orderOf([letter(), letter()]),
      orderOf([letter()], { form: 'zip', passphrase: 'x' }),
      orderOf([letter()], { form: 'both', passphrase: 'x' }),
      orderOf([letter()], { passphrase: '' }),
      orderOf([letter()], { released: 'yesterday' }),
      orderOf([letter({ sha256: 'none' })]),
      ...BAD_MARKS.map(mark => orderOf([letter({ redactions: [mark as unknown as PageRedaction] })])),
    ];
    for (const [n, order] of bad.entries()) assert.throws(() => makePackage(order), refused('bad-order'), `${n}`);
    assert.ok(makePackage(orderOf([letter({ redactions: [{ page: 1, ...LETTER, areas: 'all' }] })])));
  });

  it('is refused where the bytes of an item are others than were to be released, merged or attached', async () => {
    const other = { sha256: 'a'.repeat(64) };
    for (const item of [letter(other), itemOf('Bytes', 'application/octet-stream', Buffer.from('\0\x01'), other)])
      for (const form of ['pdf', 'zip', 'both'] as const)
        await assert.rejects(packageOf(orderOf([item], { form })), refused('changed'), form);
  });

  it('is refused where a mark is on a page that is not there', async () => {
    const item = letter({ redactions: [{ page: 2, ...LETTER, areas: 'all' }] });
    await assert.rejects(packageOf(orderOf([item])), refused('no-such-page'));
    await assert.rejects(packageOf(orderOf([item], { form: 'zip' })), refused('no-such-page'));
  });

  it('names the item, and nothing of its content', async () => {
    const item = letter({ sha256: 'a'.repeat(64), title: 'Secret title' });
    await assert.rejects(packageOf(orderOf([item])), (error: PackageRefused) => {
      assert.match(error.message, /DocumentReference\/Letter\/_history\/1/);
      assert.doesNotMatch(error.message, /Secret|A letter/);
      return true;
    });
  });
});

describe('a package that is not read to its end', () => {
  for (const form of ['pdf', 'zip', 'both', 'document'] as const)
    it(`closes what it reads, and says that it was not: ${form}`, async () => {
      let closed = 0;
      // Whatever is taken out of it, there is more, which no ZIP makes smaller.
      const endless = {
        ...{ size: 40 * 1024 * 1024, contentType: 'application/zip' },
        async *open() {
          try {
            for (;;) yield randomBytes(64 * 1024);
          } finally {
            closed++;
          }
        },
      };
      const { bytes, manifest } = makePackage(
        orderOf([itemOf('Endless', 'application/zip', Buffer.from('x'), endless)], { form }),
        PATIENT_POOL,
      );
      let read = 0;
      for await (const part of bytes) if ((read += part.length) > 300_000) break;
      assert.ok(read > 300_000);
      await assert.rejects(manifest, /not read to its end/);
      assert.equal(closed, 1);
    });
});

describe('notices', () => {
  it('stand below the pages of their item, however long they are', async function () {
    const long = Array.from({ length: 60 }, (_, n) => `Notice line ${n}`).join('\n');
    const items = [
      letter({ notices: [long] }),
      itemOf('Other', 'text/plain', Buffer.from('Words'), { notices: ['Brief'] }),
    ];
    const { bytes, manifest } = await packageOf(orderOf(items));
    skipWithoutProgram(this, 'pdftotext');
    const texts = pageTexts(bytes);
    const [first, second] = manifest.items.map(({ firstPage }) => texts[firstPage! - 1]!);
    assert.match(first!, /Notice line 0\n[^]*Notice line 59\n/);
    assert.match(first!, new RegExp(`\\b${manifest.items[0]!.firstPage} of ${manifest.pages}`));
    assert.match(second!, new RegExp(`Words[^]*Brief[^]*\\b${manifest.items[1]!.firstPage} of ${manifest.pages}`));
  });

  it('that no page has room for are refused', async () => {
    const item = letter({ notices: ['x\n'.repeat(700)] });
    await assert.rejects(packageOf(orderOf([item])), refused('bad-order'));
  });
});

describe('a hostile PDF', () => {
  /** Others have pages that are few and cost little once they are read. */
  const REASONS: Readonly<Record<string, string>> = {
    ...{ 'a tree of pages that holds itself': 'too-costly', 'a form that draws itself': 'too-costly' },
    ...{ 'a page of a hundred megabytes': 'too-costly', 'an endless number of forms': 'too-costly' },
    ...{ 'a hundred thousand objects': 'too-costly', 'a million pages': 'too-large' },
    ...{ 'half a file': 'damaged', 'no more than a name': 'damaged' },
  };
  for (const [name, make] of sampleOf(Object.entries(HOSTILE_PDFS), 3, () => 'PDF'))
    it(`costs its place among the pages at most: ${name}`, async function () {
      const bytes = make();
      const hostile = itemOf('Hostile', 'application/pdf', bytes);
      const { bytes: pdf, manifest } = await packageOf(orderOf([hostile, letter()]));
      const [first, second] = manifest.items;
      assert.deepEqual([second!.state, second!.pages], ['merged', 1]);
      const reason = REASONS[name];
      if (reason === undefined) assert.deepEqual([first!.state, first!.pages], ['merged', 1]);
      else assert.deepEqual([first!.state, first!.reason], ['attached', reason]);
      skipWithoutProgram(this, 'qpdf');
      assert.match(toolOutput('qpdf', pdf, ['--check']), /No syntax or stream encoding errors/);
    });
});
