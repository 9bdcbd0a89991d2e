/** Answers of which more pages may be asked for: kept for a while, not too many, and for those who may do the same. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { KeptAnswers, type ToldLine } from '../../../src/features/privacy/answer-pages.js';

const linesOf = (count: number): ToldLine[] =>
  Array.from({ length: count }, (_, at) => ({ key: String(at), sentence: '', cells: [], patients: [] }));
const MINUTE = 60_000;

describe('answers that are kept', () => {
  it('are there under their name, for a while, and for who may do the same', () => {
    let now = 1_000_000;
    const kept = new KeptAnswers({ now: () => now });
    const lines = linesOf(3);
    const name = kept.keep(lines, 'mine');
    assert.equal(kept.get(name, 'mine'), lines);
    assert.equal(kept.get(name, 'another'), undefined);
    assert.equal(kept.get('', 'mine'), undefined);
    now += 10 * MINUTE;
    assert.equal(kept.get(name, 'mine'), lines);
    now += 1;
    assert.equal(kept.get(name, 'mine'), undefined);
  });

  it('are the newest ones, and none that is too long', () => {
    const kept = new KeptAnswers({ now: () => 0 });
    assert.equal(kept.keep(linesOf(50_001), 'mine'), '');
    const names = [30_000, 15_000, 10_000].map(count => kept.keep(linesOf(count), 'mine'));
    assert.deepEqual(
      names.map(name => kept.get(name, 'mine')?.length),
      [undefined, 15_000, 10_000],
    );
    kept.keep(linesOf(50_000), 'mine');
    assert.deepEqual(
      names.map(name => kept.get(name, 'mine')),
      [undefined, undefined, undefined],
    );
  });
});
