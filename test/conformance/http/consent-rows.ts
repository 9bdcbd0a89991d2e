/** What Consents say, and who sees what of one record then: by the levels of IHE PCF (https://profiles.ihe.net/ITI/PCF/content.html), and of R4. */
import type { Consent, ConsentProvision, FhirResource } from 'fhir/r4.js';
import type { Principal } from '../../../src/identity/principal.js';
import { action, actCode, actor, confidential, purpose, TPO } from '../../support/consents.js';

export const subject = { reference: 'Patient/p' };
const observation = (id: string, effectiveDateTime: string, more: object = {}): FhirResource => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '1234-5' }] },
  subject,
  effectiveDateTime,
  ...more,
});
const labelled = (...security: readonly object[]) => ({ meta: { security: [...security] } });

export const RECORD: readonly FhirResource[] = [
  { resourceType: 'Organization', id: 'house', name: 'House' },
  { resourceType: 'Organization', id: 'research', name: 'Research' },
  ...['doctor', 'other'].map((id): FhirResource => ({ resourceType: 'Practitioner', id })),
  {
    resourceType: 'PractitionerRole',
    id: 'role',
    practitioner: { reference: 'Practitioner/doctor' },
    organization: { reference: 'Organization/house' },
  },
  { resourceType: 'Patient', id: 'p' },
  { resourceType: 'Patient', id: 'q' },
  { resourceType: 'RelatedPerson', id: 'r', patient: { reference: 'Patient/q' } },
  {
    resourceType: 'Encounter',
    id: 'enc',
    status: 'finished',
    class: { code: 'AMB' },
    subject,
    period: { start: '2023-05-01', end: '2023-05-01' },
  },
  observation('old', '2022-05-01', { performer: [{ reference: 'Practitioner/other' }] }),
  observation('new', '2023-05-01', { encounter: { reference: 'Encounter/enc' } }),
  observation('restricted', '2023-06-01', labelled(confidential('R'))),
  observation('psy', '2023-07-01', labelled(actCode('PSY'), confidential('R'))),
  observation('alcohol', '2023-08-01', {
    ...labelled(actCode('ETHUD')),
    code: { coding: [{ system: 'http://loinc.org', code: '74013-4' }] },
  }),
  observation('others', '2023-05-01', { subject: { reference: 'Patient/q' } }),
];
const OBSERVATIONS = ['old', 'new', 'restricted', 'psy', 'alcohol'];
export const ALL = ['Patient/p', 'Encounter/enc', ...OBSERVATIONS.map(id => `Observation/${id}`)];
const without = (...ids: readonly string[]) => ALL.filter(name => !ids.some(id => name.endsWith(`/${id}`)));
const only = (...ids: readonly string[]) => ALL.filter(name => ids.some(id => name.endsWith(`/${id}`)));

const doctor: Principal = { name: 'doctor', role: 'clinician', fhirUser: 'Practitioner/doctor' };
export const PRINCIPALS = {
  doctor,
  other: { name: 'other', role: 'clinician', fhirUser: 'Practitioner/other' },
  researcher: { ...doctor, name: 'researcher', purpose: 'HRESCH' },
  payer: { ...doctor, name: 'payer', purpose: 'COVERAGE' },
  foobar: { ...doctor, name: 'foobar', purpose: 'FooBar', organizations: ['Organization/research'] },
  inRole: { name: 'inRole', role: 'clinician', fhirUser: 'PractitionerRole/role' },
  person: { name: 'person', role: 'clinician', fhirUser: 'Person/x' },
  nameless: { name: 'nameless', role: 'reader' },
  patient: { name: 'patient', role: 'patient', patient: 'p', fhirUser: 'Patient/p' },
  officer: { name: 'officer', role: 'privacy-officer' },
  specialist: { name: 'specialist', role: 'records-specialist' },
  service: { name: 'service', role: 'service' },
  broken: { ...doctor, name: 'broken', glass: 'p' },
  owner: { name: 'owner', role: 'admin' },
} satisfies Record<string, Principal>;
type Who = keyof typeof PRINCIPALS;

interface Row {
  readonly what: string;
  readonly provision: ConsentProvision | undefined;
  readonly more?: Omit<Partial<Consent>, 'id'>;
  readonly sees: Partial<Record<Who, readonly string[]>>;
}

