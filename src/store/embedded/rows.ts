/** A row of `resource` or `version` as a Version. */
import { decodeId } from '../codec.js';
import type { BlobLink, Method, Version } from '../store.js';
import { bytesOf, type Connection, type Row, type Value } from './connection.js';
import type { Sql } from './sql.js';

/**
 * The columns of a version, in the order that `versionOf` expects; then its number. In the place of a large text its length
 * stands, which SQLite tells without reading it: `withText` reads it.
 */
export const COLUMNS = 'r.id,r.v,r.u,r.m,r.p,r.b,CASE WHEN length(r.x)<=32768 THEN r.x ELSE length(r.x) END,r.n';
/** Where the version and its time stand. */
export const VERSION = 1;
export const UPDATED = 2;
const TEXT = 6;
/** Where `n` stands, and where further columns begin. */
export const N = 7;
export const BESIDE = 8;

export function versionOf(row: Row): Version {
  const { type, id } = decodeId(row[0] as string);
  const text = bytesOf(row[TEXT]);
  const patients = row[4] as string;
  return {
    type,
    id,
    version: row[VERSION] as number,
    updated: row[UPDATED] as number,
    method: row[3] as Method,
    patients: patients === '' ? [] : patients.split(' '),
    ...(text ? { text } : {}),
    ...(typeof row[TEXT] === 'number' ? { withheld: row[TEXT] } : {}),
    ...(row[5] === null ? {} : { blobs: JSON.parse(row[5] as string) as BlobLink[] }),
  };
}

/** The columns `p` and `b`: ids hold no blank. */
export const patientsText = ({ patients }: Pick<Version, 'patients'>): string => patients.join(' ');
export const blobsText = ({ blobs }: Version): string | null => (blobs?.length ? JSON.stringify(blobs) : null);

/** Bytes of the text of a row, wherever it is. */
export const sizeOf = (row: Row): number => {
  const text = row[TEXT];
  return typeof text === 'number' ? text : text instanceof Uint8Array ? text.length : 0;
};

/** The row with its text. */
export function withText(connection: Connection, row: Row): Row {
  if (typeof row[TEXT] !== 'number') return row;
  for (const table of ['resource', 'version']) {
    const [found] = connection.prepare(`SELECT x FROM ${table} WHERE n=? AND v=?`).all(row[N]!, row[VERSION]!);
    if (found) return row.with(TEXT, found[0]!);
  }
  // Erased meanwhile.
  return row.with(TEXT, null);
}

/** Rows with their texts, as many as have room in so many bytes. `next`: what the first one needs that has none. */
export function fit(
  connection: Connection,
  rows: readonly Row[],
  bytes = Infinity,
): { readonly rows: readonly Row[]; readonly next?: number } {
  const fitting: Row[] = [];
  let left = bytes;
  for (const row of rows) {
    const size = sizeOf(row);
    if (size > left) return { rows: fitting, next: size };
    left -= size;
    fitting.push(withText(connection, row));
  }
  return { rows: fitting };
}

/** So few rows are taken one by one: below, making one value of them costs more than it spares. */
const FEW = 8;

/**
 * The rows of a statement that selects COLUMNS and then `beside` values more, at most `limit` rows, in its order (it has a
 * LIMIT). Every value that crosses from SQLite costs, so a page crosses as two: its values as JSON, its texts as one piece.
 */
export function readRows(connection: Connection, { text, values }: Sql, limit: number, beside: number): readonly Row[] {
  if (limit < FEW) return connection.prepare(text).all(...values);
  const further = Array.from({ length: beside }, (_, i) => `,o${i}`).join('');
  const columns = (x: string) => `id,v,u,m,p,b,${x},n${further}`;
  const [row] = connection
    .prepare(
      `WITH page(${columns('x')}) AS (${text}) SELECT json_group_array(json_array(${columns("CASE typeof(x) WHEN 'blob' THEN length(x) ELSE -x END")})),CAST(group_concat(CASE typeof(x) WHEN 'blob' THEN x END,'') AS BLOB) FROM page`,
    )
    .all(...values);
  return unpack({ rows: row![0] as string, bytes: bytesOf(row![1]) ?? NO_BYTES });
}

const NO_BYTES = new Uint8Array();

/** Rows in two pieces: so they come from SQLite, and so they move between threads. */
export interface Packed {
  /** JSON; in the place of its text each has the length of it, negative where the text is not here, or null. */
  readonly rows: string;
  /** All texts, one after the other. */
  readonly bytes: Uint8Array;
}

export function pack(rows: readonly Row[]): Packed & { readonly bytes: Uint8Array<ArrayBuffer> } {
  const textOf = (row: Row) => (row[TEXT] instanceof Uint8Array ? row[TEXT] : undefined);
  const bytes = new Uint8Array(rows.reduce((sum, row) => sum + (textOf(row)?.length ?? 0), 0));
  let at = 0;
  const bare = rows.map((row): Row => {
    const text = textOf(row);
    if (!text) return typeof row[TEXT] === 'number' ? row.with(TEXT, -row[TEXT]) : row;
    bytes.set(text, at);
    at += text.length;
    return row.with(TEXT, text.length);
  });
  return { rows: JSON.stringify(bare), bytes };
}

export function unpack({ rows: json, bytes }: Packed): readonly Row[] {
  const rows = JSON.parse(json) as Value[][];
  let at = 0;
  for (const row of rows) {
    const length = row[TEXT];
    if (typeof length !== 'number') continue;
    if (length < 0) {
      row[TEXT] = -length;
      continue;
    }
    row[TEXT] = bytes.subarray(at, at + length);
    at += length;
  }
  return rows;
}
