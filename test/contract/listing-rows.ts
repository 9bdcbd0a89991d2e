/** Rows of the store contract: a listing has the rows of a search, in its order, with their texts, bytes and places. */
import assert from 'node:assert/strict';
import { before, it } from 'mocha';
import { compartmentWhere } from '../../src/search/compartment.js';
import { ANY_RESOURCE, type Cursor, type Query } from '../../src/search/query.js';
import { rowOf } from '../../src/store/listing.js';
import type { Change, Store } from '../../src/store/store.js';
import { definitions, parameters, put } from '../support/changes.js';
import { queryOf, walk } from '../support/queries.js';
import type { Subject } from './store-suite.js';

const KB = 1024;
/** KB of the notes of a few: on both sides of what a store reads with the row. */
const LARGE = [60, 20, 33];

const patients = ['p1', 'p2'].map(id => put({ resourceType: 'Patient', id, name: [{ family: `Ü-${id}` }] }));

/** Most are found by two patients. */
const observation = (i: number): Change =>
  put(
    {
      resourceType: 'Observation',
      id: i % 3 === 0 ? `0f0${String(i).padStart(5, '0')}-1111-4222-8333-444455556666` : `o-${i}`,
      status: 'final',
      code: { text: 'ü'.repeat(i % 7) },
      subject: { reference: `Patient/p${1 + (i % 2)}` },
      ...(i % 4 === 0 ? {} : { performer: patients.map(({ id }) => ({ reference: `Patient/${id}` })) }),
      ...(i % 6 === 0 ? {} : { effectiveDateTime: `2024-01-${String(1 + (i % 28)).padStart(2, '0')}` }),
      ...(i % 20 === 0 ? { note: [{ text: 'x'.repeat(LARGE[i / 20]! * KB) }] } : {}),
    },
    { updated: 1000 + i },
  );

const compartment = (id: string): Query['where'] =>
  compartmentWhere(definitions, parameters, { type: 'Patient', id }, ['Observation', 'Patient']);

const QUERIES: Readonly<Record<string, Pick<Query, 'types' | 'where' | 'sort'>>> = {
  'a compartment': { types: ['Observation', 'Patient'], where: compartment('p2'), sort: [] },
  'a type': { types: ['Observation'], where: ANY_RESOURCE, sort: [] },
  'several types': {
    types: ['Observation', 'Patient'],
    where: ANY_RESOURCE,
    sort: [{ code: '_lastUpdated', descending: true }],
  },
  'a patient by date': queryOf('Observation?patient=p1&_sort=date'),
  'a patient by date, backwards': queryOf('Observation?subject=Patient/p1&_sort=-date'),
  'either patient': queryOf('Observation?performer=Patient/p1,Patient/p2'),
  'a sorted search': queryOf('Patient?_sort=family'),
  'a filter': queryOf('Observation?status:not=amended&_sort=_id'),
  'no match': queryOf('Observation?patient=nobody'),
};

interface Line {
  readonly name: string;
  readonly text: string;
  readonly blobs: unknown;
  readonly place: Cursor;
}

/** All listings from the beginning to the end. */
async function walkLists(store: Store, query: Omit<Query, 'before'>): Promise<Line[]> {
  const lines: Line[] = [];
  let room = query.bytes;
  for (let after: Cursor | undefined; ; ) {
    const page = await store.list({
      ...query,
      ...(after ? { after } : {}),
      ...(room === undefined ? {} : { bytes: room }),
    });
    const rows = [...page.ids.keys()].map(row => ({ ...rowOf(page, row), place: page.placeOf(row) }));
    assert.ok(rows.length <= query.limit);
    assert.ok(rows.reduce((sum, { text }) => sum + text!.length, 0) <= (room ?? Infinity));
    for (const { type, id, text, blobs, place } of rows)
      lines.push({ name: `${type}/${id}`, text: text!.toString(), blobs, place });
    if (!page.more) return lines;
    assert.ok(rows.length > 0 || page.next! > (room ?? Infinity), 'it goes on');
    // What had no room is asked for with more.
    room = rows.length > 0 ? query.bytes : page.next;
    after = rows.at(-1)?.place ?? after;
    assert.ok(lines.length < 1000, 'it ends');
  }
}

export function listingRows(subject: Subject): void {
  before(async () => {
    const { store } = subject;
    await store.commit({ changes: patients });
    const { hash, size } = await store.blobs.put(Buffer.from('bytes of an attachment'));
    const blobs = [
      { at: 20, hash, size },
      { at: 40, hash, size },
    ];
    for (let i = 0; i < 60; i++)
      await store.commit({ changes: [i % 8 === 0 ? { ...observation(i), blobs } : observation(i)] });
  });

  for (const [title, query] of Object.entries(QUERIES))
    for (const limit of [1, 7, 30, 1000])
      for (const bytes of [undefined, 30 * KB, 200 * KB])
        it(`${title}: lists of ${limit} rows and ${bytes ?? 'any'} bytes`, async () => {
          const { store } = subject;
          const { rows, cursors } = await walk(store, { ...query, limit: 1000 });
          assert.equal(rows.length > 0, title !== 'no match');
          const expected = rows.map(({ type, id, text, blobs }, i) => ({
            name: `${type}/${id}`,
            text: text!.toString(),
            blobs,
            place: cursors[i]!,
          }));
          assert.deepEqual(
            await walkLists(store, { ...query, limit, ...(bytes === undefined ? {} : { bytes }) }),
            expected,
          );
        });
}
