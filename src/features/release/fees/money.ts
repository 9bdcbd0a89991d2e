/**
 * Amounts of money as whole cents, exactly: they are read from decimal texts, multiplied and divided as integers, and written with their digits, so that no
 * binary fraction comes near them. https://hl7.org/fhir/R4/datatypes.html#Money
 */
import type { Decimals, JsonObject } from '../../../fhir/resource.js';

/** Ten-thousandths of the unit of a currency: rates may be parts of a cent. */
const SCALE = 10_000n;
const PER_CENT = SCALE / 100n;
const AMOUNT = /^(\d{1,7})(?:\.(\d{1,4}))?$/;

/** A rate, in ten-thousandths; undefined: it is none (a sign, an exponent, more than seven digits before the point or four behind it). */
export function parseRate(text: string): bigint | undefined {
  const [, whole, fraction = ''] = AMOUNT.exec(text) ?? [];
  return whole === undefined ? undefined : BigInt(whole) * SCALE + BigInt(fraction.padEnd(4, '0'));
}

/** An amount in cents; undefined where the text is none, or is no whole number of cents. */
export function parseCents(text: string): bigint | undefined {
  const rate = parseRate(text);
  return rate === undefined || rate % PER_CENT !== 0n ? undefined : rate / PER_CENT;
}

/** Cents of a rate taken `count` times and shared by `among`; half a cent is rounded up. */
export function centsOf(rate: bigint, count: number, among = 1): bigint {
  const divisor = PER_CENT * BigInt(among);
  return (rate * BigInt(count) * 2n + divisor) / (divisor * 2n);
}

/** With two decimal places: `6.50`, `-1.00`. */
export function centsText(cents: bigint): string {
  const digits = String(cents < 0n ? -cents : cents).padStart(3, '0');
  return `${cents < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** A FHIR Money; its digits are noted in `decimals`. */
export function moneyOf(cents: bigint, currency: string, decimals: Decimals): JsonObject {
  const text = centsText(cents);
  const money: JsonObject = { value: Number(text), currency };
  decimals.set(money, { value: text });
  return money;
}
