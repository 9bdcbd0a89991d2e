/**
 * Parts of time by which the keys of deeds are kept. Keys of users and patients come everywhere in their order: in one tree of all of them each commit
 * would change a page for every key, pages that the cache of a large trail does not hold. A part has the keys of some thousand rows that were written
 * one after the other, so that what is written now is small, and what is old is not touched any more.
 *
 * A part has what is of its beginning or later, and earlier than the next one begins; numbers go up with time. Where a clock is set back, rows belong to
 * parts of before, which grow.
 */
import type { DeedQuery } from '../deeds.js';
import type { Connection } from './connection.js';
import { finite } from './sql.js';

/** Rows after which a part is followed by the next one. */
export const PART_ROWS = 16_384;
/** ms: before all times. */
const ALWAYS = -8_640_000_000_000_000;

/** The number of the part of a time. */
export const partAt = (connection: Connection, last: number): number =>
  Number(
    connection.prepare('SELECT part FROM deed_part WHERE begins<=? ORDER BY begins DESC LIMIT 1').first(last)?.[0] ?? 0,
  );

/** The part of a row that is about to be written, begun where need be: with a time that no row has yet, so that none is left on the other side. */
export function partOfNew(connection: Connection, last: number): number {
  const newest = connection
    .prepare(
      'SELECT part,begins,coalesce((SELECT max(sequence) FROM deed),0)-sequence FROM deed_part ORDER BY part DESC LIMIT 1',
    )
    .first()
    ?.map(Number);
  const [part, begins, rows] = newest ?? [-1, ALWAYS, 0];
  if (last < begins!) return partAt(connection, last);
  const goesOn = rows! < PART_ROWS || last <= Number(connection.prepare('SELECT max(last) FROM deed').first()![0]);
  if (newest && goesOn) return part!;
  connection
    .prepare('INSERT INTO deed_part(part,begins,sequence) SELECT ?,?,coalesce(max(sequence),0) FROM deed')
    .run(part! + 1, newest ? last : ALWAYS);
  return part! + 1;
}

/** Parts that are looked for at once. */
const AT_ONCE = 16;

/**
 * The parts that have rows with one of the first keys of a query, within its times, in its order. That is one statement for many of them: what is
 * rare stands in few of thousands.
 */
export function* partsWithin(connection: Connection, query: DeedQuery): Generator<number> {
  const { keys: [first = []] = [], from = -Infinity, to = Infinity, after, oldestFirst } = query;
  const earliest = oldestFirst && after ? Math.max(from, after[0]) : from;
  const latest = !oldestFirst && after ? Math.min(to, after[0]) : to;
  const statement = connection.prepare(
    `SELECT p.part FROM deed_part p WHERE p.part BETWEEN ? AND ? AND EXISTS(
       SELECT 1 FROM deed_key k WHERE k.part=p.part AND k.key IN (SELECT value FROM json_each(?)))
     ORDER BY p.part ${oldestFirst ? 'ASC' : 'DESC'} LIMIT ${AT_ONCE}`,
  );
  const wanted = JSON.stringify(first);
  let [low, high] = [partAt(connection, finite(earliest)), partAt(connection, finite(latest))];
  for (;;) {
    const parts = statement.all(low, high, wanted).map(([part]) => Number(part));
    yield* parts;
    if (parts.length < AT_ONCE) return;
    if (oldestFirst) low = parts.at(-1)! + 1;
    else high = parts.at(-1)! - 1;
  }
}
