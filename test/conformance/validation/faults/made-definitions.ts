/** Definitions made for rules that the guides do not have: differentials alone, so that their snapshots are made as well. */
import type { JsonObject, Resource } from '../../../../src/fhir/resource.js';

const CORE = 'http://hl7.org/fhir/StructureDefinition';
export const MADE_AT = 'http://test.example/fhir';
export const madeUrl = (name: string): string => `${MADE_AT}/StructureDefinition/${name}`;

const definition = (
  name: string,
  type: string,
  kind: string,
  element: readonly JsonObject[],
  more: JsonObject = {},
): Resource => ({
  resourceType: 'StructureDefinition',
  id: name,
  url: madeUrl(name),
  version: '1.0.0',
  name,
  status: 'active',
  fhirVersion: '4.0.1',
  kind,
  abstract: false,
  type,
  baseDefinition: `${CORE}/${type}`,
  derivation: 'constraint',
  differential: { element: element.map(each => ({ id: each['path'] as string, ...each })) },
  ...more,
});

/** A profile of a resource. Ids of elements are their paths where none is given. */
const profile = (name: string, type: string, ...element: readonly JsonObject[]): Resource =>
  definition(name, type, 'resource', element);

const extension = (
  name: string,
  context: readonly JsonObject[],
  more: JsonObject,
  ...element: readonly JsonObject[]
): Resource =>
  definition(
    name,
    'Extension',
    'complex-type',
    [{ path: 'Extension', ...more }, { path: 'Extension.url', fixedUri: madeUrl(name) }, ...element],
    { context: [...context] },
  );

/** A slice: `Patient.identifier` with the name `a`. */
const slice = (path: string, sliceName: string, more: JsonObject = {}): JsonObject => ({
  id: `${path}:${sliceName}`,
  path,
  sliceName,
  ...more,
});
/** An element inside a slice. */
const inside = (path: string, sliceName: string, rest: string, more: JsonObject): JsonObject => ({
  id: `${path}:${sliceName}.${rest}`,
  path: `${path}.${rest}`,
  ...more,
});

const slicing = (type: string, path: string, rules: string, ordered = false): JsonObject => ({
  slicing: { discriminator: [{ type, path }], rules, ordered },
});

const ID = 'Patient.identifier';
export const MARRIED: JsonObject = {
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus', code: 'M' }],
};
export const FRENCH: JsonObject = { coding: [{ system: 'urn:ietf:bcp:47', code: 'fr' }] };
const element = (context: string): JsonObject => ({ type: 'element', expression: context });
const targets = (...names: readonly string[]): JsonObject => ({ code: 'Reference', targetProfile: [...names] });

/** Slices of identifiers by their systems: `a` once, `b` at most twice. */
const bySystem = (name: string, rules: string, ordered = false): Resource =>
  profile(
    name,
    'Patient',
    { path: ID, ...slicing('value', 'system', rules, ordered), min: 1 },
    slice(ID, 'a', { min: 1, max: '1' }),
    inside(ID, 'a', 'system', { min: 1, fixedUri: 'http://a.example' }),
    slice(ID, 'b', { min: 0, max: '2' }),
    inside(ID, 'b', 'system', { min: 1, fixedUri: 'http://b.example' }),
  );

const valueSet = (id: string, include: JsonObject): Resource => ({
  resourceType: 'ValueSet',
  ...{ id, url: `${MADE_AT}/ValueSet/${id}`, version: '1.0.0', name: id, status: 'active' },
  compose: { include: [{ system: `${MADE_AT}/CodeSystem/colours`, ...include }] },
});

