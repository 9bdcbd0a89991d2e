/** The walk of the reindex job over a type. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { walkType } from '../../../src/conformance/reindex-walk.js';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { createSearchParameters } from '../../../src/search/parameters.js';
import type { Cursor } from '../../../src/search/query.js';
import type { Renewed, Version } from '../../../src/store/store.js';

const definitions = loadDefinitions();
const parameters = createSearchParameters(definitions);
const settings = { bases: [], fullText: false };

/** A store of Patients that can be walked over, the cursor of each being its number. */
function walkOver(count: number, { mayGoOn = async () => true, signal = new AbortController().signal } = {}) {
  const batches: number[] = [];
  const saved: [Cursor | null, number][] = [];
  const store = {
    async *scan({ after }: { readonly after?: Cursor } = {}) {
      for (let at = after ? Number(after[0]) + 1 : 0; at < count; at++) {
        const text = Buffer.from(JSON.stringify({ resourceType: 'Patient', id: `p${at}` }));
        yield { row: { type: 'Patient', id: `p${at}`, version: 1, text } as unknown as Version, cursor: [at] };
      }
    },
    reindex: async (rows: readonly Renewed[]) => (batches.push(rows.length), rows.length),
  };
  const save = async (after: Cursor | null, done: number) => void saved.push([after, done]);
  const walk = { definitions, parameters, settings, store, signal, save, mayGoOn };
  const from = (after: Cursor | null, done: number) =>
    walkType(walk, { is: 'scan', type: 'Patient', covers: [], after, done });
  return { batches, saved, from };
}

describe('the walk over a type', () => {
  it('indexes all resources in batches, and says how many', async () => {
    const { batches, from } = walkOver(120);
    assert.equal(await from(null, 0), 120);
    assert.deepEqual(batches, [50, 50, 20]);
  });

  it('goes on behind what was noted', async () => {
    const { batches, from } = walkOver(120);
    assert.equal(await from([99], 100), 120);
    assert.deepEqual(batches, [20]);
  });

  it('ends after the batch under way when it is aborted, and notes how far it was', async () => {
    const ending = new AbortController();
    ending.abort();
    const { batches, saved, from } = walkOver(120, { signal: ending.signal });
    assert.equal(await from(null, 0), undefined);
    assert.deepEqual(batches, [50]);
    assert.deepEqual(saved, [[[49], 50]]);
  });

  it('ends when another process has taken over, and leaves the notes to that', async () => {
    const { batches, saved, from } = walkOver(120, { mayGoOn: async () => false });
    assert.equal(await from(null, 0), undefined);
    assert.deepEqual([batches, saved], [[50], []]);
  });
});
