/**
 * Who attacks, and what must not be told to them. Everything that is forbidden to an attacker carries a canary, a text that nothing else holds, and
 * has an id that begins with `hid-`; for each such id there is one of nothing that differs in three letters (`abs-`), so that two answers can be
 * compared byte for byte.
 */
import type { FhirResource } from 'fhir/r4.js';
import type { Json } from '../../src/fhir/resource.js';
import { DUTY_LETTERS, type Letter, type Principal, type Scope } from '../../src/identity/principal.js';
import type { Where } from '../../src/search/query.js';

export const CANARY = 'CANARY';
/** What a type of the record of a patient needs beside its id, subject and canary. */
const ABOUT: Readonly<Record<string, (subject: Json) => Readonly<Record<string, Json>>>> = {
  Observation: subject => ({
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '1234-5' }] },
    category: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] },
    ],
    effectiveDateTime: '2026-01-02',
    subject,
  }),
  Condition: subject => ({ code: { coding: [{ system: 'urn:c', code: 'x' }] }, subject }),
  Encounter: subject => ({ status: 'finished', class: { code: 'AMB' }, subject }),
  DiagnosticReport: subject => ({ status: 'final', code: { text: 'r' }, subject }),
  DocumentReference: subject => ({
    status: 'current',
    content: [{ attachment: { contentType: 'text/plain', title: 't' } }],
    subject,
  }),
  MedicationRequest: subject => ({
    status: 'active',
    intent: 'order',
    medicationCodeableConcept: { text: 'm' },
    subject,
  }),
  Procedure: subject => ({ status: 'completed', code: { text: 'p' }, subject }),
  QuestionnaireResponse: subject => ({ status: 'completed', subject }),
  List: subject => ({ status: 'current', mode: 'working', subject }),
  Immunization: patient => ({ status: 'completed', vaccineCode: { text: 'v' }, occurrenceString: 'once', patient }),
  AllergyIntolerance: patient => ({
    verificationStatus: {
      coding: [
        { system: 'http://terminology.hl7.org/CodeSystem/allergyintolerance-verification', code: 'entered-in-error' },
      ],
    },
    code: { text: 'a' },
    patient,
  }),
  Task: subject => ({ status: 'requested', intent: 'order', for: subject }),
};
export const RECORD_TYPES: readonly string[] = Object.keys(ABOUT);

export const canaryOf = (name: string): string => `${CANARY}-${name}`;

