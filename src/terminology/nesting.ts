/**
 * Concepts inside each other, as an expansion may show them: https://hl7.org/fhir/R4/valueset.html#expansion
 *
 * A set that is one code system, or what lies below one of its concepts, is shown so. A concept with several parents stands
 * below the first; one whose parent is no member stands below the nearest ancestor that is.
 */
import { paced, type Pieces } from '../platform/pieces.js';
import type { Contains } from './contains.js';
import type { ValueSet } from './resources.js';
import type { ExpansionRow } from './rows.js';

/** Concepts inside each other; deeper ones are shown side by side. */
const MAX_NESTED = 30;

/** Whether the set is all of a code system, or what lies below one of its concepts. */
export function canNest({ compose }: ValueSet): boolean {
  const [include, ...more] = compose?.include ?? [];
  if (!include || more.length > 0 || compose?.exclude?.length) return false;
  const { system, concept, valueSet, filter: filters = [] } = include;
  const [only, ...others] = filters;
  const isBranch =
    ['is-a', 'descendent-of'].includes(only?.op ?? '') && ['concept', 'code'].includes(only?.property ?? '');
  return (
    system !== undefined && !concept && !valueSet?.length && others.length === 0 && (only === undefined || isBranch)
  );
}

/** Rows that are shown before others may have their turn. */
const ROWS_IN_A_TURN = 500;

type Show = (row: ExpansionRow) => Contains;

/** Side by side. */
export function* sideBySide(rows: Iterable<ExpansionRow>, item: Show): Pieces<Contains[]> {
  const isLong = paced(ROWS_IN_A_TURN);
  const found: Contains[] = [];
  for (const row of rows) {
    if (isLong()) yield;
    found.push(item(row));
  }
  return found;
}

/** Undefined where concepts lie too deep inside each other. */
export function* nested(rows: readonly ExpansionRow[], item: Show): Pieces<Contains[] | undefined> {
  const byConcept = new Map(rows.flatMap(row => (row.concept === undefined ? [] : [[row.concept, row] as const])));
  const parentOf = parentsAmong(byConcept);
  yield;
  const contained = yield* sideBySide(byConcept.values(), item);
  const items = new Map([...byConcept.keys()].map((concept, at) => [concept, contained[at]!]));
  const top: Contains[] = [];
  for (const [concept, own] of items) {
    if (depthOf(concept, parentOf) > MAX_NESTED) return undefined;
    const parent = parentOf.get(concept);
    if (parent === undefined) top.push(own);
    else {
      const around = items.get(parent)!;
      (around.contains ??= []).push(own);
    }
  }
  return top;
}

function parentsAmong(rows: ReadonlyMap<number, ExpansionRow>): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  for (const [concept, { part }] of rows) {
    const concepts = part.concepts!;
    const passed = new Set([concept]);
    let at = concepts.parents(concept)[0];
    while (at !== undefined && !rows.has(at) && !passed.has(at)) {
      passed.add(at);
      at = concepts.parents(at)[0];
    }
    if (at !== undefined && !passed.has(at)) found.set(concept, at);
  }
  return found;
}

/** More than can be nested for what lies in a circle. */
function depthOf(concept: number, parentOf: ReadonlyMap<number, number>): number {
  let depth = 0;
  for (let at = parentOf.get(concept); at !== undefined && depth <= MAX_NESTED; at = parentOf.get(at)) depth += 1;
  return depth;
}