export const MADE: readonly Resource[] = [
  bySystem('closed', 'closed'),
  bySystem('ordered', 'open', true),
  bySystem('open-at-end', 'openAtEnd', true),

  profile(
    'values',
    'Patient',
    { path: 'Patient.name.family', maxLength: 5 },
    { path: 'Patient.gender', fixedCode: 'female' },
    { path: 'Patient.birthDate', minValueDate: '1900-01-01', maxValueDate: '2024-12-31' },
    { path: 'Patient.address', type: [{ code: 'Address', profile: [madeUrl('postal')] }] },
    { path: 'Patient.maritalStatus', patternCodeableConcept: MARRIED },
    { path: 'Patient.multipleBirth[x]', type: [{ code: 'integer' }], minValueInteger: 1, maxValueInteger: 9 },
    { path: 'Patient.photo', max: '0' },
    { path: 'Patient.contact.gender', min: 1 },
    { path: 'Patient.communication.language', fixedCodeableConcept: FRENCH },
  ),
  definition('postal', 'Address', 'complex-type', [
    { path: 'Address' },
    { path: 'Address.line', max: '2' },
    { path: 'Address.postalCode', min: 1, maxLength: 5 },
  ]),

  profile('measured', 'Observation', {
    path: 'Observation.value[x]',
    type: [{ code: 'Quantity' }],
    minValueQuantity: { value: 1, system: 'http://unitsofmeasure.org', code: 'g' },
    maxValueQuantity: { value: 2, system: 'http://unitsofmeasure.org', code: 'kg' },
  }),

  // Discriminators.
  profile(
    'by-exists',
    'Patient',
    { path: 'Patient.telecom', ...slicing('exists', 'period', 'open') },
    slice('Patient.telecom', 'past', { max: '1' }),
    inside('Patient.telecom', 'past', 'period', { min: 1 }),
    slice('Patient.telecom', 'now', { min: 1 }),
    inside('Patient.telecom', 'now', 'rank', { min: 1 }),
    inside('Patient.telecom', 'now', 'period', { max: '0' }),
  ),
  profile(
    'by-pattern',
    'Observation',
    { path: 'Observation.category', ...slicing('pattern', '$this', 'open') },
    slice('Observation.category', 'lab', {
      min: 1,
      max: '1',
      patternCodeableConcept: { coding: [{ system: 'http://a.example', code: 'lab' }] },
    }),
    inside('Observation.category', 'lab', 'text', { min: 1 }),
  ),
  profile(
    'by-type',
    'Bundle',
    { path: 'Bundle.entry', ...slicing('type', 'resource', 'closed') },
    slice('Bundle.entry', 'patient', { min: 1, max: '1' }),
    inside('Bundle.entry', 'patient', 'resource', { min: 1, type: [{ code: 'Patient' }] }),
    slice('Bundle.entry', 'observation', { min: 1 }),
    inside('Bundle.entry', 'observation', 'fullUrl', { min: 1 }),
    inside('Bundle.entry', 'observation', 'resource', { min: 1, type: [{ code: 'Observation' }] }),
  ),
  profile(
    'by-type-of-target',
    'Observation',
    { path: 'Observation.performer', ...slicing('type', 'resolve()', 'open') },
    slice('Observation.performer', 'doctor', { min: 1, max: '1', type: [targets(`${CORE}/Practitioner`)] }),
  ),
  profile(
    'by-profile',
    'Observation',
    { path: 'Observation.performer', ...slicing('profile', 'resolve()', 'closed') },
    slice('Observation.performer', 'named', { min: 1, type: [targets(madeUrl('named'))] }),
  ),
  profile('named', 'Practitioner', { path: 'Practitioner.name', min: 1 }),
  profile(
    'by-two',
    'Patient',
    {
      path: ID,
      slicing: {
        discriminator: [
          { type: 'value', path: 'system' },
          { type: 'value', path: 'use' },
        ],
        rules: 'open',
      },
    },
    slice(ID, 'official', { min: 1, max: '1' }),
    inside(ID, 'official', 'use', { min: 1, fixedCode: 'official' }),
    inside(ID, 'official', 'system', { min: 1, fixedUri: 'http://a.example' }),
  ),
  profile(
    'by-extension',
    'Patient',
    { path: 'Patient.name', ...slicing('value', `extension('${madeUrl('kind')}').value`, 'open') },
    slice('Patient.name', 'legal', { min: 1 }),
    inside('Patient.name', 'legal', 'extension', { ...slicing('value', 'url', 'open'), min: 1 }),
    {
      id: 'Patient.name:legal.extension:kind',
      path: 'Patient.name.extension',
      sliceName: 'kind',
      min: 1,
      max: '1',
      type: [{ code: 'Extension', profile: [madeUrl('kind')] }],
    },
    {
      id: 'Patient.name:legal.extension:kind.value[x]',
      path: 'Patient.name.extension.value[x]',
      min: 1,
      fixedCode: 'legal',
      type: [{ code: 'code' }],
    },
    inside('Patient.name', 'legal', 'family', { min: 1 }),
  ),

  // Slices inside slices.
  profile(
    'resliced',
    'Patient',
    { path: ID, ...slicing('value', 'system', 'open') },
    { ...slice(ID, 'a', { min: 1, max: '3' }), ...slicing('value', 'use', 'open') },
    inside(ID, 'a', 'system', { min: 1, fixedUri: 'http://a.example' }),
    slice(ID, 'a/official', { min: 1, max: '1' }),
    inside(ID, 'a/official', 'use', { min: 1, fixedCode: 'official' }),
    inside(ID, 'a/official', 'system', { min: 1, fixedUri: 'http://a.example' }),
    inside(ID, 'a/official', 'value', { min: 1 }),
  ),

  // References.
  profile(
    'referring',
    'Observation',
    { path: 'Observation.subject', min: 1, type: [{ ...targets(madeUrl('values')), aggregation: ['contained'] }] },
    { path: 'Observation.specimen', type: [{ ...targets(`${CORE}/Specimen`), aggregation: ['referenced'] }] },
    { path: 'Observation.device', type: [targets(`${CORE}/Device`)] },
  ),

  profile('referring-in-bundle', 'Observation', {
    path: 'Observation.performer',
    type: [{ ...targets(madeUrl('named')), aggregation: ['bundled'] }],
  }),

  // Bindings.
  profile(
    'bound',
    'Observation',
    { path: 'Observation.code', binding: { strength: 'required', valueSet: `${MADE_AT}/ValueSet/colours` } },
    { path: 'Observation.method', binding: { strength: 'extensible', valueSet: `${MADE_AT}/ValueSet/colours` } },
    { path: 'Observation.bodySite', binding: { strength: 'preferred', valueSet: `${MADE_AT}/ValueSet/colours` } },
    {
      path: 'Observation.dataAbsentReason',
      binding: {
        strength: 'extensible',
        valueSet: `${MADE_AT}/ValueSet/warm`,
        extension: [{ url: `${CORE}/elementdefinition-maxValueSet`, valueCanonical: `${MADE_AT}/ValueSet/colours` }],
      },
    },
    { path: 'Observation.interpretation', binding: { strength: 'required', valueSet: `${MADE_AT}/ValueSet/warm` } },
  ),
  {
    resourceType: 'CodeSystem',
    id: 'colours',
    url: `${MADE_AT}/CodeSystem/colours`,
    version: '1.0.0',
    name: 'Colours',
    status: 'active',
    caseSensitive: true,
    content: 'complete',
    concept: [
      { code: 'red', display: 'Red' },
      { code: 'yellow', display: 'Yellow' },
      { code: 'blue', display: 'Blue' },
    ],
  },
  valueSet('colours', {}),
  valueSet('warm', { concept: [{ code: 'red' }, { code: 'yellow' }] }),

  // Invariants.
  profile(
    'ruled',
    'Patient',
    {
      path: 'Patient',
      constraint: [
        {
          key: 'made-1',
          severity: 'error',
          human: 'The living have a name',
          expression: 'deceased.exists() or name.exists()',
        },
        { key: 'made-2', severity: 'warning', human: 'A photo is nice', expression: 'photo.exists()' },
      ],
    },
    {
      path: 'Patient.contact',
      constraint: [
        {
          key: 'made-3',
          severity: 'error',
          human: 'A contact is another one',
          expression: '%resource.name.where(family = %context.name.family).empty()',
        },
      ],
    },
  ),

  // Extensions.
  extension(
    'kind',
    [element('HumanName')],
    { max: '1' },
    { path: 'Extension.value[x]', min: 1, type: [{ code: 'code' }] },
  ),
  extension(
    'grade',
    [{ type: 'fhirpath', expression: 'Patient.contact.name' }],
    {},
    { path: 'Extension.value[x]', min: 1, maxValueInteger: 5, minValueInteger: 1, type: [{ code: 'integer' }] },
  ),
  extension(
    'not',
    [element('Patient')],
    { isModifier: true, isModifierReason: 'It negates.', max: '1' },
    { path: 'Extension.value[x]', min: 1, type: [{ code: 'boolean' }] },
  ),
  profile(
    'extended',
    'Patient',
    { path: 'Patient.modifierExtension', ...slicing('value', 'url', 'closed') },
    slice('Patient.modifierExtension', 'not', { max: '1', type: [{ code: 'Extension', profile: [madeUrl('not')] }] }),
    { path: 'Patient.name.extension', ...slicing('value', 'url', 'open') },
    slice('Patient.name.extension', 'kind', {
      min: 1,
      max: '1',
      type: [{ code: 'Extension', profile: [madeUrl('kind')] }],
    }),
  ),

  profile(
    'nested',
    'Questionnaire',
    { path: 'Questionnaire.item.text', min: 1 },
    { path: 'Questionnaire.item.item.text', min: 1 },
    { path: 'Questionnaire.item.item.item', max: '0' },
  ),
];
