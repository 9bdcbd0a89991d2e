/**
 * Bytes that a document names are neither deleted nor exchanged beside it, on both stores. https://profiles.ihe.net/ITI/MHD/4.2.3/ITI-65.html
 * (MHD-10: nothing is deleted), https://hl7.org/fhir/R4/http.html#delete
 */
import assert from 'node:assert/strict';
import type { Bundle, DocumentReference } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { refusal } from '../../support/talk.js';

const FHIR = 'application/fhir+json';
const IN_USE = { status: 409, detail: 'binary-in-use' };

onStoresInTurn('bytes that documents name', stage => {
  const talk = () => stage().talk;
  const upload = (id: string, bytes = `bytes of ${id}`) =>
    talk().send('PUT', `Binary/${id}`, { headers: { 'content-type': 'text/plain' }, body: Buffer.from(bytes) });
  const send = (method: string, path: string, body: unknown, type = FHIR) =>
    talk().send(method, path, { headers: { 'content-type': type }, body: JSON.stringify(body) });
  const document = (id: string, binary = id, more: Partial<DocumentReference> = {}) => ({
    resourceType: 'DocumentReference' as const,
    id,
    status: 'current' as const,
    content: [{ attachment: { contentType: 'text/plain', url: `Binary/${binary}` } }],
    ...more,
  });
  const stored = async (id: string) => {
    assert.ok((await upload(id)).status < 300);
    const made = await talk().update(document(id));
    assert.equal(made.status, 201, made.text);
  };
  const transaction = (...entry: NonNullable<Bundle['entry']>) =>
    send('POST', '', { resourceType: 'Bundle', type: 'transaction', entry });
  const bytesOf = async (id: string) => (await talk().get(`Binary/${id}`, { accept: '*/*' })).text;

  it('are not deleted, and not exchanged in any way', async () => {
    await stored('kept');
    const other = { resourceType: 'Binary', id: 'kept', contentType: 'text/plain', data: 'b3RoZXI=' };
    for (const reply of [
      await talk().send('DELETE', 'Binary/kept'),
      await upload('kept', 'other'),
      await send('PUT', 'Binary/kept', other),
      await send(
        'PATCH',
        'Binary/kept',
        [{ op: 'replace', path: '/data', value: 'b3RoZXI=' }],
        'application/json-patch+json',
      ),
      await transaction({ request: { method: 'DELETE', url: 'Binary/kept' } }),
    ])
      assert.deepEqual(refusal(reply), IN_USE);
    assert.equal(await bytesOf('kept'), 'bytes of kept');
  });

  it('may be sent again, and what is said beside them may change', async () => {
    await stored('again');
    assert.equal((await upload('again')).status, 200);
    const data = Buffer.from('bytes of again').toString('base64');
    const guarded = { reference: 'DocumentReference/again' };
    const said = { resourceType: 'Binary', id: 'again', contentType: 'text/plain', securityContext: guarded, data };
    const reply = await send('PUT', 'Binary/again', said);
    assert.deepEqual([reply.status, reply.header('etag')], [200, 'W/"2"']);
    assert.equal((await upload('free')).status, 201);
    assert.equal((await upload('free', 'other')).status, 200);
    assert.equal((await talk().send('DELETE', 'Binary/free')).status, 204);
  });

  it('go with their document, or when no document names them any more', async () => {
    const gone = { request: { method: 'DELETE' as const, url: '' } };
    await stored('with');
    const both = await transaction(
      { request: { ...gone.request, url: 'Binary/with' } },
      { request: { ...gone.request, url: 'DocumentReference/with' } },
    );
    assert.equal(both.status, 200, both.text);
    await stored('moved');
    await upload('target');
    const moved = await transaction(
      { request: { ...gone.request, url: 'Binary/moved' } },
      {
        resource: document('moved', 'target'),
        request: { method: 'PUT', url: 'DocumentReference/moved' },
      },
    );
    assert.equal(moved.status, 200, moved.text);
    await stored('retracted');
    await talk().update(document('retracted', 'retracted', { status: 'entered-in-error' }));
    assert.equal((await talk().send('DELETE', 'Binary/retracted')).status, 204);
    await stored('purged');
    assert.equal((await send('POST', 'Binary/purged/$purge', { resourceType: 'Parameters' })).status, 200);
  });

  it('are not exchanged in a transaction whose document stays as it is', async () => {
    await stored('beside');
    const other = { resourceType: 'Binary' as const, id: 'beside', contentType: 'text/plain', data: 'b3RoZXI=' };
    const before = JSON.parse((await talk().get('DocumentReference/beside')).text) as DocumentReference;
    const reply = await transaction(
      { resource: other, request: { method: 'PUT', url: 'Binary/beside' } },
      {
        resource: { ...before, language: 'en' },
        request: { method: 'PUT', url: 'DocumentReference/beside' },
      },
    );
    assert.deepEqual(refusal(reply), IN_USE);
  });

  it('are there, or their document is not, whoever is first', async () => {
    for (let round = 0; round < 12; round++) {
      const id = `race${round}`;
      await upload(id);
      const [made, ended] = await Promise.all([
        talk().update(document(id)),
        round % 2 ? upload(id, 'other') : talk().send('DELETE', `Binary/${id}`),
      ]);
      const isThere = (await talk().get(`DocumentReference/${id}`)).status === 200;
      assert.equal(isThere, made.status === 201);
      assert.ok(!isThere || ended.status !== 204, 'no document without bytes');
      if (isThere) assert.equal(await bytesOf(id), ended.status === 409 ? `bytes of ${id}` : 'other');
    }
  });
});
