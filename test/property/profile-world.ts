/** Small definitions that use most of what profiles can say, and resources that are checked against them, to be damaged. */
import type { Json, JsonObject, Resource } from '../../src/fhir/resource.js';
import type { Random } from '../support/random.js';

const BASE = 'http://example.org';
export const MAIN = `${BASE}/StructureDefinition/main`;
const [DERIVED, EXTENSION] = [`${BASE}/StructureDefinition/derived`, `${BASE}/StructureDefinition/extension`];
const [SET, SYSTEM, QUESTIONS] = [`${BASE}/ValueSet/set`, `${BASE}/CodeSystem/system`, `${BASE}/Questionnaire/q`];
export const PROFILES = [MAIN, DERIVED, EXTENSION];

const profile = (url: string, type: string, base: string, element: readonly JsonObject[], more: JsonObject = {}) => ({
  ...{ resourceType: 'StructureDefinition', id: url.slice(url.lastIndexOf('/') + 1), url, version: '1.0.0', name: 'P' },
  ...{ status: 'active', kind: type === 'Extension' ? 'complex-type' : 'resource', abstract: false, type },
  ...{ baseDefinition: base, derivation: 'constraint', differential: { element }, ...more },
});
const CORE = 'http://hl7.org/fhir/StructureDefinition';
const at = (path: string, more: JsonObject = {}, slice?: string): JsonObject => ({
  ...{ id: slice === undefined ? path : `${path}:${slice}`, path },
  ...(slice === undefined ? {} : { sliceName: slice }),
  ...more,
});
const slicing = (type: string, path: string, rules = 'open') => ({
  slicing: { discriminator: [{ type, path }], rules, ordered: false },
});
const constraint = (key: string, expression: string) => ({ key, severity: 'error', human: key, expression });

const main = profile(MAIN, 'Observation', `${CORE}/Observation`, [
  at('Observation', {
    constraint: [constraint('a-1', "code.coding.where(system = 'http://loinc.org').exists() or value.exists()")],
  }),
  at('Observation.extension', slicing('value', 'url')),
  at('Observation.extension', { min: 0, max: '1', type: [{ code: 'Extension', profile: [EXTENSION] }] }, 'own'),
  at('Observation.category', { ...slicing('pattern', '$this', 'closed'), min: 1 }),
  at(
    'Observation.category',
    { min: 1, max: '1', patternCodeableConcept: { coding: [{ system: SYSTEM, code: 'a' }] } },
    'first',
  ),
  at('Observation.code', { binding: { strength: 'required', valueSet: `${SET}|1.0.0` }, mustSupport: true }),
  at('Observation.subject', {
    min: 1,
    type: [{ code: 'Reference', targetProfile: [`${CORE}/Patient`, MAIN], aggregation: ['contained'] }],
  }),
  at('Observation.value[x]', {
    ...slicing('type', '$this', 'closed'),
    type: [{ code: 'Quantity' }, { code: 'string' }],
  }),
  at('Observation.value[x]', { type: [{ code: 'Quantity' }], minValueQuantity: { value: 1 } }, 'valueQuantity'),
  { id: 'Observation.value[x]:valueQuantity.code', path: 'Observation.value[x].code', min: 1, fixedCode: 'mg' },
  at('Observation.component', slicing('value', 'code.coding.code')),
  at('Observation.component', { min: 1, max: '3' }, 'one'),
  {
    id: 'Observation.component:one.code',
    path: 'Observation.component.code',
    binding: { strength: 'extensible', valueSet: SET },
  },
  {
    id: 'Observation.component:one.code.coding.code',
    path: 'Observation.component.code.coding.code',
    min: 1,
    fixedCode: 'a',
  },
  at('Observation.note.text', { maxLength: 12, constraint: [constraint('a-2', "matches('^[a-z ]+$')")] }),
]);
const derived = profile(DERIVED, 'Observation', MAIN, [
  at('Observation.component', { min: 2 }),
  at('Observation.component', { max: '1' }, 'one'),
  at('Observation.hasMember', {
    type: [{ code: 'Reference', targetProfile: [DERIVED] }],
    constraint: [constraint('b-1', 'resolve().is(Observation)')],
  }),
]);
const extension = profile(
  EXTENSION,
  'Extension',
  `${CORE}/Extension`,
  [
    at('Extension.extension', { max: '0' }),
    at('Extension.url', { fixedUri: EXTENSION }),
    at('Extension.value[x]', { min: 1, type: [{ code: 'code' }], binding: { strength: 'required', valueSet: SET } }),
  ],
  { context: [{ type: 'element', expression: 'Observation' }], contextInvariant: ['code.exists()'] },
);
const set = {
  ...{ resourceType: 'ValueSet', id: 'set', url: SET, version: '1.0.0', status: 'active' },
  compose: {
    include: [
      { system: SYSTEM, filter: [{ property: 'concept', op: 'is-a', value: 'a' }] },
      { system: SYSTEM, concept: [{ code: 'c', display: 'Third' }] },
      { system: SYSTEM, filter: [{ property: 'code', op: 'regex', value: '[a-c]+' }] },
    ],
    exclude: [{ system: SYSTEM, concept: [{ code: 'b' }] }],
  },
};
const system = {
  ...{ resourceType: 'CodeSystem', id: 'system', url: SYSTEM, version: '1.0.0', status: 'active', content: 'complete' },
  ...{ caseSensitive: true, hierarchyMeaning: 'is-a', property: [{ code: 'parent', type: 'code' }] },
  concept: [
    {
      code: 'a',
      display: 'First',
      concept: [{ code: 'b', display: 'Second', property: [{ code: 'parent', valueCode: 'a' }] }],
    },
    { code: 'c', designation: [{ language: 'de', value: 'Dritte' }] },
  ],
};
const questions = {
  ...{ resourceType: 'Questionnaire', id: 'q', url: QUESTIONS, status: 'active' },
  item: [
    { linkId: '1', type: 'choice', required: true, answerValueSet: SET, text: 'a' },
    {
      linkId: '2',
      type: 'group',
      repeats: true,
      enableWhen: [{ question: '1', operator: '=', answerCoding: { system: SYSTEM, code: 'a' } }],
      item: [{ linkId: '2.1', type: 'decimal' }],
    },
    {
      linkId: '3',
      type: 'string',
      maxLength: 5,
      enableBehavior: 'any',
      enableWhen: [{ question: '1', operator: 'exists', answerBoolean: false }],
    },
  ],
};
export const DEFINITIONS: readonly Resource[] = [main, derived, extension, set, system, questions] as Resource[];

