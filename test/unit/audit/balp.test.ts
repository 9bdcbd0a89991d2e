/** Events against the profiles of IHE BALP that they claim, by our own checks of profiles: https://profiles.ihe.net/ITI/BALP */
import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import { auditEvent, type AuditRecord } from '../../../src/audit/event.js';
import type { JsonObject, Resource } from '../../../src/fhir/resource.js';
import type { Principal } from '../../../src/identity/principal.js';
import { brief, checkerOf, errorsOf, issuesOf, readCore, readPackage } from '../../support/profiles.js';

const ISSUER = 'https://id.example.org/realms/care';
const USER: Principal = {
  ...{ name: `${ISSUER}|anna`, role: 'clinician', issuer: ISSUER, subject: 'anna' },
  ...{ client: 'chart-app', tokenId: 'a~b/1', purpose: 'TREAT' },
};
const { client: _client, ...NO_CLIENT } = USER;
const { tokenId: _tokenId, ...NO_ID } = USER;
const PRINCIPALS: Readonly<Record<string, Principal>> = {
  'a token with client and id': USER,
  'a token without a client': NO_CLIENT,
  'a token without an id': NO_ID,
  'a static token': { name: 'anna', role: 'clinician' },
  nobody: { role: 'admin' },
};
const DEED: AuditRecord = {
  ...{ interaction: 'read', pattern: 'read', at: Date.UTC(2026, 0, 2), outcome: '0', principal: USER },
  ...{ address: '192.0.2.7', requestId: 'req-1', base: 'https://chart.example/fhir', request: 'GET /fhir/Patient/p1' },
  patients: ['p1'],
};
const PATTERNS = {
  read: 'read',
  create: 'create',
  update: 'update',
  delete: 'delete',
  query: 'search-type',
  history: 'history-instance',
} as const;

const eventOf = (change: Partial<AuditRecord>): Resource => {
  const record = { ...DEED, ...change };
  return auditEvent(record, record.patients[0], 'event-1');
};
const claimsOf = (event: Resource): string[] =>
  ((event['meta'] as JsonObject)['profile'] as string[] | undefined)?.map(each => each.split('BasicAudit.').at(-1)!) ??
  [];

