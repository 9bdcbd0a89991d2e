/** Faults of IHE PDQm 3.2.0. */
import { example, type FaultGroup, GONE, group } from './fault.js';

const pdqm = (file: string) => example('ihe.iti.pdqm-3.2.0', file);
const MAIDEN = 'http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName';

export const PDQM: readonly FaultGroup[] = [
  group('Patient of PDQm', pdqm('Patient-ex-patient'), [
    ['an identifier is required', { identifier: GONE }, 'profile-min Patient.identifier'],
    ['an identifier has a system', { 'identifier[0].system': GONE }, 'profile-min Patient.identifier[0].system'],
    [
      'a name has a part (iti-pdqm-patname)',
      { 'name[0]': { use: 'usual' } },
      'invariant(iti-pdqm-patname) Patient.name[0]',
    ],
    [
      'a link needs to be told active (iti-pdqm-linkstatus)',
      { link: [{ other: { reference: 'Patient/2' }, type: 'seealso' }] },
      'invariant(iti-pdqm-linkstatus) Patient',
    ],
    ['no rules beside R4', { implicitRules: 'http://a.example/rules' }, 'profile-max Patient.implicitRules'],
    [
      'no modifier',
      { modifierExtension: [{ url: 'http://a.example/modifier', valueBoolean: true }] },
      'profile-max Patient.modifierExtension',
    ],
    [
      "a mother's maiden name is told once",
      { extension: ['x', 'y'].map(valueString => ({ url: MAIDEN, valueString })) },
      'slice-max Patient.extension',
    ],
    [
      "a mother's maiden name is a string",
      { extension: [{ url: MAIDEN, valueCode: 'x' }] },
      'type-not-allowed Patient.extension[0].value',
    ],
  ]),

  group('input of a match of PDQm', pdqm('Parameters-ex-match-input-count'), [
    ['a patient is required', { 'parameter[0]': GONE }, 'slice-min Parameters.parameter'],
    [
      'no other parameter (closed)',
      { 'parameter[2]': { name: 'other', valueString: 'x' } },
      'slice-closed Parameters.parameter[2]',
    ],
    ['a count is told once', { 'parameter[2]': { name: 'count', valueInteger: 2 } }, 'slice-max Parameters.parameter'],
    [
      'a count is a number',
      { 'parameter[1]': { name: 'count', valueString: '1' } },
      'type-not-allowed Parameters.parameter[1].value',
    ],
    [
      'what is looked for is a Patient',
      { 'parameter[0].resource': { resourceType: 'Person', active: true } },
      'type-not-allowed Parameters.parameter[0].resource',
    ],
    [
      'a patient has no rules',
      { 'parameter[0].resource.implicitRules': 'http://a.example/rules' },
      'profile-max Parameters.parameter[0].resource.implicitRules',
    ],
    [
      'at most three parameters',
      {
        'parameter[2]': { name: 'onlyCertainMatches', valueBoolean: true },
        'parameter[3]': { name: 'onlyCertainMatches', valueBoolean: true },
      },
      'profile-max Parameters.parameter',
      'slice-max Parameters.parameter',
    ],
  ]),

  group('output of a match of PDQm', pdqm('Bundle-ex-match-output'), [
    ['it is a searchset', { type: 'collection' }, 'invariant(bdl-2) Bundle', 'pattern-value Bundle.type'],
    [
      'a match has a grade',
      { 'entry[0].search.extension': GONE },
      'profile-min Bundle.entry[0].search.extension',
      'slice-min Bundle.entry[0].search.extension',
    ],
    ['a match has a score', { 'entry[0].search.score': GONE }, 'profile-min Bundle.entry[0].search.score'],
    ['a match is one', { 'entry[0].search.mode': 'include' }, 'pattern-value Bundle.entry[0].search.mode'],
    ['a match is told', { 'entry[0].search': GONE }, 'profile-min Bundle.entry[0].search'],
    [
      'nothing but patients and outcomes (closed)',
      {
        'entry[1]': {
          fullUrl: 'http://a.example/Basic/1',
          resource: { resourceType: 'Basic', id: '1', code: { text: 'x' } },
          search: { mode: 'match' },
        },
      },
      'slice-closed Bundle.entry[1]',
    ],
    [
      'a patient conforms to PDQm',
      { 'entry[0].resource.identifier': GONE },
      'profile-min Bundle.entry[0].resource.identifier',
    ],
  ]),

  group('answer of a query of PDQm', pdqm('Bundle-ex-QueryPatientResourceResponseMessage'), [
    [
      'it is a searchset',
      { type: 'history' },
      'invariant(bdl-3) Bundle',
      'invariant(bdl-4) Bundle',
      'fixed-value Bundle.type',
    ],
    ['the total is told', { total: GONE }, 'profile-min Bundle.total'],
    ['an entry has its address', { 'entry[0].fullUrl': GONE }, 'profile-min Bundle.entry[0].fullUrl'],
  ]),

  group('audit event of a match of PDQm', pdqm('AuditEvent-ex-auditPdqmMatch-supplier'), [
    ['it is of ITI-119', { 'subtype[0].code': 'ITI-78' }, 'slice-min AuditEvent.subtype'],
    ['it has two subtypes', { 'subtype[0]': GONE }, 'profile-min AuditEvent.subtype', 'slice-min AuditEvent.subtype'],
    [
      'the server observes (val-audit-source)',
      { 'agent[1].who.display': 'other' },
      'invariant(val-audit-source) AuditEvent.agent[1]',
    ],
    ['a server is there', { 'agent[1]': GONE }, 'profile-min AuditEvent.agent', 'slice-min AuditEvent.agent'],
    ['a query is there', { entity: GONE }, 'profile-min AuditEvent.entity', 'slice-min AuditEvent.entity'],
    [
      'no modifier',
      { modifierExtension: [{ url: 'http://a.example/modifier', valueBoolean: true }] },
      'profile-max AuditEvent.modifierExtension',
    ],
    ['the query is told', { 'entity[0].query': GONE }, 'profile-min AuditEvent.entity[0].query'],
    [
      'the type is REST',
      { 'type.code': 'query' },
      'unknown-code AuditEvent.type.code',
      'pattern-value AuditEvent.type',
    ],
    [
      'an outcome is one of these',
      { outcome: '9' },
      'binding-required AuditEvent.outcome',
      'pattern-value AuditEvent.outcome',
    ],
  ]),
];
