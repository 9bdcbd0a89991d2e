/**
 * Tests a condition against the index entries of one resource. This is the definition of what a search means: access
 * decisions use it, and stores must agree with it. https://hl7.org/fhir/R4/search.html
 *
 * `_id` and `_lastUpdated` are read from the subject itself, all else from its entries. Codes, systems and URIs compare
 * exactly, case included (identifiers and most code systems need that). A condition on an element that is absent is
 * false, and `not` of it true. Quantities in UCUM units compare in base units, others by their unit as it stands.
 */
import { FhirError } from '../fhir/error.js';
import { IN_URLS, IN_VERSIONS, isBelow } from './below.js';
import type { IndexEntry, EntryValue } from './entry.js';
import { distance, isInside, type Point } from './globe.js';
import type {
  RangeBounds,
  QuantityTest,
  ReferenceValue,
  Test,
  TokenValue,
  VersionTest,
  Where,
  Words,
} from './query.js';

export interface Subject {
  readonly type: string;
  readonly id: string;
  /** ms since 1970. */
  readonly updated: number;
  readonly entries: readonly IndexEntry[];
  /** Those of one parameter, where it is less work to give them alone. */
  entriesOf?(code: string): readonly IndexEntry[];
}

/** Gives what the entries of one resource do not hold: the resources on the other side of a reference, and its words. */
export interface Resolver {
  /** The resources of type `to` that the parameter `code` of the subject refers to. */
  follow(subject: Subject, code: string, to: string): readonly Subject[];
  /** The resources of type `from` that refer to the subject by their parameter `code`. */
  referring(subject: Subject, from: string, code: string): readonly Subject[];
  /** Whether the words are in the subject's narrative, or anywhere in it. */
  hasWords(subject: Subject, among: 'text' | 'content', words: Words): boolean;
}

/** Throws FhirError `not-supported` for chain, has and words where no resolver is given, and for tests that must be resolved. */
export function match(where: Where, subject: Subject, resolver?: Resolver): boolean {
  switch (where.kind) {
    case 'all':
      return where.of.every(each => match(each, subject, resolver));
    case 'any':
      return where.of.some(each => match(each, subject, resolver));
    case 'not':
      return !match(where.of, subject, resolver);
    case 'param':
      return entriesFor(subject, where.code).some(entry => passes(where.test, entry));
    case 'present':
      return entriesFor(subject, where.code).length > 0;
    case 'of':
      return subject.type === where.type && match(where.where, subject, resolver);
    case 'words':
      return needed(resolver).hasWords(subject, where.among, where.words);
    case 'chain':
      return needed(resolver)
        .follow(subject, where.code, where.to)
        .some(other => match(where.where, other, resolver));
    case 'has':
      return needed(resolver)
        .referring(subject, where.from, where.code)
        .some(other => match(where.where, other, resolver));
  }
}

function needed(resolver: Resolver | undefined): Resolver {
  if (!resolver) throw new FhirError('not-supported', 'A condition on another resource cannot be decided here.');
  return resolver;
}

function entriesFor(subject: Subject, code: string): readonly EntryValue[] {
  if (code === '_id') return [{ kind: 'token', system: '', code: subject.id }];
  if (code === '_lastUpdated') return [{ kind: 'date', low: subject.updated, high: subject.updated }];
  return subject.entriesOf?.(code) ?? subject.entries.filter(entry => entry.parameter === code);
}

/** True where one entry passes the test; an entry of another kind never does. */
export function passes(test: Test, entry: EntryValue): boolean {
  switch (test.kind) {
    case 'string':
      return holdsText(test.mode, test.value, entry);
    case 'token':
      return entry.kind === 'token' && holdsAnyToken(test.any, entry);
    case 'text':
      return holdsLabel(test.value, entry);
    case 'of-type':
      return holdsIdentifier(test, entry);
    case 'near':
    case 'box':
      return entry.kind === 'position' && holdsPosition(test, entry);
    case 'concept':
    case 'hierarchy':
      throw new FhirError('not-supported', 'A condition on a hierarchy must be resolved before it is decided.');
    case 'date':
    case 'number':
      return entry.kind === test.kind && test.any.some(bounds => isWithinBounds(bounds, entry.low, entry.high));
    case 'quantity':
      return entry.kind === 'quantity' && holdsQuantity(test, entry);
    case 'reference':
      return passesReference(test.to, entry);
    case 'uri':
      return holdsUri(test, entry);
    case 'media-type':
      return holdsMediaType(test.base, entry);
    case 'composite':
      return passesParts(test.parts, entry);
  }
}

