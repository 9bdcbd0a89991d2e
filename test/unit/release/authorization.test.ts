/** Authorizations, element by element: what is whole permits, and whatever is taken from it or contradicts fails at that element alone. 45 CFR 164.508(b), (c) */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Consent, Task } from 'fhir/r4.js';
import type { Resource } from '../../../src/fhir/resource.js';
import { checkAuthorization, CHECKED_ELEMENTS, outcomeOfCheck } from '../../../src/features/release/authorization.js';
import { permitElements, readPermitRules } from '../../../src/features/release/authorization-rules.js';
import { readRequesterClasses, type RequestNeed } from '../../../src/features/release/requester-classes.js';

const folder = new URL('../../../../profiles/release/rules/', import.meta.url);
const rules = readPermitRules(new URL('authorization.json', folder));
const NOW = Date.UTC(2026, 2, 10);
const ACT = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';
const INPUT = 'urn:chartroom:input';

const task = (...inputs: readonly (readonly [code: string, value: object])[]): Task => ({
  resourceType: 'Task',
  status: 'accepted',
  intent: 'order',
  for: { reference: 'Patient/1' },
  requester: { reference: 'Organization/law', display: 'Doe & Partners' },
  reasonCode: { coding: [{ system: ACT, code: 'HLEGAL' }] },
  input: inputs.map(([code, value]) => ({ type: { coding: [{ system: INPUT, code }] }, ...value })),
});
const role = (system: string, code: string) => ({ coding: [{ system, code }] });
const RECIPIENT = role('http://terminology.hl7.org/CodeSystem/v3-ParticipationType', 'IRCP');
const whole = (): Consent => ({
  resourceType: 'Consent',
  status: 'active',
  scope: { coding: [{ code: 'patient-privacy' }] },
  category: [{ text: 'release' }],
  patient: { reference: 'Patient/1' },
  dateTime: '2026-01-02',
  performer: [{ reference: 'Patient/1' }],
  organization: [{ reference: 'Organization/here' }],
  sourceReference: { reference: 'DocumentReference/signed' },
  policy: [{ uri: 'urn:form' }],
  provision: {
    type: 'permit',
    period: { end: '2026-12-31' },
    actor: [{ role: RECIPIENT, reference: { reference: 'Organization/law' } }],
    purpose: [{ system: ACT, code: 'HLEGAL' }],
    code: [{ coding: [{ system: 'http://loinc.org', code: '18842-5' }] }],
  },
});

/** Elements that are not met, with their verdicts. */
const failing = (needs: RequestNeed, consent: Consent | undefined, request: Task = task()): string[] =>
  checkAuthorization(
    {
      needs,
      task: request as unknown as Resource,
      consent: consent as unknown as Resource | undefined,
      now: NOW,
    },
    permitElements(rules, needs),
  ).flatMap(({ element, verdict }) => (verdict === 'met' ? [] : [`${element} ${verdict}`]));
