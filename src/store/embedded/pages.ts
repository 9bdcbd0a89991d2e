/**
 * Pages of rows on one connection: the same code on the main thread and in the reader thread. A page is read in one
 * synchronous piece, so that no transaction stays open while others work.
 */
import { FhirError } from '../../fhir/error.js';
import type { Cursor } from '../../search/query.js';
import type { Plan } from '../plan.js';
import { compile, type Leg } from './compile.js';
import { compileProbe } from './compile-all.js';
import type { Connection, Row, Value } from './driver.js';
import { BESIDE, N, readRows } from './row.js';

export interface RowPage {
  readonly rows: readonly Row[];
  readonly more: boolean;
}

/** Where a row of `findPage` stands: the values of the order; the last is always n. */
export const cursorOf = (row: Row): Cursor => [...row.slice(BESIDE), row[N]!] as (string | number | null)[];

/** Duplicates are removed here, not by DISTINCT, which would end the walk's order: a few more rows are asked for. */
const SPARE = 20;

/** What a page may cost that nothing bounds: time for a walk, candidates where all must be seen before one is shown. */
export interface Patience {
  /** ms since 1970. */
  readonly until: number;
  readonly candidates: number;
  /** Candidates of a piece of a walk, between looks at the clock. */
  readonly piece: number;
}

/** Ten milliseconds or so. */
export const PIECE = 4000;

export const tooCostly = (): FhirError =>
  new FhirError(
    'too-costly',
    'The query takes too long: too many resources would have to be looked at. Add criteria (a patient, a code, a date range) or leave out _sort.',
  );

/** Throws `too-costly` where more candidates would have to be seen than `patience` allows. */
export function checkCandidates(connection: Connection, plan: Pick<Plan, 'driver' | 'filter'>, most: number): void {
  const probe = compileProbe(plan, most + 1);
  if (probe && Number(connection.prepare(probe.text).all(...probe.values)[0]![0]) > most) throw tooCostly();
}

/** The rows of a leg, in pieces where there is a limit to the time. */
function walkLeg(
  connection: Connection,
  leg: Leg,
  limit: number,
  beside: number,
  patience: Patience | undefined,
): readonly Row[] {
  const page = (most: number, from?: Cursor, until?: Cursor) =>
    readRows(connection, leg.page(most, from, until), most, beside);
  if (!patience || !leg.edge) return page(limit);
  const rows: Row[] = [];
  let from: Cursor | undefined;
  for (;;) {
    const { text, values } = leg.edge(patience.piece, from);
    const edge = connection.prepare(text).all(...values)[0] as Cursor | undefined;
    rows.push(...page(limit - rows.length, from, edge));
    if (!edge || rows.length >= limit) return rows;
    if (Date.now() > patience.until) throw tooCostly();
    from = edge;
  }
}

/** `patience`: the page may be long in coming, and nobody waits for longer than this. Throws `too-costly`. */
export function findPage(connection: Connection, plan: Plan, patience?: Patience): RowPage {
  const wanted = plan.limit + 1;
  const found = new Map<Value, Row>();
  const back = plan.before !== undefined;
  let cursor = plan.after ?? plan.before;
  checkCursor(cursor, plan.order.length);
  const walk = (): void => {
    for (;;) {
      const page = compile(cursor ? { ...plan, [back ? 'before' : 'after']: cursor } : plan);
      let exhausted = true;
      for (const leg of page.legs) {
        const limit = wanted - found.size + (page.repeats ? SPARE : 0);
        if (patience && !leg.edge) checkCandidates(connection, plan, patience.candidates);
        const rows = walkLeg(connection, leg, limit, plan.order.length - 1, patience);
        for (const row of rows) if (!found.has(row[N]!)) found.set(row[N]!, row);
        if (rows.length === limit) {
          exhausted = false;
          cursor = cursorOf(rows.at(-1)!);
          break;
        }
      }
      if (exhausted || found.size >= wanted) return;
    }
  };
  connection.snapshot(walk);
  const rows = [...found.values()].slice(0, plan.limit);
  if (back) rows.reverse();
  return { rows, more: found.size > plan.limit };
}

/** A cursor may come back from a client's link. Throws `invalid` where no statement could take it. */
export function checkCursor(cursor: Cursor | undefined, length: number): void {
  if (!cursor) return;
  const usable = (value: unknown): boolean => value === null || typeof value === 'string' || Number.isFinite(value);
  if (!Array.isArray(cursor) || cursor.length !== length || !cursor.every(usable))
    throw new FhirError('invalid', 'The paging link does not belong to this search. Start from its first page.');
}
