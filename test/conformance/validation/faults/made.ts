/** Faults against profiles that were made for it. */
import type { JsonObject } from '../../../../src/fhir/resource.js';
import { claiming, type FaultGroup, GONE, group } from './fault.js';
import { FRENCH, MADE_AT, madeUrl, MARRIED } from './made-definitions.js';
import { NARRATIVE } from './r4.js';
import { uuid } from './r4-bundles.js';

const patient = (name: string, more: JsonObject) => (): JsonObject =>
  claiming(madeUrl(name), { resourceType: 'Patient', text: NARRATIVE, ...more });
const observation = (name: string, more: JsonObject) => (): JsonObject =>
  claiming(madeUrl(name), {
    resourceType: 'Observation',
    text: NARRATIVE,
    status: 'final',
    code: { text: 'x' },
    ...more,
  });

const id = (letter: string, value = '1'): JsonObject => ({ system: `http://${letter}.example`, value });
const colour = (code: string): JsonObject => ({ coding: [{ system: `${MADE_AT}/CodeSystem/colours`, code }] });
const grams = (value: number, code = 'g'): JsonObject => ({
  value,
  unit: code,
  system: 'http://unitsofmeasure.org',
  code,
});

const systems = { identifier: [id('a'), id('b')] };
const kind: JsonObject = { url: madeUrl('kind'), valueCode: 'legal' };
const named: JsonObject = { resourceType: 'Practitioner', id: 'd', name: [{ family: 'x' }] };

/** Of a code system that is known, and that the value sets do not have. */
const OTHER_CODE = MARRIED;
const ACME: JsonObject = { resourceType: 'Organization', id: 'a', name: 'x' };

const bundled = (): JsonObject => ({
  resourceType: 'Bundle',
  type: 'collection',
  entry: [
    {
      fullUrl: uuid(1),
      resource: observation('referring-in-bundle', { performer: [{ reference: uuid(2) }] })(),
    },
    { fullUrl: uuid(2), resource: { resourceType: 'Practitioner', name: [{ family: 'x' }], text: NARRATIVE } },
  ],
});

