/**
 * What prefixes mean, as arithmetic on intervals, written down from https://hl7.org/fhir/R4/search.html#prefix and
 * sharing no line with the server: the expected ids of generated rows come from here.
 *
 * A time is the half-open interval [from, to) of all instants that it may stand for; an open end is infinite. A number
 * is [low, high] (they differ for a Range); a value searched has the half-open range of its digits for eq and ne, and
 * counts as exact for the other prefixes.
 */

export const PREFIXES = ['', 'eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'] as const;
export type Prefix = (typeof PREFIXES)[number];

export interface Interval {
  readonly from: number;
  readonly to: number;
}

/** `from` and `to` as ISO texts with their zone; '' is an open end. */
export function interval(from: string, to: string): Interval {
  const ends = { from: from === '' ? -Infinity : Date.parse(from), to: to === '' ? Infinity : Date.parse(to) };
  if (!(ends.from < ends.to)) throw new Error(`${from} … ${to} is no interval.`);
  return ends;
}

/** `now` decides how wide `ap` is: a tenth of the time between now and the value searched. */
export function holdsTime(prefix: Prefix, stored: Interval, searched: Interval, now: number): boolean {
  const inside = stored.from >= searched.from && stored.to <= searched.to;
  const reachesAbove = stored.to > searched.to;
  const reachesBelow = stored.from < searched.from;
  switch (prefix) {
    case '':
    case 'eq':
      return inside;
    case 'ne':
      return !inside;
    case 'gt':
      return reachesAbove;
    case 'lt':
      return reachesBelow;
    case 'ge':
      return reachesAbove || inside;
    case 'le':
      return reachesBelow || inside;
    case 'sa':
      return stored.from >= searched.to;
    case 'eb':
      return stored.to <= searched.from;
    case 'ap': {
      const gap = Math.max(0, now - searched.to, searched.from - now) / 10;
      return stored.from < searched.to + gap && stored.to > searched.from - gap;
    }
  }
}

/** A number as it is stored. */
export interface Stored {
  readonly low: number;
  readonly high: number;
}

/** A number as it is searched: its text, its value, half a unit of its last digit on both sides, and a tenth of it. */
export interface Searched {
  readonly text: string;
  readonly value: number;
  /** Inclusive. */
  readonly low: number;
  /** Exclusive. */
  readonly high: number;
  /** Both inclusive. */
  readonly near: readonly [low: number, high: number];
}

export function holdsNumber(prefix: Prefix, stored: Stored, { value, low, high, near }: Searched): boolean {
  const inside = stored.low >= low && stored.high < high;
  switch (prefix) {
    case '':
    case 'eq':
      return inside;
    case 'ne':
      return !inside;
    case 'gt':
      return stored.high > value;
    case 'lt':
      return stored.low < value;
    case 'ge':
      return stored.high >= value;
    case 'le':
      return stored.low <= value;
    case 'sa':
      return stored.low > value;
    case 'eb':
      return stored.high < value;
    case 'ap':
      return stored.low <= near[1] && stored.high >= near[0];
  }
}
