/** What somebody tries whose token grants little, or stands for a role that may do little. The rest of this is asked of views and permissions. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { before, describe, it } from 'mocha';
import type { TestIssuer } from '../support/issuer.js';
import { issuerStage } from '../support/issuer-stage.js';
import { bearerOf } from '../support/tokens.js';

describe('tokens', () => {
  const stage = issuerStage();
  const { ask } = stage;
  let issuer: TestIssuer;
  before(() => ({ issuer } = stage));

  describe('that grant little', () => {
    const challenge = (scope: string) => `Bearer realm="chartroom", error="insufficient_scope", scope="${scope}"`;
    const rows: readonly (readonly [scope: string, method: string, path: string, lacking: string])[] = [
      ['system/Observation.rs', 'GET', '/fhir/Patient', 'system/Patient.s'],
      ['system/Patient.s', 'GET', '/fhir/Patient/nobody', 'system/Patient.r'],
      ['system/Patient.r', 'GET', '/fhir/Patient', 'system/Patient.s'],
      ['system/*.rs', 'DELETE', '/fhir/Patient/nobody', 'system/Patient.d'],
      ['system/*.rs', 'DELETE', '/fhir/Patient?name=nobody', 'system/Patient.ds'],
      ['system/*.cruds', 'GET', '/fhir/AuditEvent', 'system/AuditEvent.s'],
      // Types on the way.
      ['system/Observation.rs', 'GET', '/fhir/Observation?patient.name=x', 'system/Patient.s'],
      ['system/Patient.rs', 'GET', '/fhir/Patient?_has:Observation:patient:code=x', 'system/Observation.s'],
      [
        'system/Observation.rs',
        'GET',
        '/fhir/Observation?patient.organization.name=x',
        'system/Patient.s system/Organization.s',
      ],
      ['system/Patient.rs', 'DELETE', '/fhir/Observation?patient.name=x', 'system/Observation.ds'],
      ['system/Patient.rs', 'GET', '/fhir/?_type=Patient,Encounter', 'system/Encounter.s'],
      ['openid', 'GET', '/fhir/Patient', 'user/Patient.s'],
      ['', 'GET', '/fhir/Patient', 'user/Patient.s'],
      // Nobody said what this user may do.
      ['user/*.cruds', 'GET', '/fhir/Patient', 'user/Patient.s'],
    ];
    for (const [scope, method, path, lacking] of rows)
      it(`are told what they lack: "${scope}" for ${method} ${path}`, async () => {
        const by = { authorization: `Bearer ${await issuer.token({ claims: { scope } })}` };
        const { status, headers } = await ask(by, path, method);
        assert.deepEqual([status, headers['www-authenticate']], [403, challenge(lacking)]);
      });

    it('do no more than their role, whatever their scopes', async () => {
      const claims = { scope: 'user/*.cruds system/*.cruds patient/*.cruds', realm: { roles: ['nurse'] } };
      const by = { authorization: `Bearer ${await issuer.token({ claims })}`, 'content-type': 'application/fhir+json' };
      assert.equal((await ask(by)).status, 200);
      const { status, headers } = await ask(by, '/fhir/Patient', 'POST', '{"resourceType":"Patient"}');
      // No other scope would help.
      assert.deepEqual([status, headers['www-authenticate']], [403, undefined]);
    });

    it('are as little when a job does later what they asked for', async () => {
      const records = { scope: 'user/*.cruds', realm: { roles: ['records'] } };
      const by = {
        authorization: `Bearer ${await issuer.token({ claims: records })}`,
        'content-type': 'application/fhir+ndjson',
      };
      const line = (resourceType: string, id: string): string => `${JSON.stringify({ resourceType, id })}\n`;
      const begun = await ask(by, '/fhir/$import', 'POST', line('Patient', 'imported') + line('Patient', 'imported-2'));
      assert.equal(begun.status, 202, begun.text);
      const { pathname, search } = new URL(begun.headers['content-location']!);
      const at = pathname + search;
      let told = await ask(by, at);
      for (; told.status === 202; told = await ask(by, at)) await pause(5);
      assert.equal(told.status, 200, told.text);
      assert.equal((await ask(by, '/fhir/Patient/imported')).status, 200, told.text);
      const little = {
        ...by,
        authorization: `Bearer ${await issuer.token({ claims: { ...records, scope: 'user/Patient.cruds' } })}`,
      };
      assert.equal((await ask(little, '/fhir/$import', 'POST', line('Patient', 'never'))).status, 403);
    });

    it('send documents with their bytes by DocumentReference.c alone, and nothing that the server keeps beside them', async () => {
      const by = {
        authorization: `Bearer ${await issuer.token({ claims: { scope: 'system/DocumentReference.crs' } })}`,
        'content-type': 'application/fhir+json',
      };
      const attachment = { contentType: 'text/plain', data: Buffer.from('A note.').toString('base64') };
      const document = { resourceType: 'DocumentReference', status: 'current', content: [{ attachment }] };
      const sent = await ask(by, '/fhir/DocumentReference', 'POST', JSON.stringify(document));
      assert.equal(sent.status, 201, sent.text);
      for (const resource of [{ resourceType: 'Binary', contentType: 'text/plain' }, { resourceType: 'Provenance' }]) {
        const path = `/fhir/${resource.resourceType}`;
        assert.equal((await ask(by, path, 'POST', JSON.stringify(resource))).status, 403, path);
        assert.equal((await ask(by, path)).status, 403, path);
      }
      const { text } = await ask(bearerOf('admin'), '/fhir/Provenance');
      assert.ok(text.includes(String(sent.headers['location']?.split('/').at(-3))), text);
    });

    it('see no bytes of another by a resource that points at them', async () => {
      const admin = bearerOf('admin');
      const fhir = { 'content-type': 'application/fhir+json' };
      const about = (patient: string, url: string) =>
        JSON.stringify({
          ...{ resourceType: 'Communication', status: 'completed', subject: { reference: `Patient/${patient}` } },
          payload: [{ contentAttachment: { url } }],
        });
      for (const of of ['b1', 'b2']) {
        const bytes = { ...admin, 'content-type': 'application/octet-stream' };
        assert.equal((await ask(bytes, `/fhir/Binary/${of}`, 'PUT', `Canary-${of}`)).status, 201);
        const pointing = about(of, `Binary/${of}`);
        assert.equal((await ask({ ...admin, ...fhir }, '/fhir/Communication', 'POST', pointing)).status, 201);
      }
      const claims = { realm: { roles: ['records'] }, patient: 'b1' };
      const as = async (scope: string) => ({
        authorization: `Bearer ${await issuer.token({ claims: { ...claims, scope } })}`,
      });
      // By their ids alone, and not at all.
      const [reads, blind] = [
        await as('patient/Communication.cruds patient/Binary.r'),
        await as('patient/Communication.cruds'),
      ];
      const write = async (by: object, url: string) =>
        (await ask({ ...by, ...fhir }, '/fhir/Communication', 'POST', about('b1', url))).status;
      assert.deepEqual([await write(reads, 'Binary/b2'), await write(blind, 'Binary/b2')], [422, 422]);
      assert.equal(await write(reads, 'Binary/b1'), 201);
      for (const by of [reads, await as('patient/*.rs')]) {
        const seen = ['b1', 'b2'].map(async id => (await ask({ ...by, accept: '*/*' }, `/fhir/Binary/${id}`)).status);
        assert.deepEqual(await Promise.all(seen), [200, 404]);
      }
    });

    it('see the patient alone whom they are about, and nothing without one', async () => {
      const admin = { ...bearerOf('admin'), 'content-type': 'application/fhir+json' };
      for (const id of ['p1', 'p2']) {
        const body = JSON.stringify({ resourceType: 'Patient', id, name: [{ family: `Canary-${id}` }] });
        assert.equal((await ask(admin, `/fhir/Patient/${id}`, 'PUT', body)).status, 201);
      }
      const as = async (more: object) => ({
        authorization: `Bearer ${await issuer.token({ claims: { scope: 'patient/Patient.rs', ...more } })}`,
      });
      const p1 = await as({ patient: 'p1' });
      const found = await ask(p1);
      assert.ok(found.text.includes('Canary-p1') && !found.text.includes('Canary-p2'));
      assert.equal((await ask(p1, '/fhir/Patient/p1')).status, 200);
      const [hidden, absent] = [await ask(p1, '/fhir/Patient/p2'), await ask(p1, '/fhir/Patient/p3')];
      assert.deepEqual([hidden.status, absent.status], [404, 404]);
      const lost = await ask(await as({}));
      assert.ok(!lost.text.includes('Canary'));
    });
  });
});
