/** A query that takes MongoDB too long is refused as such, with the remedy: never a fault of the server. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { FhirError } from '../../src/fhir/error.js';
import { put } from '../support/changes.js';
import { openMongoWith } from '../support/mongo-store.js';
import { queryOf } from '../support/queries.js';

const COUNT = 4000;

describe('what the MongoDB store refuses to look for', () => {
  it('is what takes longer than a query may', async function () {
    const opened = await openMongoWith(this, { maxTimeMS: 1 });
    try {
      const changes = Array.from({ length: COUNT }, (_, i) =>
        put({
          resourceType: 'Observation',
          id: `o${i}`,
          status: 'final',
          code: { coding: [{ code: `c${i}` }] },
          note: [{ text: 'x'.repeat(500) }],
        }),
      );
      for (let i = 0; i < COUNT; i += 500) await opened.store.commit({ changes: changes.slice(i, i + 500) });
      const asked = [
        () => opened.store.find({ ...queryOf('Observation?_sort=value-date'), limit: 10 }),
        () => opened.store.find({ ...queryOf('Observation?status:not=final&code:not=x'), limit: 10 }),
        () => opened.store.count(queryOf('Observation?status:not=final&code:not=x')),
      ];
      for (const ask of asked)
        await assert.rejects(ask, (error: FhirError) => {
          assert.equal(error.kind, 'too-costly');
          assert.equal(error.status, 400);
          assert.match(error.message, /Add criteria/);
          return true;
        });
    } finally {
      await opened.release();
    }
  });
});
