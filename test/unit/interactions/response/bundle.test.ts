/** Entries that are copied from a listing are those that are written one by one. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import {
  type BundleEntry,
  type EntryLot,
  listingLot,
  lotOf,
  streamBundle,
} from '../../../../src/interactions/response/bundle.js';
import type { Text } from '../../../../src/fhir/content/holes.js';
import { listingOf, pickRows, rowOf } from '../../../../src/store/listing.js';
import type { Version } from '../../../../src/store/store.js';

const BASE = 'https://näme.example/"fhir"';

const version = (id: string, blobs?: Version['blobs']): Version => ({
  type: 'Patient',
  id,
  version: 1,
  updated: 0,
  method: 'PUT',
  text: Buffer.from(JSON.stringify({ resourceType: 'Patient', id, name: [{ family: `Ü-${id}` }] })),
  patients: [id],
  ...(blobs ? { blobs } : {}),
});
const hole = (at: number) => ({ at, hash: 'a'.repeat(64), size: 3 });
const rows = [version('a'), version('b-2', [hole(5), hole(17)]), version('c'), version('d', [hole(1)])];
const listing = listingOf({ rows, cursors: rows.map(({ id }) => [id]), more: false });

const entries = (of: readonly number[], mode: 'match' | 'include'): BundleEntry[] =>
  of.map(i => {
    const { id, text, blobs } = rowOf(listing, i);
    return { fullUrl: `${BASE}/Patient/${id}`, text: text!, ...(blobs ? { blobs } : {}), search: { mode } };
  });

async function streamed(...lots: readonly EntryLot[]): Promise<Text[]> {
  const texts: Text[] = [];
  const each = async function* () {
    yield* lots;
  };
  for await (const text of streamBundle({ type: 'searchset', horizon: 0, link: [] }, each(), 'x')) texts.push(text);
  return texts;
}

describe('entries of a Bundle', () => {
  for (const mode of ['match', 'include'] as const)
    for (const kept of [[0, 1, 2, 3], [1], [0, 3], [2, 3]])
      it(`are the same from a listing: ${mode}, rows ${kept.join()}`, () => {
        const expected = lotOf(entries(kept, mode));
        const lot = listingLot(BASE, pickRows(listing, kept), mode);
        assert.equal(lot.matches, expected.matches);
        for (const before of [',', ',"entry":[']) {
          assert.equal(lot.write(before).text.toString(), expected.write(before).text.toString());
          assert.deepEqual(lot.write(before), expected.write(before));
        }
      });

  it('stand one after the other in a Bundle that is written piece by piece', async () => {
    const texts = await streamed(
      listingLot(BASE, pickRows(listing, [0, 2]), 'match'),
      listingLot(BASE, pickRows(listing, [3]), 'include'),
    );
    const bundle = JSON.parse(Buffer.concat(texts.map(({ text }) => text)).toString()) as {
      total: number;
      entry: { fullUrl: string; resource: { id: string }; search: { mode: string } }[];
    };
    assert.equal(bundle.total, 2);
    assert.deepEqual(
      bundle.entry.map(({ fullUrl, resource, search }) => [fullUrl, resource.id, search.mode]),
      [
        [`${BASE}/Patient/a`, 'a', 'match'],
        [`${BASE}/Patient/c`, 'c', 'match'],
        [`${BASE}/Patient/d`, 'd', 'include'],
      ],
    );
    assert.equal(
      'entry' in (JSON.parse(Buffer.concat((await streamed()).map(({ text }) => text)).toString()) as object),
      false,
    );
  });
});
