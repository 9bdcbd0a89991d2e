/**
 * The invariants that touch nearly every element, and those that FHIRPath says in a roundabout way, as functions of their own, by their
 * expressions. https://hl7.org/fhir/R4/element.html#ele-1, https://hl7.org/fhir/R4/domainresource.html
 */
import { isObject, itemsOf, type Json, type JsonObject } from '../../fhir/resource.js';
import { baseOf } from '../../search/units.js';
import { isOneOrOther } from '../gate/checks.js';
import { DEFINITION_RULES } from './definition-rules.js';
import { correctedExpression } from './invariant-corrections.js';
import { hasNarrativeContent, typeOfReferred } from './invariant-functions.js';
import { BarePrimitive, itemKey, type NativeEnvironment, type NativeItem } from './native-values.js';
import type { CheckRun } from '../run.js';

/** Whether an element is as it must be. */
export type NativeRule = (env: NativeEnvironment, self: NativeItem) => boolean;

const isElement = (item: Json | NativeItem | undefined): item is JsonObject =>
  isObject(item) && !(item instanceof BarePrimitive);

/** ele-1: a value or children, of which an id is none. */
function hasValueOrChildren(_: NativeEnvironment, self: NativeItem): boolean {
  const object = self instanceof BarePrimitive ? (self.sibling as JsonObject) : self;
  if (!isObject(object)) return object !== null;
  for (const key in object) if (key !== 'id' && key !== 'resourceType') return true;
  return false;
}

/** ref-1: `#id` names a contained resource of the container, `#` the container of a contained resource. */
function refersToContained({ element, rootResource, run }: NativeEnvironment, self: NativeItem): boolean {
  const reference = isElement(self) ? self['reference'] : undefined;
  if (typeof reference !== 'string' || !reference.startsWith('#')) return true;
  if (reference === '#') return element.site.resource !== rootResource;
  return idsOf(itemsOf(rootResource['contained']), run).has(reference.slice(1));
}

/** Of a list whose references are being checked, collected when the first is. */
const idsByList = new WeakMap<readonly Json[], ReadonlySet<unknown>>();

function idsOf(contained: readonly Json[], run: CheckRun): ReadonlySet<unknown> {
  const known = idsByList.get(contained);
  if (known) return known;
  run.spend(contained.length);
  const ids = new Set(contained.filter(isElement).map(({ id }) => id));
  idsByList.set(contained, ids);
  return ids;
}

/**
 * dom-3: contained resources are referred to, or refer to their container. A text that is just `#id` counts as a reference
 * wherever it stands, so that canonicals and uris need not be told from other texts, and so does a link of a narrative.
 */
function containedAreNamed({ run }: NativeEnvironment, self: NativeItem): boolean {
  const contained = isElement(self) ? itemsOf(self['contained']) : [];
  if (contained.length === 0) return true;
  const named = new Set<string>();
  collectFragments(self as Json, named, run);
  return contained.every(each => {
    if (!isElement(each) || typeof each['id'] !== 'string' || named.has(`#${each['id']}`)) return true;
    const own = new Set<string>();
    collectFragments(each, own, run);
    return own.has('#');
  });
}

/** Narratives show contained images. */
const NARRATIVE_LINK = /\b(?:src|href)=["'](#[^"']{1,64})["']/g;

function collectFragments(value: Json, found: Set<string>, run: CheckRun): void {
  run.spend(1);
  if (typeof value === 'string') {
    if (value.startsWith('#')) found.add(value);
    else if (value.startsWith('<div')) for (const [, link] of value.matchAll(NARRATIVE_LINK)) found.add(link!);
  } else if (Array.isArray(value)) for (const each of value) collectFragments(each, found, run);
  else if (isObject(value)) for (const key in value) collectFragments(value[key]!, found, run);
}

/** rng-2: as far as the two quantities can be compared. */
function isRangeInOrder(_: NativeEnvironment, self: NativeItem): boolean {
  if (!isElement(self)) return true;
  const { low, high } = self;
  if (!isElement(low) || !isElement(high)) return true;
  const [least, most] = [low['value'], high['value']];
  if (typeof least !== 'number' || typeof most !== 'number') return true;
  if (low['code'] === high['code'] && low['system'] === high['system'])
    return low['code'] === undefined && low['unit'] !== high['unit'] ? true : least <= most;
  const from = inBaseUnits(low, least);
  const to = inBaseUnits(high, most);
  return !from || !to || from.unit !== to.unit || from.low <= to.low;
}

