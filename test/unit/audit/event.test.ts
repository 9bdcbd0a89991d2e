/** IHE BALP patterns, row by row: https://profiles.ihe.net/ITI/BALP */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { auditEvent, type AuditRecord } from '../../../src/audit/event.js';
import type { JsonObject } from '../../../src/fhir/resource.js';
import type { InteractionKind, Target } from '../../../src/interactions/interaction.js';
import { INTERACTIONS, restfulCode } from '../../../src/interactions/kinds.js';

const deed: AuditRecord = {
  interaction: 'read',
  pattern: 'read',
  at: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  outcome: '0',
  principal: { name: 'clerk-1', role: 'writer' },
  address: '192.0.2.7',
  requestId: 'req-1',
  base: 'https://chart.example/fhir',
  request: 'GET /fhir/Observation?patient=p1',
  patients: ['p1'],
};
const object = { data: { type: 'Observation', id: 'o', version: 1 } };
const one = (change: Partial<AuditRecord>) => {
  const whole = { ...deed, ...change };
  return auditEvent(whole, whole.patients[0], 'event-1');
};
const agents = (event: JsonObject) =>
  (event['agent'] as JsonObject[]).map(agent => ((agent['type'] as JsonObject)['coding'] as JsonObject[])[0]!['code']);
const profileOf = (event: JsonObject) =>
  ((event['meta'] as JsonObject | undefined)?.['profile'] as string[] | undefined)?.[0]?.split('.').at(-1);