const coding = (code: string) => ({ coding: [{ system: SYSTEM, code }] });
const observation = {
  ...{ resourceType: 'Observation', id: 'o', meta: { profile: [MAIN, DERIVED] }, status: 'final' },
  text: {
    status: 'generated',
    div: '<div xmlns="http://www.w3.org/1999/xhtml"><p id="x">a <a href="#x">b</a></p></div>',
  },
  contained: [
    { resourceType: 'Patient', id: 'p', name: [{ family: 'F', _family: { id: 'x' } }], birthDate: '2000-01' },
  ],
  extension: [{ url: EXTENSION, valueCode: 'a' }],
  ...{ category: [coding('a')], code: coding('c'), subject: { reference: '#p', type: 'Patient' } },
  ...{
    effectivePeriod: { start: '2020-01-01', end: '2020-01-02T10:00:00Z' },
    valueQuantity: { value: 1.5, unit: 'mg', code: 'mg', system: 'http://unitsofmeasure.org' },
  },
  ...{
    note: [{ text: 'short' }],
    hasMember: [{ reference: 'Observation/other' }],
    component: [{ code: coding('a'), valueString: 'x' }, { code: coding('b') }],
  },
};
const bundle = {
  ...{
    resourceType: 'Bundle',
    type: 'document',
    timestamp: '2020-01-01T00:00:00Z',
    identifier: { system: 'urn:a', value: 'b' },
  },
  link: [{ relation: 'self', url: 'http://a.example/x' }],
  entry: [
    {
      fullUrl: 'urn:uuid:00000000-0000-4000-8000-000000000001',
      resource: {
        ...{ resourceType: 'Composition', status: 'final', type: coding('a'), date: '2020', title: 'T' },
        ...{
          author: [{ display: 'A' }],
          section: [{ title: 'S', entry: [{ reference: 'urn:uuid:00000000-0000-4000-8000-000000000002' }] }],
        },
      },
    },
    { fullUrl: 'urn:uuid:00000000-0000-4000-8000-000000000002', resource: { ...observation, id: 'b' } },
  ],
};
const response = {
  ...{ resourceType: 'QuestionnaireResponse', questionnaire: QUESTIONS, status: 'completed' },
  item: [
    { linkId: '1', answer: [{ valueCoding: { system: SYSTEM, code: 'a' } }] },
    { linkId: '2', item: [{ linkId: '2.1', answer: [{ valueDecimal: 1.5 }] }] },
  ],
};
export const CHECKED: readonly Resource[] = [
  observation,
  bundle,
  response,
  {
    resourceType: 'Parameters',
    parameter: [
      { name: 'x', resource: observation },
      { name: 'y', part: [{ name: 'z', valueAttachment: { data: 'AAAA', size: 3 } }] },
    ],
  },
  ...DEFINITIONS,
] as Resource[];

/** Values by the name of their element: what stands in one place stands in another by chance. */
const pool = new Map<string, Json[]>();
const collect = (value: Json): void => {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (!Array.isArray(value)) pool.set(key, [...(pool.get(key) ?? []), inner]);
    collect(inner);
  }
};
for (const each of CHECKED) collect(each);

/** A copy in which some elements are missing, doubled, or have the value of another one of their name. */
export function reshaped(original: JsonObject, random: Random): JsonObject {
  const change = (value: Json, key: string): Json => {
    if (random.chance(0.02) && pool.has(key)) return structuredClone<Json>(random.pick(pool.get(key)!));
    if (Array.isArray(value)) {
      const items = value.filter(() => !random.chance(0.02)).map(item => change(item, ''));
      return random.chance(0.03) ? [...items, ...items] : items;
    }
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(
        Object.entries(value)
          .filter(([name]) => name === 'resourceType' || !random.chance(0.015))
          .map(([name, inner]) => [name, change(inner, name)]),
      );
    return value;
  };
  return change(original, '') as JsonObject;
}
