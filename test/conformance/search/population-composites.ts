/**
 * Resources for every composite parameter of R4. Those with a use context are two of each type, made alike: the first
 * has a concept and a quantity, the second a range and a concept. https://hl7.org/fhir/R4/search.html#combining
 */
import type { JsonObject } from '../../../src/fhir/resource.js';
import { type Known, LOCAL, OTHER, UCUM } from './population.js';

const draft = { status: 'draft' };
const named = (type: string) => ({ ...draft, name: 'Contexts', url: `http://contexts.example/${type}` });
const nowhere = (type: string) => ({ reference: `${type}/nowhere` });
const dated = { ...draft, date: '2020-01-01', kind: 'instance' };
const defined = { definitionReference: nowhere('Group') };
const study = { ...draft, population: nowhere('EvidenceVariable') };

/** Types that have a use context, with what else they must have. */
export const CONTEXTUAL: Readonly<Record<string, JsonObject>> = {
  ActivityDefinition: draft,
  CapabilityStatement: { ...dated, fhirVersion: '4.0.1', format: ['json'] },
  ChargeItemDefinition: { ...draft, url: 'http://contexts.example/ChargeItemDefinition' },
  CodeSystem: { ...draft, content: 'complete' },
  CompartmentDefinition: { ...named('CompartmentDefinition'), code: 'Patient', search: true },
  ConceptMap: draft,
  EffectEvidenceSynthesis: {
    ...study,
    exposure: nowhere('EvidenceVariable'),
    exposureAlternative: nowhere('EvidenceVariable'),
    outcome: nowhere('EvidenceVariable'),
  },
  EventDefinition: { ...draft, trigger: [{ type: 'named-event', name: 'context' }] },
  Evidence: { ...draft, exposureBackground: nowhere('EvidenceVariable') },
  EvidenceVariable: { ...draft, characteristic: [defined] },
  ExampleScenario: draft,
  GraphDefinition: { ...draft, name: 'Contexts', start: 'Patient' },
  ImplementationGuide: { ...named('ImplementationGuide'), packageId: 'contexts', fhirVersion: ['4.0.1'] },
  Library: { ...draft, type: { text: 'a library' } },
  Measure: draft,
  MessageDefinition: { ...draft, date: '2020-01-01', eventUri: 'http://events.example/context' },
  NamingSystem: {
    ...dated,
    kind: 'codesystem',
    name: 'Contexts',
    uniqueId: [{ type: 'uri', value: 'http://contexts.example' }],
  },
  OperationDefinition: {
    ...draft,
    name: 'Contexts',
    kind: 'operation',
    code: 'contexts',
    system: true,
    type: false,
    instance: false,
  },
  PlanDefinition: draft,
  Questionnaire: draft,
  ResearchDefinition: study,
  ResearchElementDefinition: {
    ...draft,
    type: 'population',
    characteristic: [{ definitionCodeableConcept: { text: 'all' } }],
  },
  RiskEvidenceSynthesis: { ...study, outcome: nowhere('EvidenceVariable') },
  SearchParameter: {
    ...named('SearchParameter'),
    description: 'Contexts',
    code: 'contexts',
    base: ['Patient'],
    type: 'token',
  },
  StructureDefinition: {
    ...named('StructureDefinition'),
    kind: 'resource',
    abstract: false,
    type: 'http://contexts.example/thing',
  },
  StructureMap: {
    ...named('StructureMap'),
    group: [
      {
        name: 'all',
        typeMode: 'none',
        input: [{ name: 'source', mode: 'source' }],
        rule: [{ name: 'copy', source: [{ context: 'source' }] }],
      },
    ],
  },
  TerminologyCapabilities: dated,
  TestScript: named('TestScript'),
  ValueSet: draft,
};

const kind = (code: string) => ({ system: LOCAL, code });
const concept = (system: string, code: string) => ({ coding: [{ system, code }] });
const years = (value: number) => ({ value, unit: 'year', system: UCUM, code: 'a' });

const contexts: readonly Known[] = Object.entries(CONTEXTUAL).flatMap(([resourceType, rest]) => [
  {
    resourceType,
    id: `${resourceType}-1`,
    ...rest,
    useContext: [
      { code: kind('gender'), valueCodeableConcept: concept(LOCAL, 'female') },
      { code: kind('age'), valueQuantity: years(40) },
    ],
  },
  {
    resourceType,
    id: `${resourceType}-2`,
    ...rest,
    useContext: [
      { code: kind('age'), valueRange: { low: years(10), high: years(20) } },
      { code: kind('focus'), valueCodeableConcept: concept(LOCAL, 'female') },
      { code: kind('gender'), valueCodeableConcept: concept(LOCAL, 'male') },
    ],
  },
]);

