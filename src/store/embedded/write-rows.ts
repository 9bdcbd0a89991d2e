/** A change as rows: the current one in `resource`, the one before in `version`, and what finds it (write-index.ts). */
import { digestOf, isAltered } from '../digest.js';
import { rowDigestHead } from './check.js';
import { type Columns, NO_COLUMNS } from './columns.js';
import { blobBytes, type Connection, type SqlRow, type SqlValue } from './connection.js';
import type { RowChange, RowRenewal } from './job.js';
import { referTo } from './write-blobs.js';
import { insertKeys, insertWords, replaceWords, updateKeys } from './write-index.js';

/** The columns of a change, in the order of both statements. */
function valuesOf(change: RowChange): readonly SqlValue[] {
  const { id, version, updated, method, patients, blobs, columns = NO_COLUMNS, text, words } = change;
  const digest = digestOf(rowDigestHead(id, version, updated, method, patients, blobs), text);
  const { d, e, s, w, f } = columns;
  return [version, updated, method, patients, blobs, d, e, s, w, f, text ?? null, words?.h ?? null, digest];
}

/** A resource of its own with the number `n`. */
export function insertChange(connection: Connection, n: number, change: RowChange): void {
  const { id, type, columns = NO_COLUMNS, words } = change;
  connection
    .prepare('INSERT INTO resource(n,id,t,v,u,m,p,b,d,e,s,w,f,x,h,c) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)')
    .run(n, id, type, ...valuesOf(change));
  insertKeys(connection, n, columns);
  referTo(connection, n, change.newHashes);
  if (words) insertWords(connection, n, type, words);
}

/** In the place of the current version, which goes to `version`, or is erased with all before it. Returns the number. */
export function replaceByChange(connection: Connection, change: RowChange): number {
  const { id, type, updated, columns = NO_COLUMNS, words } = change;
  const row = connection.prepare('SELECT n,d,s,f,h FROM resource WHERE id=?').first(id)!;
  const n = row[0] as number;
  if (change.erases) connection.prepare('DELETE FROM version WHERE n=?').run(n);
  else
    connection
      .prepare('INSERT INTO version(n,v,t,u,until,m,p,b,x,c) SELECT n,v,t,u,?,m,p,b,x,c FROM resource WHERE n=?')
      .run(updated, n);
  connection
    .prepare('UPDATE resource SET v=?,u=?,m=?,p=?,b=?,d=?,e=?,s=?,w=?,f=?,x=?,h=?,c=? WHERE n=?')
    .run(...valuesOf(change), n);
  updateKeys(connection, n, indexedColumns(row), columns);
  referTo(connection, n, change.newHashes);
  if (row[4] !== (words?.h ?? null)) replaceWords(connection, n, type, words);
  return n;
}

/** The current version is about these patients, too. One that somebody has altered is left as it is. */
export function notePatients(connection: Connection, id: string, patients: readonly string[]): void {
  const row = connection.prepare('SELECT v,u,m,p,b,x,c FROM resource WHERE id=? AND f IS NOT NULL').first(id);
  if (!row) return;
  const [v, u, m, before, b, x, c] = row;
  const text = blobBytes(x);
  const digest = (told: SqlValue): Buffer => digestOf(rowDigestHead(id, v!, u!, m!, told, b!), text);
  const told = [...new Set([...String(before).split(' ').filter(Boolean), ...patients])].join(' ');
  if (told === before || isAltered(blobBytes(c), digest(before!))) return;
  connection.prepare('UPDATE resource SET p=?,c=? WHERE id=?').run(told, digest(told), id);
}

/** New keys and words for a version, if it is still current. */
export function renewRow(connection: Connection, { id, version, columns, words }: RowRenewal): boolean {
  const row = connection
    .prepare('SELECT n,d,s,f,t FROM resource WHERE id=? AND v=? AND f IS NOT NULL')
    .first(id, version);
  if (!row) return false;
  const n = row[0] as number;
  const { d, e, s, w, f } = columns;
  connection.prepare('UPDATE resource SET d=?,e=?,s=?,w=?,f=?,h=? WHERE n=?').run(d, e, s, w, f, words?.h ?? null, n);
  updateKeys(connection, n, indexedColumns(row), columns);
  replaceWords(connection, n, row[4] as string, words);
  return true;
}

/** Of n, d, s, f: what an update of the index needs. */
const indexedColumns = (row: SqlRow): Pick<Columns, 'd' | 's' | 'f'> => ({
  d: row[1] as number,
  s: row[2] as string | null,
  f: row[3] as string | null,
});
