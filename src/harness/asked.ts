/** What a call of /harness asks, as JSON: what is not understood is refused, because a test that is misunderstood proves nothing. */
import { FhirError } from '../fhir/error.js';
import type { OutsideAnswer, OutsideCall } from '../interactions/engine.js';

export type AskedMembers = Readonly<Record<string, unknown>>;

export const refused = (text: string): FhirError => new FhirError('invalid', text, { detail: 'harness' });

export const isObjectOf = (value: unknown, names: readonly string[]): value is AskedMembers =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.keys(value).every(name => names.includes(name));

/** The members of a call's body; none: an empty body. Throws `invalid` for others than `names`. */
export async function askedBy(call: OutsideCall, names: readonly string[]): Promise<AskedMembers> {
  const text = (await call.body()).toString();
  let asked: unknown;
  try {
    asked = text === '' ? {} : JSON.parse(text);
  } catch {
    throw refused('The body must be JSON.');
  }
  if (!isObjectOf(asked, names))
    throw refused(`The body must be an object with no other members than ${names.join(', ')}.`);
  return asked;
}

/** Undefined where it is not given. */
export function wholeNumberIn(asked: AskedMembers, name: string, least: number, most: number): number | undefined {
  const value = asked[name];
  if (value === undefined) return undefined;
  if (!Number.isInteger(value) || Number(value) < least || Number(value) > most)
    throw refused(`${name} must be a whole number from ${least} to ${most}.`);
  return Number(value);
}

export const jsonFor = (body: unknown, status = 200): OutsideAnswer => ({
  status,
  headers: { 'Content-Type': 'application/json; charset=utf-8' },
  body: JSON.stringify(body),
});
