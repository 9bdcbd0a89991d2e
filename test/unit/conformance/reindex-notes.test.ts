/** The notes of the reindex job: what is committed when parameters come into force and walks begin and end. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { CustomParameter } from '../../../src/conformance/parameters-in-force.js';
import { ReindexNotes } from '../../../src/conformance/reindex-notes.js';
import type { SearchParameterDefinition } from '../../../src/fhir/definitions.js';
import { acknowledgedMeanwhile } from '../../../src/store/outbox.js';
import type { Commit, PendingMessage, Version } from '../../../src/store/store.js';

const TYPES = ['Group', 'Patient'];
const parameter = (hash: string): CustomParameter => ({
  hash,
  types: TYPES,
  origin: `SearchParameter/${hash}`,
  definition: { url: `http://a.example/${hash}` } as SearchParameterDefinition,
});

/** Notes over an outbox in memory, where only Patients are stored. */
function notesOver({ shared = false, custom = [parameter('a')] } = {}) {
  let outbox: PendingMessage[] = [];
  let sequence = 0;
  let marked = 0;
  const store = {
    shared,
    pendingMessages: async () => outbox,
    commit: async ({ acknowledges = [], messages = [] }: Commit) => {
      const left = outbox.filter(each => !acknowledges.includes(each.sequence));
      if (left.length !== outbox.length - acknowledges.length) throw acknowledgedMeanwhile();
      outbox = left;
      for (const message of messages) outbox.push({ ...message, sequence: ++sequence });
    },
    find: async ({ types }: { readonly types?: readonly string[] }) => ({
      rows: types?.[0] === 'Patient' ? [{} as Version] : [],
      cursors: [],
      more: false,
    }),
    count: async () => ({ count: 7, exact: true }),
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
  const notes = new ReindexNotes(store, registry, Date);
  const bodies = () => outbox.map(({ body }) => JSON.parse(body) as { is: string; pending?: string[]; done: number });
  return { notes, registry, redefined, bodies, marked: () => marked };
}

describe('the notes of this process', () => {
  it('give each parameter in force a note of the types that have resources, and take others away', async () => {
    const { notes, registry, bodies } = notesOver();
    assert.equal(notes.hasWork(), true);
    await notes.reconcile();
    assert.deepEqual(
      notes.progress().map(({ pending, done, total }) => ({ pending, done, total })),
      [{ pending: ['Patient'], done: 0, total: 7 }],
    );
    registry.custom = [];
    await notes.reconcile();
    assert.deepEqual(bodies(), []);
    assert.equal(notes.hasWork(), false);
  });

  it('lead from the walk to its end, after which nothing is left to do', async () => {
    const { notes, bodies } = notesOver();
    await notes.reconcile();
    const scan = await notes.beginScan();
    assert.deepEqual([scan?.type, scan?.covers, scan?.after], ['Patient', ['a'], null]);
    await notes.saveScan('Patient', [3], 4);
    assert.equal(notes.progress()[0]?.done, 4);
    const again = await notes.beginScan();
    assert.deepEqual([again?.after, again?.done], [[3], 4]);
    assert.equal(await notes.finishScan('Patient', 7), true);
    assert.equal(notes.hasWork(), false);
    assert.deepEqual(
      bodies().map(({ is, pending, done }) => ({ is, pending, done })),
      [{ is: 'parameter', pending: [], done: 7 }],
    );
  });

  it('say where the end of a walk does not count, because another is noted', async () => {
    const { notes, bodies } = notesOver();
    await notes.reconcile();
    await notes.beginScan();
    assert.equal(await notes.finishScan('Group', 7), false);
    assert.equal(bodies().length, 2);
  });

  it('wait on a shared store until other processes index by the parameter, and count every type as filled', async () => {
    const { notes } = notesOver({ shared: true });
    await notes.reconcile();
    assert.deepEqual(notes.progress()[0]?.pending, TYPES);
    assert.equal(await notes.beginScan(), undefined);
  });

  it('begin anew with a parameter that was redefined', async () => {
    const { notes, redefined } = notesOver();
    await notes.reconcile();
    await notes.beginScan();
    await notes.finishScan('Patient', 7);
    redefined.add('http://a.example/a');
    notes.learnRedefined();
    assert.equal(notes.hasWork(), true);
    await notes.reconcile();
    assert.deepEqual(notes.progress()[0]?.pending, ['Patient']);
    assert.equal(notes.hasWork(), true);
  });

  it('mark the store as indexed when a request for everything is done, or has nothing to do', async () => {
    const { notes, marked } = notesOver({ custom: [] });
    await notes.request(undefined, TYPES);
    assert.equal(marked(), 0);
    await notes.beginScan();
    await notes.finishScan('Patient', 7);
    assert.equal(marked(), 1);
    assert.equal(notes.hasWork(), false);
    await notes.request(undefined, ['Group']);
    assert.equal(marked(), 2);
    await notes.request(['Group'], TYPES);
    assert.equal(marked(), 2);
  });

  it('are all done when somebody else has indexed everything', async () => {
    const { notes } = notesOver({ custom: [parameter('a'), parameter('b')] });
    await notes.request(undefined, TYPES);
    await notes.markAllDone();
    assert.equal(notes.hasWork(), false);
    assert.deepEqual(
      notes.progress().map(({ pending }) => pending),
      [[], []],
    );
  });
});