const coming = '2999-01-01';
const AUTHORIZATION = [{ coding: [{ system: 'http://loinc.org', code: '64292-6' }] }];
const RELEASED: ConsentProvision = {
  type: 'permit',
  actor: [actor('Organization/research')],
  code: [{ coding: [{ system: 'http://loinc.org', code: '9999-9' }] }],
};
export const ROWS: Readonly<Record<'Basic' | 'Intermediate' | 'Advanced' | 'R4', readonly Row[]>> = {
  Basic: [
    {
      what: 'permits treatment, payment, operations',
      provision: { type: 'permit', purpose: TPO },
      sees: { doctor: ALL, payer: ALL, researcher: ALL },
    },
    {
      what: 'denies them',
      provision: { type: 'deny', purpose: TPO },
      sees: { doctor: [], payer: [], researcher: ALL, patient: ALL, officer: ALL, nameless: [] },
    },
    {
      what: 'denies everything',
      provision: { type: 'deny' },
      sees: { doctor: [], researcher: [], nameless: [], patient: ALL, officer: ALL },
    },
    {
      what: 'has expired',
      provision: { type: 'deny', period: { end: '2022-12-31' } },
      sees: { doctor: ALL, nameless: ALL },
    },
    { what: 'has not begun', provision: { type: 'deny', period: { start: coming } }, sees: { doctor: ALL } },
    {
      what: 'is in its time',
      provision: { type: 'deny', period: { start: '2020', end: coming } },
      sees: { doctor: [] },
    },
    ...(['inactive', 'draft', 'rejected', 'entered-in-error'] as const).map(
      (status): Row => ({ what: `is ${status}`, provision: { type: 'deny' }, more: { status }, sees: { doctor: ALL } }),
    ),
    {
      what: 'is about research and not about privacy',
      provision: { type: 'deny' },
      more: { scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'research' }] } },
      sees: { doctor: ALL },
    },
    {
      what: 'denies one person',
      provision: { type: 'deny', actor: [actor('Practitioner/other')] },
      sees: { doctor: ALL, other: [], nameless: [] },
    },
    { what: 'has no rule', provision: undefined, sees: { doctor: ALL } },
  ],
  Intermediate: [
    {
      what: 'permits data of a time',
      provision: { type: 'permit', purpose: TPO, dataPeriod: { start: '2022-01', end: '2022-12' } },
      sees: { doctor: only('old'), researcher: ALL },
    },
    {
      what: 'denies data of a time',
      provision: {
        type: 'permit',
        purpose: TPO,
        provision: [{ type: 'deny', dataPeriod: { start: '2022-01', end: '2022-12' } }],
      },
      sees: { doctor: without('old') },
    },
    {
      what: 'permits what somebody has written',
      provision: {
        type: 'permit',
        purpose: TPO,
        data: [{ meaning: 'authoredby', reference: { reference: 'Practitioner/other' } }],
      },
      sees: { doctor: only('old') },
    },
    {
      what: 'denies what somebody has written',
      provision: {
        type: 'permit',
        purpose: TPO,
        provision: [
          { type: 'deny', data: [{ meaning: 'authoredby', reference: { reference: 'Practitioner/other' } }] },
        ],
      },
      sees: { doctor: without('old') },
    },
    {
      what: 'permits what belongs to an encounter',
      provision: {
        type: 'permit',
        purpose: TPO,
        data: [{ meaning: 'related', reference: { reference: 'Encounter/enc' } }],
      },
      sees: { doctor: only('enc', 'new') },
    },
    {
      what: 'denies what belongs to an encounter',
      provision: {
        type: 'permit',
        purpose: TPO,
        provision: [{ type: 'deny', data: [{ meaning: 'related', reference: { reference: 'Encounter/enc' } }] }],
      },
      sees: { doctor: without('enc', 'new') },
    },
    {
      what: 'permits what it names',
      provision: {
        type: 'permit',
        purpose: TPO,
        data: ['Observation/old', 'Observation/new'].map(reference => ({
          meaning: 'instance',
          reference: { reference },
        })),
      },
      sees: { doctor: only('old', 'new') },
    },
    {
      what: 'denies what it names',
      provision: {
        type: 'permit',
        purpose: TPO,
        provision: [{ type: 'deny', data: [{ meaning: 'instance', reference: { reference: 'Observation/alcohol' } }] }],
      },
      sees: { doctor: without('alcohol') },
    },
    {
      what: 'denies what depends on something',
      provision: { type: 'deny', data: [{ meaning: 'dependents', reference: { reference: 'Encounter/enc' } }] },
      sees: { doctor: without('enc', 'new') },
    },
    {
      what: 'permits a purpose of its own to an organization, beside a denial',
      provision: {
        type: 'deny',
        provision: [
          {
            type: 'permit',
            purpose: [{ system: 'http://example.org/purposes', code: 'FooBar' }],
            actor: [actor('Organization/research')],
          },
        ],
      },
      sees: { doctor: [], foobar: ALL },
    },
    {
      what: 'denies research',
      provision: { type: 'deny', purpose: [purpose('HRESCH')] },
      sees: { doctor: ALL, researcher: [], nameless: [] },
    },
    {
      what: 'permits an organization alone',
      provision: { type: 'deny', provision: [{ type: 'permit', actor: [actor('Organization/house')] }] },
      sees: { doctor: ALL, other: [] },
    },
    {
      what: 'denies an organization',
      provision: { type: 'deny', actor: [actor('Organization/house')] },
      sees: { doctor: [], other: [] },
    },
    {
      what: 'denies a Practitioner, in their PractitionerRole, too',
      provision: { type: 'deny', actor: [actor('Practitioner/doctor')] },
      sees: { doctor: [], inRole: [], other: ALL },
    },
    {
      // Who would see more by not saying who they are must not.
      what: 'permits somebody some data, and nothing else to whoever might be they',
      provision: {
        type: 'permit',
        actor: [actor('Practitioner/other')],
        code: [{ coding: [{ system: 'http://loinc.org', code: '74013-4' }] }],
      },
      sees: { doctor: ALL, other: only('alcohol'), person: [], nameless: [] },
    },
    {
      what: 'denies a PractitionerRole, and no other Practitioner',
      provision: { type: 'deny', actor: [actor('PractitionerRole/role')] },
      sees: { doctor: [], inRole: [], other: ALL },
    },
    {
      what: 'denies somebody who may be a Person',
      provision: { type: 'deny', actor: [actor('RelatedPerson/r')] },
      sees: { doctor: ALL, inRole: ALL, person: [], nameless: [] },
    },
    {
      what: 'denies a Practitioner of elsewhere',
      provision: { type: 'deny', actor: [actor('https://example.org/fhir/Practitioner/1')] },
      sees: { doctor: ALL, inRole: ALL, nameless: [] },
    },
    {
      what: 'denies an organization of elsewhere',
      provision: { type: 'deny', actor: [actor('https://example.org/Organization/9')] },
      sees: { doctor: ALL, other: [] },
    },
    {
      what: 'permits one person what it denies all others',
      provision: { type: 'deny', purpose: TPO, provision: [{ type: 'permit', actor: [actor('Practitioner/doctor')] }] },
      sees: { doctor: ALL, other: [] },
    },
  ],
  Advanced: [
    {
      what: 'permits what is normal',
      provision: { type: 'permit', purpose: TPO, securityLabel: [confidential('N')] },
      sees: { doctor: without('restricted', 'psy') },
    },
    {
      what: 'permits what is normal or restricted',
      provision: { type: 'permit', purpose: TPO, securityLabel: [confidential('N'), confidential('R')] },
      sees: { doctor: ALL },
    },
    {
      what: 'permits what is normal and denies what is restricted',
      provision: {
        type: 'permit',
        purpose: TPO,
        securityLabel: [confidential('N')],
        provision: [{ type: 'deny', securityLabel: [confidential('R')] }],
      },
      sees: { doctor: without('restricted', 'psy') },
    },
    {
      what: 'permits one person what is restricted, and others what is normal',
      provision: {
        type: 'permit',
        purpose: TPO,
        securityLabel: [confidential('N')],
        provision: [{ type: 'permit', securityLabel: [confidential('R')], actor: [actor('Practitioner/doctor')] }],
      },
      sees: { doctor: ALL, other: without('restricted', 'psy') },
    },
    {
      what: 'permits one person mental health beside what is normal',
      provision: {
        type: 'permit',
        purpose: TPO,
        securityLabel: [confidential('N')],
        provision: [{ type: 'permit', securityLabel: [actCode('PSY')], actor: [actor('Practitioner/doctor')] }],
      },
      sees: { doctor: without('restricted'), other: without('restricted', 'psy') },
    },
    {
      what: 'denies mental health',
      provision: { type: 'deny', securityLabel: [actCode('PSY')] },
      sees: { doctor: without('psy') },
    },
    {
      what: 'denies abuse of substances with its kinds',
      provision: { type: 'deny', securityLabel: [actCode('ETH')] },
      sees: { doctor: without('alcohol') },
    },
  ],
  R4: [
    {
      what: 'permits some data to somebody (the control of the next)',
      provision: RELEASED,
      sees: { doctor: ALL, nameless: [] },
    },
    {
      what: 'authorizes the release of some data to somebody',
      provision: RELEASED,
      more: { category: AUTHORIZATION },
      sees: { doctor: ALL, other: ALL, nameless: ALL, specialist: ALL },
    },
    {
      what: 'denies as a form of authorization',
      provision: { type: 'deny' },
      more: { category: AUTHORIZATION },
      sees: { doctor: [], nameless: [] },
    },
    {
      what: 'opts out',
      provision: undefined,
      more: { policyRule: { coding: [actCode('OPTOUT')] } },
      sees: { doctor: [], officer: ALL },
    },
    ...[
      {
        what: 'opts out beside a code of another system',
        coding: [{ system: 'urn:x', code: 'OPTIN' }, actCode('OPTOUT')],
      },
      { what: 'opts in and out', coding: [actCode('OPTIN'), actCode('OPTOUT')] },
    ].map(
      ({ what, coding }): Row => ({
        what,
        provision: undefined,
        more: { policyRule: { coding } },
        sees: { doctor: [] },
      }),
    ),
    ...[
      {
        what: 'has a scope of STU3',
        scope: { coding: [{ system: 'http://hl7.org/fhir/consentscope', code: 'patient-privacy' }] },
      },
      { what: 'has a scope without a system', scope: { coding: [{ code: 'patient-privacy' }] } },
      { what: 'has a scope of words', scope: { text: 'Privacy' } },
    ].map(({ what, scope }): Row => ({ what, provision: { type: 'deny' }, more: { scope }, sees: { doctor: [] } })),
    {
      what: 'denies every purpose',
      provision: { type: 'deny', purpose: [purpose('PurposeOfUse')] },
      sees: { doctor: [], researcher: [], foobar: [], nameless: [], patient: ALL },
    },
    ...[
      { what: 'permits a type beside an opt in', base: 'OPTIN', doctor: ALL },
      { what: 'permits a type and nothing else', base: undefined, doctor: only('enc') },
      { what: 'permits a type beside an opt out', base: 'OPTOUT', doctor: only('enc') },
    ].map(
      ({ what, base, doctor: seen }): Row => ({
        what,
        provision: { type: 'permit', class: [{ system: 'http://hl7.org/fhir/resource-types', code: 'Encounter' }] },
        more: base === undefined ? {} : { policyRule: { coding: [actCode(base)] } },
        sees: { doctor: seen },
      }),
    ),
    {
      what: 'opts in but for somebody',
      provision: { actor: [actor('Practitioner/other', 'PRCP')], action: [action('access'), action('correct')] },
      more: { policyRule: { coding: [actCode('OPTIN')] } },
      sees: { doctor: ALL, other: [] },
    },
    {
      what: 'opts out but for emergencies',
      provision: { purpose: [purpose('ETREAT')] },
      more: { policyRule: { coding: [actCode('OPTOUT')] } },
      sees: { doctor: [] },
    },
    {
      what: 'denies a type',
      provision: { type: 'deny', class: [{ system: 'http://hl7.org/fhir/resource-types', code: 'Encounter' }] },
      sees: { doctor: without('enc') },
    },
    {
      what: 'denies a code',
      provision: { type: 'deny', code: [{ coding: [{ system: 'http://loinc.org', code: '74013-4' }] }] },
      sees: { doctor: without('alcohol') },
    },
    {
      what: 'denies a profile',
      provision: {
        type: 'deny',
        class: [{ system: 'urn:ietf:rfc:3986', code: 'http://hl7.org/fhir/StructureDefinition/Observation' }],
      },
      sees: { doctor: only('p', 'enc') },
    },
    {
      what: 'denies an action that is no reading',
      provision: { type: 'deny', action: [action('correct')] },
      sees: { doctor: ALL },
    },
    {
      what: 'ties: a denial counts',
      provision: {
        type: 'permit',
        provision: [
          { type: 'permit', purpose: TPO },
          { type: 'deny', purpose: TPO },
        ],
      },
      sees: { doctor: [] },
    },
  ],
};
