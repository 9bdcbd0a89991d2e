/**
 * Decimal texts of search values with the range their digits imply. Half a unit of the last digit that is written,
 * on both sides: 100 is 99.5 … 100.5, 100.00 is 99.995 … 100.005, 1e2 is 50 … 150.
 * https://hl7.org/fhir/R4/search.html#number
 *
 * Choice: the specification's own examples contradict each other for exponents (`1e2` as 95 … 105, `5.40e-3` as
 * ± 0.00005); the rule in its text, significant figures, is followed. All arithmetic is on digits (BigInt), with a
 * single conversion to a number at the end, so that 0.05 - 0.005 is 0.045 and never 0.045000000000000005.
 */

export interface Decimal {
  readonly value: number;
  /** Implied range: low inclusive, high exclusive. */
  readonly low: number;
  readonly high: number;
  /** ± 10 %, both inclusive, low ≤ high. */
  readonly approximateLow: number;
  readonly approximateHigh: number;
}

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/;
const LONGEST_DECIMAL = 64;

/** A decimal text as a number with its ranges; undefined where it is not a decimal (of at most 64 characters). */
export function parseDecimal(text: string): Decimal | undefined {
  const parts = text.length > LONGEST_DECIMAL ? null : DECIMAL.exec(text);
  if (!parts) return undefined;
  const fraction = parts[3] ?? '';
  // value = digits × 10^exponent; one more place for the half unit and for the tenth.
  const digits = BigInt(`${parts[1] === '-' ? '-' : ''}${parts[2]}${fraction}`) * 10n;
  const exponent = Number(parts[4] ?? 0) - fraction.length - 1;
  const number = (scaled: bigint) => Number(`${scaled}e${exponent}`);
  const tenth = (digits < 0n ? -digits : digits) / 10n;
  const decimal = {
    value: number(digits),
    low: number(digits - 5n),
    high: number(digits + 5n),
    approximateLow: number(digits - tenth),
    approximateHigh: number(digits + tenth),
  };
  return Number.isFinite(decimal.low) && Number.isFinite(decimal.high) ? decimal : undefined;
}