const inBaseUnits = ({ system, code }: JsonObject, value: number) =>
  typeof system === 'string' && typeof code === 'string' ? baseOf(system, code, value, value) : undefined;

/** csd-1: codes are unique in all levels of the hierarchy. */
function hasDistinctCodes({ run }: NativeEnvironment, self: NativeItem): boolean {
  return isElement(self) && areDistinct(self, 'concept', 'code', new Set(), run);
}

/** que-2: link ids are unique in all levels of the items. */
function hasDistinctLinks({ run }: NativeEnvironment, self: NativeItem): boolean {
  return isElement(self) && areDistinct(self, 'item', 'linkId', new Set(), run);
}

function areDistinct(parent: JsonObject, children: string, name: string, seen: Set<string>, run: CheckRun): boolean {
  const list = itemsOf(parent[children]);
  run.spend(list.length);
  return list.every(child => {
    if (!isElement(child)) return true;
    const value = child[name] ?? child[`_${name}`];
    const key = value === undefined ? undefined : itemKey(value);
    if (key !== undefined && seen.has(key)) return false;
    if (key !== undefined) seen.add(key);
    return areDistinct(child, children, name, seen, run);
  });
}

/** ctm-1: on behalf of an organization acts a practitioner; who is meant may not be known. */
function actsOnBehalf({ element, run }: NativeEnvironment, self: NativeItem): boolean {
  if (!isElement(self) || self['onBehalfOf'] === undefined || !isElement(self['member'])) return true;
  const type = typeOfReferred(self['member'], element.site, run);
  return type === undefined || type === 'unknown' || type === 'Practitioner';
}

/** By key and expression as it is published. */
const RULES: readonly (readonly [key: string, published: string, rule: NativeRule, type?: string])[] = [
  ['ele-1', 'hasValue() or (children().count() > id.count())', hasValueOrChildren],
  ['ext-1', 'extension.exists() != value.exists()', (_, self) => !isElement(self) || isOneOrOther(self), 'Extension'],
  [
    'ref-1',
    "reference.startsWith('#').not() or (reference.substring(1).trace('url') in %rootResource.contained.id.trace('ids'))",
    refersToContained,
    'Reference',
  ],
  [
    'dom-3',
    "contained.where((('#'+id in (%resource.descendants().reference | %resource.descendants().as(canonical) | %resource.descendants().as(uri) | %resource.descendants().as(url))) or descendants().where(reference = '#').exists() or descendants().where(as(canonical) = '#').exists() or descendants().where(as(canonical) = '#').exists()).not()).trace('unmatched', id).empty()",
    containedAreNamed,
  ],
  ['rng-2', 'low.empty() or high.empty() or (low <= high)', isRangeInOrder, 'Range'],
  ['csd-1', 'concept.code.combine($this.descendants().concept.code).isDistinct()', hasDistinctCodes, 'CodeSystem'],
  ['que-2', 'descendants().linkId.isDistinct()', hasDistinctLinks, 'Questionnaire'],
  [
    'ctm-1',
    'onBehalfOf.exists() implies (member.resolve().iif(empty(), true, ofType(Practitioner).exists()))',
    actsOnBehalf,
    'CareTeam.participant',
  ],
  // The gate has refused narratives that hold what they may not (narrative.ts).
  ['txt-1', 'htmlChecks()', () => true, 'xhtml'],
  ['txt-2', 'htmlChecks()', (_, self) => typeof self !== 'string' || hasNarrativeContent(self), 'xhtml'],
  ...DEFINITION_RULES,
];

interface RuleOfType {
  readonly rule: NativeRule;
  /** The only type that it is meant for; undefined: any. */
  readonly type: string | undefined;
}

const BY_EXPRESSION: ReadonlyMap<string, RuleOfType> = new Map(
  RULES.map(([key, expression, rule, type]) => {
    const corrected = correctedExpression({ key, expression, human: '', severity: 'error' });
    return [corrected!, { rule, type }];
  }),
);

/** The rule for a (corrected) expression, if it has one of its own. */
export const ruleFor = (expression: string): RuleOfType | undefined => BY_EXPRESSION.get(expression);
