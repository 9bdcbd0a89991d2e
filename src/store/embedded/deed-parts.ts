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

/** The parts in which a query may find something, in its order. */
export function* partsWithin(
  connection: Connection,
  { from, to, after, oldestFirst }: Pick<DeedQuery, 'from' | 'to' | 'after' | 'oldestFirst'>,
): Generator<number> {
  const earliest = Math.max(from ?? ALWAYS, (oldestFirst && after?.[0]) ?? ALWAYS);
  const latest = Math.min(to ?? -ALWAYS, (!oldestFirst && after ? after[0] : undefined) ?? -ALWAYS);
  const [first, last] = [partAt(connection, earliest), partAt(connection, latest)];
  if (oldestFirst) for (let part = first; part <= last; part += 1) yield part;
  else for (let part = last; part >= first; part -= 1) yield part;
}
