/**
 * What the terminology operations are asked with, beside what each of them is about: resources given along (tx-resource), rules
 * for versions, supplements and languages. https://hl7.org/fhir/R4/terminology-service.html,
 * https://hl7.org/fhir/uv/tx-ecosystem/
 */
import { FhirError } from '../../fhir/error.js';
import { isObject, type JsonObject } from '../../fhir/resource.js';
import {
  type Budget,
  createBudget,
  MAX_OF_A_PARAMETER,
  MAX_RESOURCES_ALONG,
  MAX_SUPPLEMENTS,
  refuseMoreThan,
} from '../../terminology/budget.js';
import type { CanonicalResources, Sources } from '../../terminology/canonical-resources.js';
import { type Languages, parseLanguages } from '../../terminology/languages.js';
import {
  canonicalOf,
  type Coding,
  type Extension,
  type TerminologyResource,
  type ValueSet,
} from '../../terminology/resources.js';
import { supplementsOf, type Supplements, withSupplements } from '../../terminology/supplement.js';
import { valueSetNotFound } from '../../terminology/tx-issue.js';
import { pinVersion, RULE_PARAMETERS, type VersionRule, versionRule } from '../../terminology/versions.js';
import type { Context } from '../engine.js';
import type { Of } from '../interaction.js';
import { terminologyOf } from '../terminology.js';
import { badParameter, type GivenParameter, readGiven } from './parameters.js';

/** Parameters by their name. The last one counts where only one can be meant. */
export interface GivenValues {
  text(name: string): string | undefined;
  texts(name: string): readonly string[];
  flag(name: string): boolean | undefined;
  /** Throws `invalid` for a number below 0. */
  count(name: string): number | undefined;
  object(name: string): JsonObject | undefined;
  objects(name: string): readonly JsonObject[];
  /** Where the first of these that is given stands, for an OperationOutcome. */
  at(...names: readonly string[]): string;
}

export interface Question {
  readonly given: GivenValues;
  readonly resources: CanonicalResources;
  readonly sources: Sources;
  readonly rules: readonly VersionRule[];
  readonly budget: Budget;
  /** Accept-Language, where it asks for something. */
  readonly header: Languages | undefined;
}

const PARAMETERS = 'Parameters.parameter';

export function givenBy(parameters: readonly GivenParameter[]): GivenValues {
  const of = (name: string) => parameters.filter(each => each.name === name).map(({ value }) => value);
  const texts = (name: string) => of(name).filter(value => typeof value === 'string');
  const objects = (name: string) => of(name).filter(isObject);
  const at = (...names: readonly string[]) =>
    names.flatMap(name => parameters.findLast(each => each.name === name)?.at ?? [])[0] ?? PARAMETERS;
  return {
    at,
    text: name => texts(name).at(-1),
    texts,
    flag(name) {
      const value = of(name).at(-1);
      return value === undefined ? undefined : value === true || value === 'true';
    },
    count(name) {
      const value = of(name).at(-1);
      if (value === undefined) return undefined;
      if (Number(value) < 0) throw refusedParameter(`${name} must not be below 0.`, at(name));
      return Number(value);
    },
    object: name => objects(name).at(-1),
    objects,
  };
}

export const refusedParameter = (message: string, expression = PARAMETERS): FhirError =>
  badParameter(message, expression);

export const readTerminologyQuestion = (context: Context, ask: Of<'operation'>): Question =>
  terminologyQuestion(context, ask, readGiven(context.engine, ask).given);

export function terminologyQuestion(
  context: Context,
  ask: Of<'operation'>,
  parameters: readonly GivenParameter[],
): Question {
  refuseRepeated(parameters);
  const given = givenBy(parameters);
  const { resources } = terminologyOf(context);
  const along = given.objects('tx-resource').map(terminologyResource);
  return {
    given,
    resources,
    sources: resources.once(along),
    rules: RULE_PARAMETERS.flatMap(name => given.texts(name).flatMap(canonical => versionRule(name, canonical))),
    budget: createBudget(),
    header: parseLanguages(ask.language),
  };
}

/** Throws `too-costly` at the first of a parameter that is given too often. */
function refuseRepeated(parameters: readonly GivenParameter[]): void {
  const counts = new Map<string, number>();
  for (const { name, at } of parameters) {
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    refuseMoreThan(LIMITS[name] ?? MAX_OF_A_PARAMETER, count, `Parameters named ${name}`, at);
  }
}

const LIMITS: Readonly<Record<string, number>> = {
  'tx-resource': MAX_RESOURCES_ALONG,
  useSupplement: MAX_SUPPLEMENTS,
};