function passesParts(tests: readonly Test[], entry: EntryValue): boolean {
  if (entry.kind !== 'composite') return false;
  return tests.every((test, index) => entry.parts[index]?.some(value => passes(test, value)) ?? false);
}

const holdsLabel = (value: string, entry: EntryValue): boolean => entry.kind === 'text' && entry.norm.startsWith(value);

const holdsMediaType = (base: string, entry: EntryValue): boolean =>
  entry.kind === 'media-type' && (entry.type === base || entry.type.startsWith(`${base}/`));

const holdsIdentifier = (test: Extract<Test, { kind: 'of-type' }>, entry: EntryValue): boolean =>
  entry.kind === 'of-type' && entry.system === test.system && entry.code === test.code && entry.value === test.value;

const holdsPosition = (test: Extract<Test, { kind: 'near' | 'box' }>, point: Point): boolean =>
  test.kind === 'near' ? distance(test, point) <= test.metres : test.any.some(box => isInside(point, box));

function holdsUri(test: Extract<Test, { kind: 'uri' }>, entry: EntryValue): boolean {
  if (entry.kind !== 'uri') return false;
  const { value, version } = entry;
  if (test.mode === 'exact') return value === test.value && holdsVersion(test, version);
  return test.mode === 'below' ? isBelow(value, test.value, IN_URLS) : isBelow(test.value, value, IN_URLS);
}

function holdsVersion({ version, versions }: VersionTest, actual: string | undefined): boolean {
  if (version === undefined) return true;
  if (actual === undefined || versions === undefined) return actual === version;
  return versions === 'below' ? isBelow(actual, version, IN_VERSIONS) : isBelow(version, actual, IN_VERSIONS);
}

function holdsText(mode: Extract<Test, { kind: 'string' }>['mode'], value: string, entry: EntryValue): boolean {
  if (entry.kind !== 'string') return false;
  const { raw, norm } = entry;
  switch (mode) {
    case 'exact':
      return raw === value;
    case 'starts':
      return norm.startsWith(value);
    case 'contains':
      return norm.includes(value);
    case 'equals':
      return norm === value;
    case 'ends':
      return norm.endsWith(value);
  }
}

const holdsAnyToken = (values: readonly TokenValue[], { system, code }: EntryValue & { kind: 'token' }): boolean =>
  values.some(value => holdsToken(value, system, code));

const holdsToken = (value: TokenValue, system: string, code: string) =>
  (value.system === undefined || value.system === system) && (value.code === undefined || value.code === code);

function holdsQuantity(test: QuantityTest, entry: EntryValue & { kind: 'quantity' }): boolean {
  const { base } = entry;
  if (test.base)
    return base?.unit === test.base.unit && test.base.any.some(b => isWithinBounds(b, base.low, base.high));
  return hasUnit(test, entry) && test.any.some(b => isWithinBounds(b, entry.low, entry.high));
}

function hasUnit(test: QuantityTest, entry: EntryValue & { kind: 'quantity' }): boolean {
  if (test.system !== undefined)
    return entry.system === test.system && (test.unit === undefined || entry.code === test.unit);
  return test.unit === undefined || entry.code === test.unit || entry.unit === test.unit;
}

function isWithinBounds(
  { lowMin, lowMax, highMin, highMax, open = {} }: RangeBounds,
  low: number,
  high: number,
): boolean {
  if (lowMin !== undefined && (open.lowMin ? low <= lowMin : low < lowMin)) return false;
  if (lowMax !== undefined && (open.lowMax ? low >= lowMax : low > lowMax)) return false;
  if (highMin !== undefined && (open.highMin ? high <= highMin : high < highMin)) return false;
  return highMax === undefined || (open.highMax ? high < highMax : high <= highMax);
}

function passesReference(to: ReferenceValue, entry: EntryValue): boolean {
  switch (to.kind) {
    case 'local':
      return (
        entry.kind === 'reference' &&
        entry.id === to.id &&
        (to.type === undefined || entry.type === to.type) &&
        (to.version === undefined || entry.version === to.version)
      );
    case 'among':
      return entry.kind === 'reference' && entry.type === to.type && to.ids.has(entry.id);
    case 'url':
      return entry.kind === 'url' && entry.url === to.url && holdsVersion(to, entry.version);
    case 'identifier':
      return entry.kind === 'identifier' && holdsToken(to.value, entry.system, entry.value);
  }
}
