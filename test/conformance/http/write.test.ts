/** create, update, delete on both stores: https://hl7.org/fhir/R4/http.html#create, #update, #delete, #concurrency */
import assert from 'node:assert/strict';
import type { Bundle, OperationOutcome, Patient } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { onBothStores } from '../../support/both-stores.js';
import { refusal } from '../../support/talk.js';

const patient = (id: string, more: Partial<Patient> = {}): Patient => ({ resourceType: 'Patient', id, ...more });
const VALUE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

onBothStores('writing a resource', stage => {
  describe('create', () => {
    it('returns 201 with Location, ETag, Last-Modified and the stored resource', async () => {
      const { talk } = stage();
      const reply = await talk.create<Patient>({ resourceType: 'Patient', active: true });
      assert.equal(reply.status, 201);
      const { id, meta } = reply.body;
      assert.match(id ?? '', /^[A-Za-z0-9\-.]{1,64}$/);
      assert.equal(reply.header('location'), `${talk.base}/Patient/${id}/_history/1`);
      assert.equal(reply.header('etag'), 'W/"1"');
      assert.match(meta?.lastUpdated ?? '', VALUE);
      assert.equal(
        Date.parse(reply.header('last-modified') ?? ''),
        Math.floor(Date.parse(meta?.lastUpdated ?? '') / 1000) * 1000,
      );
      assert.equal((await talk.get(`Patient/${id}`)).text, reply.text);
    });

    it('ignores id, versionId and lastUpdated of the client and keeps its other meta', async () => {
      const { talk } = stage();
      const tag = [{ system: 'http://codes.example/tags', code: 'imported' }];
      const meta = { versionId: '9', lastUpdated: '2001-01-01T00:00:00Z', tag };
      const { body } = await talk.create<Patient>(patient('mine', { meta }));
      assert.notEqual(body.id, 'mine');
      assert.equal(body.meta?.versionId, '1');
      assert.ok((body.meta?.lastUpdated ?? '') > '2020');
      assert.deepEqual(body.meta?.tag, tag);
    });

    it('refuses what it cannot understand with 400 and says where', async () => {
      const { talk } = stage();
      const post = (body: string) =>
        talk.send('POST', 'Patient', { headers: { 'content-type': 'application/fhir+json' }, body });
      const bodies = ['', '{', '[]', 'null', '{"resourceType":"Observation"}', '{"resourceType":"Patient","colour":1}'];
      for (const body of bodies) assert.equal(refusal(await post(body)).status, 400, body);
      const { body } = await post('{"resourceType":"Patient","name":[{"given":["A","B"]}],"birthDate":"1980-13"}');
      assert.equal((body as unknown as OperationOutcome).issue[0]?.expression?.[0], 'Patient.birthDate');
    });
  });

  describe('update', () => {
    it('creates with 201 under an unused id, then returns 200 and a new version', async () => {
      const { talk } = stage();
      const first = await talk.update(patient('u1'));
      assert.deepEqual(
        [first.status, first.header('location'), first.header('etag')],
        [201, `${talk.base}/Patient/u1/_history/1`, 'W/"1"'],
      );
      const second = await talk.update(patient('u1', { active: false }));
      assert.deepEqual([second.status, second.header('etag'), second.body.active], [200, 'W/"2"', false]);
      assert.ok((second.body.meta?.lastUpdated ?? '') > (first.body.meta?.lastUpdated ?? ''));
      assert.equal((await talk.get('Patient/u1')).text, second.text);
    });

    it('returns 400 where the id of the body is missing or another one', async () => {
      const { talk } = stage();
      const put = (body: unknown) =>
        talk.send('PUT', 'Patient/u2', {
          headers: { 'content-type': 'application/fhir+json' },
          body: JSON.stringify(body),
        });
      const wanted = { status: 400, detail: 'id-mismatch' };
      assert.deepEqual(refusal(await put({ resourceType: 'Patient' })), wanted);
      assert.deepEqual(refusal(await put({ resourceType: 'Patient', id: 'u3' })), wanted);
      assert.equal((await talk.get('Patient/u2')).status, 404);
      assert.equal((await talk.get('Patient/u3')).status, 404);
    });

    it('returns 412 for a stale If-Match and changes nothing', async () => {
      const { talk } = stage();
      await talk.update(patient('m1'));
      const fresh = await talk.update(patient('m1', { active: true }), { 'if-match': 'W/"1"' });
      assert.deepEqual([fresh.status, fresh.header('etag')], [200, 'W/"2"']);
      const stale = await talk.update(patient('m1', { active: false }), { 'if-match': 'W/"1"' });
      assert.deepEqual(refusal(stale), { status: 412, detail: 'version-mismatch' });
      const { body } = await talk.get<Patient>('Patient/m1');
      assert.deepEqual([body.active, body.meta?.versionId], [true, '2']);
    });

    it('returns 412 for If-Match on what does not exist', async () => {
      const { talk } = stage();
      assert.equal((await talk.update(patient('m2'), { 'if-match': 'W/"1"' })).status, 412);
      assert.equal((await talk.get('Patient/m2')).status, 404);
    });

    it('lets exactly one of many writers with the same If-Match through', async () => {
      const { talk } = stage();
      await talk.update(patient('m3'));
      const given = Array.from({ length: 12 }, (_, n) => patient('m3', { language: `x-${n}` }));
      const replies = await Promise.all(given.map(body => talk.update(body, { 'if-match': 'W/"1"' })));
      const statuses = replies.map(reply => reply.status).toSorted((a, b) => a - b);
      assert.deepEqual(statuses, [200, ...Array.from({ length: 11 }, () => 412)]);
      assert.equal((await talk.get('Patient/m3')).header('etag'), 'W/"2"');
    });

    it('creates under If-None-Match: * only where nothing is', async () => {
      const { talk } = stage();
      const only = { 'if-none-match': '*' };
      assert.equal((await talk.update(patient('n1'), only)).status, 201);
      assert.equal(refusal(await talk.update(patient('n1', { active: true }), only)).status, 412);
      assert.equal((await talk.get('Patient/n1')).header('etag'), 'W/"1"');
    });
  });

  describe('delete', () => {
    it('returns 204 each time, 410 for a read, and leaves the search', async () => {
      const { talk } = stage();
      await talk.update(patient('d1'));
      assert.equal((await talk.search('Patient?_id=d1')).total, 1);
      const reply = await talk.delete('Patient/d1');
      assert.deepEqual([reply.status, reply.text], [204, '']);
      assert.equal((await talk.get('Patient/d1')).status, 410);
      assert.equal((await talk.search('Patient?_id=d1')).total, 0);
      assert.equal((await talk.delete('Patient/d1')).status, 204);
      const history = (await talk.get<Bundle>('Patient/d1/_history')).body;
      assert.equal(history.entry?.length, 2, 'the second deletion is no new version');
    });

    it('returns 204 for what never was', async () => {
      assert.equal((await stage().talk.delete('Patient/never')).status, 204);
      assert.equal((await stage().talk.get('Patient/never')).status, 404);
    });

    it('returns 412 for a stale If-Match and deletes nothing', async () => {
      const { talk } = stage();
      await talk.update(patient('d2'));
      await talk.update(patient('d2', { active: true }));
      assert.equal(refusal(await talk.delete('Patient/d2', { 'if-match': 'W/"1"' })).status, 412);
      assert.equal((await talk.get('Patient/d2')).status, 200);
      assert.equal((await talk.delete('Patient/d2', { 'if-match': 'W/"2"' })).status, 204);
    });

    it('brings a deleted resource back with 201 and goes on counting versions', async () => {
      const { talk } = stage();
      await talk.update(patient('d3'));
      await talk.delete('Patient/d3');
      const again = await talk.update(patient('d3', { active: true }));
      assert.deepEqual([again.status, again.header('etag')], [201, 'W/"3"']);
      assert.equal((await talk.get('Patient/d3')).status, 200);
      assert.equal((await talk.search('Patient?_id=d3')).total, 1);
      assert.equal((await talk.get('Patient/d3/_history/2')).status, 410);
    });
  });

  it('gives back what Prefer: return asks for', async () => {
    const { talk } = stage();
    const post = (prefer: string) => talk.create<Patient>({ resourceType: 'Patient' }, { prefer });
    const minimal = await post('return=minimal');
    assert.deepEqual([minimal.status, minimal.text], [201, '']);
    assert.ok(minimal.header('location'));
    assert.equal((await post('return=representation')).body.resourceType, 'Patient');
    const outcome = (await post('return=OperationOutcome')).body as unknown as OperationOutcome;
    assert.deepEqual([outcome.resourceType, outcome.issue[0]?.severity], ['OperationOutcome', 'information']);
  });

  it('AUD-3: refuses to change or delete an audit event with 405', async () => {
    const { talk } = stage();
    const { entry } = await talk.search('AuditEvent?_count=1');
    const event = entry?.[0]?.resource;
    assert.equal(event?.resourceType, 'AuditEvent');
    assert.equal(refusal(await talk.update(event)).status, 405);
    assert.equal(refusal(await talk.delete(`AuditEvent/${event.id}`)).status, 405);
    assert.equal(refusal(await talk.update({ ...event, id: 'new' })).status, 405);
    assert.equal((await talk.get(`AuditEvent/${event.id}`)).header('etag'), 'W/"1"');
  });
});