function terminologyResource(resource: JsonObject): TerminologyResource {
  const { resourceType } = resource;
  if (resourceType !== 'ValueSet' && resourceType !== 'CodeSystem' && resourceType !== 'ConceptMap')
    throw refusedParameter('A tx-resource must be a ValueSet, a CodeSystem or a ConceptMap.');
  return resource as unknown as TerminologyResource;
}

/** `url#Type.element`, or the path of the element at the end of an address. Throws `invalid` for an element that is bound to none. */
async function boundValueSet(resources: CanonicalResources, context: string | undefined): Promise<string | undefined> {
  if (context === undefined) return undefined;
  const path = context.slice(Math.max(context.lastIndexOf('#'), context.lastIndexOf('/')) + 1);
  const found = await resources.boundTo(path);
  if (found === undefined)
    throw refusedParameter('context must name an element of R4 that is bound to a value set: DocumentReference.type.');
  return found;
}

/** The value set that is meant: that of the address, the one given, or the one named. Throws `not-found`, `invalid`. */
export async function valueSetAsked(
  { given, resources, sources, rules }: Question,
  ask: Of<'operation'>,
): Promise<ValueSet> {
  if (ask.id !== undefined) {
    const found = await resources.valueSet({ id: ask.id });
    if (!found) throw new FhirError('not-found', 'There is no ValueSet with this id.');
    sources.within(found);
    return found;
  }
  const whole = given.object('valueSet');
  if (whole) return whole as unknown as ValueSet;
  const named = given.text('url') ?? (await boundValueSet(resources, given.text('context')));
  if (named === undefined) throw refusedParameter(`$${ask.operation} needs a value set: url, or the valueSet itself.`);
  const [url = '', version = given.text('valueSetVersion')] = named.split('|');
  const canonical = canonicalOf({ url, version: pinVersion(rules, url, version).version });
  const found = await sources.valueSet(canonical);
  if (!found) throw valueSetNotFound(canonical, inAddress(given.at('url', 'context')));
  sources.within(found);
  return found;
}

/** A parameter of the address. HL7's terminology cases expect no expression where a body names a value set that is not known. */
const inAddress = (at: string): string | undefined => (at.startsWith('http.') ? at : undefined);

const PARAMETER = /^http:\/\/hl7\.org\/fhir\/(?:tools\/)?StructureDefinition\/valueset-expansion-parameter$/;

/** What a value set says of how it is to be expanded, where the question does not say it. */
export function ownParameters({ compose }: ValueSet): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { url = '', extension = [] } of compose?.extension ?? []) {
    if (!PARAMETER.test(url)) continue;
    const name = extension.find(each => each.url === 'name');
    const value = extension.find(each => each.url === 'value');
    const text = name?.valueCode ?? name?.valueString;
    if (text !== undefined && value) found.set(text, parameterText(value));
  }
  return found;
}

const parameterText = ({ valueCode, valueString, valueUri, valueBoolean, valueInteger }: Extension): string =>
  valueCode ?? valueString ?? valueUri ?? String(valueBoolean ?? valueInteger ?? '');

/** The question comes before the header of the request, that before what the value set says, and that before its own language. */
export function languagesAsked(
  { given, header }: Pick<Question, 'given' | 'header'>,
  set?: ValueSet,
): Languages | undefined {
  const own = set && ownParameters(set).get('displayLanguage');
  return (
    parseLanguages(given.text('displayLanguage')) ?? header ?? parseLanguages(own) ?? parseLanguages(set?.language)
  );
}

/** With the supplements that the question or the value set names. */
export const supplementsAsked = (
  { given, sources }: Pick<Question, 'given' | 'sources'>,
  set?: ValueSet,
): Promise<Supplements> =>
  withSupplements(sources, [...given.texts('useSupplement'), ...(set ? supplementsOf(set) : [])]);

/** A Coding, or the parameters that make one. */
export function codingAsked(
  { given }: Pick<Question, 'given'>,
  [coding, code, system, version]: readonly [string, string, string, string],
): Coding | undefined {
  const whole = given.object(coding);
  if (whole) return whole;
  const text = given.text(code);
  if (text === undefined) return undefined;
  const named = given.text(system);
  const of = given.text(version);
  const display = given.text('display');
  return {
    ...(named === undefined ? {} : { system: named }),
    ...(of === undefined ? {} : { version: of }),
    code: text,
    ...(display === undefined ? {} : { display }),
  };
}

/** An answer that no patient is in. */
export const answerWith = (resource: JsonObject) => ({
  result: { status: 200, text: Buffer.from(JSON.stringify(resource)), patients: [] },
});
