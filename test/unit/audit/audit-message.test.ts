/** AuditEvents as audit messages of DICOM: https://dicom.nema.org/medical/dicom/current/output/chtml/part15/sect_A.5.html */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { auditEvent, type AuditRecord } from '../../../src/audit/event.js';
import type { AuditPattern } from '../../../src/audit/patterns.js';
import { auditMessage, type EventToSend } from '../../../src/audit/syslog/audit-message.js';
import { syslogFrame, syslogMessage } from '../../../src/audit/syslog/syslog-message.js';
import { parseXml, schemaFaults, type XmlElement } from '../../support/audit-message.js';
import { runsOf } from '../../support/depth.js';

const BASE = 'https://chart.example/fhir';
const record: AuditRecord = {
  ...{ interaction: 'read', pattern: 'read', at: Date.UTC(2026, 0, 2, 3, 4, 5, 678), outcome: '0', base: BASE },
  ...{ address: '192.0.2.7', requestId: 'req-1', request: 'GET /fhir/Observation', patients: ['p1'] },
  principal: {
    ...{ name: 'i|s', role: 'writer', issuer: 'https://id.example', subject: 's', client: 'app', tokenId: 'j' },
    purpose: 'TREAT',
  },
  data: { type: 'Observation', id: 'o', version: 2 },
};
const made = (change: Partial<AuditRecord>, patient?: string): EventToSend =>
  auditEvent({ ...record, ...change }, patient, 'event-1') as unknown as EventToSend;
const valid = (event: EventToSend): XmlElement => {
  const message = parseXml(auditMessage(event));
  assert.deepEqual(schemaFaults(message), []);
  return message;
};
const all = (message: XmlElement, name: string): readonly XmlElement[] =>
  message.children.flatMap(child => (child.name === name ? [child] : all(child, name)));

const EVENT: EventToSend = {
  type: { system: 'http://dicom.nema.org/resources/ontology/DCM', code: '110106', display: 'Export' },
  recorded: '2026-01-02T03:04:05+02:00',
  agent: [{ requestor: true }],
  source: { observer: {} },
};

