/** What `verify` asks of the embedded store (Check in store.ts). Statements run in pieces, long ones in the reader thread. */
import type { IndexEntry } from '../../search/entry.js';
import { decodeId, encodeId } from '../codec.js';
import { digestOf, isAltered } from '../digest.js';
import { encode } from '../encode.js';
import type { IndexCatalog } from '../index-catalog.js';
import { NO_DATE } from '../key.js';
import { missingParameters } from '../lacking.js';
import type { IndexLayout } from '../index-layout.js';
import type { Check, Renewed, Version } from '../store.js';
import { allKeys, columnsOf } from './columns.js';
import { blobBytes, type SqlRow, type SqlValue } from './connection.js';
import { raw, type Sql, sql } from './sql.js';
import { wordRow } from './words.js';

export interface CheckSurroundings {
  readonly layout: IndexLayout;
  readonly catalog: IndexCatalog;
  readonly one: (statement: Sql) => SqlRow | undefined;
  /** In the reader thread. */
  readonly rows: (statement: Sql) => Promise<readonly SqlRow[]>;
}

/** Resources and index rows of one statement. */
const RESOURCES_A_PIECE = 200;
const KEYS_A_PIECE = 2000;

/** What digests are of, beside the text. */
export const rowDigestHead = (...columns: readonly SqlValue[]): string => JSON.stringify(columns);

const DIGESTED_COLUMNS = 'r.v,r.u,r.m,r.p,r.b,r.x,r.c';

export function createCheck({ layout, catalog, one, rows }: CheckSurroundings): Check {
  const altered = async ({ type, id, version }: Version): Promise<boolean> => {
    const key = encodeId(type, id);
    const row =
      one(sql`SELECT ${raw(DIGESTED_COLUMNS)} FROM resource r WHERE r.id=${key} AND r.v=${version}`) ??
      one(
        sql`SELECT ${raw(DIGESTED_COLUMNS)} FROM version r CROSS JOIN resource c ON c.n=r.n WHERE c.id=${key} AND r.v=${version}`,
      );
    if (!row) return false;
    const [v, u, m, p, b, x, c] = row;
    return isAltered(blobBytes(c), digestOf(rowDigestHead(key, v!, u!, m!, p!, b!), blobBytes(x)));
  };

  const misindexed = async ({ row: { type, id, version }, entries, words }: Renewed) => {
    const row = one(
      sql`SELECT d,e,s,w,f,h FROM resource WHERE id=${encodeId(type, id)} AND v=${version} AND f IS NOT NULL`,
    );
    if (!row) return undefined;
    const { keys, missing } = encode(layout, type, entries, catalog);
    const { d, e, s, w, f } = columnsOf(keys);
    const wanted: readonly SqlValue[] = [d, e, s, w, f, wordRow(words)?.h ?? null];
    if (missing.length === 0 && wanted.every((value, i) => value === row[i])) return undefined;
    const kept = allKeys({ f: row[4] as string });
    return missingParameters(entries, (entry: IndexEntry) => {
      const own = encode(layout, type, [entry], catalog);
      const { byDate, byArrival, filterOnly } = own.keys;
      return own.missing.length === 0 && [byDate, byArrival, filterOnly].flat().every(key => kept.has(key));
    });
  };

  /** Rows of an index that their resource does not speak of. The rows of a piece: resource, whether it does, cursor. */
  async function* strays(
    piece: (after: readonly SqlValue[]) => Sql,
    first: readonly SqlValue[],
    says: (row: SqlRow) => boolean,
  ) {
    for (let after = first; ; ) {
      const found = await rows(piece(after));
      for (const row of found) if (row[1] !== 1 && !says(row)) yield nameOfRow(row[0]);
      if (found.length < KEYS_A_PIECE) return;
      after = found.at(-1)!.slice(3);
    }
  }

  async function* broken(): AsyncGenerator<string> {
    for (let n = 0; ; ) {
      const found = await rows(incomplete(n));
      for (const [id, , , lacks] of found) if (lacks !== 0) yield nameOfRow(id);
      if (found.length < RESOURCES_A_PIECE) break;
      n = found.at(-1)![1] as number;
    }
    yield* strays(strayKeys, ['', NO_DATE, 0], row => allKeys({ f: row[2] as string | null }).has(row[3]));
    yield* strays(strayStrings, ['', '', 0], () => false);
    yield* strays(strayWords, [0], () => false);
  }

  return { altered, misindexed, broken };
}

const nameOfRow = (id: SqlValue | undefined): string => {
  if (typeof id !== 'string') return 'a row of no resource';
  const named = decodeId(id);
  return `${named.type}/${named.id}`;
};

/** Resources with the number of index rows that they lack. */
const incomplete = (n: number): Sql => sql`SELECT r.id,r.n,NULL,
  (SELECT count(*) FROM json_each(r.f,'$.k') j WHERE j.key>0 AND NOT EXISTS(SELECT 1 FROM entry e WHERE e.key=j.value AND e.d=r.d AND e.n=r.n))
  +(SELECT count(*) FROM json_each(r.f,'$.g') j WHERE j.key>0 AND NOT EXISTS(SELECT 1 FROM entry e WHERE e.key=j.value AND e.d=0 AND e.n=r.n))
  +(SELECT count(*) FROM json_each(r.s) j WHERE NOT EXISTS(SELECT 1 FROM sorted x WHERE x.p=j.key AND x.s=j.value AND x.n=r.n))
  +(r.h IS NOT NULL AND NOT EXISTS(SELECT 1 FROM word_docsize w WHERE w.id=r.n))
  FROM resource r WHERE r.f IS NOT NULL AND r.n>${n} ORDER BY r.n LIMIT ${RESOURCES_A_PIECE}`;

const strayKeys = ([key, d, n]: readonly SqlValue[]): Sql => sql`SELECT r.id,
  r.f IS NOT NULL AND e.d IN (0,r.d) AND instr(r.f,json_quote(e.key))>0,
  CASE WHEN e.d IN (0,r.d) AND instr(r.f,json_quote(e.key))=0 THEN r.f END,e.key,e.d,e.n
  FROM (SELECT key,d,n FROM entry WHERE (key,d,n)>(${key!},${d!},${n!}) ORDER BY key,d,n LIMIT ${KEYS_A_PIECE}) e
  LEFT JOIN resource r ON r.n=e.n ORDER BY e.key,e.d,e.n`;

const strayStrings = ([p, s, n]: readonly SqlValue[]): Sql => sql`SELECT r.id,
  r.s IS NOT NULL AND EXISTS(SELECT 1 FROM json_each(r.s) j WHERE j.key=x.p AND j.value=x.s),NULL,x.p,x.s,x.n
  FROM (SELECT p,s,n FROM sorted WHERE (p,s,n)>(${p!},${s!},${n!}) ORDER BY p,s,n LIMIT ${KEYS_A_PIECE}) x
  LEFT JOIN resource r ON r.n=x.n ORDER BY x.p,x.s,x.n`;

const strayWords = ([n]: readonly SqlValue[]): Sql => sql`SELECT r.id,r.h IS NOT NULL,NULL,w.id
  FROM (SELECT id FROM word_docsize WHERE id>${n!} ORDER BY id LIMIT ${KEYS_A_PIECE}) w
  LEFT JOIN resource r ON r.n=w.id ORDER BY w.id`;
