/** Faults of US Core 8.0.0: people and organizations. */
import type { JsonObject } from '../../../../src/fhir/resource.js';
import { example, type FaultGroup, GONE, group } from './fault.js';

export const usExample = (file: string, profile?: string) =>
  example(
    'hl7.fhir.us.core-8.0.0',
    file,
    profile && `http://hl7.org/fhir/us/core/StructureDefinition/us-core-${profile}|8.0.0`,
  );

const EXTENSION = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core';
const ABSENT = { url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' };
const RACE: JsonObject = { url: `${EXTENSION}-race`, extension: [{ url: 'text', valueString: 'x' }] };
const ofOmb = (code: string): JsonObject => ({
  url: 'ombCategory',
  valueCoding: { system: 'urn:oid:2.16.840.1.113883.6.238', code },
});

export const US_CORE_PEOPLE: readonly FaultGroup[] = [
  group('Patient of US Core', usExample('Patient-example'), [
    ['an identifier is required', { identifier: GONE }, 'profile-min Patient.identifier'],
    ['an identifier has a system', { 'identifier[0].system': GONE }, 'profile-min Patient.identifier[0].system'],
    ['an identifier has a value', { 'identifier[0].value': GONE }, 'profile-min Patient.identifier[0].value'],
    ['a name is required', { name: GONE }, 'profile-min Patient.name'],
    [
      'a name has a family or given name (us-core-6)',
      { 'name[0]': { text: 'Amy' } },
      'invariant(us-core-6) Patient.name[0]',
    ],
    [
      'a name is there or absent for a reason, not both (us-core-6)',
      { 'name[0].extension': [ABSENT] },
      'invariant(us-core-6) Patient.name[0]',
    ],
    ['a telecom has a value', { 'telecom[1].value': GONE }, 'profile-min Patient.telecom[1].value'],
    [
      'a telecom has a system, as its value needs (cpt-2)',
      { 'telecom[1].system': GONE },
      'profile-min Patient.telecom[1].system',
      'invariant(cpt-2) Patient.telecom[1]',
    ],
    ['race has a text', { 'extension[0].extension[5]': GONE }, 'slice-min Patient.extension[0].extension'],
    [
      'race has no second text',
      { 'extension[0].extension[6]': { url: 'text', valueString: 'again' } },
      'slice-max Patient.extension[0].extension',
    ],
    [
      'race has at most six categories of OMB',
      Object.fromEntries([6, 7, 8, 9].map(at => [`extension[0].extension[${at}]`, ofOmb('2054-5')])),
      'slice-max Patient.extension[0].extension',
    ],
    [
      'race has no value beside its parts (ext-1)',
      { 'extension[0].valueString': 'x' },
      'extension-content Patient.extension[0]',
      'invariant(ext-1) Patient.extension[0]',
      'profile-max Patient.extension[0].value',
    ],
    [
      'the text of race is a string',
      { 'extension[0].extension[5]': { url: 'text', valueCode: 'x' } },
      'type-not-allowed Patient.extension[0].extension[5].value',
    ],
    ['race is told once', { 'extension[5]': RACE }, 'slice-max Patient.extension'],
    [
      'an unknown race stands alone (us-core-23)',
      {
        'extension[0].extension[0].valueCoding': {
          system: 'http://terminology.hl7.org/CodeSystem/v3-NullFlavor',
          code: 'UNK',
        },
      },
      'invariant(us-core-23) Patient.extension[0]',
    ],
    [
      'enrolment in a tribe is a boolean',
      { 'extension[2].extension[1]': { url: 'isEnrolled', valueString: 'yes' } },
      'type-not-allowed Patient.extension[2].extension[1].value',
    ],
    ['a tribe is named', { 'extension[2].extension[0]': GONE }, 'slice-min Patient.extension[2].extension'],
    [
      'race is of a person, not of a name',
      { 'name[0].extension': [RACE] },
      'extension-context Patient.name[0].extension[0]',
    ],
    [
      'sex is a Coding',
      { 'extension[3]': { url: `${EXTENSION}-sex`, valueCode: 'female' } },
      'type-not-allowed Patient.extension[3].value',
    ],
    [
      'sex has a value',
      { 'extension[3]': { url: `${EXTENSION}-sex` } },
      'extension-content Patient.extension[3]',
      'invariant(ext-1) Patient.extension[3]',
      'profile-min Patient.extension[3].value',
    ],
  ]),

  group('Practitioner of US Core', usExample('Practitioner-practitioner-1'), [
    ['an identifier is required', { identifier: GONE }, 'profile-min Practitioner.identifier'],
    ['an identifier has a system', { 'identifier[1].system': GONE }, 'profile-min Practitioner.identifier[1].system'],
    [
      'an NPI has ten digits (us-core-16)',
      { 'identifier[0].value': '99413391' },
      'invariant(us-core-16) Practitioner.identifier[0]',
      'invariant(us-core-17) Practitioner.identifier[0]',
    ],
    [
      'an NPI has its check digit (us-core-17)',
      { 'identifier[0].value': '9941339101' },
      'invariant(us-core-17) Practitioner.identifier[0]',
    ],
    ['a name is required', { name: GONE }, 'profile-min Practitioner.name'],
    ['a name has a family name', { 'name[0].family': GONE }, 'profile-min Practitioner.name[0].family'],
    [
      'an address has at most four lines',
      { 'address[0].line': ['a', 'b', 'c', 'd', 'e'] },
      'profile-max Practitioner.address[0].line',
    ],
  ]),

  group('Organization of US Core', usExample('Organization-acme-lab'), [
    ['it is told whether it is active', { active: GONE }, 'profile-min Organization.active'],
    ['it has a name', { name: GONE }, 'profile-min Organization.name'],
    [
      'an NPI has its check digit (us-core-17)',
      { 'identifier[0].value': '1144221848' },
      'invariant(us-core-17) Organization.identifier[0]',
    ],
    [
      'a CLIA number has its form (us-core-18)',
      { 'identifier[1].value': '12X4567890' },
      'invariant(us-core-18) Organization.identifier[1]',
    ],
    [
      'a NAIC number has five digits (us-core-19)',
      { 'identifier[2]': { system: 'urn:oid:2.16.840.1.113883.6.300', value: '123456' } },
      'invariant(us-core-19) Organization.identifier[2]',
    ],
    [
      'an address has at most four lines',
      { 'address[0].line': ['a', 'b', 'c', 'd', 'e'] },
      'profile-max Organization.address[0].line',
    ],
  ]),

  group('RelatedPerson of US Core', usExample('RelatedPerson-shaw-niece'), [
    ['it is told whether it counts', { active: GONE }, 'profile-min RelatedPerson.active'],
    [
      'a name or relationship is told (us-core-14)',
      { name: GONE, relationship: GONE },
      'invariant(us-core-14) RelatedPerson',
    ],
    ['the patient is a Patient', { 'patient.reference': 'Person/1' }, 'target-type RelatedPerson.patient'],
  ]),

  group('Coverage of US Core', usExample('Coverage-coverage-example'), [
    ['a member has an id (us-core-15)', { identifier: GONE, subscriberId: GONE }, 'invariant(us-core-15) Coverage'],
    [
      'a member has one id',
      {
        'identifier[1]': {
          type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MB' }] },
          value: '2',
        },
      },
      'slice-max Coverage.identifier',
    ],
    ['the relationship is told', { relationship: GONE }, 'profile-min Coverage.relationship'],
    ['one payor pays', { 'payor[1]': { reference: 'Organization/2' } }, 'profile-max Coverage.payor'],
    [
      'there is one group',
      {
        'class[1].type': {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/coverage-class', code: 'group' }],
        },
      },
      'slice-max Coverage.class',
    ],
    ['a payor is no location', { 'payor[0].reference': 'Location/2' }, 'target-type Coverage.payor[0]'],
  ]),

  group('CareTeam of US Core', usExample('CareTeam-example'), [
    ['somebody takes part', { participant: GONE }, 'profile-min CareTeam.participant'],
    ['a participant has a role', { 'participant[0].role': GONE }, 'profile-min CareTeam.participant[0].role'],
    [
      'a participant has one role',
      { 'participant[0].role[1]': { text: 'x' } },
      'profile-max CareTeam.participant[0].role',
    ],
    ['a participant is somebody', { 'participant[0].member': GONE }, 'profile-min CareTeam.participant[0].member'],
    ['the subject is told', { subject: GONE }, 'profile-min CareTeam.subject'],
    [
      'only practitioners act for somebody (ctm-1)',
      { 'participant[2].onBehalfOf': { reference: 'Organization/1' } },
      'invariant(ctm-1) CareTeam.participant[2]',
    ],
  ]),

  group('Device of US Core', usExample('Device-udi-1'), [
    ['there is one UDI', { 'udiCarrier[1]': { deviceIdentifier: '1' } }, 'profile-max Device.udiCarrier'],
    [
      'a UDI names the device',
      { 'udiCarrier[0].deviceIdentifier': GONE },
      'profile-min Device.udiCarrier[0].deviceIdentifier',
    ],
    ['its type is told', { type: GONE }, 'profile-min Device.type'],
    ['its patient is told', { patient: GONE }, 'profile-min Device.patient'],
  ]),
];
