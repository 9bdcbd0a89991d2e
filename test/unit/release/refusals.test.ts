/** Orders that are not carried out, and files that mean harm. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { makePackage } from '../../../src/features/release/package/make-package.js';
import { PackageRefused } from '../../../src/features/release/package/order.js';
import { HOSTILE_PDFS, plainPdf } from '../../support/hostile-pdfs.js';
import { skipWithoutProgram, toolOutput } from '../../support/pdf-tools.js';
import { itemOf, orderOf, packageOf } from '../../support/release-order.js';

const letter = (more = {}) => itemOf('Letter', 'application/pdf', plainPdf('A letter'), more);
const refused = (fault: string) => (error: unknown) => error instanceof PackageRefused && error.fault === fault;

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
      orderOf([letter({ redactions: [{ page: 0, areas: 'all' }] })]),
      orderOf([letter({ redactions: [{ page: 1, areas: [{ x: 0, y: 0, width: 2, height: 1 }] }] })]),
    ];
    for (const [n, order] of bad.entries()) assert.throws(() => makePackage(order), refused('bad-order'), `${n}`);
    assert.ok(makePackage(orderOf([letter()])));
  });

  it('is refused where the bytes of an item are others than were to be released, merged or attached', async () => {
    const other = { sha256: 'a'.repeat(64) };
    for (const item of [letter(other), itemOf('Bytes', 'application/octet-stream', Buffer.from('\0\x01'), other)])
      for (const form of ['pdf', 'zip', 'both'] as const)
        await assert.rejects(packageOf(orderOf([item], { form })), refused('changed'), form);
  });

  it('is refused where a mark is on a page that is not there', async () => {
    const item = letter({ redactions: [{ page: 2, areas: 'all' }] });
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

describe('a hostile PDF', () => {
  /** Others have pages that are few and cost little once they are read. */
  const REASONS: Readonly<Record<string, string>> = {
    ...{ 'a tree of pages that holds itself': 'too-costly', 'a form that draws itself': 'too-costly' },
    ...{ 'a page of a hundred megabytes': 'too-costly', 'an endless number of forms': 'too-costly' },
    ...{ 'a hundred thousand objects': 'too-costly', 'a million pages': 'too-large' },
    ...{ 'half a file': 'damaged', 'no more than a name': 'damaged' },
  };
  for (const [name, make] of Object.entries(HOSTILE_PDFS))
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
