/**
 * FHIR date, dateTime, instant and partial dates as ranges of milliseconds since 1970, both ends inclusive.
 * https://hl7.org/fhir/R4/datatypes.html#dateTime, https://hl7.org/fhir/R4/search.html#date
 *
 * Choices: a text without a zone is UTC. A second without a fraction is a range of one second, a minute of one
 * minute. A fraction is one millisecond: `.5` is `.500` (printers drop trailing zeros), digits after the third are
 * cut off. The leap second `:60` is the first second of the next minute. `24:00` does not exist.
 */

/** An open end of a Period: `-OPEN` … `OPEN`. */
export const OPEN = Number.MAX_SAFE_INTEGER;

export type Precision = 'year' | 'month' | 'day' | 'minute' | 'second' | 'millisecond';

export interface Span {
  readonly low: number;
  readonly high: number;
  readonly precision: Precision;
}

const DAY = 86_400_000;
const MINUTE = 60_000;
const DATE_TIME =
  /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3})\d*)?)?(Z|([+-])(\d\d):(\d\d))?)?)?)?$/;
const LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/** Days from 1970-01-01 to a day of the proleptic Gregorian calendar; month 1–12. */
function days(year: number, month: number, day: number): number {
  const y = month > 2 ? year : year - 1;
  const era = Math.floor(y / 400);
  const inEra = y - era * 400;
  const inYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return era * 146_097 + inEra * 365 + Math.floor(inEra / 4) - Math.floor(inEra / 100) + inYear - 719_468;
}

const lengthOf = (year: number, month: number): number =>
  month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : (LENGTHS[month - 1] ?? 0);

/** The range that a text stands for; undefined where it is not a FHIR date or time, or names no day of the calendar. */
export function parseDateTime(text: string): Span | undefined {
  const parts = DATE_TIME.exec(text);
  if (!parts) return undefined;
  const year = Number(parts[1]);
  if (year === 0) return undefined;
  if (parts[2] === undefined)
    return { low: days(year, 1, 1) * DAY, high: days(year + 1, 1, 1) * DAY - 1, precision: 'year' };
  const month = Number(parts[2]);
  const length = lengthOf(year, month);
  if (length === 0) return undefined;
  const first = days(year, month, 1);
  if (parts[3] === undefined) return { low: first * DAY, high: (first + length) * DAY - 1, precision: 'month' };
  const day = Number(parts[3]);
  if (day === 0 || day > length) return undefined;
  const start = (first + day - 1) * DAY;
  if (parts[4] === undefined) return { low: start, high: start + DAY - 1, precision: 'day' };
  const hour = Number(parts[4]);
  const minute = Number(parts[5]);
  const second = Number(parts[6] ?? 0);
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  let low = start + hour * 3_600_000 + minute * MINUTE + second * 1000;
  if (parts[9] !== undefined) {
    const hours = Number(parts[10]);
    const minutes = Number(parts[11]);
    if (minutes > 59 || hours * 60 + minutes > 840) return undefined;
    low -= (parts[9] === '-' ? -1 : 1) * (hours * 60 + minutes) * MINUTE;
  }
  if (parts[6] === undefined) return { low, high: low + MINUTE - 1, precision: 'minute' };
  if (parts[7] === undefined) return { low, high: low + 999, precision: 'second' };
  low += Number(parts[7].padEnd(3, '0'));
  return { low, high: low, precision: 'millisecond' };
}

/** The same of a text from an address, where a plus sign that nobody has escaped arrives as a blank. */
export const parseGivenDateTime = (text: string): Span | undefined => parseDateTime(text.replace(' ', '+'));

/** A FHIR instant in UTC with milliseconds. Throws RangeError outside the years that JavaScript's Date can say. */
export const formatInstant = (ms: number): string => new Date(ms).toISOString();