/** One resource of the record of a patient; it says `says` in its narrative and as an identifier, where its type has one. */
export function recorded(
  type: string,
  id: string,
  patient: string,
  says: string,
  more: Readonly<Record<string, Json>> = {},
): FhirResource {
  const made = {
    resourceType: type,
    id,
    meta: { tag: [{ system: 'urn:t', code: says }] },
    text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${says}</div>` },
    ...(type === 'QuestionnaireResponse'
      ? { identifier: { system: 'urn:i', value: says } }
      : { identifier: [{ system: 'urn:i', value: says }] }),
    ...ABOUT[type]!({ reference: `Patient/${patient}` }),
    ...more,
  };
  return made as unknown as FhirResource;
}

const patient = (id: string, says: string, house: string, more: object = {}): FhirResource => ({
  resourceType: 'Patient',
  id,
  meta: { tag: [{ system: 'urn:t', code: says }] },
  identifier: [{ system: 'urn:i', value: says }],
  name: [{ family: says }],
  managingOrganization: { reference: `Organization/${house}` },
  ...more,
});

/** In the order in which they are written; several of one id are its versions. Of `own` the attackers see, of `hid-p` nothing. */
export const POPULATION: readonly FhirResource[] = [
  { resourceType: 'Organization', id: 'o-one', name: 'One' },
  { resourceType: 'Organization', id: 'o-two', name: 'Two' },
  { resourceType: 'Practitioner', id: 'doctor', name: [{ family: 'Doctor' }] },
  patient('own', 'mine', 'o-one', { birthDate: '1980-01-01' }),
  patient('hid-p', canaryOf('p'), 'o-two', { birthDate: '1970-01-01', gender: 'other' }),
  ...RECORD_TYPES.flatMap(type => [
    recorded(type, `own-${type}`, 'own', `seen-${type}`),
    recorded(type, `hid-${type}`, 'hid-p', `${canaryOf(type)}-first`),
    recorded(type, `hid-${type}`, 'hid-p', canaryOf(type)),
  ]),
  ...(['own', 'hid'] as const).flatMap((each): FhirResource[] => [
    {
      resourceType: 'Binary',
      id: `${each}-Binary`,
      contentType: 'text/plain',
      data: Buffer.from(each === 'own' ? 'mine' : canaryOf('bytes')).toString('base64'),
    },
    recorded(
      'DocumentReference',
      `${each}-bytes`,
      each === 'own' ? 'own' : 'hid-p',
      each === 'own' ? 'seen-bytes' : canaryOf('of-bytes'),
      {
        content: [{ attachment: { contentType: 'text/plain', url: `Binary/${each}-Binary` } }],
      },
    ),
  ]),
  // What refers across the border, both ways: the name of the other one may be seen, and nothing of it.
  recorded('Observation', 'ref-Observation', 'hid-p', canaryOf('ref')),
  recorded('Observation', 'own-crossing', 'own', 'crossing', {
    hasMember: [{ reference: 'Observation/ref-Observation' }],
  }),
  recorded('List', 'own-list', 'own', 'listing', {
    entry: [
      { item: { reference: 'Observation/ref-Observation' } },
      { item: { reference: 'Observation/own-Observation' } },
    ],
  }),
  recorded('List', 'hid-list', 'hid-p', canaryOf('list'), {
    entry: [{ item: { reference: 'Observation/own-Observation' } }],
  }),
  recorded('DiagnosticReport', 'hid-pointing', 'hid-p', canaryOf('pointing'), {
    result: [{ reference: 'Observation/own-Observation' }],
  }),
  // A version of somebody else's record, before it was put right.
  // Labels stay with a resource.
  recorded('Observation', 'own-moved', 'hid-p', canaryOf('moved'), { meta: { source: 'urn:s' } }),
  recorded('Observation', 'own-moved', 'own', 'moved'),
  // And one that was theirs and is not any more.
  recorded('Observation', 'gone-away', 'own', 'before'),
  recorded('Observation', 'gone-away', 'hid-p', canaryOf('away')),
  recorded('Observation', 'hid-deleted', 'hid-p', canaryOf('deleted')),
  recorded('Observation', 'own-deleted', 'own', 'deleted'),
];
export const DELETED: readonly string[] = ['Observation/hid-deleted', 'Observation/own-deleted'];

/** Roles beside the administrator, as a file of roles has them. */
export const ATTACKED_ROLES: Readonly<Record<string, Json>> = {
  all: { types: [{ type: '*', letters: 'cruds' }], operations: ['*'] },
  // Nothing of Condition; of Patient and Observation what carries no canary of others.
  laboratory: {
    types: [
      { type: 'Patient', letters: 'rs', where: '_id=own' },
      { type: 'Observation', letters: 'cruds', where: 'subject=Patient/own' },
      { type: 'List', letters: 'r', where: '_id=own-list' },
      { type: 'Organization', letters: 'rs' },
    ],
    operations: ['everything', 'meta', 'meta-add', 'meta-delete', 'validate'],
  },
  // What is theirs of jobs, and nothing of others.
  worker: {
    types: [{ type: '*', letters: 'cruds' }],
    operations: ['import', 'jobs', 'jobs-cancel', 'jobs-status'],
  },
  // By chains.
  house: {
    types: [
      { type: 'Patient', letters: 'cruds', where: 'organization=Organization/o-one' },
      ...RECORD_TYPES.map(type => ({ type, letters: 'cruds', where: 'patient.organization=Organization/o-one' })),
      { type: 'Organization', letters: 'rs' },
      { type: 'Binary', letters: 'rs' },
    ],
    operations: ['everything', 'meta', 'meta-add', 'meta-delete', 'validate'],
  },
};

const scope = (context: Scope['context'], type: string, letters: string, where?: Where): Scope => ({
  context,
  type,
  letters: new Set<Letter>(DUTY_LETTERS.filter(letter => letters.includes(letter))),
  ...(where ? { where } : {}),
  text: `${context}/${type}.${letters}`,
});

export const ATTACKERS = {
  /** An application that was launched for one patient, in the hands of somebody who may do everything. */
  app: { name: 'user', client: 'app', role: 'all', scopes: [scope('patient', '*', 'cruds')], patient: 'own' },
  /** The same user by an application that only reads. */
  looker: { name: 'user', client: 'looker', role: 'all', scopes: [scope('patient', '*', 'rs')], patient: 'own' },
  laboratory: { name: 'laboratory', role: 'laboratory' },
  house: { name: 'house', role: 'house' },
  /** One type alone, and of that what belongs to one patient. */
  narrow: {
    name: 'narrow',
    role: 'all',
    scopes: [
      scope('user', 'Observation', 'rs', {
        kind: 'param',
        code: 'subject',
        test: { kind: 'reference', to: { kind: 'local', type: 'Patient', id: 'own' } },
      }),
    ],
  },
  worker: { name: 'worker', role: 'worker' },
  owner: { name: 'owner', role: 'admin' },
} as const satisfies Record<string, Principal>;
export type Attacker = keyof typeof ATTACKERS;
