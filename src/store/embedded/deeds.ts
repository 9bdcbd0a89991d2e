/** The audit trail in SQLite: rows of deeds (../deeds.ts), written with the group of commits that they belong to. */
import { deedDigestHead, type DeedQuery, type DeedRow, type Deeds, type DeedShape } from '../deeds.js';
import { digestOf } from '../digest.js';
import type { Connection, SqlRow } from './connection.js';
import { DEED_COLUMNS, toDeedRow } from './deed-columns.js';
import { partAt, partOfNew, partsWithin } from './deed-parts.js';
import type { Job } from './job.js';
import type { OpenedStore } from './reads.js';
import { createSeals, type OpenedSeals } from './seals.js';
import { finite, joinSql, raw, type Sql, sql } from './sql.js';
import type { EmptiedRow } from '../seals.js';
import type { Thread } from './thread.js';

/** In the transaction of the caller. */
export function insertDeeds(connection: Connection, rows: readonly DeedRow[]): void {
  for (const { last, events, bytes, keys, seal } of rows) {
    const digest = digestOf(deedDigestHead(last, events), bytes);
    const part = partOfNew(connection, last);
    connection
      .prepare('INSERT INTO deed(last,events,x,c,stream,first,root) VALUES(?,?,?,?,?,?,?)')
      .run(last, events, bytes, digest, seal?.stream ?? null, seal?.first ?? null, seal?.root ?? null);
    connection
      .prepare('INSERT INTO deed_key(part,key,last,sequence) SELECT ?,value,?,last_insert_rowid() FROM json_each(?)')
      .run(part, last, JSON.stringify(keys));
  }
}

/** In the transaction of the caller; see Seals. */
export function emptyRows(connection: Connection, rows: readonly EmptiedRow[]): number {
  for (const { sequence, last, bytes, keys } of rows) {
    const digest = digestOf(deedDigestHead(last, 0), bytes);
    connection.prepare('UPDATE deed SET events=0,x=?,c=? WHERE sequence=?').run(bytes, digest, sequence);
    connection
      .prepare(
        'DELETE FROM deed_key WHERE part=? AND key IN (SELECT value FROM json_each(?)) AND last=? AND sequence=?',
      )
      .run(partAt(connection, last), JSON.stringify(keys), last, sequence);
  }
  return rows.length;
}

export function insertShapes(connection: Connection, shapes: readonly DeedShape[]): number {
  for (const { id, text } of shapes)
    connection.prepare('INSERT OR IGNORE INTO deed_shape(id,text) VALUES(?,?)').run(id, text);
  return shapes.length;
}

/** ms; 0: there is none. */
export const newestDeed = (connection: Connection): number =>
  Number(connection.prepare('SELECT max(last) FROM deed').first()?.[0] ?? 0);

export function createDeeds(
  opened: OpenedStore,
  writer: Pick<Thread<Job, number>, 'ask'>,
): Deeds & Pick<OpenedSeals, 'exchanged'> {
  const { connection, answer, look, readers } = opened;
  return {
    ...createSeals(opened, writer),
    keepShapes: shapes => answer(async () => void (await writer.ask({ kind: 'keep-shapes', shapes }))),
    shapes: () =>
      answer(() =>
        connection
          .prepare('SELECT id,text FROM deed_shape')
          .all()
          .map(([id, text]) => ({ id: id as number, text: text as string })),
      ),
    find: query =>
      look(async () => {
        const keys = query.keys ?? [];
        const here = ({ text, values }: Sql): SqlRow[] => connection.prepare(text).all(...values);
        if (keys.length === 0) return here(compileWalk(query)).map(toDeedRow);
        const found: SqlRow[] = [];
        for (const part of partsWithin(connection, query)) {
          const statement = compileDeeds({ ...query, limit: query.limit - found.length }, part);
          // A walk along one key is as long as the page; one that looks for another key beside it may be as long as the part.
          found.push(...(keys.length > 1 ? await readers.rows(statement) : here(statement)));
          if (found.length >= query.limit) break;
        }
        return found.map(toDeedRow);
      }),
    events: (most = Number.MAX_SAFE_INTEGER) =>
      answer(async () => {
        const some = sql`SELECT coalesce(sum(events),0) FROM (SELECT events FROM deed ORDER BY last DESC LIMIT ${most})`;
        return Number((await readers.rows(some))[0]![0]);
      }),
  };
}

/** Bounds of rows, or of their keys. */
const boundsOf = ({ from, to, oldestFirst, after }: DeedQuery, columns: 'd' | 'k'): Sql[] => [
  ...(from === undefined ? [] : [sql`${raw(columns)}.last>=${finite(from)}`]),
  ...(to === undefined ? [] : [sql`${raw(columns)}.last<=${finite(to)}`]),
  ...(after
    ? [sql`(${raw(columns)}.last,${raw(columns)}.sequence)${raw(oldestFirst ? '>' : '<')}(${after[0]},${after[1]})`]
    : []),
];

const directionOf = ({ oldestFirst }: DeedQuery): Sql => raw(oldestFirst ? 'ASC' : 'DESC');

/** Rows in their order, with their bytes where those of a resource have their text (rows.ts). */
function compileWalk(query: DeedQuery): Sql {
  const bounds = boundsOf(query, 'd');
  const direction = directionOf(query);
  const where = bounds.length === 0 ? raw('') : sql` WHERE ${joinSql(bounds, ' AND ')}`;
  return sql`SELECT ${raw(DEED_COLUMNS)} FROM deed d${where} ORDER BY d.last ${direction},d.sequence ${direction} LIMIT ${query.limit}`;
}

/** Those of a part that keys find. */
function compileDeeds(query: DeedQuery, part: number): Sql {
  const { keys: [first = [], ...others] = [], limit } = query;
  const direction = directionOf(query);
  const has = (list: readonly number[]): Sql =>
    sql`EXISTS(SELECT 1 FROM deed_key o WHERE o.part=${part} AND o.key IN (SELECT value FROM json_each(${JSON.stringify(list)})) AND o.last=k.last AND o.sequence=k.sequence)`;
  // Each key has its rows in order; a walk along several at once would sort all of theirs.
  const walk = (key: number): Sql => {
    const where = joinSql([sql`k.part=${part} AND k.key=${key}`, ...boundsOf(query, 'k'), ...others.map(has)], ' AND ');
    return sql`SELECT * FROM (SELECT k.last,k.sequence FROM deed_key k WHERE ${where} ORDER BY k.last ${direction},k.sequence ${direction} LIMIT ${limit})`;
  };
  return sql`SELECT ${raw(DEED_COLUMNS)} FROM (${joinSql(first.map(walk), ' UNION ')}) q CROSS JOIN deed d ON d.sequence=q.sequence ORDER BY q.last ${direction},q.sequence ${direction} LIMIT ${limit}`;
}
