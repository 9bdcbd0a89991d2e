/**
 * Functions of FHIRPath that look for equal items among many, by what the items hold: the engine compares each with each.
 * http://hl7.org/fhirpath/N1/#subsetting, http://hl7.org/fhirpath/N1/#repeatprojection-expression-collection
 */
import { isObject } from '../../fhir/resource.js';
import { weigh } from './invariant-budget.js';
import { dataOf, type Evaluation, type Items, siblingOf } from './invariant-evaluation.js';
import type { CheckRun } from '../run.js';

export function repeatFn({ run }: Evaluation, input: Items, project: (item: unknown) => Items): Items {
  const seen = new Set<string>();
  const found: unknown[] = [];
  for (let waiting = input; waiting.length > 0; ) {
    const next = waiting.flatMap(item => project(item)).filter(item => isNew(item, seen, run));
    found.push(...next);
    waiting = next;
  }
  return found;
}

export function distinctFn({ run }: Evaluation, input: Items): Items {
  const seen = new Set<string>();
  return input.filter(item => isNew(item, seen, run));
}

export function isDistinctFn({ run }: Evaluation, input: Items): boolean {
  const seen = new Set<string>();
  return input.every(item => isNew(item, seen, run));
}

/** Items are told apart by what they hold, written out: looking for a double among many takes one look-up. */
function isNew(item: unknown, seen: Set<string>, run: CheckRun): boolean {
  run.spend(weigh([item]));
  const key = keyOf(item);
  if (seen.has(key)) return false;
  seen.add(key);
  return true;
}

function keyOf(item: unknown): string {
  const data = dataOf(item);
  const sibling = siblingOf(item) ? JSON.stringify(sorted(siblingOf(item))) : '';
  if (typeof data === 'bigint') return `number ${data}${sibling}`;
  if (typeof data === 'string') return `text ${data}${sibling}`;
  return `${JSON.stringify(sorted(data))}${sibling}`;
}

/** The order of members means nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value) || 'asStr' in value) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map(key => [key, sorted(value[key])]),
  );
}
