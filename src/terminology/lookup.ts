/**
 * $lookup and $subsumes: what a code system says of a code, and how two of its codes lie to each other.
 * https://hl7.org/fhir/R4/codesystem-operation-lookup.html, https://hl7.org/fhir/R4/codesystem-operation-subsumes.html
 *
 * Choices: the definition, the designations and whether the concept is inactive are told always; other properties where they are
 * asked for, `*` for all. A concept without a display is shown by its code.
 */
import { FhirError } from '../fhir/error.js';
import type { Json, JsonObject } from '../fhir/resource.js';
import type { Sources } from './canonical-resources.js';
import type { Concepts, Described } from './code-system.js';
import { unknownCodeIn } from './code-issues.js';
import { chooseName, type Languages, conceptNames, PREFERRED } from './languages.js';
import { noSubsumption } from './refuse.js';
import { propertyValue } from './row-properties.js';
import { codeSystemNotFound } from './tx-issue.js';

export interface LookupQuestion {
  readonly system: string;
  readonly version: string | undefined;
  readonly code: string;
  readonly languages: Languages | undefined;
  /** Names of properties; `*`: all. */
  readonly properties: readonly string[];
  /** Where the system is named, for an OperationOutcome. */
  readonly systemAt?: string;
}

/** Throws `not-found`. */
export async function lookUp(sources: Sources, question: LookupQuestion): Promise<JsonObject> {
  const { system, version, code, languages, properties, systemAt } = question;
  const concepts = await sources.detailed(await knownSystem(sources, system, version, systemAt));
  const concept = knownConcept(concepts, code);
  const names = conceptNames(concepts, concept);
  const display = chooseName(names, languages) ?? chooseName(names, undefined);
  const { head, supplements } = concepts;
  const definition = concepts.definition(concept);
  const parameter: JsonObject[] = [
    ...(concepts.isSelectable(concept) ? [] : [{ name: 'abstract', valueBoolean: true }]),
    { name: 'code', valueCode: concepts.codes[concept]! },
    ...(definition === undefined ? [] : [{ name: 'definition', valueString: definition }]),
    ...designationsOf(concepts, concept),
    { name: 'display', valueString: display?.value ?? concepts.rule?.display?.(code) ?? code },
    { name: 'name', valueString: head.name ?? head.title ?? system },
    ...propertiesOf(concepts, concept, properties),
    { name: 'system', valueUri: system },
    ...supplements.map(valueCanonical => ({ name: 'used-supplement', valueCanonical })),
    ...(concepts.version === undefined ? [] : [{ name: 'version', valueString: concepts.version }]),
  ];
  return { resourceType: 'Parameters', parameter };
}

async function knownSystem(
  sources: Sources,
  system: string,
  version: string | undefined,
  at?: string,
): Promise<Concepts> {
  const concepts = await sources.concepts(system, version);
  if (!concepts)
    throw new FhirError('not-found', 'The code system is not known.', {
      issues: codeSystemNotFound(system, at).issues,
    });
  return concepts;
}

function knownConcept(concepts: Concepts, code: string): number {
  const concept = concepts.locate(code);
  if (concept !== undefined) return concept;
  throw new FhirError('not-found', 'The code is not known.', { issues: [unknownCodeIn('', code, concepts)] });
}

const part = (name: string, value: JsonObject): JsonObject => ({ name, ...value });

function designationsOf(concepts: Concepts, concept: number): JsonObject[] {
  const { language } = concepts.head;
  const display = concepts.display(concept);
  const own: Described[] =
    display === undefined || language === undefined ? [] : [{ language, use: PREFERRED, value: display }];
  return [...own, ...concepts.designations(concept)].flatMap(each => {
    if (each.value === undefined) return [];
    const parts = [
      ...(each.language === undefined ? [] : [part('language', { valueCode: each.language })]),
      ...(each.source === undefined ? [] : [part('source', { valueCanonical: each.source })]),
      ...(each.use === undefined ? [] : [part('use', { valueCoding: { ...each.use } })]),
      part('value', { valueString: each.value }),
    ];
    return [{ name: 'designation', part: parts }];
  });
}

function propertiesOf(concepts: Concepts, concept: number, asked: readonly string[]): JsonObject[] {
  const wants = (name: string): boolean => asked.includes('*') || asked.includes(name);
  const neighbour = (code: string, other: number): JsonObject => {
    const description = concepts.display(other);
    return {
      name: 'property',
      part: [
        part('code', { valueCode: code }),
        ...(description === undefined ? [] : [part('description', { valueString: description })]),
        part('value', { valueCode: concepts.codes[other]! }),
      ],
    };
  };
  const own = concepts.properties(concept).flatMap(property => {
    const { code = '' } = property;
    // The hierarchy says these, wherever they come from.
    if (!wants(code) || ['parent', 'child', 'inactive'].includes(code)) return [];
    const parts: Json[] = [part('code', { valueCode: code }), part('value', propertyValue(property))];
    return [{ name: 'property', part: parts }];
  });
  return [
    ...(wants('child') ? concepts.children(concept).map(other => neighbour('child', other)) : []),
    {
      name: 'property',
      part: [part('code', { valueCode: 'inactive' }), part('value', { valueBoolean: !concepts.isActive(concept) })],
    },
    ...(wants('parent') ? concepts.parents(concept).map(other => neighbour('parent', other)) : []),
    ...own,
  ];
}

export interface SubsumesQuestion {
  readonly system: string;
  readonly version: string | undefined;
  readonly codeA: string;
  readonly codeB: string;
}

/** Throws `not-found`, and `invalid` for a code system whose hierarchy is no is-a. */
export async function subsumes(sources: Sources, question: SubsumesQuestion): Promise<JsonObject> {
  const concepts = await knownSystem(sources, question.system, question.version);
  const a = knownConcept(concepts, question.codeA);
  const b = knownConcept(concepts, question.codeB);
  if (concepts.otherMeaning !== undefined) throw noSubsumption(concepts.url, concepts.otherMeaning);
  const outcome =
    a === b
      ? 'equivalent'
      : concepts.above(b).has(a)
        ? 'subsumes'
        : concepts.above(a).has(b)
          ? 'subsumed-by'
          : 'not-subsumed';
  return { resourceType: 'Parameters', parameter: [{ name: 'outcome', valueCode: outcome }] };
}
