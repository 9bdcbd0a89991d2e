/** read, vread and conditional read, on both stores: https://hl7.org/fhir/R4/http.html#read, #vread, #cread */
import assert from 'node:assert/strict';
import type { Patient } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { refusal } from '../../support/talk.js';

const EVE: Patient = { resourceType: 'Patient', id: 'eve', name: [{ family: 'Everywoman', given: ['Eve'] }] };

onStoresInTurn(
  'reading a resource',
  stage => {
    it('returns 200 with ETag and Last-Modified that agree with meta', async () => {
      const reply = await stage().talk.get<Patient>('Patient/eve');
      assert.equal(reply.status, 200);
      assert.equal(reply.header('content-type'), 'application/fhir+json; charset=utf-8');
      assert.equal(reply.header('etag'), 'W/"2"');
      assert.equal(reply.body.meta?.versionId, '2');
      const updated = Date.parse(reply.body.meta?.lastUpdated ?? '');
      assert.equal(Date.parse(reply.header('last-modified') ?? ''), Math.floor(updated / 1000) * 1000);
      assert.deepEqual({ ...reply.body, meta: undefined }, { ...EVE, active: true, meta: undefined });
    });

    it('answers HEAD like GET, without the body', async () => {
      const [head, get] = await Promise.all([
        stage().talk.send('HEAD', 'Patient/eve'),
        stage().talk.get('Patient/eve'),
      ]);
      assert.equal(head.status, 200);
      assert.equal(head.text, '');
      for (const name of ['etag', 'last-modified', 'content-type', 'content-length'])
        assert.equal(head.header(name), get.header(name), name);
    });

    it('returns 304 without a body for the version at hand', async () => {
      const { talk } = stage();
      for (const tag of ['W/"2"', '"2"', 'W/"1", W/"2"', '*']) {
        const reply = await talk.get('Patient/eve', { 'if-none-match': tag });
        assert.deepEqual([reply.status, reply.text, reply.header('etag')], [304, '', 'W/"2"'], tag);
      }
      assert.equal((await talk.get('Patient/eve', { 'if-none-match': 'W/"1"' })).status, 200);
    });

    it('returns 304 for If-Modified-Since of the time at hand, 200 for an earlier one', async () => {
      const { talk } = stage();
      const known = (await talk.get('Patient/eve')).header('last-modified') ?? '';
      assert.equal((await talk.get('Patient/eve', { 'if-modified-since': known })).status, 304);
      const earlier = new Date(Date.parse(known) - 1000).toUTCString();
      assert.equal((await talk.get('Patient/eve', { 'if-modified-since': earlier })).status, 200);
    });

    it('lets If-None-Match win over If-Modified-Since', async () => {
      const headers = { 'if-none-match': 'W/"1"', 'if-modified-since': new Date(Date.now() + 60_000).toUTCString() };
      assert.equal((await stage().talk.get('Patient/eve', headers)).status, 200);
    });

    it('returns 404 for what never existed', async () => {
      const reply = await stage().talk.get('Patient/nobody');
      assert.deepEqual(refusal(reply), { status: 404, detail: 'not-found' });
    });

    it('returns 410 for what was deleted', async () => {
      const reply = await stage().talk.get('Patient/gone');
      assert.deepEqual(refusal(reply), { status: 410, detail: 'deleted' });
    });

    it('returns 404 for a type that R4 does not have, spelt in any way', async () => {
      for (const path of ['Person2/eve', 'patient/eve', 'SubscriptionStatus/1', 'Resource/1', 'DomainResource']) {
        const reply = await stage().talk.get(path);
        assert.deepEqual(refusal(reply), { status: 404, detail: 'unknown-type' }, path);
      }
    });

    it('returns 400 for an id that cannot be one', async () => {
      for (const id of ['a%20b', 'a'.repeat(65), 'a%2Fb', '%C3%A4'])
        assert.equal(refusal(await stage().talk.get(`Patient/${id}`)).status, 400, id);
    });

    it('keeps every version readable under its own address', async () => {
      const { talk } = stage();
      const first = await talk.get<Patient>('Patient/eve/_history/1');
      assert.deepEqual([first.status, first.header('etag'), first.body.meta?.versionId], [200, 'W/"1"', '1']);
      assert.equal(first.body.active, undefined);
      const second = await talk.get<Patient>('Patient/eve/_history/2');
      assert.deepEqual([second.status, second.body.active], [200, true]);
    });

    it('returns 404 for an unknown version and 410 for the version that is a deletion', async () => {
      const { talk } = stage();
      for (const version of ['3', '0', '01', 'x', '1.0', '99999999999999999999'])
        assert.equal(refusal(await talk.get(`Patient/eve/_history/${version}`)).status, 404, version);
      assert.equal((await talk.get('Patient/gone/_history/1')).status, 200);
      assert.equal(refusal(await talk.get('Patient/gone/_history/2')).status, 410);
    });

    it('applies _summary and _elements to a read and tags the result SUBSETTED', async () => {
      const { talk } = stage();
      const { body } = await talk.get<Patient>('Patient/eve?_elements=active');
      assert.deepEqual(Object.keys(body), ['resourceType', 'id', 'meta', 'active']);
      assert.equal(body.meta?.tag?.[0]?.code, 'SUBSETTED');
      const summary = await talk.get<Patient>('Patient/eve?_summary=text');
      assert.equal(summary.body.name, undefined);
    });

    it('returns 400 for a parameter that a read does not have', async () => {
      assert.deepEqual(refusal(await stage().talk.get('Patient/eve?family=x')), {
        status: 400,
        detail: 'unknown-parameter',
      });
    });
  },
  {
    async set({ talk }) {
      await talk.update(EVE);
      await talk.update({ ...EVE, active: true });
      await talk.update({ resourceType: 'Patient', id: 'gone' });
      await talk.delete('Patient/gone');
    },
  },
);
