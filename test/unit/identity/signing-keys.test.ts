/** Signing keys over half a year, in two processes that look every hour: whoever signs, all know the key. */
import assert from 'node:assert/strict';
import type { JWK } from 'jose';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { createSeal } from '../../../src/identity/seal.js';
import { loadSigningKeys, publicPart } from '../../../src/identity/server/signing-keys.js';
import { openEmbedded } from '../../../src/store/embedded/index.js';
import type { Store } from '../../../src/store/store.js';
import { layout } from '../../support/changes.js';

const HOUR = 60 * 60_000;
const DAY = 24 * HOUR;

describe('signing keys', () => {
  const seal = createSeal('s'.repeat(32), 'signing keys');
  let store: Store;
  beforeEach(async () => void (store = await openEmbedded({ file: ':memory:', layout })));
  afterEach(() => store.close());

  const kidOf = (keys: readonly JWK[], alg: string): string => keys.find(key => key.alg === alg)!.kid!;
  const isShown = (keys: readonly JWK[], kid: string): boolean => keys.some(key => key.kid === kid);

  it('change every 90 days, are shown before and after, and are the same in all processes', async () => {
    const { records } = store;
    const start = 1_800_000_000_000;
    const known: (readonly JWK[])[] = await Promise.all([
      loadSigningKeys(records, seal, () => start),
      loadSigningKeys(records, seal, () => start),
    ]);
    assert.deepEqual(known[0], known[1]);
    const signed: { readonly kid: string; readonly at: number }[] = [];
    // Each looks once an hour, half an hour apart.
    for (let at = start + HOUR / 2, turn = 1; at < start + 190 * DAY; at += HOUR / 2, turn = 1 - turn) {
      known[turn] = await loadSigningKeys(records, seal, () => at);
      for (const keys of known) {
        const kid = kidOf(keys, 'ES256');
        for (const other of known) assert.ok(isShown(other, kid), `unknown at ${(at - start) / HOUR} h`);
        signed.push({ kid, at });
      }
      // What was signed within a day is good in both.
      for (const { kid } of signed.splice(0, Math.max(0, signed.length - 96)))
        for (const keys of known) assert.ok(isShown(keys, kid) || signed.every(each => each.kid !== kid));
    }
    assert.equal(new Set(known[0]!.map(({ kid }) => kid)).size, known[0]!.length);
    assert.ok(known[0]!.length <= 4);
    const made = [...new Set(signed.map(({ kid }) => kid))];
    assert.equal(made.length, 1, 'ten days after the second change the third keys alone sign');
    const kept = await records.list('signing-keys', 10);
    assert.equal(kept.length, 1);
    assert.doesNotMatch(kept[0]!.value, /"d"/);
  });

  it('are shown for two days when they sign no more, and then no longer', async () => {
    const { records } = store;
    const first = await loadSigningKeys(records, seal, () => 1_900_000_000_000);
    const from = 1_900_000_000_000;
    const old = kidOf(first, 'RS256');
    const at = (days: number) => loadSigningKeys(records, seal, () => from + days * DAY);
    const ahead = await at(89.95);
    assert.deepEqual([kidOf(ahead, 'RS256') === old, ahead.length], [true, 4]);
    const changed = await at(91);
    assert.deepEqual([kidOf(changed, 'RS256') === old, isShown(changed, old)], [false, true]);
    assert.equal(isShown(await at(93), old), false);
  });

  it('change where nobody looked for a year, and the old ones sign until all know the new', async () => {
    const { records } = store;
    const before = kidOf(await loadSigningKeys(records, seal, () => 2_000_000_000_000), 'ES256');
    const late = 2_000_000_000_000 + 400 * DAY;
    const now = await loadSigningKeys(records, seal, () => late);
    assert.deepEqual([kidOf(now, 'ES256'), now.length], [before, 4]);
    const later = await loadSigningKeys(records, seal, () => late + 2 * HOUR);
    assert.notEqual(kidOf(later, 'ES256'), before);
    assert.ok(isShown(later, before));
  });

  it('sign where the clock is behind that of whoever made them', async () => {
    const made = await loadSigningKeys(store.records, seal, () => 2_050_000_000_000);
    assert.deepEqual(await loadSigningKeys(store.records, seal, () => 2_050_000_000_000 - 1), made);
    // Two hours before the second ones sign, and then set back to before the first.
    const both = await loadSigningKeys(store.records, seal, () => 2_050_000_000_000 + 89.95 * DAY);
    const back = await loadSigningKeys(store.records, seal, () => 2_050_000_000_000 - DAY);
    assert.deepEqual([back.length, kidOf(back, 'ES256')], [4, kidOf(made, 'ES256')]);
    assert.deepEqual(back, both);
  });

  it('are shown without what signs', async () => {
    for (const key of await loadSigningKeys(store.records, seal, () => 2_100_000_000_000)) {
      const shown = publicPart(key);
      for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi']) assert.equal(Object.hasOwn(shown, name), false);
    }
  });
});
