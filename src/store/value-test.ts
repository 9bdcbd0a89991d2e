/**
 * A Test on the values of one parameter → a KeyTest on the keys that encode.ts makes of them. Exact: the keys pass if and only if
 * some value does. `at` is where the forms start: the parameter's prefix, or that and the first part of a composite.
 */
import { FhirError } from '../fhir/error.js';
import { allAbove, headsBelow, IN_URLS, IN_VERSIONS, type Separators } from '../search/below.js';
import { isKeyed, orderTests } from '../search/composite.js';
import type { Box } from '../search/globe.js';
import type { RangeBounds, ReferenceValue, Test, TokenValue, VersionTest } from '../search/query.js';
import {
  after,
  cutPhrase,
  encodeDouble,
  encodePhrase,
  encodeTarget,
  encodeText,
  nextDown,
  nextUp,
  SEPARATOR,
} from './codec.js';
import { mediaTypeHead, ofTypeKey, versionHead } from './encode.js';
import type { IndexCatalog } from './index-catalog.js';
import { anyOf, EVERYTHING_HELD, headTest, ledBy, NOTHING_HELD, pointTest } from './key-algebra.js';
import type { KeyArray, KeyTest } from './key.js';
import { type DateClass, lowBounds } from './span-class.js';

/** Where a parameter's keys are and what its data uses. */
export interface KeyPlace {
  readonly catalog: IndexCatalog;
  readonly in: KeyArray;
  /** The parameter's prefix, for the catalog. */
  readonly prefix: string;
  readonly at: string;
}

/** What the parameter uses of one kind (`s`, `c`, `t`), without the kind. */
export const used = ({ catalog, prefix }: KeyPlace, kind: string): string[] =>
  catalog
    .uses(prefix)
    .filter(use => use.startsWith(kind))
    .map(use => use.slice(1));

/** `system number | code` of every system the value may mean; the range of a system has no code. */
export function tokenForms(spot: KeyPlace, { system, code }: TokenValue): { forms: string[]; heads: string[] } {
  const known = system === undefined ? undefined : spot.catalog.system(system);
  const systems = system === undefined ? used(spot, 's') : known === undefined ? [] : [known];
  if (code === undefined) return { forms: [], heads: systems.map(number => `${number}|`) };
  return { forms: systems.map(number => `${number}|${encodeText(code)}`), heads: [] };
}

function tokenKeyTest(spot: KeyPlace, values: readonly TokenValue[], mark = ''): KeyTest {
  return anyOf(
    values.map(value => {
      const { forms, heads } = tokenForms(spot, value);
      return anyOf([
        ...heads.map(head => headTest(spot.in, spot.at + mark + head)),
        pointTest(
          spot.in,
          forms.map(form => spot.at + mark + form),
        ),
      ]);
    }),
  );
}

/** Bounds with the open ends closed: the neighbouring double is the inclusive bound. */
export interface Closed {
  readonly lowMin: number;
  readonly lowMax: number;
  readonly highMin: number;
  readonly highMax: number;
}

const least = (value: number | undefined, isOpen?: true) =>
  value === undefined ? -Infinity : isOpen ? nextUp(value) : value;
const most = (value: number | undefined, isOpen?: true) =>
  value === undefined ? Infinity : isOpen ? nextDown(value) : value;

export function closeBounds({ lowMin, lowMax, highMin, highMax, open }: RangeBounds): Closed {
  return {
    lowMin: least(lowMin, open?.lowMin),
    lowMax: most(lowMax, open?.lowMax),
    highMin: least(highMin, open?.highMin),
    highMax: most(highMax, open?.highMax),
  };
}

/** Only the bounds that bind. */
export function bindingBounds(closed: Closed): Partial<Closed> {
  return Object.fromEntries(Object.entries(closed).filter(([, value]) => Number.isFinite(value)));
}

const spanTest = (prefix: string, closed: Closed): KeyTest => ({ is: 'span', prefix, ...bindingBounds(closed) });

/** Keys `head` + a number within [min, max]. */
const numberKeyRange = (array: KeyPlace['in'], head: string, min: number, max: number): KeyTest =>
  min > max
    ? NOTHING_HELD
    : { is: 'range', in: array, low: head + encodeDouble(min), high: after(head + encodeDouble(max)) };

export function dateTest(spot: KeyPlace, values: readonly RangeBounds[]): KeyTest {
  const classes = used(spot, 'c') as DateClass[];
  return anyOf(
    values.flatMap(value => {
      const closed = closeBounds(value);
      return classes.toSorted().map(cls => {
        if (cls === 'p') {
          const span = spanTest(spot.at, closed);
          // Implied by the span, and something that an index can drive.
          const low = numberKeyRange(spot.in, spot.at + cls, closed.lowMin, Math.min(closed.lowMax, closed.highMax));
          return spot.in === 'filterOnly' ? span : ledBy(low, span);
        }
        const { min, max } = lowBounds(cls, closed.highMin, closed.highMax);
        return numberKeyRange(spot.in, spot.at + cls, Math.max(closed.lowMin, min), Math.min(closed.lowMax, max));
      });
    }),
  );
}

