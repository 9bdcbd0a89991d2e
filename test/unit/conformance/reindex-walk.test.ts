/** The walk of the reindex job over a type. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { walkBatch } from '../../../src/conformance/reindex-job.js';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { createSearchParameters } from '../../../src/search/parameters.js';
import type { Cursor } from '../../../src/search/query.js';
import type { Renewed, Version } from '../../../src/store/store.js';

const definitions = loadDefinitions();
const parameters = createSearchParameters(definitions);
const settings = { bases: [], fullText: false };

/** A store of Patients that can be walked over, the cursor of each being its number. */
function walkOver(count: number) {
  const batches: number[] = [];
  const store = {
    async *scan({ after }: { readonly after?: Cursor } = {}) {
      for (let at = after ? Number(after[0]) + 1 : 0; at < count; at++) {
        const text = Buffer.from(JSON.stringify({ resourceType: 'Patient', id: `p${at}` }));
        yield { row: { type: 'Patient', id: `p${at}`, version: 1, text } as unknown as Version, cursor: [at] };
      }
    },
    reindex: async (rows: readonly Renewed[]) => (batches.push(rows.length), rows.length),
  };
  const walk = { definitions, parameters, settings, store, kept: store };
  /** Walks to the end, and gives how many are done then. */
  const from = async (after: Cursor | null, done: number): Promise<number> => {
    const [scan, atEnd] = await walkBatch(walk, { type: 'Patient', covers: [], after, done });
    return atEnd ? scan.done : from(scan.after, scan.done);
  };
  const once = (after: Cursor | null, done: number) => walkBatch(walk, { type: 'Patient', covers: [], after, done });
  return { batches, from, once };
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

  it('says after each batch how far it is', async () => {
    const { batches, once } = walkOver(120);
    assert.deepEqual(await once(null, 0), [{ type: 'Patient', covers: [], after: [49], done: 50 }, false]);
    assert.deepEqual(batches, [50]);
    assert.deepEqual(await once([99], 100), [{ type: 'Patient', covers: [], after: [119], done: 120 }, true]);
  });
});
