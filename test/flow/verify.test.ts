/** `chartroom verify` finds nothing in a store that is whole, and each kind of damage in one that is not. */
import assert from 'node:assert/strict';
import type { Patient } from 'fhir/r4.js';
import { it } from 'mocha';
import { examine } from '../../src/cli/verify.js';
import { indexAnew } from '../../src/interactions/prepare.js';
import { onBothStores } from '../support/both-stores.js';
import { done, entry, post, put, send, uuid } from '../support/bundles.js';

const unrecorded = (type: string, text: string) => ({
  type,
  id: 'unrecorded',
  version: 1,
  updated: Date.now(),
  method: 'PUT' as const,
  text: Buffer.from(text),
  patients: [],
});

onBothStores('verify', stage => {
  const findings = async () => [...(await examine(stage().server.engine, 100)).findings.keys()].toSorted();

  it('finds nothing after every kind of write, refused ones and erased ones too', async () => {
    const { talk } = stage();
    for (const id of ['a', 'b', 'c']) await talk.update<Patient>({ resourceType: 'Patient', id, active: true });
    await done(
      send(talk, 'transaction', [
        post({ resourceType: 'Patient', birthDate: '1970-05-06' }, { fullUrl: uuid(1) }),
        post({ resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject: { reference: uuid(1) } }),
        put({ resourceType: 'Patient', id: 'a', gender: 'other' }),
        put({ resourceType: 'Binary', id: 'b1', contentType: 'image/png', data: 'iVBO'.repeat(9000) }),
        entry('DELETE', 'Patient/b'),
        entry('GET', 'Patient/a'),
      ]),
    );
    await talk.send('PATCH', 'Patient/a', {
      headers: { 'content-type': 'application/json-patch+json' },
      body: '[{"op":"remove","path":"/gender"}]',
    });
    await talk.send('POST', 'Patient/a/$meta-add', {
      headers: { 'content-type': 'application/fhir+json' },
      body: '{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"system":"urn:t","code":"x"}]}}]}',
    });
    assert.equal((await talk.send('POST', 'Patient/c/$purge')).status, 200);
    assert.equal((await talk.get('Patient/never-was')).status, 404);
    assert.equal((await send(talk, 'transaction', [entry('GET', 'Patient/never-was')])).status, 404);
    const { counts } = await examine(stage().server.engine, 100);
    assert.deepEqual(await findings(), []);
    assert.ok((counts.get('Versions') ?? 0) >= 9);
    assert.ok((counts.get('Events that name a version') ?? 0) >= 9);
  });

  it('finds a version that nobody recorded', async () => {
    const { engine } = stage().server;
    const row = unrecorded('Patient', '{"resourceType":"Patient","id":"unrecorded"}');
    await engine.store.commit({ changes: [{ ...row, entries: indexAnew(engine, row).entries }] });
    assert.deepEqual(await findings(), ['Versions without the event of their write']);
  });

  it('finds a version whose bytes are not all there', async () => {
    const { engine } = stage().server;
    const { hash, size } = await engine.store.blobs.put(Buffer.from('half of it'));
    const text = '{"resourceType":"Binary","id":"unrecorded","contentType":"text/plain","data":""}';
    const row = { ...unrecorded('Binary', text), blobs: [{ at: text.length - 2, hash, size: size * 2 }] };
    await engine.store.commit({ changes: [{ ...row, entries: indexAnew(engine, row).entries }] });
    assert.ok((await findings()).includes('Versions whose attachments are missing or broken off'));
  });

  it('finds an event of what is not there', async () => {
    const { engine } = stage().server;
    const changes = engine.record({
      interaction: 'create',
      at: Date.now(),
      outcome: '0',
      principal: { role: 'admin' },
      address: '127.0.0.1',
      requestId: 'r',
      base: engine.settings.base,
      request: 'POST Patient',
      data: { type: 'Patient', id: 'nowhere', version: 1 },
      patients: [],
    });
    await engine.store.commit({ changes, independent: true });
    assert.ok((await findings()).includes('Events that name a version which is not there'));
  });

  it('finds a resource that its own words do not find', async () => {
    const { engine } = stage().server;
    const row = (await engine.store.read('Patient', 'a'))!;
    await engine.store.reindex([
      { row, entries: indexAnew(engine, row).entries.filter(({ parameter }) => parameter !== '_tag') },
    ]);
    assert.ok((await findings()).some(what => what.startsWith('Resources that are not found')));
  });
});
