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
import type { Connection, SqlRow, SqlValue } from './connection.js';
import { fitRows, NUMBER_COLUMN, readRows } from './rows.js';
import type { Sql } from './sql.js';
import { filterWeight } from './weight.js';

export interface RowPage {
  readonly rows: readonly SqlRow[];
  readonly more: boolean;
  /** Bytes of the next row, where they ended the page. */
  readonly next?: number;
}

/** Where a row of `findPage` stands: the values of the order; the last is always n. */
export function findCursor(row: SqlRow): Cursor {
  // The number stands before them: what goes around makes no second list.
  const cursor = row.slice(NUMBER_COLUMN) as (string | number | null)[];
  const number = cursor[0]!;
  for (let i = 1; i < cursor.length; i++) cursor[i - 1] = cursor[i]!;
  cursor[cursor.length - 1] = number;
  return cursor;
}

/** Duplicates are removed here, not by DISTINCT, which would end the walk's order: a few more rows are asked for. */
export const SPARE_ROWS = 20;

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
export const PIECE_CANDIDATES = 4000;
/** Of the dearest filters. */
const LEAST_PIECE = 20;

export const queryTooCostly = (): FhirError =>
  new FhirError(
    'too-costly',
    'The query takes too long: too many resources would have to be looked at. Add criteria (a patient, a code, a date range) or leave out _sort.',
  );

/** Work that can be laid aside between two statements, so that others have their turn; between them no snapshot is held. */
export type InPieces<T> = Generator<undefined, T, undefined>;

/** Throws `too-costly` where more candidates would have to be seen than `patience` allows for so dear a filter. */
export function checkCandidates(connection: Connection, plan: Pick<Plan, 'driver' | 'filter'>, most: number): void {
  const few = Math.floor(most / filterWeight(plan.filter));
  const probe = compileProbe(plan, few + 1);
  if (probe && Number(connection.prepare(probe.text).first(...probe.values)![0]) > few) throw queryTooCostly();
}

/** Candidates of a piece: fewer where it is dear to look at one. */
const pieceSize = (plan: Plan, { piece }: Patience): number =>
  Math.max(Math.min(LEAST_PIECE, piece), Math.floor(piece / filterWeight(plan.filter)));

/** Where the pieces of a scan begin and end: the last one has no end. */
function* scanPieces(
  connection: Connection,
  scan: IndexScan,
  size: number,
): Generator<{ from?: Cursor; until?: Cursor }> {
  let from: Cursor | undefined;
  for (;;) {
    const { text, values } = scan.edge!(size, from);
    const until = connection.prepare(text).first(...values) as Cursor | undefined;
    yield { ...(from ? { from } : {}), ...(until ? { until } : {}) };
    if (!until) return;
    from = until;
  }
}

/** The rows of a scan, in pieces where there is a limit to the time. */
function* walkScan(
  connection: Connection,
  scan: IndexScan,
  limit: number,
  beside: number,
  size: number | undefined,
): InPieces<readonly SqlRow[]> {
  const page = (most: number, from?: Cursor, until?: Cursor) =>
    readRows(connection, scan.page(most, from, until), most, beside);
  if (size === undefined || !scan.edge) return page(limit);
  const rows: SqlRow[] = [];
  for (const { from, until } of scanPieces(connection, scan, size)) {
    rows.push(...page(limit - rows.length, from, until));
    if (rows.length >= limit) break;
    if (until) yield undefined;
  }
  return rows;
}

/** `patience`: the page may be long in coming, and nobody waits for longer than this. Throws `too-costly`. */
export function* walkPage(connection: Connection, plan: Plan, patience?: Patience): InPieces<RowPage> {
  const wanted = plan.limit + 1;
  const found = new Map<SqlValue, SqlRow>();
  const back = plan.before !== undefined;
  const size = patience && pieceSize(plan, patience);
  let cursor = plan.after ?? plan.before;
  checkCursor(cursor, plan.order.length);
  for (let exhausted = false; !exhausted && found.size < wanted; ) {
    const page = compile(cursor ? { ...plan, [back ? 'before' : 'after']: cursor } : plan);
    exhausted = true;
    for (const scan of page.scans) {
      const limit = wanted - found.size + (page.repeats ? SPARE_ROWS : 0);
      if (patience && !scan.edge) checkCandidates(connection, plan, patience.candidates);
      const rows = yield* walkScan(connection, scan, limit, plan.order.length - 1, size);
      for (const row of rows) if (!found.has(row[NUMBER_COLUMN]!)) found.set(row[NUMBER_COLUMN]!, row);
      if (rows.length === limit) {
        exhausted = false;
        cursor = findCursor(rows.at(-1)!);
        break;
      }
    }
  }
  return fittingPage(connection, [...found.values()], plan, back);
}

/** The page of rows that were found in the direction of travel. */
export function fittingPage(
  connection: Connection,
  found: readonly SqlRow[],
  { limit, bytes }: { readonly limit: number; readonly bytes?: number },
  back: boolean,
): RowPage {
  const { rows, next } = fitRows(connection, found.slice(0, limit), bytes);
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
  const { scans } = compile({ ...plan, order: naturalOrder(plan.driver) });
  if (plan.filter.length === 0 || scans.some(scan => !scan.edge)) {
    if (plan.filter.length > 0) checkCandidates(connection, plan, patience.candidates);
    const whole = compileCount(plan, limit);
    return whole ? count(whole) : 0;
  }
  let counted = 0;
  for (const scan of scans)
    for (const { from, until } of scanPieces(connection, scan, pieceSize(plan, patience))) {
      counted += count(scan.count!(from, until));
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
