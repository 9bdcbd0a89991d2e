/**
 * Pages of rows on one connection: the same code on the main thread and in the reader thread. A page is read in one
 * synchronous piece, so that no transaction stays open while others work; a long walk in several, between which others
 * have their turn.
 */
import { FhirError } from '../../fhir/error.js';
import type { Cursor } from '../../search/query.js';
import { naturalOrder, type Plan } from '../plan.js';
import { compile, type IndexScan } from './compile.js';
import { compileCount, compileProbe } from './compile-all.js';
import type { Connection, Row, Value } from './connection.js';
import { BESIDE, fit, N, readRows } from './rows.js';
import type { Sql } from './sql.js';
import { weightOf } from './weight.js';

export interface RowPage {
  readonly rows: readonly Row[];
  readonly more: boolean;
  /** Bytes of the next row, where they ended the page. */
  readonly next?: number;
}

/** Where a row of `findPage` stands: the values of the order; the last is always n. */
export const cursorOf = (row: Row): Cursor => [...row.slice(BESIDE), row[N]!] as (string | number | null)[];

/** Duplicates are removed here, not by DISTINCT, which would end the walk's order: a few more rows are asked for. */
const SPARE = 20;

/** What a page or a count may cost that nothing bounds. */
export interface Patience {
  /** Of work, after which it is refused; looked at between the pieces of a walk. */
  readonly milliseconds: number;
  /** Where all must be seen before one is shown. */
  readonly candidates: number;
  /** Candidates of a piece of a walk. */
  readonly piece: number;
}

/** Ten milliseconds or so. */
export const PIECE = 4000;
/** Of the dearest filters. */
const LEAST_PIECE = 20;

export const tooCostly = (): FhirError =>
  new FhirError(
    'too-costly',
    'The query takes too long: too many resources would have to be looked at. Add criteria (a patient, a code, a date range) or leave out _sort.',
  );

/** Work that can be laid aside between two statements, so that others have their turn; between them no snapshot is held. */
export type InPieces<T> = Generator<undefined, T, undefined>;

/** Throws `too-costly` where more candidates would have to be seen than `patience` allows for so dear a filter. */
export function checkCandidates(connection: Connection, plan: Pick<Plan, 'driver' | 'filter'>, most: number): void {
  const few = Math.floor(most / weightOf(plan.filter));
  const probe = compileProbe(plan, few + 1);
  if (probe && Number(connection.prepare(probe.text).first(...probe.values)![0]) > few) throw tooCostly();
}

/** Candidates of a piece: fewer where it is dear to look at one. */
const pieceOf = (plan: Plan, { piece }: Patience): number =>
  Math.max(Math.min(LEAST_PIECE, piece), Math.floor(piece / weightOf(plan.filter)));

/** Where the pieces of a leg begin and end: the last one has no end. */
function* piecesOf(connection: Connection, leg: IndexScan, size: number): Generator<{ from?: Cursor; until?: Cursor }> {
  let from: Cursor | undefined;
  for (;;) {
    const { text, values } = leg.edge!(size, from);
    const until = connection.prepare(text).first(...values) as Cursor | undefined;
    yield { ...(from ? { from } : {}), ...(until ? { until } : {}) };
    if (!until) return;
    from = until;
  }
}

/** The rows of a leg, in pieces where there is a limit to the time. */
function* walkLeg(
  connection: Connection,
  leg: IndexScan,
  limit: number,
  beside: number,
  size: number | undefined,
): InPieces<readonly Row[]> {
  const page = (most: number, from?: Cursor, until?: Cursor) =>
    readRows(connection, leg.page(most, from, until), most, beside);
  if (size === undefined || !leg.edge) return page(limit);
  const rows: Row[] = [];
  for (const { from, until } of piecesOf(connection, leg, size)) {
    rows.push(...page(limit - rows.length, from, until));
    if (rows.length >= limit) break;
    if (until) yield undefined;
  }
  return rows;
}

/** `patience`: the page may be long in coming, and nobody waits for longer than this. Throws `too-costly`. */
export function* walkPage(connection: Connection, plan: Plan, patience?: Patience): InPieces<RowPage> {
  const wanted = plan.limit + 1;
  const found = new Map<Value, Row>();
  const back = plan.before !== undefined;
  const size = patience && pieceOf(plan, patience);
  let cursor = plan.after ?? plan.before;
  checkCursor(cursor, plan.order.length);
  for (let exhausted = false; !exhausted && found.size < wanted; ) {
    const page = compile(cursor ? { ...plan, [back ? 'before' : 'after']: cursor } : plan);
    exhausted = true;
    for (const leg of page.legs) {
      const limit = wanted - found.size + (page.repeats ? SPARE : 0);
      if (patience && !leg.edge) checkCandidates(connection, plan, patience.candidates);
      const rows = yield* walkLeg(connection, leg, limit, plan.order.length - 1, size);
      for (const row of rows) if (!found.has(row[N]!)) found.set(row[N]!, row);
      if (rows.length === limit) {
        exhausted = false;
        cursor = cursorOf(rows.at(-1)!);
        break;
      }
    }
  }
  return pageOf(connection, [...found.values()], plan, back);
}

/** The page of rows that were found in the direction of travel. */
export function pageOf(
  connection: Connection,
  found: readonly Row[],
  { limit, bytes }: { readonly limit: number; readonly bytes?: number },
  back: boolean,
): RowPage {
  const { rows, next } = fit(connection, found.slice(0, limit), bytes);
  return {
    rows: back ? rows.toReversed() : rows,
    more: found.length > limit || next !== undefined,
    ...(next === undefined ? {} : { next }),
  };
}

/** A page that is sure to be short, in one piece. */
export function findPage(connection: Connection, plan: Plan): RowPage {
  return connection.snapshot(() => {
    const { done, value } = walkPage(connection, plan).next();
    if (!done) throw new FhirError('fault', 'A page in one piece was not whole.');
    return value;
  });
}

/** How many match, at most `limit`. Throws `too-costly`. */
export function* countMatches(
  connection: Connection,
  plan: Plan,
  limit: number | undefined,
  patience: Patience,
): InPieces<number> {
  const count = ({ text, values }: Sql): number => Number(connection.prepare(text).first(...values)![0]);
  // The order is of no matter: that of the driver's own index lets it be walked in pieces.
  const { legs } = compile({ ...plan, order: naturalOrder(plan.driver) });
  if (plan.filter.length === 0 || legs.some(leg => !leg.edge)) {
    if (plan.filter.length > 0) checkCandidates(connection, plan, patience.candidates);
    const whole = compileCount(plan, limit);
    return whole ? count(whole) : 0;
  }
  let counted = 0;
  for (const leg of legs)
    for (const { from, until } of piecesOf(connection, leg, pieceOf(plan, patience))) {
      counted += count(leg.count!(from, until));
      if (limit !== undefined && counted >= limit) return limit;
      if (until) yield undefined;
    }
  return counted;
}

/** A cursor may come back from a client's link. Throws `invalid` where no statement could take it. */
export function checkCursor(cursor: Cursor | undefined, length: number): void {
  if (!cursor) return;
  const usable = (value: unknown): boolean => value === null || typeof value === 'string' || Number.isFinite(value);
  if (!Array.isArray(cursor) || cursor.length !== length || !cursor.every(usable))
    throw new FhirError('invalid', 'The paging link does not belong to this search. Start from its first page.');
}
