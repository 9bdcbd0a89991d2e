/**
 * Decides which composites a store can search by keys: those with a code or a reference among their parts, which comes
 * first in their keys. https://hl7.org/fhir/R4/search.html#composite. Of all others (two strings, a date with a
 * string, a system without its code) a store indexes that they exist, and `match` decides (separate.ts).
 */
import type { EntryValue } from './entry.js';
import type { Test } from './query.js';

/** The first part that leads is moved to the front; the others keep their order. */
function leadFirst<T>(parts: readonly T[], leads: (part: T) => boolean): readonly T[] {
  const at = parts.findIndex(leads);
  return at <= 0 ? parts : [parts[at]!, ...parts.filter((_, i) => i !== at)];
}

const POINTS: ReadonlySet<string> = new Set(['token', 'reference', 'url', 'identifier']);

export const orderValues = (parts: readonly (readonly EntryValue[])[]): readonly (readonly EntryValue[])[] =>
  leadFirst(parts, values => values.some(({ kind }) => POINTS.has(kind)));

export const orderTests = (parts: readonly Test[]): readonly Test[] => leadFirst(parts, ({ kind }) => POINTS.has(kind));

/** Whether keys bring these parts together. Of three, the two that do not lead must be numbers. */
export function isKeyed(parts: readonly Test[]): boolean {
  const [first, second, third, ...more] = orderTests(parts);
  if (!first || !second || more.length > 0 || !canLead(first)) return false;
  return third === undefined || (second.kind === 'number' && third.kind === 'number');
}

function canLead(test: Test): boolean {
  if (test.kind === 'token') return test.any.every(({ code }) => code !== undefined);
  return test.kind === 'reference' && test.to.kind !== 'identifier' && !('version' in test.to);
}
