/** Rows of the store contract: patients whom a resource is about because of another one that is written. */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import { put, remove } from '../support/changes.js';
import type { Subject } from './store-suite.js';

export function aboutRows(subject: Subject): void {
  const binary = (id: string) => put({ resourceType: 'Binary', id, contentType: 'text/plain' });
  const patientsOf = async (id: string): Promise<readonly string[] | undefined> =>
    (await subject.store.read('Binary', id))?.patients.toSorted();

  it('adds patients to the current version of what is there, and is no version', async () => {
    const { store } = subject;
    const change = binary('about');
    await store.commit({ changes: [change] });
    const note = (id: string, ...patients: string[]) =>
      store.commit({
        changes: [
          put({ resourceType: 'DocumentReference', id: `of-${patients.join('-')}`, status: 'current', content: [] }),
        ],
        alsoAbout: [{ type: 'Binary', id, patients }],
      });
    await note('about', 'p1', 'p2');
    await note('about', 'p2', 'p3');
    assert.deepEqual(await patientsOf('about'), ['p1', 'p2', 'p3']);
    const row = (await store.read('Binary', 'about'))!;
    assert.deepEqual([row.version, row.updated], [1, change.updated]);
    assert.ok(row.text?.equals(change.text!));
    assert.equal(await store.check.altered(row), false);
    assert.equal((await store.history({ type: 'Binary', id: 'about', limit: 10 })).rows.length, 1);
    const [found] = (await store.history({ type: 'Binary', id: 'about', limit: 10 })).rows;
    assert.deepEqual(found?.patients.toSorted(), ['p1', 'p2', 'p3']);
  });

  it('passes over what is not there, or deleted', async () => {
    const { store } = subject;
    const gone = binary('about-gone');
    await store.commit({ changes: [gone] });
    await store.commit({ changes: [remove(gone)] });
    await store.commit({
      changes: [],
      alsoAbout: ['about-gone', 'about-nothing'].map(id => ({ type: 'Binary', id, patients: ['p'] })),
    });
    assert.equal(await store.read('Binary', 'about-nothing'), undefined);
    assert.deepEqual(await patientsOf('about-gone'), []);
  });

  it('adds nothing where the commit is refused', async () => {
    const { store } = subject;
    const change = binary('about-refused');
    await store.commit({ changes: [change] });
    const refused = { changes: [change], alsoAbout: [{ type: 'Binary', id: 'about-refused', patients: ['p'] }] };
    await assert.rejects(store.commit(refused), { kind: 'conflict' });
    assert.deepEqual(await patientsOf('about-refused'), []);
  });

  it('loses none of many that come at the same time', async () => {
    const { store } = subject;
    await store.commit({ changes: [binary('about-many')] });
    const patients = Array.from({ length: 20 }, (_, i) => `p${String(i).padStart(2, '0')}`);
    await Promise.all(
      patients.map(patient =>
        store.commit({
          changes: [put({ resourceType: 'Patient', id: `about-many-${patient}` })],
          alsoAbout: [{ type: 'Binary', id: 'about-many', patients: [patient] }],
        }),
      ),
    );
    assert.deepEqual(await patientsOf('about-many'), patients);
  });
}
