/** No query of the embedded store goes on for ever: what cannot be answered in time is refused, with the remedy. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { put } from '../support/changes.js';
import { openEmptyEmbedded } from '../support/embedded.js';
import { queryOf } from '../support/queries.js';
import type { Opened } from './store-suite.js';

const COUNT = 300;

describe('what the embedded store refuses to look for', () => {
  let opened: Opened;
  before(async () => {
    // No time at all, and no candidates: whatever is not answered by the first piece of a walk is refused.
    opened = await openEmptyEmbedded({ queryTimeout: -1, smallWalk: 0, few: 0, piece: 50 });
    const changes = Array.from({ length: COUNT }, (_, i) =>
      put({
        resourceType: 'Observation',
        id: `o${i}`,
        status: i === 0 ? 'amended' : 'final',
        code: { coding: [{ code: i < 100 ? 'a' : 'b' }] },
        effectiveDateTime: new Date(Date.UTC(2024, 0, 1) + i * 60_000).toISOString(),
        issued: '2024-03-01T00:00:00Z',
      }),
    );
    await opened.store.commit({ changes });
  });
  after(() => opened.release());

  const find = (search: string) => opened.store.find({ ...queryOf(search), limit: 10 });
  const costly = (error: { kind: string; message: string; status: number }): boolean => {
    assert.equal(error.kind, 'too-costly');
    assert.equal(error.status, 400);
    assert.match(error.message, /Add criteria \(a patient, a code, a date range\)/);
    return true;
  };

  it('a walk that meets too few matches in time', async () => {
    // Oldest last: the only match is the last candidate.
    await assert.rejects(find('Observation?code:not=b&status:not=final&_sort=-date'), costly);
  });

  it('a sort of too many', async () => {
    await assert.rejects(find('Observation?_sort=value-date'), costly);
    await assert.rejects(find('Observation?code=b&_sort=value-date'), costly);
  });

  it('a count of what must be looked at one by one', async () => {
    await assert.rejects(opened.store.count(queryOf('Observation?code=b&status:not=final')), costly);
    assert.deepEqual(await opened.store.count(queryOf('Observation?code=b')), { count: 200, exact: true });
  });

  it('but not a page that the first candidates fill, nor one that its index bounds', async () => {
    assert.equal((await find('Observation?code:not=a&_sort=-date')).rows.length, 10);
    assert.equal((await find('Observation?code=b&_sort=date')).rows.length, 10);
    assert.equal((await find('Observation?status=amended')).rows.length, 1);
    assert.equal((await find('Observation?_sort=_id')).rows.length, 10);
  });
});
