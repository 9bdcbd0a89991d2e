/**
 * References, canonicals and URIs for the rows of their parameters; most of what they point at does not exist.
 * https://hl7.org/fhir/R4/search.html#reference, https://hl7.org/fhir/R4/references.html
 */
import type { JsonObject } from '../../../src/fhir/resource.js';
import { ELSEWHERE, type Known, MRN, OTHER } from './population.js';

export const UUID = 'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0';
export const OID = 'urn:oid:2.16.840.1.113883';

/** Task.focus: a reference to anything. */
const focuses: readonly Known[] = (
  [
    { reference: 'Patient/ghost' },
    { reference: 'Group/ghost' },
    { reference: 'Patient/ghost/_history/2' },
    { reference: `${ELSEWHERE}/Patient/ghost` },
    { reference: UUID },
    { reference: OID },
    { reference: 'Patient/Ghost' },
    { reference: 'Patient/ghost.2' },
    { type: 'Patient', identifier: { system: MRN, value: 'ghost' } },
    { identifier: { value: 'ghost' } },
    { reference: 'Patient/other', identifier: { system: OTHER, value: 'ghost' } },
    { display: 'a ghost' },
    undefined,
    { reference: 'http://pictures.example/ghost.png' },
    { reference: 'Patient/eve' },
  ] as readonly (JsonObject | undefined)[]
).map((focus, at) => ({
  resourceType: 'Task',
  id: `focus-${at + 1}`,
  status: 'ready',
  intent: 'order',
  ...(focus ? { focus } : {}),
}));

/** DiagnosticReport: one reference by type, several in a list, references inside of elements. */
const reports: readonly Known[] = [
  {
    resourceType: 'DiagnosticReport',
    id: 'report-1',
    status: 'final',
    code: { text: 'a report' },
    subject: { reference: 'Patient/nowhere' },
    performer: [{ reference: 'Practitioner/p1' }, { reference: 'Organization/o1' }],
    result: [{ reference: 'Observation/o1' }, { reference: 'Observation/o2' }],
    encounter: { reference: 'Encounter/e1' },
    media: [{ link: { reference: 'Media/m1' } }],
  },
  {
    resourceType: 'DiagnosticReport',
    id: 'report-2',
    status: 'final',
    code: { text: 'a report' },
    subject: { reference: 'Group/nowhere' },
    performer: [{ reference: 'PractitionerRole/p1' }],
    result: [{ reference: 'Observation/o2' }],
  },
  {
    resourceType: 'DiagnosticReport',
    id: 'report-3',
    status: 'final',
    code: { text: 'a report' },
    subject: { reference: 'Device/nowhere' },
  },
  {
    resourceType: 'DiagnosticReport',
    id: 'report-4',
    status: 'final',
    code: { text: 'a report' },
    subject: { reference: '#inside' },
    contained: [{ resourceType: 'Patient', id: 'inside' }],
  },
];

const GUIDE = 'http://plans.example/PlanDefinition/care';

/** CarePlan.instantiatesCanonical and instantiatesUri. */
const plans: readonly Known[] = (
  [
    { instantiatesCanonical: [GUIDE] },
    { instantiatesCanonical: [`${GUIDE}|1.0`] },
    { instantiatesCanonical: [`${GUIDE}|2.0`, 'http://plans.example/PlanDefinition/other'] },
    { instantiatesCanonical: [`${GUIDE}#step`] },
    { instantiatesUri: ['http://protocols.example/a/b/c', 'http://protocols.example/z'] },
    { instantiatesUri: ['http://protocols.example/a/b/'] },
    { instantiatesUri: ['http://protocols.example/a/b'] },
    { instantiatesUri: ['http://protocols.example/a'] },
    { instantiatesUri: ['http://protocols.example/ab'] },
    { instantiatesUri: ['HTTP://protocols.example/a/b'] },
    { instantiatesUri: [OID] },
    { instantiatesUri: [`${OID}.5`] },
    { instantiatesUri: [UUID] },
    { instantiatesUri: ['http://protocols.example/a/b?version=1'] },
    { instantiatesUri: ['http://protocols.example/a/B'] },
    {},
  ] as readonly JsonObject[]
).map((rest, at) => ({
  resourceType: 'CarePlan',
  id: `care-${at + 1}`,
  status: 'active',
  intent: 'plan',
  subject: { reference: 'Patient/nowhere' },
  ...rest,
}));

export const REFERRING: readonly Known[] = [...focuses, ...reports, ...plans];
