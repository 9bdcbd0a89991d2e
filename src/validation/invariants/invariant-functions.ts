/**
 * The functions of FHIRPath that an invariant has from this server instead of the engine: those that need to know what lies outside
 * of the expression (references, value sets, profiles), and those that would take time or memory without bound.
 * https://hl7.org/fhir/R4/fhirpath.html#functions
 *
 * A reference that leads out of the resource resolves to nothing but its type, which the text of the reference says: whoever asks
 * for more has asked what cannot be known.
 */
import type * as fhirpath from 'fhirpath';
import { parseReference } from '../../fhir/reference.js';
import { isObject, type Json, type JsonObject } from '../../fhir/resource.js';
import {
  dataOf,
  type EngineContext,
  type Evaluation,
  evaluationOf,
  isNode,
  type Items,
  oneText,
  siblingOf,
} from './invariant-evaluation.js';
import { distinctFn, isDistinctFn, repeatFn } from './invariant-sets.js';
import { joinFn, matchesFn, matchesFullFn, replaceFn, replaceMatchesFn } from './invariant-texts.js';
import { faultOfNarrative } from '../gate/narrative.js';
import type { CheckedElement, CheckRun, ResourceSite } from '../run.js';

type EngineFunction = (evaluation: Evaluation, input: Items, ...given: never[]) => unknown;

let table: fhirpath.UserInvocationTable | undefined;

export function invariantFunctions(): fhirpath.UserInvocationTable {
  const entry = (fn: EngineFunction, ...signatures: ('String' | 'Expr' | 'Any')[][]) => ({
    fn: function (this: EngineContext, input: Items, ...given: never[]): unknown {
      return fn(evaluationOf(this), input, ...given);
    },
    arity: Object.fromEntries(signatures.map(signature => [signature.length, signature])),
    internalStructures: true,
  });
  table ??= {
    resolve: entry(resolveFn, []),
    memberOf: entry(memberOfFn, ['String']),
    conformsTo: entry(conformsToFn, ['String']),
    htmlChecks: entry(htmlChecksFn, []),
    htmlChecks2: entry(hasContentFn, []),
    matches: entry(matchesFn, ['String'], ['String', 'String']),
    matchesFull: entry(matchesFullFn, ['String'], ['String', 'String']),
    replaceMatches: entry(replaceMatchesFn, ['String', 'String']),
    replace: entry(replaceFn, ['String', 'String']),
    join: entry(joinFn, [], ['String']),
    repeat: entry(repeatFn, ['Expr']),
    distinct: entry(distinctFn, []),
    isDistinct: entry(isDistinctFn, []),
  };
  return table;
}

function resolveFn(evaluation: Evaluation, input: Items): Items {
  return input.flatMap(item => {
    const data = dataOf(item);
    const reference = isObject(data) ? data['reference'] : data;
    const said = isObject(data) && typeof data['type'] === 'string' ? data['type'] : undefined;
    // A logical reference: something is meant, and nobody knows where it is.
    if (typeof reference !== 'string') return isObject(data) ? resourceElsewhere(said, evaluation) : [];
    const target = evaluation.run.resolve(reference, siteOf(item, evaluation));
    if (target.kind === 'found') {
      sites.set(target.site.resource, target.site);
      return evaluation.makeNode(evaluation.copies.of(target.site.resource), target.site.resource.resourceType);
    }
    return target.kind === 'outside' ? resourceElsewhere(typeOfReference(reference) ?? said, evaluation) : [];
  });
}

/** The type of the resource that a Reference leads to; undefined: it leads nowhere; `unknown`: nobody knows its type here. */
export function typeOfReferred(value: JsonObject, site: ResourceSite, run: CheckRun): string | undefined {
  const { reference, type } = value;
  const said = typeof type === 'string' ? type : 'unknown';
  if (typeof reference !== 'string') return said;
  const target = run.resolve(reference, site);
  if (target.kind === 'found') return target.site.resource.resourceType;
  return target.kind === 'outside' ? (typeOfReference(reference) ?? said) : undefined;
}

