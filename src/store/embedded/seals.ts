/** The ledger of the audit trail in SQLite (../seals.ts): rows by their place in a stream, and what is kept beside them. */
import { createHash } from 'node:crypto';
import { FhirError } from '../../fhir/error.js';
import type { KeptDeedRow } from '../deeds.js';
import { Lane } from '../lane.js';
import type { Hash } from '../ledger.js';
import { deedOfEntry, LEDGER_SHAPE } from '../ledger-entry.js';
import { headOfRow, type LedgerNote, type SealedDeedRow, type SealQuery, type Seals } from '../seals.js';
import { blobBytes, type Connection, type SqlRow } from './connection.js';
import { DEED_COLUMNS, toDeedRow } from './deed-columns.js';
import type { DeedOfShape, Job } from './job.js';
import type { OpenedStore } from './reads.js';
import { finite, joinSql, raw, type Sql, sql } from './sql.js';
import type { Thread } from './thread.js';

/** That of the writer thread. */
export function openLane(connection: Connection): Lane<DeedOfShape> {
  const hashes = new Map<number, Hash>();
  const shapeHashOf = ({ shape }: DeedOfShape): Hash => {
    const known = hashes.get(shape);
    if (known) return known;
    const row = connection.prepare('SELECT text FROM deed_shape WHERE id=?').first(shape);
    if (!row) throw new FhirError('fault', 'A deed is to be kept whose shape is not.');
    const made = createHash('sha256').update(String(row[0])).digest();
    hashes.set(shape, made);
    return made;
  };
  return new Lane({ shapeHashOf, deedOfEntry: (entry, at) => ({ ...deedOfEntry(entry, at), shape: LEDGER_SHAPE.id }) });
}

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
  'WITH RECURSIVE each(s) AS (SELECT min(stream) FROM deed WHERE stream>? UNION ALL SELECT (SELECT min(d.stream) FROM deed d WHERE d.stream>each.s) FROM each WHERE each.s IS NOT NULL) SELECT s FROM each WHERE s IS NOT NULL';

export interface OpenedSeals extends Seals {
  /** What is stored was exchanged as a whole: what there is now nobody here has written. */
  exchanged(): void;
}

export function createSeals(
  { connection, answer, look }: OpenedStore,
  writer: Pick<Thread<Job, number>, 'ask'>,
): OpenedSeals {
  const rowsOf = ({ text, values }: Sql): SqlRow[] => connection.prepare(text).all(...values);
  const streams = (after = ''): string[] =>
    connection
      .prepare(STREAMS)
      .all(after)
      .map(([stream]) => stream as string);
  /** Those of before. */
  let earlier: ReadonlySet<string> | undefined;
  return {
    openLedger: opening =>
      answer(async () => {
        earlier ??= new Set(streams());
        await writer.ask({ kind: 'open-ledger', opening });
      }),
    endStreams: at => answer(async () => void (await writer.ask({ kind: 'end-streams', at }))),
    // One process has the file, and one lane, so that what was written last tells.
    heads: () =>
      answer(() => {
        const row = connection
          .prepare(`SELECT ${DEED_COLUMNS},d.stream,d.first,d.root FROM deed d ORDER BY d.sequence DESC LIMIT 1`)
          .first();
        return row && row[7] !== null && !earlier?.has(row[7] as string) ? [headOfRow(toSealedRow(row))] : [];
      }),
    exchanged: () => void (earlier &&= new Set(streams())),
    streams: after => answer(() => streams(after)),
    sealed: query => look(async () => rowsOf(compileSealed(query)).map(toSealedRow)),
    unsealed: ({ after, limit }) =>
      look(async (): Promise<readonly KeptDeedRow[]> => {
        const behind = after ? sql` AND (d.last,d.sequence)>(${after[0]},${after[1]})` : raw('');
        return rowsOf(
          sql`SELECT ${raw(DEED_COLUMNS)} FROM deed d WHERE d.stream IS NULL${behind} ORDER BY d.last,d.sequence LIMIT ${limit}`,
        ).map(toDeedRow);
      }),
    emptyRows: rows => answer(async () => void (await writer.ask({ kind: 'empty-rows', rows }))),
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

function compileSealed({ stream, after, row, upTo, limit }: SealQuery): Sql {
  const conditions = [
    ...(stream === undefined ? [sql`d.stream IS NOT NULL`] : [sql`d.stream=${stream}`]),
    ...(after ? [sql`(d.stream,d.first)>(${after[0]},${finite(after[1])})`] : []),
    ...(row === undefined ? [] : [sql`d.sequence=${row}`]),
    ...(upTo === undefined ? [] : [sql`d.first<=${finite(upTo)}`]),
  ];
  const direction = raw(upTo === undefined ? 'ASC' : 'DESC');
  return sql`SELECT ${raw(DEED_COLUMNS)},d.stream,d.first,d.root FROM deed d WHERE ${joinSql(conditions, ' AND ')} ORDER BY d.stream,d.first ${direction} LIMIT ${limit}`;
}