const measured = (id: number, code: string, rest: JsonObject): Known => ({
  resourceType: 'Observation',
  id: `pair-${id}`,
  status: 'final',
  code: { coding: [{ system: LOCAL, code }] },
  ...rest,
});

const mmHg = (value: number) => ({ value, unit: 'mmHg', system: UCUM, code: 'mm[Hg]' });
const component = (code: string, rest: JsonObject): JsonObject => ({
  code: { coding: [{ system: LOCAL, code }] },
  ...rest,
});

/** Observations whose values pair with one code alone. */
const observations: readonly Known[] = [
  measured(1, 'pair-q', { valueQuantity: mmHg(120) }),
  measured(2, 'pair-q', { valueQuantity: mmHg(80) }),
  measured(3, 'pair-other', { valueQuantity: mmHg(120) }),
  measured(4, 'pair-panel', {
    component: [component('sys', { valueQuantity: mmHg(120) }), component('dia', { valueQuantity: mmHg(80) })],
  }),
  measured(5, 'pair-panel', {
    component: [component('sys', { valueQuantity: mmHg(80) }), component('dia', { valueQuantity: mmHg(120) })],
  }),
  measured(6, 'pair-q', { valueQuantity: mmHg(60), component: [component('sys', { valueQuantity: mmHg(120) })] }),
  measured(7, 'pair-c', { valueCodeableConcept: concept(LOCAL, 'positive') }),
  measured(8, 'pair-c', { valueCodeableConcept: concept(OTHER, 'positive') }),
  measured(9, 'pair-panel', {
    component: [
      component('culture', { valueCodeableConcept: concept(LOCAL, 'positive') }),
      component('stain', { valueCodeableConcept: concept(LOCAL, 'negative') }),
    ],
  }),
  measured(10, 'pair-s', { valueString: 'Yellow, clear' }),
  measured(11, 'pair-s', { valueString: 'yellowish' }),
  measured(12, 'pair-d', { valueDateTime: '2021-05-04' }),
  measured(13, 'pair-d', { valuePeriod: { start: '2021-05-01', end: '2021-05-31' } }),
  measured(14, 'pair-d', { valueDateTime: '2021-06-01T00:00:00Z' }),
  measured(15, 'pair-q', {}),
];

const sequences: readonly Known[] = [
  {
    resourceType: 'MolecularSequence',
    id: 'sequence-1',
    coordinateSystem: 0,
    referenceSeq: {
      chromosome: concept(LOCAL, '1'),
      referenceSeqId: concept(LOCAL, 'NC_000001.11'),
      windowStart: 100,
      windowEnd: 200,
    },
    variant: [
      { start: 128, end: 129 },
      { start: 500, end: 510 },
    ],
  },
  {
    resourceType: 'MolecularSequence',
    id: 'sequence-2',
    coordinateSystem: 0,
    referenceSeq: {
      chromosome: concept(LOCAL, '2'),
      referenceSeqId: concept(LOCAL, 'NC_000002.12'),
      windowStart: 100,
      windowEnd: 300,
    },
    variant: [{ start: 128, end: 510 }],
  },
  { resourceType: 'MolecularSequence', id: 'sequence-3', coordinateSystem: 1, variant: [{ start: 128, end: 129 }] },
];

const documents: readonly Known[] = [
  {
    resourceType: 'DocumentReference',
    id: 'related-1',
    status: 'current',
    content: [{ attachment: { title: 'one' } }],
    relatesTo: [
      { code: 'replaces', target: { reference: 'DocumentReference/lost-1' } },
      { code: 'appends', target: { reference: 'DocumentReference/lost-2' } },
    ],
  },
  {
    resourceType: 'DocumentReference',
    id: 'related-2',
    status: 'current',
    content: [{ attachment: { title: 'two' } }],
    relatesTo: [
      { code: 'appends', target: { reference: 'DocumentReference/lost-1' } },
      { code: 'signs', target: { reference: 'https://elsewhere.example/fhir/DocumentReference/lost-2' } },
    ],
  },
];

export const COMPOSED: readonly Known[] = [...contexts, ...observations, ...sequences, ...documents];
