/**
 * Starts, stops and what was none, and settings that have changed, are in the audit trail:
 * https://dicom.nema.org/medical/dicom/current/output/chtml/part15/sect_A.5.3.html
 */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { AuditEvent } from 'fhir/r4.js';
import { it } from 'mocha';
import { beginLife } from '../../src/interactions/lives.js';
import { onStoresInTurn } from '../support/both-stores.js';

const SECRET = 'a value that nobody is told';

onStoresInTurn('lives of processes', (stage, store) => {
  const told = async (): Promise<string[]> => {
    const found = await stage().talk.search<AuditEvent>('AuditEvent?_sort=date&_count=100&type=110100,110113');
    const events = (found.entry ?? []).map(({ resource }) => resource!);
    assert.ok(!JSON.stringify(events).includes(SECRET));
    return events.map(({ type, subtype, outcome, outcomeDesc, entity }) =>
      [
        ...[type.code, subtype?.[0]?.code, outcome, outcomeDesc ?? ''],
        ...(entity?.[0]?.detail ?? []).flatMap(detail => (detail.type === 'setting' ? detail.valueString! : [])),
      ].join(' '),
    );
  };
  const [START, STOP, DIED] = ['110100 110120 0 ', '110100 110121 0 ', '110100 110121 8 not-stopped'];

  it('tell start and stop, and of settings the names of those that are others than at the start before', async () => {
    const { engine } = stage().server;
    const first = await beginLife(engine, { A: '1', B: SECRET });
    assert.deepEqual(await told(), [START], 'nothing was there to compare with');
    await first.end();
    await (await beginLife(engine, { A: '1', B: SECRET })).end();
    assert.deepEqual(await told(), [START, STOP, START, STOP], 'nothing has changed');
    await (await beginLife(engine, { A: '2', B: `${SECRET} now`, NEW: 'x' })).end();
    assert.deepEqual((await told()).slice(4), ['110113 110129 0  A B', START, STOP]);
    const kept = await engine.store.records.get('settings', 'server');
    assert.ok(kept && !kept.value.includes(SECRET), 'no value is kept');
  });

  it('tell what has changed once, though several start at once', async function () {
    if (store !== 'mongo') this.skip();
    const { engine } = stage().server;
    const before = (await told()).length;
    const lives = await Promise.all([1, 2, 3].map(() => beginLife(engine, { A: '3' })));
    for (const life of lives) await life.end();
    const changes = (await told()).slice(before).filter(each => each.startsWith('110113'));
    assert.deepEqual(changes, ['110113 110129 0  A']);
    await (await beginLife(engine, { A: '2' })).end();
  });

  it('tell a stop that was none at the next start, once, of a process that has been silent', async () => {
    const { engine } = stage().server;
    const before = (await told()).length;
    await beginLife(engine, { A: '2' });
    const [record] = await engine.store.records.list('life', 10);
    await (await beginLife(engine, { A: '2' })).end();
    if (store === 'mongo') {
      assert.deepEqual((await told()).slice(before), [START, START, STOP], 'it may live elsewhere');
      await engine.store.records.put({ ...record!, value: JSON.stringify({ started: 0, seen: 1 }) });
      await (await beginLife(engine, { A: '2' })).end();
    }
    await (await beginLife(engine, { A: '2' })).end();
    const all = await told();
    assert.equal(all.filter(each => each === DIED).length, 1);
    assert.deepEqual(all.slice(-2), [START, STOP]);
    assert.deepEqual(await engine.store.records.list('life', 10), []);
  });

  it('of several processes each finds while it lives who has died, and no beat is heard after the end', async function () {
    if (store !== 'mongo') this.skip();
    const { engine } = stage().server;
    const { records } = engine.store;
    const died = async () => (await told()).filter(each => each === DIED).length;
    const before = await died();
    const lives = await Promise.all([1, 2].map(() => beginLife(engine, { A: '2' }, 5)));
    await records.put({ kind: 'life', id: 'killed', value: JSON.stringify({ started: 0, seen: 1 }) });
    while (await records.get('life', 'killed')) await pause(5);
    await Promise.all(lives.map(life => life.end()));
    assert.deepEqual(await records.list('life', 10), []);
    assert.equal(await died(), before + 1);
  });
});