describe('audit events against BALP', () => {
  let check: (event: Resource) => Promise<string[]>;
  before(function () {
    const [balp, core] = [readPackage('ig-packages', 'ihe.iti.balp-1.1.4'), readCore()];
    if (!balp || !core) {
      process.stdout.write('    The packages of IHE BALP and of R4 are not at hand.\n');
      this.skip();
    }
    const checker = checkerOf([balp, core]);
    check = async event => brief(errorsOf(await issuesOf(checker, event, [])));
  });

  for (const [who, principal] of Object.entries(PRINCIPALS))
    it(`are what they claim, of ${who}`, async () => {
      for (const [pattern, interaction] of Object.entries(PATTERNS))
        for (const patients of [[], ['p1']])
          for (const agent of [undefined, 'welcome']) {
            if (agent !== undefined && pattern === 'delete') continue;
            const data =
              pattern === 'query' ? {} : { data: { type: 'Observation', id: 'o', version: 1 }, hash: 'ab'.repeat(32) };
            const event = eventOf({
              ...{ pattern: pattern as 'read', interaction, principal, patients, agent },
              ...data,
            });
            assert.deepEqual(await check(event), [], `${pattern} ${patients.length} ${agent}`);
          }
    });

  it('are what they claim, of a request that the client has an id for', async () => {
    for (const [pattern, interaction] of Object.entries(PATTERNS)) {
      const data = pattern === 'query' ? {} : { data: { type: 'Observation', id: 'o' } };
      const event = eventOf({ pattern: pattern as 'read', interaction, correlationId: 'c-1', ...data });
      assert.deepEqual(await check(event), [], pattern);
      assert.ok(claimsOf(event).length > 0);
    }
  });

  it('are what they claim, of what was asked for by criteria', async () => {
    for (const pattern of ['create', 'update', 'delete'] as const) {
      const data = { type: 'Observation', id: 'o', version: 1 };
      const event = eventOf({ pattern, interaction: pattern, data, asks: true });
      assert.deepEqual(await check(event), [], pattern);
      const query = (event['entity'] as JsonObject[]).find(each => each['query'] !== undefined)!;
      assert.equal((query['type'] as JsonObject)['code'], '4', 'no second object');
      const [object, ...others] = event['entity'] as JsonObject[];
      assert.equal((object!['what'] as JsonObject)['reference'], 'Observation/o/_history/1');
      assert.notDeepEqual(await check({ ...event, entity: others }), [], 'a control');
    }
  });

  it('are what they claim, of criteria that nothing matched', async () => {
    for (const patients of [[], ['p1']]) {
      const event = eventOf({ pattern: 'delete', interaction: 'delete', asks: true, dataType: 'Task', patients });
      assert.deepEqual(await check(event), []);
      assert.deepEqual(claimsOf(event), ['OAUTHaccessTokenUse.Comprehensive'], 'what BALP says of the token alone');
    }
  });

  it('are decisions of Consents, and nothing beside, where a patient has refused it', async () => {
    const denied: Partial<AuditRecord> = {
      ...{ pattern: 'denied-by-consent', outcome: '8', why: 'hidden', asks: true },
      data: { type: 'Observation', id: 'o' },
      consents: [
        { id: 'c1', patient: 'p1' },
        { id: 'c2', patient: 'p2' },
      ],
    };
    for (const principal of Object.values(PRINCIPALS)) {
      const event = eventOf({ ...denied, principal });
      const claims = principal.name === undefined ? [] : ['AuthZconsent'];
      assert.deepEqual([claimsOf(event), await check(event)], [claims, []], principal.name);
      assert.ok(!JSON.stringify(event).includes('Consent/c2'), 'nothing of another patient');
    }
    const event = eventOf(denied);
    const { entity } = event as { entity?: JsonObject[] };
    assert.notDeepEqual(await check({ ...event, entity: [...entity!, { what: { display: 'x' } }] }), []);
    assert.ok(JSON.stringify(entity).includes(DEED.request) && JSON.stringify(entity).includes(DEED.requestId));
  });

  it('claim what BALP wants of the use of a token, and would fail without it', async () => {
    const data = { type: 'Patient', id: 'p1' };
    assert.deepEqual(claimsOf(eventOf({ data })), ['PatientRead', 'OAUTHaccessTokenUse.Comprehensive']);
    assert.deepEqual(claimsOf(eventOf({ data, principal: NO_CLIENT })), ['PatientRead', 'OAUTHaccessTokenUse.Minimal']);
    assert.deepEqual(claimsOf(eventOf({ data, principal: NO_ID })), ['PatientRead']);
    assert.deepEqual(claimsOf(eventOf({ data, outcome: '4' })), []);
    const event = eventOf({ data });
    const withoutPolicy = (event['agent'] as JsonObject[]).map(({ policy: _policy, ...agent }) => agent);
    assert.notDeepEqual(await check({ ...event, agent: withoutPolicy }), []);
  });

  it('name the user as their issuer does, the application, the token by its id, and the purpose', () => {
    const [client, , user] = eventOf({})['agent'] as JsonObject[];
    assert.deepEqual(client!['who'], { identifier: { value: 'chart-app' } });
    assert.deepEqual(client!['network'], { address: '192.0.2.7', type: '2' });
    assert.deepEqual(user!['who'], { identifier: { system: ISSUER, value: 'anna' } });
    assert.deepEqual(user!['policy'], ['urn:ietf:params:oauth:jti:a~b%2F1']);
    assert.deepEqual(user!['purposeOfUse'], [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'TREAT' }] },
    ]);
  });
});
