/** The rows that find a resource by its index (schema.ts): keys in `entry`, texts to sort by in `sorted`, words in `word`. */
import { type Columns, indexedKeys } from './columns.js';
import type { Connection } from './connection.js';
import type { WordRow } from './words.js';

/** All keys of a new resource, read off its column. */
export function insertKeys(connection: Connection, n: number, { d, s, f }: Columns): void {
  if (f === null) return;
  connection
    .prepare(
      "INSERT OR IGNORE INTO entry(key,d,n) SELECT value,?,? FROM json_each(?,'$.k') WHERE key>0 UNION ALL SELECT value,0,? FROM json_each(?,'$.g') WHERE key>0",
    )
    .run(d, n, f, n, f);
  if (s !== null) connection.prepare('INSERT INTO sorted(p,s,n) SELECT key,value,? FROM json_each(?)').run(n, s);
}

/** From the keys that a resource had to those that it has: writes the difference alone. */
export function updateKeys(
  connection: Connection,
  n: number,
  before: Pick<Columns, 'd' | 's' | 'f'>,
  after: Columns,
): void {
  const [was, now] = [indexedKeys(before), indexedKeys(after)];
  const moved = before.d !== after.d;
  deleteEntries(connection, n, before.d, moved ? was.byDate : minus(was.byDate, now.byDate));
  insertEntries(connection, n, after.d, moved ? now.byDate : minus(now.byDate, was.byDate));
  deleteEntries(connection, n, 0, minus(was.byArrival, now.byArrival));
  insertEntries(connection, n, 0, minus(now.byArrival, was.byArrival));
  for (const [p, s] of Object.entries(was.sortTexts))
    if (now.sortTexts[p] !== s) connection.prepare('DELETE FROM sorted WHERE p=? AND s=? AND n=?').run(p, s, n);
  for (const [p, s] of Object.entries(now.sortTexts))
    if (was.sortTexts[p] !== s) connection.prepare('INSERT INTO sorted(p,s,n) VALUES(?,?,?)').run(p, s, n);
}

function deleteEntries(connection: Connection, n: number, d: number, keys: readonly string[]): void {
  if (keys.length > 0)
    connection
      .prepare('DELETE FROM entry WHERE key IN (SELECT value FROM json_each(?)) AND d=? AND n=?')
      .run(JSON.stringify(keys), d, n);
}

function insertEntries(connection: Connection, n: number, d: number, keys: readonly string[]): void {
  if (keys.length > 0)
    connection
      .prepare('INSERT OR IGNORE INTO entry(key,d,n) SELECT value,?,? FROM json_each(?)')
      .run(d, n, JSON.stringify(keys));
}

export function insertWords(connection: Connection, n: number, type: string, { t, c }: WordRow): void {
  connection.prepare('INSERT INTO word(rowid,t,c,y) VALUES(?,?,?,?)').run(n, t, c, type);
}

/** Undefined: full text search is to find the resource no more. */
export function replaceWords(connection: Connection, n: number, type: string, words: WordRow | undefined): void {
  connection.prepare('DELETE FROM word WHERE rowid=?').run(n);
  if (words) insertWords(connection, n, type, words);
}

const minus = (a: readonly string[], b: readonly string[]): readonly string[] => {
  const without = new Set(b);
  return a.filter(key => !without.has(key));
};