describe('AuditEvent (AUD-1, BALP)', () => {
  const type = 'Observation';
  const instance = { type, id: 'o' };
  const rows: [
    kind: InteractionKind,
    level: Omit<Target, 'kind'>,
    interaction: string,
    action: string,
    profile: string | undefined,
    agents: string[],
  ][] = [
    ['read', instance, 'read', 'R', 'PatientRead', ['110152', '110153', 'IRCP']],
    ['vread', instance, 'vread', 'R', 'PatientRead', ['110152', '110153', 'IRCP']],
    ['create', { type }, 'create', 'C', 'PatientCreate', ['110153', '110152', 'AUT']],
    ['update', instance, 'update', 'U', 'PatientUpdate', ['110153', '110152', 'AUT']],
    ['patch', { type }, 'patch', 'U', 'PatientUpdate', ['110153', '110152', 'AUT']],
    ['delete', instance, 'delete', 'D', 'PatientDelete', ['110150', 'custodian', 'AUT']],
    ['search', { type }, 'search-type', 'E', 'PatientQuery', ['110153', '110152', 'IRCP']],
    ['search', {}, 'search-system', 'E', 'PatientQuery', ['110153', '110152', 'IRCP']],
    ['history', instance, 'history-instance', 'R', undefined, ['110152', '110153', 'IRCP']],
  ];
  for (const [kind, level, interaction, action, profile, expected] of rows)
    it(`of ${interaction} has action ${action}, profile ${profile}, agents ${expected.join(' ')}`, () => {
      assert.equal(restfulCode({ kind, ...level }), interaction);
      const event = one({ interaction, pattern: INTERACTIONS[kind].audit!, ...(kind === 'search' ? {} : object) });
      assert.equal(event['action'], action);
      assert.equal(profileOf(event), profile);
      assert.deepEqual(agents(event), expected);
      assert.deepEqual(event['subtype'], [{ system: 'http://hl7.org/fhir/restful-interaction', code: interaction }]);
    });

  it('claims the plain profile where no patient is known', () =>
    assert.equal(profileOf(one({ patients: [], ...object })), 'Read'));

  it('AUD-1: claims none either where BALP asks for an object and there is none: a delete by criteria that nothing matched', () => {
    const none = { asks: true, dataType: 'Task', patients: [] } as const;
    const event = one({ ...none, interaction: 'delete', pattern: 'delete' });
    assert.equal(profileOf(event), undefined);
    assert.deepEqual((event['entity'] as JsonObject[])[0]!['what'], { type: 'Task', display: 'Task' });
    assert.equal(profileOf(one({ patients: [], interaction: 'search-type', pattern: 'query' })), 'Query');
  });

  it('claims no profile for a failure, and says its outcome and kind', () => {
    const event = one({ outcome: '4', why: 'forbidden' });
    assert.equal(profileOf(event), undefined);
    assert.deepEqual([event['outcome'], event['outcomeDesc']], ['4', 'forbidden']);
  });

  it('of a search holds the request in base64 and nothing else of it (AUD-7)', () => {
    const event = one({ interaction: 'search-type', pattern: 'query' });
    const query = (event['entity'] as JsonObject[])[0]!;
    assert.equal(Buffer.from(query['query'] as string, 'base64').toString(), deed.request);
    assert.deepEqual(Object.keys(query).toSorted(), ['query', 'role', 'type']);
  });

  it('AUD-5: of a write says the hash of what was stored, behind what is said beside', () => {
    const detailsIn = (change: Partial<AuditRecord>) =>
      (one({ data: { type: 'Basic', id: 'b' }, ...change })['entity'] as JsonObject[])[0]!['detail'];
    const hash = 'ab'.repeat(32);
    assert.deepEqual(detailsIn({ hash }), [{ type: 'sha-256', valueString: hash }]);
    assert.deepEqual(detailsIn({ hash, details: [{ type: 'reason', value: 'x' }] }), [
      { type: 'reason', valueString: 'x' },
      { type: 'sha-256', valueString: hash },
    ]);
    assert.equal(detailsIn({}), undefined);
  });

  it('says what is said beside of what was asked, where it is about no resource', () => {
    const event = one({ pattern: 'restricted', interaction: 'operation', details: [{ type: 'done', value: '3' }] });
    assert.deepEqual((event['entity'] as JsonObject[])[0]!['detail'], [{ type: 'done', valueString: '3' }]);
  });

  it('always has exactly one requestor', () => {
    for (const principal of [deed.principal, { role: 'admin' } as const])
      for (const agent of [undefined, 'welcome']) {
        const told = one({ principal, agent })['agent'] as JsonObject[];
        assert.equal(told.filter(({ requestor }) => requestor === true).length, 1);
      }
  });

  it('names a feature that acts for somebody beside them, as an application that requests nothing', () => {
    const event = one({ agent: 'welcome', ...object });
    assert.deepEqual(agents(event), ['110152', '110153', 'IRCP', '110150']);
    const { who, name, requestor } = (event['agent'] as JsonObject[])[3]!;
    const identifier = { system: 'urn:chartroom:feature', value: 'welcome' };
    assert.deepEqual([who, name, requestor], [{ identifier }, 'welcome', false]);
    assert.equal(profileOf(event), 'PatientRead');
    // Of a deletion the application is whoever asked, and there is one at most (BALP).
    const deletion = one({ agent: 'welcome', pattern: 'delete', interaction: 'delete' });
    assert.deepEqual(agents(deletion), ['110150', 'custodian', 'AUT', 'dataprocessor']);
  });

  it('says no role of somebody who has none', () => {
    const user = (role: string) => (one({ principal: { name: 'ann', role } })['agent'] as JsonObject[])[2]!;
    assert.deepEqual(user('nurse')['role'], [{ text: 'nurse' }]);
    assert.ok(!Object.hasOwn(user(''), 'role'));
  });

  it('of an import says its codes with displays, as the profile of ITI-65 fixes them; a read has none', () => {
    const data = { type: 'List', id: 'l' };
    const subtype = { system: 'urn:ihe:event-type-code', code: 'ITI-65', display: 'Provide Document Bundle' };
    const displaysOf = (event: JsonObject) =>
      [...JSON.stringify([event['agent'], event['entity']]).matchAll(/"display":"([^"]*)"/g)].map(
        ([, display]) => display,
      );
    const imported = one({ pattern: 'import', data, subtype: { ...subtype, dataRole: '20' } });
    const job = ['System Object', 'Job', 'Person', 'Patient'];
    assert.deepEqual(displaysOf(imported), ['Source Role ID', 'Destination Role ID', 'Chartroom', ...job]);
    assert.deepEqual(displaysOf(one({ data })), ['Chartroom']);
    const retrieved = one({ data, subtype: { ...subtype, code: 'ITI-68', dataRole: '3' } });
    assert.deepEqual(displaysOf(retrieved), ['Chartroom', 'Report']);
  });

  it('is recorded in UTC with its milliseconds (AUD-8)', () =>
    assert.equal(one({})['recorded'], '2026-01-02T03:04:05.678Z'));
});