const damaged = (damage: (consent: Consent & { provision: NonNullable<Consent['provision']> }) => void): Consent => {
  const consent = whole() as Consent & { provision: NonNullable<Consent['provision']> };
  damage(consent);
  return consent;
};
const PSYCHOTHERAPY = { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSYTHPN' };
const event = (valueString: string) => [{ url: 'urn:chartroom:expiration-event', valueString }];

const ROWS: readonly (readonly [id: string, what: string, consent: Consent, expected: readonly string[]])[] = [
  ['ROI-10', 'revoked', damaged(each => (each.status = 'inactive')), ['in-force wrong']],
  [
    'ROI-11',
    'of another patient',
    damaged(each => (each.patient = { reference: 'Patient/2' })),
    ['patient wrong', 'authority look'],
  ],
  ['ROI-12', 'without a description', damaged(each => delete each.provision.code), ['description look']],
  ['ROI-13', 'without who discloses', damaged(each => delete each.organization), ['discloser missing']],
  ['ROI-14', 'without who receives', damaged(each => delete each.provision.actor), ['recipient missing']],
  [
    'ROI-14',
    'for another recipient',
    damaged(each => (each.provision.actor![0]!.reference = { display: 'Roe' })),
    ['recipient look'],
  ],
  [
    'ROI-14',
    'for a recipient by name',
    damaged(each => (each.provision.actor![0]!.reference = { display: 'Doe & Partners' })),
    [],
  ],
  ['ROI-15', 'without a purpose', damaged(each => delete each.provision.purpose), ['purpose missing']],
  ['ROI-15', 'for another purpose', damaged(each => (each.provision.purpose![0]!.code = 'HRESCH')), ['purpose wrong']],
  ['ROI-15', 'at the request of the individual', damaged(each => (each.provision.purpose![0]!.code = 'PATRQT')), []],
  ['ROI-16', 'without an end', damaged(each => delete each.provision.period), ['expiry missing']],
  ['ROI-16', 'that is over', damaged(each => (each.provision.period = { end: '2026-03-09' })), ['expiry wrong']],
  ['ROI-16', 'on its last day', damaged(each => (each.provision.period = { end: '2026-03-10' })), []],
  [
    'ROI-16',
    'until an event',
    damaged(each => {
      delete each.provision.period;
      each.extension = event('end of the claim');
    }),
    ['expiry look'],
  ],
  [
    'ROI-16',
    'without an end, but of no research',
    damaged(each => {
      delete each.provision.period;
      each.extension = event('none');
    }),
    ['expiry wrong'],
  ],
  ['ROI-17', 'without a signature', damaged(each => delete each.performer), ['signature missing', 'authority look']],
  ['ROI-17', 'without its date', damaged(each => delete each.dateTime), ['signature missing']],
  ['ROI-17', 'signed tomorrow', damaged(each => (each.dateTime = '2026-03-11')), ['signature wrong']],
  [
    'ROI-18',
    'signed by a relative',
    damaged(each => (each.performer = [{ reference: 'RelatedPerson/1' }])),
    ['authority look'],
  ],
  [
    'ROI-18',
    'signed by a relative whose authority is proved',
    damaged(each => {
      each.performer = [{ reference: 'RelatedPerson/1' }];
      each.verification = [{ verified: true, verifiedWith: { reference: 'RelatedPerson/1' } }];
    }),
    [],
  ],
  ['ROI-19', 'without the paper', damaged(each => delete each.sourceReference), ['signed-copy missing']],
  ['ROI-20', 'without the statements', damaged(each => delete each.policy), ['statements look']],
  [
    'ROI-21',
    'of psychotherapy notes and others',
    damaged(each => (each.provision.securityLabel = [PSYCHOTHERAPY])),
    ['psychotherapy wrong'],
  ],
  [
    'ROI-21',
    'of psychotherapy notes alone',
    damaged(each => {
      each.provision.securityLabel = [PSYCHOTHERAPY];
      delete each.provision.code;
    }),
    [],
  ],
];

describe('authorizations', () => {
  it('that are whole permit', () => assert.deepEqual(failing('authorization', whole()), []));

  for (const [id, what, consent, expected] of ROWS)
    it(`${id}: ${what}`, () => assert.deepEqual(failing('authorization', consent), expected));

  it('ROI-22: are all missing where there is none, and nothing is asked of who needs none', () => {
    const all = permitElements(rules, 'authorization');
    assert.deepEqual(
      failing('authorization', undefined),
      all.map(element => `${element} missing`),
    );
    assert.deepEqual(failing('nothing', undefined), []);
  });

  it('ROI-23: of a directive reach electronic copies, to an address', () => {
    const address = ['delivery-address', { valueString: 'a@b.example' }] as const;
    assert.deepEqual(failing('directive', whole(), task(address, ['format', { valueCode: 'pdf' }])), []);
    assert.deepEqual(failing('directive', whole(), task(address, ['format', { valueCode: 'paper' }])), [
      'electronic wrong',
    ]);
    assert.deepEqual(failing('directive', whole(), task()), ['address missing']);
  });

  it('ROI-24: by papers are looked at by a person, who confirms what is right and nothing else', () => {
    const paper = ['evidence', { valueReference: { reference: 'DocumentReference/1' } }] as const;
    const confirmed = (code: string) => ['confirmed', { valueCode: code }] as const;
    assert.deepEqual(failing('assurance', undefined), ['assurance missing']);
    assert.deepEqual(failing('assurance', undefined, task(confirmed('assurance'))), ['assurance missing']);
    assert.deepEqual(failing('order', undefined, task(paper)), ['order look']);
    assert.deepEqual(failing('order', undefined, task(paper, confirmed('order'))), []);
    const revoked = damaged(each => (each.status = 'inactive'));
    assert.deepEqual(failing('authorization', revoked, task(confirmed('in-force'))), ['in-force wrong']);
  });

  it('ROI-25: come to one outcome', () => {
    const of = (...verdicts: readonly ('met' | 'missing' | 'wrong' | 'look')[]) =>
      outcomeOfCheck(verdicts.map(verdict => ({ element: 'x', verdict })));
    assert.deepEqual(
      [of(), of('met'), of('met', 'look'), of('look', 'wrong'), of('missing')],
      ['sufficient', 'sufficient', 'open', 'deficient', 'deficient'],
    );
  });

  it('have rules for each element that is checked, and each need has its elements', () => {
    assert.deepEqual(
      [...rules.keys()].toSorted((a, b) => a.localeCompare(b)),
      CHECKED_ELEMENTS.toSorted((a, b) => a.localeCompare(b)),
    );
    for (const { needs } of readRequesterClasses(new URL('requester-classes.json', folder)).values())
      assert.equal(permitElements(rules, needs).length > 0, needs !== 'nothing', needs);
    for (const { display, remedy } of rules.values())
      assert.deepEqual(
        [Object.keys(display), Object.keys(remedy)],
        [
          ['en', 'es'],
          ['en', 'es'],
        ],
      );
  });
});
