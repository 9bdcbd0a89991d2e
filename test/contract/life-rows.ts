/** Rows of the store contract: layout, ping and close. */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import { put } from '../support/changes.js';
import { ANY_RESOURCE } from '../../src/search/query.js';
import type { Subject } from './store-suite.js';

export function lifeRows(subject: Subject): void {
  it('brings its layout up to date twice, and several times at once, without touching the data', async () => {
    const { store } = subject;
    await store.commit({ changes: [put({ resourceType: 'Patient', id: 'before' })] });
    await store.migrate();
    await Promise.all([store.migrate(), store.migrate(), store.migrate()]);
    assert.ok(await store.read('Patient', 'before'));
    await store.commit({ changes: [put({ resourceType: 'Patient', id: 'after' })] });
    assert.equal((await store.count({ types: ['Patient'], where: ANY_RESOURCE })).count, 2);
  });

  it('needs no reindex when it is new', async () => {
    assert.equal(await subject.store.needsReindex(), false);
    await subject.store.markReindexed();
    assert.equal(await subject.store.needsReindex(), false);
  });

  it('answers a ping', async () => {
    await subject.store.ping();
  });

  it('ends what was asked before close, then refuses everything', async () => {
    const { store } = subject;
    const asked = Array.from({ length: 50 }, (_, i) =>
      store.commit({ changes: [put({ resourceType: 'Patient', id: `last${i}` })] }),
    );
    const counting = store.count({ types: ['Patient'], where: ANY_RESOURCE });
    const closed = store.close();
    await Promise.all(asked);
    assert.ok((await counting).count >= 2);
    await closed;
    await store.close();
    for (const refused of [
      () => store.ping(),
      () => store.read('Patient', 'before'),
      () => store.find({ types: ['Patient'], where: ANY_RESOURCE, sort: [], limit: 1 }),
      () => store.commit({ changes: [put({ resourceType: 'Patient', id: 'too-late' })] }),
    ])
      await assert.rejects(refused, { kind: 'unavailable' });
    const again = await subject.reopen();
    for (let i = 0; i < 50; i++) assert.ok(await again.read('Patient', `last${i}`));
    assert.equal(await again.read('Patient', 'too-late'), undefined);
  });
}