function typeOfReference(reference: string): string | undefined {
  const target = parseReference(reference, []);
  return target?.kind === 'local' || target?.kind === 'url' ? target.type : undefined;
}

function resourceElsewhere(type: string | undefined, evaluation: Evaluation): Items {
  if (type !== undefined) return [evaluation.makeNode(unknownResource(type, evaluation), type)];
  evaluation.unknown = true;
  return [];
}

/** A resource of which only the type is known. */
const unknownResource = (type: string, evaluation: Evaluation): object =>
  new Proxy(
    { resourceType: type },
    {
      get(target, key) {
        if (key === 'resourceType') return target.resourceType;
        if (typeof key === 'string') evaluation.unknown = true;
        return undefined;
      },
      ownKeys(target) {
        evaluation.unknown = true;
        return Reflect.ownKeys(target);
      },
    },
  );

const sites = new WeakMap<object, ResourceSite>();

/** The resource that an item lies in; one that the run has not told of lies in that of the element. */
function siteOf(item: unknown, { element, copies }: Evaluation): ResourceSite {
  for (let node = isNode(item) ? item : null; node; node = node.parentResNode) {
    const data: unknown = copies.originalOf(node.data as unknown);
    const site = isObject(data) ? sites.get(data) : undefined;
    if (site) return site;
  }
  return element.site;
}

function memberOfFn(evaluation: Evaluation, input: Items, valueSet: string | Items): unknown {
  const value: unknown = evaluation.copies.originalOf(dataOf(input[0]));
  if (input.length !== 1 || typeof valueSet !== 'string' || value === undefined || value === null) return [];
  const member = evaluation.run.isMember(value as Json, valueSet, evaluation.from);
  if (member === undefined) evaluation.unknown = true;
  return member ?? [];
}

function conformsToFn(evaluation: Evaluation, input: Items, profile: string | Items): unknown {
  if (input.length !== 1 || typeof profile !== 'string') return [];
  const conforms = evaluation.run.conforms(elementOf(input[0], evaluation), profile, evaluation.from);
  if (conforms === undefined) evaluation.unknown = true;
  return conforms ?? [];
}

/** An item as an element; its place is that of the element that the invariant stands at. */
function elementOf(item: unknown, evaluation: Evaluation): CheckedElement {
  const { element, copies } = evaluation;
  const value = copies.originalOf(dataOf(item)) as Json;
  if (value === element.value && isObject(value)) return element;
  const node = isNode(item) ? item : undefined;
  const holder = copies.originalOf(node?.parentResNode?.data as object | undefined) ?? element.holder;
  const above = siteOf(item, evaluation);
  const site =
    isObject(value) && typeof value['resourceType'] === 'string' && value !== above.resource
      ? ({ resource: value as never, place: element.place, outer: above, as: 'part', fullUrl: undefined } as const)
      : above;
  return {
    value,
    sibling: siblingOf(item),
    holder,
    key: node?.index ?? node?.propName ?? '',
    type: isObject(value) && typeof value['resourceType'] === 'string' ? value['resourceType'] : (node?.path ?? ''),
    place: element.place,
    site,
  };
}

/** The gate has refused what a narrative may not hold (narrative.ts); an invariant may ask it of other texts. */
function htmlChecksFn(evaluation: Evaluation, input: Items): boolean {
  const div = oneText(input);
  if (div === undefined) return true;
  evaluation.run.spend(div.length);
  return faultOfNarrative(div) === undefined;
}

function hasContentFn(_: Evaluation, input: Items): boolean {
  const div = oneText(input);
  return div === undefined || hasNarrativeContent(div);
}

/** Whether a narrative shows anything: a text that is not blank, or an image (txt-2). */
export function hasNarrativeContent(div: string): boolean {
  if (/<img[\s/>]/i.test(div)) return true;
  const text = div.replaceAll(/<[^<>]*>/g, '').replaceAll(/&(nbsp|#160|#xa0);/gi, ' ');
  return /\S/.test(text);
}
