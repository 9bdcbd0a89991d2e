/** What is kept of value sets that checks have asked about, and for how long. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { createMemberships } from '../../../src/terminology/membership.js';
import type { CodeSystem, ValueSet } from '../../../src/terminology/resources.js';
import { createTerminology } from '../../../src/terminology/terminology.js';
import { codeSystem, concepts, loadFrom, valueSet } from '../../support/terms.js';

const CS = 'http://example.org/cs';
const named = (at: number) => `http://example.org/vs-${at}`;
const CODES = Array.from({ length: 100 }, (_, at) => `c${at}`);

function stage(more: { readonly most?: number } = {}) {
  const stored: (CodeSystem | ValueSet)[] = [
    codeSystem(CS, concepts(...CODES)),
    ...Array.from({ length: 10 }, (_, at) => valueSet(named(at), { system: CS, concept: concepts(...CODES) })),
  ];
  const state = { time: 0, generation: 0, reads: 0, away: false };
  const load = loadFrom(stored);
  const { resources } = createTerminology(
    (type, by) => {
      state.reads += 1;
      return state.away ? Promise.reject(new Error('away')) : load(type, by);
    },
    { bases: [] },
  );
  const memberships = createMemberships({
    sources: () => resources.once(),
    generation: () => state.generation,
    now: () => state.time,
    ...more,
  });
  const prepare = (at: number) => memberships.prepareSet(named(at), 'r4');
  const at = (index: number) => memberships.setAt(named(index), 'r4');
  return { memberships, state, prepare, at, stored };
}

describe('value sets that are kept ready', () => {
  it('are made once, also where many ask at the same time', async () => {
    const { state, prepare, at } = stage();
    assert.equal(at(0), undefined);
    await Promise.all([prepare(0), prepare(0), prepare(0)]);
    const { reads } = state;
    assert.equal(at(0)?.has(CS, 'c1'), true);
    assert.equal(at(0)?.has(CS, 'zz'), false);
    assert.equal(at(0)?.hasCode('c1'), true);
    assert.equal(state.reads, reads);
  });

  it('are forgotten when a definition changes, also while they are made', async () => {
    const { state, prepare, at, stored } = stage();
    await prepare(0);
    const making = prepare(1);
    stored.push(valueSet(named(0), { system: CS, concept: concepts('c1') }));
    stored.push(valueSet(named(1), { system: CS, concept: concepts('c1') }));
    state.generation += 1;
    await making;
    assert.equal(at(0), undefined);
    assert.equal(at(1)?.has(CS, 'c2'), false);
    await prepare(0);
    assert.equal(at(0)?.has(CS, 'c2'), false);
    assert.equal(at(0)?.has(CS, 'c1'), true);
  });

  it('are bounded by their codes, and say for a while that there are too many', async () => {
    const { state, prepare, at } = stage({ most: 350 });
    for (let index = 0; index < 10; index++) await prepare(index);
    const troubles = Array.from({ length: 10 }, (_, index) => at(index)?.trouble);
    assert.deepEqual(troubles.slice(-2), [undefined, undefined]);
    assert.deepEqual(troubles[0], 'unavailable');
    assert.equal(at(0)?.has(CS, 'c1'), undefined);
    state.time = 2001;
    assert.equal(at(0), undefined);
    await prepare(0);
    assert.equal(at(0)?.has(CS, 'c1'), true);
  });

  it('are not known for a while where the store is away, and then tried again', async () => {
    const { state, prepare, at } = stage();
    state.away = true;
    await prepare(0);
    assert.equal(at(0)?.trouble, 'unavailable');
    state.away = false;
    state.time = 2001;
    assert.equal(at(0), undefined);
    await prepare(0);
    assert.equal(at(0)?.has(CS, 'c1'), true);
  });
});
