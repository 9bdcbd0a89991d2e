/** The ledger of the audit trail in SQLite (../seals.ts): rows by their place in a stream, and what is kept beside them. */
import type { KeptDeedRow } from '../deeds.js';
import type { LedgerNote, SealedDeedRow, SealQuery, Seals } from '../seals.js';
import { blobBytes, type Connection, type SqlRow } from './connection.js';
import { DEED_COLUMNS, toDeedRow } from './deed-columns.js';
import type { Job } from './job.js';
import type { OpenedStore } from './reads.js';
import { finite, joinSql, raw, type Sql, sql } from './sql.js';
import type { Thread } from './thread.js';

/** In the transaction of the caller. Gives how many it keeps. */
export function changeNotes(
  connection: Connection,
  { keep, drop }: { readonly keep: readonly LedgerNote[]; readonly drop: readonly string[] },
): number {
  if (drop.length > 0)
    connection.prepare('DELETE FROM ledger WHERE name IN (SELECT value FROM json_each(?))').run(JSON.stringify(drop));
  for (const { name, value } of keep)
    connection
      .prepare('INSERT INTO ledger(name,value) VALUES(?,?) ON CONFLICT(name) DO UPDATE SET value=excluded.value')
      .run(name, value);
  return keep.length;
}

/** One look per stream, however long they are. */
const STREAMS =
  'WITH RECURSIVE each(s) AS (SELECT min(stream) FROM deed WHERE stream IS NOT NULL UNION ALL SELECT (SELECT min(d.stream) FROM deed d WHERE d.stream>each.s) FROM each WHERE each.s IS NOT NULL) SELECT s FROM each WHERE s IS NOT NULL';

export function createSeals(
  { connection, answer, look }: OpenedStore,
  writer: Pick<Thread<Job, number>, 'ask'>,
): Seals {
  const rowsOf = ({ text, values }: Sql): SqlRow[] => connection.prepare(text).all(...values);
  return {
    streams: () =>
      answer(() =>
        connection
          .prepare(STREAMS)
          .all()
          .map(([stream]) => stream as string),
      ),
    sealed: query => look(async () => rowsOf(compileSealed(query)).map(toSealedRow)),
    unsealed: ({ after, limit }) =>
      look(async (): Promise<readonly KeptDeedRow[]> => {
        const behind = after ? sql` AND (d.last,d.sequence)>(${after[0]},${after[1]})` : raw('');
        return rowsOf(
          sql`SELECT ${raw(DEED_COLUMNS)} FROM deed d WHERE d.stream IS NULL${behind} ORDER BY d.last,d.sequence LIMIT ${limit}`,
        ).map(toDeedRow);
      }),
    notes: {
      keep: notes => answer(async () => void (await writer.ask({ kind: 'notes', keep: notes, drop: [] }))),
      find: ({ prefix, after, newestFirst, limit }) =>
        answer(() => {
          const [direction, behind] = newestFirst ? [raw('DESC'), raw('<')] : [raw('ASC'), raw('>')];
          const from = after === undefined ? raw('') : sql` AND name${behind}${after}`;
          return rowsOf(
            sql`SELECT name,value FROM ledger WHERE name>=${prefix} AND name<${`${prefix}~`}${from} ORDER BY name ${direction} LIMIT ${limit}`,
          ).map(([name, value]) => ({ name: name as string, value: blobBytes(value)! }));
        }),
      drop: names => answer(async () => void (await writer.ask({ kind: 'notes', keep: [], drop: names }))),
    },
  };
}

function toSealedRow(row: SqlRow): SealedDeedRow {
  const [stream, first, root] = row.slice(-3);
  return { ...toDeedRow(row), seal: { stream: stream as string, first: first as number, root: blobBytes(root)! } };
}

function compileSealed({ stream, after, upTo, limit }: SealQuery): Sql {
  const conditions = [
    ...(stream === undefined ? [sql`d.stream IS NOT NULL`] : [sql`d.stream=${stream}`]),
    ...(after ? [sql`(d.stream,d.first)>(${after[0]},${finite(after[1])})`] : []),
    ...(upTo === undefined ? [] : [sql`d.first<=${finite(upTo)}`]),
  ];
  const direction = raw(upTo === undefined ? 'ASC' : 'DESC');
  return sql`SELECT ${raw(DEED_COLUMNS)},d.stream,d.first,d.root FROM deed d WHERE ${joinSql(conditions, ' AND ')} ORDER BY d.stream,d.first ${direction} LIMIT ${limit}`;
}