export const MADE_FAULTS: readonly FaultGroup[] = [
  group('closed slices', patient('closed', systems), [
    ['nothing else', { 'identifier[1].system': 'http://c.example' }, 'slice-closed Patient.identifier[1]'],
    ['nothing that cannot be told apart', { 'identifier[1].system': GONE }, 'slice-closed Patient.identifier[1]'],
    ['one of a slice', { 'identifier[1].system': 'http://a.example' }, 'slice-max Patient.identifier'],
    [
      'two of a slice',
      { 'identifier[2]': id('b', '2'), 'identifier[3]': id('b', '3') },
      'slice-max Patient.identifier',
    ],
    ['a slice is there', { 'identifier[0]': GONE }, 'slice-min Patient.identifier'],
  ]),
  group('ordered slices', patient('ordered', systems), [
    ['in their order', { identifier: [id('b'), id('a')] }, 'slice-order Patient.identifier[1]'],
  ]),
  group('slices that are open at the end', patient('open-at-end', { identifier: [id('a'), id('b'), id('c')] }), [
    ['others at the end', { identifier: [id('a'), id('c'), id('b')] }, 'slice-order Patient.identifier[2]'],
    ['in their order', { identifier: [id('b'), id('a'), id('c')] }, 'slice-order Patient.identifier[1]'],
  ]),
  group(
    'values',
    patient('values', {
      name: [{ family: 'x' }],
      birthDate: '1970-01-01',
      multipleBirthInteger: 2,
      gender: 'female',
      maritalStatus: MARRIED,
      contact: [{ name: { family: 'y' }, gender: 'male' }],
      communication: [{ language: FRENCH }],
      address: [{ line: ['x'], postalCode: '12345' }],
    }),
    [
      ['a text is short', { 'name[0].family': 'longer than five' }, 'max-length Patient.name[0].family'],
      ['a date is late', { birthDate: '1899-12-31' }, 'min-value Patient.birthDate'],
      ['a date is early', { birthDate: '2025-01-01' }, 'max-value Patient.birthDate'],
      ['a number is large', { multipleBirthInteger: 0 }, 'min-value Patient.multipleBirth'],
      ['a number is small', { multipleBirthInteger: 10 }, 'max-value Patient.multipleBirth'],
      [
        'a choice has the type',
        { multipleBirthInteger: GONE, multipleBirthBoolean: true },
        'type-not-allowed Patient.multipleBirth',
      ],
      ['a fixed code', { gender: 'male' }, 'fixed-value Patient.gender'],
      ['a pattern', { 'maritalStatus.coding[0].code': 'S' }, 'pattern-value Patient.maritalStatus'],
      [
        'a pattern with more beside it',
        { 'maritalStatus.coding[0].system': 'http://example.org/status' },
        'pattern-value Patient.maritalStatus',
      ],
      ['an element inside', { 'contact[0].gender': GONE }, 'profile-min Patient.contact[0].gender'],
      ['an element that is not allowed', { photo: [{ title: 'x' }] }, 'profile-max Patient.photo'],
      ['a profile of a type: there', { 'address[0].postalCode': GONE }, 'profile-min Patient.address[0].postalCode'],
      ['a profile of a type: short', { 'address[0].postalCode': '123456' }, 'max-length Patient.address[0].postalCode'],
      ['a profile of a type: at most', { 'address[0].line': ['a', 'b', 'c'] }, 'profile-max Patient.address[0].line'],
      [
        'what is fixed has nothing else',
        { 'communication[0].language.text': 'French' },
        'fixed-value Patient.communication[0].language',
      ],
    ],
  ),
  group('quantities', observation('measured', { valueQuantity: grams(500) }), [
    ['a quantity is large', { 'valueQuantity.value': 0.5 }, 'min-value Observation.value'],
    ['a quantity is small, by its unit', { 'valueQuantity.value': 2001 }, 'max-value Observation.value'],
    ['a quantity is large, in another unit', { valueQuantity: grams(900, 'mg') }, 'min-value Observation.value'],
    ['a value is a quantity', { valueQuantity: GONE, valueString: 'x' }, 'type-not-allowed Observation.value'],
  ]),
  group(
    'slices by what exists',
    patient('by-exists', {
      telecom: [
        { system: 'phone', value: '1', rank: 1 },
        { system: 'phone', value: '2', period: { start: '2020' } },
      ],
    }),
    [
      [
        'one with a period',
        { 'telecom[2]': { system: 'phone', value: '3', period: { start: '2021' } } },
        'slice-max Patient.telecom',
      ],
      ['one without', { 'telecom[0]': GONE }, 'slice-min Patient.telecom'],
      ['one without has a rank', { 'telecom[0].rank': GONE }, 'profile-min Patient.telecom[0].rank'],
    ],
  ),
  group(
    'slices by pattern',
    observation('by-pattern', {
      category: [
        {
          coding: [
            { system: 'http://a.example', code: 'lab' },
            { system: 'http://b.example', code: 'l' },
          ],
          text: 'x',
        },
      ],
    }),
    [
      ['one has the pattern', { 'category[0].coding[0].code': 'other' }, 'slice-min Observation.category'],
      [
        'one at most',
        { 'category[1]': { coding: [{ system: 'http://a.example', code: 'lab' }], text: 'y' } },
        'slice-max Observation.category',
      ],
      ['it has a text', { 'category[0].text': GONE }, 'profile-min Observation.category[0].text'],
    ],
  ),
  group(
    'slices by type',
    () =>
      claiming(madeUrl('by-type'), {
        resourceType: 'Bundle',
        type: 'collection',
        entry: [
          {
            fullUrl: 'http://example.org/fhir/Patient/1',
            resource: { resourceType: 'Patient', id: '1', text: NARRATIVE },
          },
          {
            fullUrl: 'http://example.org/fhir/Observation/1',
            resource: { resourceType: 'Observation', id: '1', text: NARRATIVE, status: 'final', code: { text: 'x' } },
          },
        ],
      }),
    [
      [
        'no other type',
        {
          'entry[2]': {
            fullUrl: 'http://example.org/fhir/Basic/1',
            resource: { resourceType: 'Basic', id: '1', text: NARRATIVE, code: { text: 'x' } },
          },
        },
        'slice-closed Bundle.entry[2]',
      ],
      [
        'one patient',
        {
          'entry[2]': {
            fullUrl: 'http://example.org/fhir/Patient/2',
            resource: { resourceType: 'Patient', id: '2', text: NARRATIVE },
          },
        },
        'slice-max Bundle.entry',
      ],
      ['an observation', { 'entry[1]': GONE }, 'profile-min Bundle.entry', 'slice-min Bundle.entry'],
      ['an observation has its address', { 'entry[1].fullUrl': GONE }, 'profile-min Bundle.entry[1].fullUrl'],
    ],
  ),
  group(
    'slices by type of the target',
    observation('by-type-of-target', {
      contained: [named, ACME],
      performer: [{ reference: '#d' }, { reference: '#a' }],
    }),
    [
      ['a doctor', { 'performer[0]': GONE, 'contained[0]': GONE }, 'slice-min Observation.performer'],
      [
        'one doctor',
        { 'contained[2]': { ...named, id: 'e' }, 'performer[2]': { reference: '#e' } },
        'slice-max Observation.performer',
      ],
    ],
  ),
  group(
    'slices by profile of the target',
    observation('by-profile', { contained: [named], performer: [{ reference: '#d' }] }),
    [
      [
        'a doctor has a name',
        { 'contained[0].name': GONE },
        'slice-closed Observation.performer[0]',
        'slice-min Observation.performer',
      ],
      [
        'nobody else',
        { 'contained[1]': { resourceType: 'Organization', id: 'e', name: 'x' }, 'performer[1]': { reference: '#e' } },
        'slice-closed Observation.performer[1]',
      ],
    ],
  ),
  group(
    'slices by two discriminators',
    patient('by-two', {
      identifier: [
        { ...id('a'), use: 'official' },
        { ...id('a', '2'), use: 'old' },
      ],
    }),
    [
      ['by the first', { 'identifier[0].system': 'http://b.example' }, 'slice-min Patient.identifier'],
      ['by the second', { 'identifier[0].use': 'usual' }, 'slice-min Patient.identifier'],
      ['by both', { 'identifier[1].use': 'official' }, 'slice-max Patient.identifier'],
    ],
  ),
  group(
    'slices by an extension',
    patient('by-extension', { name: [{ extension: [kind], family: 'x' }, { given: ['y'] }] }),
    [
      ['one is legal', { 'name[0].extension': GONE }, 'slice-min Patient.name'],
      [
        'a legal one has a family name',
        { 'name[0].family': GONE, 'name[0].given': ['y'] },
        'profile-min Patient.name[0].family',
      ],
    ],
  ),
  group(
    'slices of a slice',
    patient('resliced', { identifier: [{ ...id('a'), use: 'official' }, id('a', '2'), id('b')] }),
    [
      ['an official one', { 'identifier[0].use': 'usual' }, 'slice-min Patient.identifier'],
      ['one official one', { 'identifier[1].use': 'official' }, 'slice-max Patient.identifier'],
      ['an official one has a value', { 'identifier[0].value': GONE }, 'profile-min Patient.identifier[0].value'],
      [
        'three of the slice',
        { 'identifier[3]': id('a', '3'), 'identifier[4]': id('a', '4') },
        'slice-max Patient.identifier',
      ],
    ],
  ),
  group(
    'references',
    observation('referring', {
      contained: [{ resourceType: 'Patient', id: 'p', gender: 'female' }],
      subject: { reference: '#p' },
      specimen: { reference: 'Specimen/1' },
      device: { reference: 'Device/1' },
    }),
    [
      ['a target conforms to its profile', { 'contained[0].gender': 'male' }, 'target-profile Observation.subject'],
      [
        'a target is contained',
        { subject: { reference: 'Patient/1' }, contained: GONE },
        'reference-aggregation Observation.subject',
      ],
      [
        'a target is not contained',
        { 'contained[1]': { resourceType: 'Specimen', id: 's' }, specimen: { reference: '#s' } },
        'reference-aggregation Observation.specimen',
      ],
      ['a target is of the type', { 'device.reference': 'DeviceMetric/1' }, 'target-type Observation.device'],
      [
        'a target is of the type, elsewhere',
        { 'device.reference': 'http://example.org/fhir/Patient/1' },
        'target-type Observation.device',
      ],
    ],
  ),
  group('references in a Bundle', bundled, [
    [
      'a target conforms to its profile',
      { 'entry[1].resource.name': GONE },
      'target-profile Bundle.entry[0].resource.performer[0]',
    ],
    [
      'a target is of the type',
      { 'entry[1].resource': { resourceType: 'Organization', name: 'x', text: NARRATIVE } },
      'target-type Bundle.entry[0].resource.performer[0]',
    ],
    [
      'a target is in the Bundle',
      { 'entry[0].resource.performer[0].reference': 'http://example.org/fhir/Practitioner/1' },
      'reference-aggregation Bundle.entry[0].resource.performer[0]',
    ],
  ]),
  group(
    'bindings',
    observation('bound', {
      code: colour('red'),
      method: colour('red'),
      bodySite: colour('red'),
      dataAbsentReason: colour('red'),
      interpretation: [colour('yellow')],
    }),
    [
      [
        'required: a code of the set',
        { code: colour('green') },
        'unknown-code Observation.code.coding[0].code',
        'binding-required Observation.code',
      ],
      [
        'required: a code system of the set',
        { 'code.coding[0].system': 'http://example.org/other' },
        'binding-required Observation.code',
      ],
      ['required: a code at all', { code: { text: 'red' } }, 'binding-required Observation.code'],
      ['required: its system', { 'code.coding[0].system': GONE }, 'binding-required Observation.code'],
      [
        'required: a code of the system is not enough',
        { 'interpretation[0]': colour('blue') },
        'binding-required Observation.interpretation[0]',
      ],
      [
        'extensible: a code of the set where there is one',
        { method: OTHER_CODE },
        'warning binding-extensible Observation.method',
      ],
      [
        'extensible: no unknown code of the system',
        { method: colour('green') },
        'unknown-code Observation.method.coding[0].code',
      ],
      [
        'preferred: a code of the set is better',
        { bodySite: OTHER_CODE },
        'information binding-preferred Observation.bodySite',
      ],
      [
        'no code beyond the largest set',
        { dataAbsentReason: OTHER_CODE },
        'binding-required Observation.dataAbsentReason',
      ],
      [
        'letters have their case',
        { code: colour('Red') },
        'unknown-code Observation.code.coding[0].code',
        'binding-required Observation.code',
      ],
      [
        'a display is that of the code',
        { 'code.coding[0].display': 'Blue' },
        'warning wrong-display Observation.code.coding[0].display',
      ],
    ],
  ),
  group(
    'invariants',
    patient('ruled', { name: [{ family: 'x' }], photo: [{ title: 'x' }], contact: [{ name: { family: 'y' } }] }),
    [
      ['of the resource (made-1)', { name: GONE }, 'invariant(made-1) Patient'],
      ['as a warning (made-2)', { photo: GONE }, 'warning invariant(made-2) Patient'],
      [
        'with %resource and %context (made-3)',
        { 'contact[0].name.family': 'x' },
        'invariant(made-3) Patient.contact[0]',
      ],
    ],
  ),
  group('extensions of a profile', patient('extended', { name: [{ family: 'x', extension: [kind] }] }), [
    [
      'it is there',
      { 'name[0].extension': GONE },
      'profile-min Patient.name[0].extension',
      'slice-min Patient.name[0].extension',
    ],
    ['it is there once', { 'name[0].extension[1]': kind }, 'slice-max Patient.name[0].extension'],
    [
      'its value has the type',
      { 'name[0].extension[0]': { url: madeUrl('kind'), valueString: 'x' } },
      'type-not-allowed Patient.name[0].extension[0].value',
    ],
    [
      'it has a value',
      { 'name[0].extension[0]': { url: madeUrl('kind'), extension: [{ url: 'a', valueString: 'x' }] } },
      'profile-min Patient.name[0].extension[0].value',
      'extension-url Patient.name[0].extension[0].extension[0]',
    ],
    [
      'a modifier that is allowed stands once',
      { modifierExtension: [1, 2].map(() => ({ url: madeUrl('not'), valueBoolean: true })) },
      'slice-max Patient.modifierExtension',
    ],
    [
      'another modifier is not allowed',
      { modifierExtension: [{ url: 'http://example.org/other', valueBoolean: true }] },
      'slice-closed Patient.modifierExtension[0]',
    ],
    [
      'a modifier stands as one',
      { extension: [{ url: madeUrl('not'), valueBoolean: true }] },
      'extension-modifier Patient.extension[0]',
    ],
    [
      'a context by its path',
      { 'name[0].extension[1]': { url: madeUrl('grade'), valueInteger: 1 } },
      'extension-context Patient.name[0].extension[1]',
    ],
    [
      'limits of a value',
      { contact: [{ name: { family: 'y', extension: [{ url: madeUrl('grade'), valueInteger: 6 }] } }] },
      'max-value Patient.contact[0].name.extension[0].value',
    ],
  ]),
  group(
    'content that refers to itself',
    () =>
      claiming(madeUrl('nested'), {
        resourceType: 'Questionnaire',
        text: NARRATIVE,
        status: 'active',
        item: [{ linkId: '1', type: 'group', text: 'x', item: [{ linkId: '1.1', type: 'string', text: 'x' }] }],
      }),
    [
      ['in the first level', { 'item[0].text': GONE }, 'profile-min Questionnaire.item[0].text'],
      ['in the second level', { 'item[0].item[0].text': GONE }, 'profile-min Questionnaire.item[0].item[0].text'],
      [
        'no third level',
        { 'item[0].item[0].item': [{ linkId: '1.1.1', type: 'string', text: 'x' }] },
        'profile-max Questionnaire.item[0].item[0].item',
      ],
    ],
  ),
];
