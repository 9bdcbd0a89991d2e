/** What is to be indexed: the state of the job when parameters come into force and walks begin and end. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { CustomParameter } from '../../../src/conformance/parameters-in-force.js';
import { type IndexState, NOTHING_DUE, ReindexPlan } from '../../../src/conformance/reindex-plan.js';
import type { SearchParameterDefinition } from '../../../src/fhir/definitions.js';

const TYPES = ['Group', 'Patient'];
const parameter = (hash: string): CustomParameter => ({
  hash,
  types: TYPES,
  origin: `SearchParameter/${hash}`,
  definition: { url: `http://a.example/${hash}` } as SearchParameterDefinition,
});

/** A plan and its state, where only Patients are stored. */
function planOver({ shared = false, custom = [parameter('a')] } = {}) {
  let marked = 0;
  const store = {
    shared,
    count: async ({ types }: { readonly types?: readonly string[] }) => ({
      count: types?.[0] === 'Patient' ? 7 : 0,
      exact: true,
    }),
    markReindexed: async () => void marked++,
  };
  const redefined = new Set<string>();
  const registry = {
    custom,
    takeRedefined: () => {
      const taken = new Set(redefined);
      redefined.clear();
      return taken;
    },
  };
  const plan = new ReindexPlan(store, store, registry);
  let state: IndexState = NOTHING_DUE;
  return {
    registry,
    redefined,
    marked: () => marked,
    state: () => state,
    hasWork: () => plan.isOutOfDate(state) || plan.hasWork(state),
    progress: () => plan.progress(state),
    async reconcile() {
      state = (await plan.reconcile(state)) ?? state;
      plan.forgetRedefined();
    },
    async request(types: readonly string[] | undefined, allTypes: readonly string[]) {
      const note = await plan.request('r', types, allTypes);
      if (note) state = { ...state, due: [...state.due, note] };
    },
    beginScan: () => (state = plan.beginScan(state)).scan,
    saveScan: (after: number, done: number) => (state = { ...state, scan: { ...state.scan!, after: [after], done } }),
    async finishScan(done: number) {
      state = await plan.finishScan({ ...state, scan: { ...state.scan!, done } });
    },
    markAllDone: () => (state = plan.allDone()),
  };
}

describe('what this process plans', () => {
  it('gives each parameter in force a note of the types that have resources, and takes others away', async () => {
    const notes = planOver();
    assert.equal(notes.hasWork(), true);
    await notes.reconcile();
    assert.deepEqual(
      notes.progress().map(({ pending, done, total }) => ({ pending, done, total })),
      [{ pending: ['Patient'], done: 0, total: 7 }],
    );
    notes.registry.custom = [];
    await notes.reconcile();
    assert.deepEqual(notes.state().due, []);
    assert.equal(notes.hasWork(), false);
  });

  it('leads from the walk to its end, after which nothing is left to do', async () => {
    const notes = planOver();
    await notes.reconcile();
    const scan = notes.beginScan();
    assert.deepEqual([scan?.type, scan?.covers, scan?.after], ['Patient', ['a'], null]);
    notes.saveScan(3, 4);
    assert.equal(notes.progress()[0]?.done, 4);
    const again = notes.beginScan();
    assert.deepEqual([again?.after, again?.done], [[3], 4]);
    await notes.finishScan(7);
    assert.equal(notes.hasWork(), false);
    assert.deepEqual(
      notes.state().due.map(({ is, pending, done }) => ({ is, pending, done })),
      [{ is: 'parameter', pending: [], done: 7 }],
    );
  });

  it('drops a walk that nothing in force waits for any more', async () => {
    const notes = planOver();
    await notes.reconcile();
    notes.beginScan();
    notes.registry.custom = [];
    await notes.reconcile();
    assert.equal(notes.beginScan(), undefined);
    assert.equal(notes.hasWork(), false);
  });

  it('waits on a shared store until other processes index by the parameter, and counts every type as filled', async () => {
    const notes = planOver({ shared: true });
    await notes.reconcile();
    assert.deepEqual(notes.progress()[0]?.pending, TYPES);
    assert.equal(notes.beginScan(), undefined);
    assert.equal(notes.hasWork(), true);
  });

  it('begins anew with a parameter that was redefined', async () => {
    const notes = planOver();
    await notes.reconcile();
    notes.beginScan();
    await notes.finishScan(7);
    notes.redefined.add('http://a.example/a');
    assert.equal(notes.hasWork(), true);
    await notes.reconcile();
    assert.deepEqual(notes.progress()[0]?.pending, ['Patient']);
    assert.equal(notes.hasWork(), true);
  });

  it('marks the store as indexed when a request for everything is done, or has nothing to do', async () => {
    const notes = planOver({ custom: [] });
    await notes.request(undefined, TYPES);
    assert.equal(notes.marked(), 0);
    notes.beginScan();
    await notes.finishScan(7);
    assert.equal(notes.marked(), 1);
    assert.equal(notes.hasWork(), false);
    await notes.request(undefined, ['Group']);
    assert.equal(notes.marked(), 2);
    await notes.request(['Group'], TYPES);
    assert.equal(notes.marked(), 2);
  });

  it('is all done when somebody else has indexed everything', async () => {
    const notes = planOver({ custom: [parameter('a'), parameter('b')] });
    await notes.request(undefined, TYPES);
    notes.markAllDone();
    assert.equal(notes.hasWork(), false);
    assert.deepEqual(
      notes.progress().map(({ pending }) => pending),
      [[], []],
    );
  });
});
