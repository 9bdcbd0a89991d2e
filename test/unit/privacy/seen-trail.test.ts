/** What of a privacy officer's own work with reviews is no access to a patient: what is known to show nothing else. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { SeenTrail } from '../../../src/features/privacy/anomaly-seen.js';
import { tellEvent } from '../../../src/features/privacy/told-event.js';

/** Whether an event of a search of somebody of this role is an access to the patient. */
function isAccess(request: string, role = 'privacy-officer', code = 'search-type'): boolean {
  const event = {
    ...{ resourceType: 'AuditEvent', id: 'e', recorded: '2026-01-14T12:00:00Z', outcome: '0' },
    subtype: [{ system: 'http://hl7.org/fhir/restful-interaction', code }],
    agent: [{ requestor: true, name: 'olga', role: [{ coding: [{ code: role }] }] }],
    entity: [
      ...(request === '' ? [{ what: { reference: 'Task/t' } }] : [{ query: Buffer.from(request).toString('base64') }]),
      { what: { reference: 'Patient/p' } },
    ],
  };
  const seen = new SeenTrail(new Set(['$who-saw']));
  seen.see(tellEvent(event, 0, []), true);
  seen.end();
  return seen.accesses.length > 0;
}

/** Looks of each person at each patient on each day of January, the newest first. */
function seenOf([days, people, patients]: readonly [number, number, number], isAsked: boolean, most: number): void {
  const seen = new SeenTrail(new Set(), most);
  for (let day = days; day > 0; day--)
    for (let person = 0; person < people; person++)
      for (let patient = 0; patient < patients; patient++) {
        const recorded = `2026-01-${String(day).padStart(2, '0')}T12:00:00Z`;
        const agent = [{ requestor: true, name: `p${person}`, role: [{ coding: [{ code: 'clinician' }] }] }];
        const entity = [{ what: { reference: `Patient/p${patient}` } }];
        const event = { ...{ resourceType: 'AuditEvent', id: 'e', recorded, outcome: '0' }, agent, entity };
        seen.see(tellEvent(event, 0, []), isAsked);
      }
  seen.end();
}

describe('what is held of the trail for anomalies', () => {
  it('is bounded, also of the days before', () => {
    const tooCostly = { kind: 'too-costly' };
    assert.throws(() => seenOf([1, 1, 101], true, 100), tooCostly);
    assert.throws(() => seenOf([1, 1, 101], false, 100), tooCostly);
    assert.throws(() => seenOf([1, 101, 1], false, 100), tooCostly);
    assert.throws(() => seenOf([11, 10, 1], false, 100), tooCostly, 'counts by person and day stay');
    // Who it was is forgotten when the day is over.
    seenOf([20, 1, 70], false, 100);
  });
});

describe('the work of a privacy officer with reviews', () => {
  it('is no access to patients', () => {
    for (const request of [
      ...['', 'GET /fhir/Task?code=privacy-review', 'GET Communication?_count=5', 'GET /fhir/Task/_history'],
      ...['GET /fhir/Patient/p/AuditEvent', 'GET /fhir/AuditEvent?date=ge2026-01-01&patient=p'],
    ]) {
      assert.equal(isAccess(request), false, request);
      assert.equal(isAccess(request, 'clinician'), true, request);
    }
  });

  it('is one where more is shown, or may be', () => {
    for (const request of [
      ...['GET /fhir/Task?_include=Task:patient', 'GET /fhir/Task?_revinclude:iterate=Flag:patient'],
      ...['GET /fhir/Task?%5Finclude=Task:patient', 'GET /fhir/Task?_page=abc', 'GET /fhir/Patient?_id=p'],
      ...['POST /fhir/Task/_search\n\n_include=Task:patient', 'POST /fhir/Task/_search', 'GET /fhir/Task\n\n_include'],
      ...[`GET /fhir/Task?code=${'x'.repeat(200)}&_include=Task:patient`, 'GET /fhir/Patient/Task/$everything'],
      ...['GET /fhir?_type=Task,Patient', 'GET /fhir/Patient?x=/Task'],
    ])
      assert.equal(isAccess(request), true, request);
  });
});
