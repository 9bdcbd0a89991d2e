/**
 * Prefix and value as bounds on the low and high end of an entry. https://hl7.org/fhir/R4/search.html#prefix
 *
 * With [a, b] the range of the search value: eq, ne: containment in it. gt, lt: the entry reaches above b, below a.
 * ge, le: gt or eq, lt or eq. sa, eb: the entry lies above b, below a altogether. ap: it overlaps the widened range.
 *
 * Choices: dates are widened by a tenth of the time between them and now, numbers by a tenth of themselves. For
 * numbers gt, lt, ge, le, sa and eb take the value as exact, eq and ne take it with the precision of its digits.
 */
import { parseGivenDateTime } from '../fhir/datetime.js';
import { parseDecimal } from '../fhir/decimal.js';
import type { RangeBounds } from './query.js';

const PREFIXED = /^(eq|ne|gt|lt|ge|le|sa|eb|ap)?(.*)$/s;
type Prefix = 'eq' | 'ne' | 'gt' | 'lt' | 'ge' | 'le' | 'sa' | 'eb' | 'ap';

function splitPrefix(text: string): { prefix: Prefix; rest: string } {
  const parts = PREFIXED.exec(text);
  return { prefix: (parts?.[1] ?? 'eq') as Prefix, rest: parts?.[2] ?? '' };
}

/** `now`: ms since 1970, for `ap`. Undefined: not a date. */
export function dateBounds(text: string, now: number): RangeBounds[] | undefined {
  const { prefix, rest } = splitPrefix(text);
  const span = parseGivenDateTime(rest);
  if (!span) return undefined;
  const { low: a, high: b } = span;
  const eq = { lowMin: a, highMax: b };
  const gt = { highMin: b + 1 };
  const lt = { lowMax: a - 1 };
  switch (prefix) {
    case 'eq':
      return [eq];
    case 'ne':
      return [lt, gt];
    case 'gt':
      return [gt];
    case 'lt':
      return [lt];
    case 'ge':
      return [gt, eq];
    case 'le':
      return [lt, eq];
    case 'sa':
      return [{ lowMin: b + 1 }];
    case 'eb':
      return [{ highMax: a - 1 }];
    case 'ap': {
      const gap = Math.floor(Math.max(0, now - b, a - now) / 10);
      return [{ lowMax: b + gap, highMin: a - gap }];
    }
  }
}

/** Undefined: not a decimal. */
export function numberBounds(text: string): RangeBounds[] | undefined {
  const { prefix, rest } = splitPrefix(text);
  const decimal = parseDecimal(rest);
  if (!decimal) return undefined;
  const { value, low, high } = decimal;
  switch (prefix) {
    case 'eq':
      return [{ lowMin: low, highMax: high, open: { highMax: true } }];
    case 'ne':
      return [{ lowMax: low, open: { lowMax: true } }, { highMin: high }];
    case 'gt':
      return [{ highMin: value, open: { highMin: true } }];
    case 'lt':
      return [{ lowMax: value, open: { lowMax: true } }];
    case 'ge':
      return [{ highMin: value }];
    case 'le':
      return [{ lowMax: value }];
    case 'sa':
      return [{ lowMin: value, open: { lowMin: true } }];
    case 'eb':
      return [{ highMax: value, open: { highMax: true } }];
    case 'ap':
      return [{ lowMax: decimal.approximateHigh, highMin: decimal.approximateLow }];
  }
}
