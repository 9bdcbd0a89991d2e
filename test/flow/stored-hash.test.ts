/**
 * The event of a write says the SHA-256 of what was stored, so that a sealed trail vouches for the record: https://profiles.ihe.net/ITI/BALP allows
 * details of the object that was written. Row AUD-5 of the trail.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { AuditEvent, FhirResource } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../support/both-stores.js';
import { entry, post, put, send, uuid } from '../support/bundles.js';

const patient: FhirResource = { resourceType: 'Patient', id: 'p', active: true };
const JSON_PATCH = { 'content-type': 'application/json-patch+json' };

onStoresInTurn('the hash of what was stored', stage => {
  /** By the version that it is about: what kind of event, and the hashes that it says. */
  const hashesTold = async (type: string): Promise<Map<string, [code: string, hash: string | undefined]>> => {
    const { entry: events = [] } = await stage().talk.search<AuditEvent>('AuditEvent?_count=500&_sort=date&outcome=0');
    return new Map(
      events.flatMap(({ resource }) => {
        const data = resource!.entity?.find(({ what }) => what?.reference?.startsWith(`${type}/`));
        if (!data) return [];
        const code = resource!.outcomeDesc ?? resource!.subtype![0]!.code!;
        const hash = data.detail?.find(each => each.type === 'sha-256')?.valueString;
        return [[`${code} ${data.what!.reference!}`, [code, hash]]];
      }),
    );
  };
  const hashOf = async (reference: string): Promise<string> => {
    const [type = '', id = '', , version] = reference.split('/');
    const found = await stage().server.engine.store.read(type, id, version === undefined ? undefined : Number(version));
    const beside = (found!.blobs ?? []).map(({ at, hash, size }) => `\n${at} ${hash} ${size}`);
    return createHash('sha256').update(found!.text!).update(beside.join('')).digest('hex');
  };

  it('AUD-5: is in the event of every write, and of nothing else', async () => {
    const { talk } = stage();
    await talk.update(patient);
    await talk.update({ ...patient, active: false });
    await talk.update({ ...patient, active: false });
    const body = JSON.stringify([{ op: 'add', path: '/gender', value: 'other' }]);
    assert.equal((await talk.send('PATCH', 'Patient/p', { headers: JSON_PATCH, body })).status, 200);
    const tag = { resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: { tag: [{ code: 'x' }] } }] };
    const headers = { 'content-type': 'application/fhir+json' };
    const tagged = await talk.send('POST', 'Patient/p/$meta-add', { headers, body: JSON.stringify(tag) });
    assert.equal(tagged.status, 200, tagged.text);
    await talk.get('Patient/p');
    await talk.get('Patient/p/_history/1');
    assert.equal((await talk.send('DELETE', 'Patient/p')).status, 204);
    const told = await hashesTold('Patient');
    for (const [write, version] of [
      ['update', 1],
      ['update', 2],
      ['patch', 3],
      ['operation', 4],
    ] as const) {
      const name = `Patient/p/_history/${version}`;
      assert.deepEqual(told.get(`${write} ${name}`), [write, await hashOf(name)], name);
    }
    for (const other of [
      'unchanged Patient/p/_history/2',
      'read Patient/p/_history/4',
      'vread Patient/p/_history/1',
      'delete Patient/p/_history/5',
    ])
      assert.deepEqual(told.get(other)?.[1], undefined, other);
    for (const kind of ['unchanged Patient/p/_history/2', 'delete Patient/p/_history/5', 'read Patient/p/_history/4'])
      assert.ok(told.has(kind), kind);
  });

  it('AUD-5: is in the events of each entry of a transaction that writes, and of bytes that come as they are', async () => {
    const { talk } = stage();
    const entries = [
      post({ resourceType: 'Patient', id: 'x', active: true }, { fullUrl: uuid(1) }),
      put({ resourceType: 'Basic', id: 'b', code: { text: 'x' }, subject: { reference: uuid(1) } }),
      entry('GET', 'Basic/b'),
    ];
    assert.equal((await send(talk, 'transaction', entries)).status, 200);
    const octets = { 'content-type': 'application/octet-stream' };
    assert.equal((await talk.send('POST', 'Binary', { headers: octets, body: 'bytes' })).status, 201);
    const basics = await hashesTold('Basic');
    assert.deepEqual(basics.get('update Basic/b/_history/1'), ['update', await hashOf('Basic/b')]);
    assert.deepEqual(basics.get('read Basic/b/_history/1'), ['read', undefined]);
    for (const type of ['Patient', 'Binary']) {
      const [name, [, hash]] = [...(await hashesTold(type))].findLast(([key]) => key.startsWith('create '))!;
      assert.equal(hash, await hashOf(name.replace('create ', '')), name);
    }
  });
});
