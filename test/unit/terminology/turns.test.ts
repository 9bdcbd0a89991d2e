/** Long work gives turns to others: as many as the work is long, whatever the machine. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { listFrom, loadFrom } from '../../../src/conformance/stored-canonicals.js';
import type { Pieces } from '../../../src/platform/pieces.js';
import type { Store } from '../../../src/store/store.js';
import { createBudget } from '../../../src/terminology/budget.js';
import { createCanonicalResources } from '../../../src/terminology/canonical-resources.js';
import { indexConcepts, indexing } from '../../../src/terminology/code-system.js';
import { expand } from '../../../src/terminology/expand.js';
import { expanding } from '../../../src/terminology/expansion.js';
import { filteringConcepts } from '../../../src/terminology/filter.js';
import { createUsage } from '../../../src/terminology/reading.js';
import { CODE_RULES } from '../../../src/terminology/code-rule.js';
import { conceptsByRule, locatedCodes } from '../../../src/terminology/rule-concepts.js';
import { standardFrom } from '../../../src/terminology/standard.js';
import { codeSystem, concepts, valueSet } from '../../support/terms.js';

const S = 'http://example.org/large';
const CONCEPTS = 40_000;
const large = codeSystem(S, concepts(...Array.from({ length: CONCEPTS }, (_, at) => `c${at}`)), { id: 'large' });
const all = valueSet('http://example.org/all', { system: S });

function turnsOf<T>(work: Pieces<T>): { turns: number; result: T } {
  for (let turns = 0; ; turns++) {
    const step = work.next();
    if (step.done) return { turns, result: step.value };
  }
}

/** A store that has one code system, and counts what is read of it. */
function storeOf(text: Buffer) {
  const counts = { texts: 0 };
  const row = { type: 'CodeSystem', id: 'large', version: 1, updated: 1, method: 'PUT', patients: [] } as const;
  const withText = (most: number) => {
    if (text.length > most) return { ...row, withheld: text.length };
    counts.texts += 1;
    return { ...row, text };
  };
  const store: Pick<Store, 'read' | 'find' | 'findIds'> = {
    read: async (_type, _id, _version, most = Infinity) => withText(most),
    async find({ bytes = Infinity }) {
      const isShort = text.length <= bytes;
      return {
        rows: isShort ? [withText(bytes)] : [],
        cursors: [],
        more: !isShort,
        ...(isShort ? {} : { next: text.length }),
      };
    },
    findIds: async () => ({ found: [{ type: row.type, id: row.id }], complete: true }),
  };
  return { store, counts };
}

const noStandard = async () => standardFrom({ codeSystems: [], valueSets: [] });

describe('turns that long work gives to others', () => {
  it('are given while units that a value set lists are read', () => {
    const units = conceptsByRule(CODE_RULES.get('http://unitsofmeasure.org'))!;
    const { turns, result } = turnsOf(
      locatedCodes(units, concepts(...Array.from({ length: 1000 }, (_, at) => `${at + 1}.mg`))),
    );
    assert.ok(turns >= 5, String(turns));
    assert.equal(result.filter(({ found }) => found !== undefined).length, 1000);
  });

  it('are given while a code system is indexed', () => {
    assert.ok(turnsOf(indexing(large)).turns >= CONCEPTS / 5_000);
    assert.ok(turnsOf(indexing(codeSystem(S, concepts('a', 'b')))).turns < 5);
  });

  it('are given while its concepts are filtered', () => {
    const filter = [{ property: 'code', op: 'regex', value: 'c.*9' }];
    const { turns, result } = turnsOf(filteringConcepts(indexConcepts(large), filter, createBudget()));
    assert.ok(turns >= CONCEPTS / 5_000);
    assert.equal(result.size, CONCEPTS / 10);
  });

  it('are given while a page is made, for what is looked at and for what is shown', async () => {
    const sources = createCanonicalResources(async () => undefined, noStandard).once([large]);
    const usage = createUsage();
    const reading = { rules: [], excludeSystems: new Set<string>(), exactly: false, usage };
    const members = await expand(all, sources, { reading });
    const asked = { designations: [], properties: [], languages: undefined, echo: [] };
    const turnsFor = (question: object): number => {
      const parts = {
        set: all,
        members,
        usage,
        budget: createBudget(),
        identifier: 'urn:uuid:x',
        timestamp: '2026-01-01',
      };
      return turnsOf(expanding(parts, { ...asked, ...question })).turns;
    };
    const looking = turnsFor({ count: 1, filter: 'c39999' });
    assert.ok(looking >= CONCEPTS / 5_000);
    assert.ok(turnsFor({ count: 10_000 }) >= looking + 10);
  });

  it('are given while a stored code system is read, whose text is read once', async () => {
    const { store, counts } = storeOf(Buffer.from(JSON.stringify(large)));
    const resources = createCanonicalResources(loadFrom(store), noStandard, listFrom(store));
    let turns = 0;
    let isDone = false;
    const others = (): void => {
      turns += 1;
      if (!isDone) setImmediate(others);
    };
    setImmediate(others);
    assert.equal((await resources.concepts(S))?.codes.length, CONCEPTS);
    isDone = true;
    assert.ok(turns >= CONCEPTS / 5_000);
    assert.equal((await resources.concepts(S))?.codes.length, CONCEPTS);
    assert.equal((await resources.codeSystem({ id: 'large' }))?.url, S);
    assert.equal(counts.texts, 1);
  });
});
