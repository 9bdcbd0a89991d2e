/**
 * Whether an authorization reaches a document: its provision, and what a nested one takes away. Pure. https://hl7.org/fhir/R4/consent-definitions.html
 *
 * What is not sure is not covered, as where Consents decide about access (access/consent-where.ts): a permit reaches what lies within its `dataPeriod` and is labelled
 * so or lower, a denial whatever touches its period or is labelled so or higher. Members of one element are alternatives, the elements hold together.
 */
import { kindsOfLabel } from '../../fhir/security-labels.js';
import { ACT_CODE, levelOf, placeOfLevel, type Protection } from '../../fhir/security-labels.js';
import { OPEN, parseGivenDateTime } from '../../fhir/datetime.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';

/** ms since 1970, both ends inclusive. */
export interface TimeRange {
  readonly from: number;
  readonly until: number;
}

/** What is compared of a document. */
export interface DocumentFacts {
  /** `DocumentReference/[id]`. */
  readonly self: string;
  /** Codings of its type and categories. */
  readonly types: readonly JsonObject[];
  /** What its content is of, else when it was made; undefined: nobody says it. */
  readonly range: TimeRange | undefined;
  readonly encounters: readonly string[];
  readonly related: readonly string[];
  readonly authors: readonly string[];
  readonly protection: Protection;
  readonly contentTypes: readonly string[];
}

const RESOURCE_TYPE = 'DocumentReference';
const MIME_TYPES = 'urn:ietf:bcp:13';

/** `Type/id` of a resource of this server, without a version, else the text; undefined: it is no reference. */
export function referenceKey(value: Json | undefined, bases: readonly string[]): string | undefined {
  const text = isObject(value) ? value['reference'] : undefined;
  if (typeof text !== 'string') return undefined;
  const target = parseReference(text, bases);
  return target?.kind === 'local' ? `${target.type}/${target.id}` : text;
}

/** The same of a stored document. */
export const documentKey = ({ id }: Resource): string => `${RESOURCE_TYPE}/${typeof id === 'string' ? id : ''}`;

/** Undefined: it has neither end that is a date. */
export function rangeOf(period: Json | undefined): TimeRange | undefined {
  if (!isObject(period)) return undefined;
  const { start, end } = period;
  const from = typeof start === 'string' ? parseGivenDateTime(start)?.low : undefined;
  const until = typeof end === 'string' ? parseGivenDateTime(end)?.high : undefined;
  return from === undefined && until === undefined ? undefined : { from: from ?? -OPEN, until: until ?? OPEN };
}

export const touches = (one: TimeRange, other: TimeRange): boolean =>
  one.from <= other.until && one.until >= other.from;

/** One of the codings is one of those that are named; a coding without a system names its code in any. */
export const isCodedAs = (codings: readonly JsonObject[], named: readonly JsonObject[]): boolean =>
  named.some(
    ({ system, code }) =>
      // Who names no code names nothing: neither do documents without one match it.
      code !== undefined &&
      codings.some(each => each['code'] === code && (system === undefined || each['system'] === system)),
  );

const objects = (value: Json | undefined): JsonObject[] => itemsOf(value).filter(isObject);
export const conceptCodings = (concepts: readonly (Json | undefined)[]): JsonObject[] =>
  concepts.filter(isObject).flatMap(({ coding }) => objects(coding));

/** Labels that a Consent names. */
export const labelsNamed = ({ provision }: Resource): readonly JsonObject[] =>
  isObject(provision) ? objects(provision['securityLabel']) : [];

/** A label, or a kind of it, is on what is protected so. */
export const carries = ({ others }: Protection, { system, code }: JsonObject): boolean =>
  system === ACT_CODE &&
  typeof code === 'string' &&
  kindsOfLabel({ system, code }).some(kind => kind.code !== undefined && others.has(kind.code));

/** Whether a Consent permits that the document is given out. */
export function isCovered({ provision }: Resource, document: DocumentFacts, bases: readonly string[]): boolean {
  if (!isObject(provision) || provision['type'] === 'deny' || !reaches(provision, document, bases, true)) return false;
  return !objects(provision['provision']).some(
    each => each['type'] === 'deny' && reaches(each, document, bases, false),
  );
}

function reaches(provision: JsonObject, document: DocumentFacts, bases: readonly string[], permits: boolean): boolean {
  const { class: classes, code, securityLabel, dataPeriod, data } = provision;
  const period = rangeOf(dataPeriod);
  const anyOf = (all: Json | undefined, holds: (each: JsonObject) => boolean): boolean =>
    itemsOf(all).length === 0 || objects(all).some(holds);
  return (
    anyOf(classes, each => isOfClass(each, document)) &&
    anyOf(code, each => isCodedAs(document.types, objects(each['coding']))) &&
    anyOf(securityLabel, label => isLabelled(document.protection, label, permits)) &&
    (dataPeriod === undefined || isInPeriod(document.range, period, permits)) &&
    anyOf(data, each => isMeant(each, document, bases))
  );
}

function isOfClass(named: JsonObject, { types, contentTypes }: DocumentFacts): boolean {
  const { system, code } = named;
  if (system === MIME_TYPES) return contentTypes.some(each => each === code);
  return code === RESOURCE_TYPE || isCodedAs(types, [named]);
}

function isLabelled(protection: Protection, label: JsonObject, permits: boolean): boolean {
  const level = levelOf(label);
  if (level === undefined) return carries(protection, label);
  const [own, named] = [placeOfLevel(protection.level), placeOfLevel(level)];
  return permits ? own <= named : own >= named;
}

/** Of what no date is known nobody is sure that it lies within, or outside. */
function isInPeriod(range: TimeRange | undefined, period: TimeRange | undefined, permits: boolean): boolean {
  if (!range || !period) return !permits;
  return permits ? range.from >= period.from && range.until <= period.until : touches(range, period);
}

function isMeant({ meaning, reference }: JsonObject, document: DocumentFacts, bases: readonly string[]): boolean {
  const named = referenceKey(reference, bases);
  if (named === undefined) return false;
  if (meaning === 'authoredby') return document.authors.includes(named);
  if (named === document.self) return true;
  if (meaning === 'instance') return false;
  return document.encounters.includes(named) || document.related.includes(named);
}