describe('an audit message', () => {
  it('is held against its schema', () => {
    for (const wrong of [
      '<AuditMessage><EventIdentification/></AuditMessage>',
      auditMessage(EVENT).replace(/<ActiveParticipant[^>]*>/, ''),
      auditMessage(EVENT).replace('UserIsRequestor="true"', 'UserIsRequestor="yes"'),
      auditMessage(EVENT).replace('<EventID ', '<EventID more="1" '),
    ])
      assert.notDeepEqual(schemaFaults(parseXml(wrong)), [], wrong);
    assert.throws(() => parseXml(auditMessage(EVENT).replace('</AuditMessage>', '')));
  });

  it('says of a read who, whom, what and from where', () => {
    const message = valid(made({}, 'p1'));
    const [event] = message.children;
    assert.deepEqual(event!.attributes, {
      ...{ EventActionCode: 'R', EventDateTime: '2026-01-02T03:04:05.678Z', EventOutcomeIndicator: '0' },
    });
    assert.deepEqual(
      all(message, 'PurposeOfUse').map(({ attributes }) => attributes['csd-code']),
      ['TREAT'],
    );
    const [machine, server, user] = all(message, 'ActiveParticipant').map(({ attributes }) => attributes);
    assert.deepEqual(machine, {
      ...{ UserID: 'app', UserIsRequestor: 'false' },
      ...{ NetworkAccessPointID: '192.0.2.7', NetworkAccessPointTypeCode: '2' },
    });
    assert.deepEqual([server!['UserID'], server!['NetworkAccessPointTypeCode']], [BASE, '5']);
    assert.deepEqual(user, {
      ...{ UserID: 's', AlternativeUserID: 'https://id.example|s', UserName: 's', UserIsRequestor: 'true' },
    });
    const roles = all(message, 'RoleIDCode').map(({ attributes }) => attributes);
    assert.ok(roles.some(role => role['csd-code'] === '110152' && role['codeSystemName'] === 'DCM'));
    assert.ok(roles.some(role => role['csd-code'] === 'writer'));
    assert.ok(roles.some(role => role['csd-code'] === 'urn:ietf:params:oauth:jti:j'));
    const [source] = all(message, 'AuditSourceIdentification');
    assert.deepEqual(source!.attributes, { AuditEnterpriseSiteID: BASE, AuditSourceID: BASE });
    assert.deepEqual(source!.children[0]!.attributes, { 'csd-code': '4' });
    const objects = all(message, 'ParticipantObjectIdentification').map(({ attributes, children }) => [
      attributes['ParticipantObjectID'],
      attributes['ParticipantObjectTypeCode'],
      attributes['ParticipantObjectTypeCodeRole'],
      children[0]!.attributes['csd-code'],
    ]);
    assert.deepEqual(objects, [
      ['Observation/o/_history/2', '2', '4', '12'],
      ['Patient/p1', '1', '1', '2'],
      ['req-1', '4', undefined, 'XrequestId'],
    ]);
  });

  it('has a query as it is, and details as base64', () => {
    const asked = valid(made({ pattern: 'query', interaction: 'search-type', data: undefined as never }, 'p1'));
    const [query] = all(asked, 'ParticipantObjectQuery');
    assert.equal(Buffer.from(query!.text, 'base64').toString(), record.request);
    const told = valid(made({ details: [{ type: 'sha-256', value: 'ä"<' }] }));
    const [detail] = all(told, 'ParticipantObjectDetail');
    assert.equal(detail!.attributes['type'], 'sha-256');
    assert.equal(Buffer.from(detail!.attributes['value']!, 'base64').toString(), 'ä"<');
  });

  it('is valid for every pattern and outcome, and where an event says as little as it may', () => {
    const patterns: readonly AuditPattern[] = ['create', 'read', 'update', 'delete', 'query', 'operation', 'history'];
    for (const pattern of [...patterns, 'alert', 'override-started', 'import'] as const)
      for (const outcome of ['0', '4', '8', '12'] as const) valid(made({ pattern, outcome, why: 'forbidden' }, 'p1'));
    valid(made({ principal: { role: 'none' } }));
    assert.equal(all(valid(EVENT), 'EventID')[0]!.attributes['originalText'], 'Export');
  });

  it('is valid and says the same, whatever the texts of an event are', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1 }),
      fc.constantFrom(
        '"><script>',
        ']]>',
        '&amp;',
        '\u0000\u0001\ud800\uffff',
        'a\tb\r\nc',
        '--><!--',
        '\u2028\u{1f600}',
      ),
    );
    const coding = fc.record({ system: text, code: text, display: text }, { requiredKeys: [] });
    const concept = fc.record({ coding: fc.array(coding, { maxLength: 2 }), text }, { requiredKeys: [] });
    const reference = fc.record(
      { reference: text, display: text, identifier: fc.record({ system: text, value: text }, { requiredKeys: [] }) },
      { requiredKeys: [] },
    );
    const agent = fc.record(
      {
        ...{ who: reference, altId: text, name: text, type: concept, role: fc.array(concept, { maxLength: 2 }) },
        ...{
          policy: fc.array(text, { maxLength: 2 }),
          network: fc.record({ address: text, type: text }),
          media: coding,
        },
        purposeOfUse: fc.array(concept, { maxLength: 2 }),
      },
      { requiredKeys: [] },
    );
    const bytes = fc.uint8Array().map(each => Buffer.from(each).toString('base64'));
    const entity = fc.record(
      {
        ...{
          what: reference,
          type: coding,
          role: coding,
          lifecycle: coding,
          name: text,
          description: text,
          query: bytes,
        },
        securityLabel: fc.array(coding, { maxLength: 2 }),
        detail: fc.array(fc.record({ type: text, valueString: text }), { maxLength: 2 }),
      },
      { requiredKeys: [] },
    );
    const event = fc.record({
      ...{ type: coding, subtype: fc.array(coding, { maxLength: 2 }), outcomeDesc: text },
      ...{ agent: fc.array(agent, { minLength: 1, maxLength: 2 }), entity: fc.array(entity, { maxLength: 2 }) },
      ...{ recorded: fc.constant(EVENT.recorded), source: fc.record({ site: text, observer: reference }) },
    });
    const legible = (value: string): string =>
      value.replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd');
    fc.assert(
      fc.property(event, given => {
        const message = valid(given);
        assert.equal(
          all(message, 'AuditSourceIdentification')[0]!.attributes['AuditEnterpriseSiteID'],
          legible(given.source.site),
        );
        given.agent.forEach(({ name }, i) => {
          if (name !== undefined)
            assert.equal(all(message, 'ActiveParticipant')[i]!.attributes['UserName'], legible(name));
        });
      }),
      { numRuns: runsOf(200) },
    );
  });
});

describe('a syslog message', () => {
  it('has the head that ITI-20 wants, and its length in bytes before it', () => {
    const frame = syslogFrame(syslogMessage(made({ address: 'ü' }), BASE)).toString();
    const [, length, rest] = /^(\d+) ([^]*)$/.exec(frame)!;
    assert.equal(Buffer.byteLength(rest!), Number(length));
    assert.match(rest!, /^<85>1 2026-01-02T03:04:05\.678Z chart\.example chartroom - DICOM\+RFC3881 - \ufeff<\?xml /);
  });

  it('has times in UTC, and none that syslog has no form for', () => {
    assert.equal(syslogMessage(EVENT, BASE).timestamp, '2026-01-02T01:04:05.000Z');
    assert.equal(syslogMessage({ ...EVENT, recorded: 'never' }, BASE).timestamp, '-');
  });
});
