/**
 * Quantities in a common unit, so that 5.4 mg is found as 0.0054 g. Both the values of resources and the bounds of
 * searches come here. https://hl7.org/fhir/R4/search.html#quantity ("convert ... to a canonical unit")
 *
 * Choices: only codes of UCUM are converted; a code that UCUM does not have stays what it is. Conversions are exact (see
 * ratio.ts) but for special units (Cel, [pH]), which are rounded to 12 significant digits. A unit that falls while what
 * it measures rises ([pH]) exchanges the two ends of a range. Amounts that no double can hold are the largest double.
 */
import { scale } from '../fhir/ratio.js';
import { memoize } from '../platform/memoize.js';
import type { RangeBounds } from './query.js';
import { type Composition, readUnit } from './ucum.js';

export const UCUM = 'http://unitsofmeasure.org';

export interface CanonicalUnit {
  /** Base units with their exponents (`g.m-3`), the same for all units that convert to each other; '1' for plain numbers. */
  readonly unit: string;
  /** A finite value in base units. Equal amounts of commensurable units give the same double. */
  readonly convert: (value: number) => number;
  /** Greater values are smaller amounts. */
  readonly falls: boolean;
}

const SPECIAL_DIGITS = 12;

/** The unit in base units; undefined where UCUM has no such code. */
export const canonicalUnit = memoize({ results: 4096 }, (code): CanonicalUnit | undefined => {
  const composition = readUnit(code);
  return composition && makeCanonicalUnit(composition);
});

/** Several search parameters read the same element one after the other. */
function repeating(convert: (value: number) => number): (value: number) => number {
  let last = 0;
  let result = convert(last);
  return value => {
    if (value !== last) {
      result = convert(value);
      last = value;
    }
    return result;
  };
}

function makeCanonicalUnit({ powers, factor, special }: Composition): CanonicalUnit {
  const parts = [...powers].filter(([, exponent]) => exponent !== 0).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const unit = parts.map(([base, exponent]) => (exponent === 1 ? base : `${base}${exponent}`)).join('.') || '1';
  if (!special) return { unit, falls: false, convert: repeating(value => scale(value, factor)) };
  const convert = (value: number) => {
    const amount = special(value);
    const finite = Math.max(-Number.MAX_VALUE, Math.min(amount, Number.MAX_VALUE));
    return scale(Number(finite.toPrecision(SPECIAL_DIGITS)), factor);
  };
  return { unit, falls: convert(2) < convert(1), convert: repeating(convert) };
}

/** A range in base units. */
export interface BaseAmount {
  readonly unit: string;
  readonly low: number;
  readonly high: number;
}

/** ± the largest number is an open end, in every unit. */
const isOpenEnd = (value: number) => Math.abs(value) === Number.MAX_VALUE;

/** A value (low and high the same) or range of a resource in base units; undefined where it is not of UCUM. */
export function baseOf(system: string, code: string, low: number, high: number): BaseAmount | undefined {
  const known = system === UCUM ? canonicalUnit(code) : undefined;
  if (!known) return undefined;
  const { unit, convert, falls } = known;
  if (low === high) {
    const value = convert(low);
    return { unit, low: value, high: value };
  }
  const ends = [low, high].map(end => (isOpenEnd(end) ? (falls ? -end : end) : convert(end)));
  const [first, last] = falls ? ends.toReversed() : ends;
  return { unit, low: first!, high: last! };
}

/** The bounds of a search in base units; undefined where the unit is not of UCUM. */
export function baseBounds(
  system: string,
  code: string,
  any: readonly RangeBounds[],
): { readonly unit: string; readonly any: readonly RangeBounds[] } | undefined {
  const known = system === UCUM ? canonicalUnit(code) : undefined;
  return known && { unit: known.unit, any: any.map(bounds => convertBounds(known, bounds)) };
}

const MIRRORED = { lowMin: 'highMax', lowMax: 'highMin', highMin: 'lowMax', highMax: 'lowMin' } as const;
const ENDS = Object.keys(MIRRORED) as readonly (keyof typeof MIRRORED)[];

function convertBounds({ convert, falls }: CanonicalUnit, bounds: RangeBounds): RangeBounds {
  const given = ENDS.filter(end => bounds[end] !== undefined);
  const target = (end: keyof typeof MIRRORED) => (falls ? MIRRORED[end] : end);
  const open = given.filter(end => bounds.open?.[end]).map(end => [target(end), true as const]);
  return {
    ...Object.fromEntries(given.map(end => [target(end), convert(bounds[end]!)])),
    ...(open.length === 0 ? {} : { open: Object.fromEntries(open) as NonNullable<RangeBounds['open']> }),
  };
}
