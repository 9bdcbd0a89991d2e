/**
 * What stands in the address of a write: criteria where they belong, the form of the answer anywhere, and nothing that is dropped in
 * silence. https://hl7.org/fhir/R4/http.html#ccreate, #cond-update, #parameters
 */
import assert from 'node:assert/strict';
import type { Patient } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { done, entry, refused, send, statuses } from '../../support/bundles.js';
import { idsOf, refusal } from '../../support/talk.js';

const JSON_BODY = { 'content-type': 'application/fhir+json' };
const JSON_PATCH = { 'content-type': 'application/json-patch+json' };
const FORMS = ['_format=json', '_pretty=true', '_summary=true', '_elements=name', '_format=json&_pretty=false'];
const patient = (value: string, more: object = {}): Patient => ({
  resourceType: 'Patient',
  identifier: [{ system: 'urn:query', value }],
  ...more,
});
const by = (value: string) => `identifier=urn:query|${value}`;

onStoresInTurn('the address of a write', stage => {
  const write = (method: string, path: string, body?: object, headers = {}) =>
    stage().talk.send(method, path, {
      headers: { ...(method === 'PATCH' ? JSON_PATCH : JSON_BODY), ...headers },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });

  describe('of a create', () => {
    for (const query of [by('c'), 'name=x', 'nothing=1', `_format=json&${by('c')}`, '_count=1', 'x'])
      it(`?${query}: 400 that names If-None-Exist, and nothing is made`, async () => {
        const reply = await write('POST', `Patient?${query}`, patient('c'));
        assert.deepEqual(refusal(reply), { status: 400, detail: 'unknown-parameter' });
        assert.match(reply.text, /If-None-Exist/);
        for (const type of ['batch', 'transaction'] as const) {
          const inside = await send(stage().talk, type, [entry('POST', `Patient?${query}`, patient('c'))]);
          if (type === 'batch') assert.deepEqual(statuses(inside.body.entry!), ['400']);
          else assert.deepEqual([inside.status, refused(inside).at], [400, 'Bundle.entry[0].request']);
        }
        assert.deepEqual(idsOf(await stage().talk.search(`Patient?${by('c')}`)), []);
      });
    for (const query of FORMS)
      it(`?${query}: 201`, async () => {
        assert.equal((await write('POST', `Patient?${query}`, patient(query))).status, 201);
        assert.deepEqual(
          statuses(await done(send(stage().talk, 'batch', [entry('POST', `Patient?${query}`, patient(query))]))),
          ['201'],
        );
      });
    it('of a raw Binary: 400', async () => {
      const reply = await stage().talk.send('POST', 'Binary?x=y', {
        headers: { 'content-type': 'text/plain' },
        body: 'x',
      });
      assert.equal(reply.status, 400);
    });
  });

  it('of a Bundle of requests takes the form of the answer alone', async () => {
    const bundle = { resourceType: 'Bundle', type: 'batch', entry: [entry('GET', 'metadata')] };
    for (const query of FORMS) assert.equal((await write('POST', `?${query}`, bundle)).status, 200);
    for (const query of ['x=y', by('x')])
      assert.deepEqual(refusal(await write('POST', `?${query}`, bundle)), { status: 400, detail: 'unknown-parameter' });
  });

  it('has _cascade for a delete alone', async () => {
    await write('PUT', 'Patient/cascade', { ...patient('k'), id: 'cascade' });
    const again = await write('PUT', 'Patient/cascade?_cascade=delete', { ...patient('k'), id: 'cascade' });
    assert.equal(again.status, 400);
    assert.equal((await write('PATCH', 'Patient/cascade?_cascade=delete', [])).status, 400);
    assert.equal((await write('DELETE', 'Patient/cascade?_cascade=delete')).status, 204);
  });

  describe('with criteria beside an id', () => {
    const ADD = [{ op: 'add', path: '/active', value: true }];
    const bodies = (id: string, value: string): readonly [method: string, body: object | undefined][] => [
      ['PUT', { ...patient(value, { active: true }), id }],
      ['PATCH', ADD],
      ['DELETE', undefined],
    ];

    for (const [at, query] of ['_id=ID', by('own-VALUE'), '_id=ID&_format=json', 'active=false&_id=ID'].entries())
      it(`that match it (${query}): as without`, async () => {
        for (const [method] of bodies('', '')) {
          const id = `match-${at}-${method.toLowerCase()}`;
          await write('PUT', `Patient/${id}`, { ...patient(`own-${id}`, { active: false }), id });
          const [, body] = bodies(id, `own-${id}`).find(([name]) => name === method)!;
          const asked = query.replace('ID', id).replace('own-VALUE', `own-${id}`);
          const reply = await write(method, `Patient/${id}?${asked}`, body);
          assert.equal(reply.status, method === 'DELETE' ? 204 : 200, `${method} ${asked}: ${reply.text}`);
        }
      });

    it('that match another, or name another: 412, and nothing is changed', async () => {
      await write('PUT', 'Patient/one', { ...patient('one'), id: 'one' });
      await write('PUT', 'Patient/two', { ...patient('two'), id: 'two' });
      for (const query of ['_id=two', by('two'), '_id=nobody', 'identifier=urn:query|one,urn:query|two'])
        for (const [method, body] of bodies('one', 'one')) {
          const reply = await write(method, `Patient/one?${query}`, body);
          assert.deepEqual(refusal(reply), { status: 412, detail: 'criteria-mismatch' }, `${method} ${query}`);
          if (method === 'PATCH') continue;
          const inside = [entry(method as 'PUT', `Patient/one?${query}`, body as Patient | undefined)];
          assert.equal((await send(stage().talk, 'transaction', inside)).status, 412);
          assert.deepEqual(statuses(await done(send(stage().talk, 'batch', inside))), ['412']);
        }
      assert.equal((await stage().talk.get('Patient/one')).header('etag'), 'W/"1"');
    });

    it('that match nothing: an update goes on, a patch and a deletion of what is there do not', async () => {
      const made = await write('PUT', `Patient/none?${by('none')}`, { ...patient('none'), id: 'none' });
      assert.equal(made.status, 201);
      assert.equal((await write('PUT', `Patient/none-2?_id=none-2`, { ...patient('n'), id: 'none-2' })).status, 201);
      const updated = await write('PUT', `Patient/none?${by('never')}`, { ...patient('never'), id: 'none' });
      assert.equal(updated.status, 200);
      assert.equal((await write('PATCH', `Patient/none?${by('none')}`, ADD)).status, 412);
      assert.equal((await write('DELETE', `Patient/none?${by('none')}`)).status, 412);
      assert.equal((await write('DELETE', `Patient/not-there?${by('none')}`)).status, 204);
    });

    it('that are not understood: 400', async () => {
      for (const [method, body] of bodies('one', 'one'))
        for (const query of ['nothing=1', '_count=1', 'birthdate=never'])
          assert.equal((await write(method, `Patient/one?${query}`, body)).status, 400, `${method} ${query}`);
    });
  });

  it('passes over the form of the answer in criteria, wherever they stand', async () => {
    const { talk } = stage();
    const { id } = (await talk.create(patient('form'))).body;
    for (const form of FORMS) {
      for (const criteria of [`${by('form')}&${form}`, `${form}&${by('form')}`, `Patient?${by('form')}&${form}`]) {
        const found = await talk.create(patient('form'), { 'if-none-exist': criteria });
        assert.deepEqual([found.status, found.body.id], [200, id], criteria);
      }
      const inside = entry('POST', 'Patient', patient('form'), { ifNoneExist: `${by('form')}&${form}` });
      for (const type of ['batch', 'transaction'] as const)
        assert.deepEqual(statuses(await done(send(talk, type, [inside]))), ['200']);
      const updated = await write('PUT', `Patient?${by('form')}&${form}`, patient('form', { active: true }));
      assert.equal(updated.status, 200, updated.text);
    }
    assert.deepEqual(idsOf(await talk.search(`Patient?${by('form')}`)), [id]);
  });
});