function numberTest(spot: KeyPlace, values: readonly RangeBounds[], heads: readonly string[]): KeyTest {
  const classes = used(spot, 'c');
  return anyOf(
    values.flatMap(value => {
      const closed = closeBounds(value);
      const { lowMin, lowMax, highMin, highMax } = closed;
      const [min, max] = [Math.max(lowMin, highMin), Math.min(lowMax, highMax)];
      // Implied by a number with a unit, and something that an index can drive.
      const plain = numberKeyRange(spot.in, `${spot.at}n`, min, max);
      return heads.flatMap(head => [
        ...(classes.includes('n')
          ? [
              // The plain number and that in base units are in the parameter's home, the other forms in `filterOnly`.
              head === 'n' || head.startsWith('b')
                ? numberKeyRange(spot.in, spot.at + head, min, max)
                : spot.in === 'filterOnly'
                  ? numberKeyRange('filterOnly', spot.at + head, min, max)
                  : ledBy(plain, numberKeyRange('filterOnly', spot.at + head, min, max)),
            ]
          : []),
        ...(classes.includes('r') ? [spanTest(spot.at + head, closed)] : []),
      ]);
    }),
  );
}

/** A system and a code, a system, a unit (as code of any system or as printed), or the number alone. */
function askedHeads(spot: KeyPlace, system: string | undefined, unit: string | undefined): string[] {
  if (system !== undefined && unit === undefined) {
    const number = spot.catalog.system(system);
    return number === undefined ? [] : [`s${number}${SEPARATOR}`];
  }
  if (unit === undefined) return ['n'];
  const { forms } = tokenForms(spot, system === undefined ? { code: unit } : { system, code: unit });
  const coded = forms.map(form => `c${form}${SEPARATOR}`);
  return system === undefined ? [...coded, `u${encodeText(unit)}${SEPARATOR}`] : coded;
}

function stringKeyTest(spot: KeyPlace, mode: Extract<Test, { kind: 'string' }>['mode'], value: string): KeyTest {
  if (mode === 'exact') return pointTest('filterOnly', [`${spot.at}=${encodeText(value)}`]);
  const text = encodePhrase(value);
  const prefix = `${spot.at}:`;
  if (mode === 'starts') {
    // A key in `byArrival` has 40 characters: longer values are looked up among the longer texts in `filterOnly`.
    if (spot.in === 'byArrival' && cutPhrase(text) !== text)
      return ledBy(pointTest('byArrival', [prefix + cutPhrase(text)]), headTest('filterOnly', prefix + text));
    return headTest(spot.in, prefix + text);
  }
  if (mode !== 'contains') throw unresolved();
  const tail: KeyTest = { is: 'contains', in: 'filterOnly', prefix, text };
  return spot.in === 'filterOnly' ? tail : anyOf([{ is: 'contains', in: spot.in, prefix, text }, tail]);
}

/** Keys `head` + text, or + what is above or below it. */
function alongTest(
  array: KeyPlace['in'],
  head: string,
  value: string,
  mode: 'exact' | 'above' | 'below',
  separators: Separators,
): KeyTest {
  const text = encodePhrase(value);
  const points = mode === 'above' ? allAbove(text, separators) : [text];
  const here = pointTest(
    array,
    points.map(point => head + point),
  );
  if (mode !== 'below') return here;
  return anyOf([here, ...headsBelow(text, separators).map(start => headTest(array, head + start))]);
}

function uriTest(spot: KeyPlace, test: Extract<Test, { kind: 'uri' }>): KeyTest {
  const here = alongTest(spot.in, spot.at, test.value, test.mode, IN_URLS);
  return test.mode === 'exact' ? ledBy(here, versionBeside(spot, [encodePhrase(test.value)], test)) : here;
}

/** The version beside one of these targets: in `filterOnly`, beside the target's own key. Everything where no version is asked for. */
const versionBeside = (spot: KeyPlace, targets: readonly string[], { version, versions }: VersionTest): KeyTest =>
  version === undefined
    ? EVERYTHING_HELD
    : anyOf(
        targets.map(target =>
          alongTest('filterOnly', versionHead(spot.at, target), version, versions ?? 'exact', IN_VERSIONS),
        ),
      );

/** The heads under which a reference value's target may be kept. */
export function targetHeads(spot: KeyPlace, to: Exclude<ReferenceValue, { kind: 'identifier' }>): string[] {
  if (to.kind === 'url') return [`^${encodeText(to.url)}`];
  if (to.kind === 'among') return [...to.ids].map(id => encodeTarget(to.type, id));
  const types = to.type === undefined ? used(spot, 't') : [to.type];
  return types.map(type => encodeTarget(type, to.id)).toSorted();
}

/** A reference's version, where one is asked for. */
export const versionTest = (spot: KeyPlace, to: Exclude<ReferenceValue, { kind: 'identifier' }>): KeyTest =>
  to.kind === 'among' ? EVERYTHING_HELD : versionBeside(spot, targetHeads(spot, to), to);

/** The points of the part that leads a composite. */
function leadingPoints(spot: KeyPlace, test: Test): string[] {
  if (test.kind === 'token') return test.any.flatMap(value => tokenForms(spot, value).forms);
  if (test.kind === 'reference' && test.to.kind !== 'identifier') return targetHeads(spot, test.to);
  throw unresolved();
}

const unresolved = () => new FhirError('not-supported', 'This condition must be resolved before the store is asked.');

/** A test on values in the form that encode.ts gives them at `spot`. Plain references have their own form. */
export function valueTest(spot: KeyPlace, test: Test): KeyTest {
  switch (test.kind) {
    case 'token':
      return tokenKeyTest(spot, test.any);
    case 'string':
      return stringKeyTest(spot, test.mode, test.value);
    case 'date':
      return dateTest(spot, test.any);
    case 'number':
      return numberTest(spot, test.any, ['n']);
    case 'quantity':
      if (test.base) return numberTest(spot, test.base.any, [`b${encodeText(test.base.unit)}${SEPARATOR}`]);
      return numberTest(spot, test.any, askedHeads(spot, test.system, test.unit));
    case 'text':
      return headTest('filterOnly', `${spot.at}:${encodePhrase(test.value)}`);
    case 'of-type':
      return ofTypeTest(spot, test);
    case 'box':
      return anyOf(test.any.map(box => boxTest(spot, box)));
    case 'near':
    case 'concept':
    case 'hierarchy':
      throw unresolved();
    case 'uri':
      return uriTest(spot, test);
    case 'media-type':
      return mediaTypeKeyTest(spot, test.base);
    case 'reference':
      if (test.to.kind === 'identifier') return tokenKeyTest(spot, [test.to.value], 'i');
      return ledBy(
        pointTest(
          spot.in,
          targetHeads(spot, test.to).map(target => spot.at + target),
        ),
        versionTest(spot, test.to),
      );
    case 'composite':
      return compositeTest(spot, test.parts);
  }
}

/** `image/png`, or all of `image`. */
function mediaTypeKeyTest(spot: KeyPlace, base: string): KeyTest {
  const at = mediaTypeHead(spot.at) + encodePhrase(base);
  return base.includes('/') ? pointTest(spot.in, [at]) : anyOf([pointTest(spot.in, [at]), headTest(spot.in, `${at}/`)]);
}

/** The type with the value in one element; that the value alone has a key gives an index to drive by. */
function ofTypeTest(spot: KeyPlace, test: Test & { kind: 'of-type' }): KeyTest {
  const system = spot.catalog.system(test.system);
  if (system === undefined) return NOTHING_HELD;
  return ledBy(tokenKeyTest(spot, [{ code: test.value }]), pointTest('filterOnly', [ofTypeKey(spot.at, system, test)]));
}

function boxTest(spot: KeyPlace, { south, north, west, east }: Box): KeyTest {
  const span = spanTest(spot.at, { lowMin: south, lowMax: north, highMin: west, highMax: east });
  return spot.in === 'filterOnly' ? span : ledBy(numberKeyRange(spot.in, `${spot.at}n`, south, north), span);
}

/** Two parts: the second in its form after the one that leads. Three, the last two being numbers: their pair. */
function compositeTest(spot: KeyPlace, parts: readonly Test[]): KeyTest {
  const [first, second, third] = orderTests(parts);
  if (!isKeyed(parts) || !first || !second) throw unresolved();
  const heads = leadingPoints(spot, first).map(lead => spot.at + lead + SEPARATOR);
  if (!third) return anyOf(heads.map(at => valueTest({ ...spot, at }, second)));
  if (second.kind !== 'number' || third.kind !== 'number') throw unresolved();
  const pairs = second.any.flatMap(low => third.any.map(high => ({ low: closeBounds(low), high: closeBounds(high) })));
  return anyOf(heads.flatMap(at => pairs.map(({ low, high }) => spanTest(at, pointBounds(low, high)))));
}

/** Bounds on two plain numbers as those on the low and the high end of a pair. */
const pointBounds = (low: Closed, high: Closed): Closed => ({
  lowMin: Math.max(low.lowMin, low.highMin),
  lowMax: Math.min(low.lowMax, low.highMax),
  highMin: Math.max(high.lowMin, high.highMin),
  highMax: Math.min(high.lowMax, high.highMax),
});
