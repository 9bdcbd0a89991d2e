/** A row of `resource` or `version` as a Version. */
import { decodeId } from '../codec.js';
import type { BlobLink, Method, Version } from '../store.js';
import { blobBytes, type Connection, type SqlRow, type SqlValue } from './connection.js';
import type { Sql } from './sql.js';

/**
 * The columns of a version, in the order that `toVersion` expects; then its number. In the place of a large text its length
 * stands, which SQLite tells without reading it: `withText` reads it.
 */
export const COLUMNS = 'r.id,r.v,r.u,r.m,r.p,r.b,CASE WHEN length(r.x)<=32768 THEN r.x ELSE length(r.x) END,r.n';
/** The same with text and length as columns of their own: what is named twice is read twice. */
export const pageColumns = (statement: string): string =>
  statement.replaceAll('THEN r.x ELSE length(r.x) END', 'THEN r.x END,length(r.x)');
/** Of such a row: bytes of its text, negative where that is not here. */
export const SIZE = 'CASE WHEN l<=32768 THEN l ELSE -l END';
/** Where the version and its time stand. */
export const VERSION_COLUMN = 1;
export const UPDATED_COLUMN = 2;
const TEXT_COLUMN = 6;
/** Where `n` stands, and before which further columns. */
export const NUMBER_COLUMN = 7;

export function toVersion(row: SqlRow): Version {
  const { type, id } = decodeId(row[0] as string);
  const text = row[TEXT_COLUMN];
  const version: { -readonly [K in keyof Version]: Version[K] } = {
    type,
    id,
    version: row[VERSION_COLUMN] as number,
    updated: row[UPDATED_COLUMN] as number,
    method: row[3] as Method,
    patients: patientsOf(row[4] as string),
  };
  if (typeof text === 'number') version.withheld = text;
  else if (text instanceof Uint8Array) version.text = blobBytes(text)!;
  if (row[5] !== null) version.blobs = JSON.parse(row[5] as string) as BlobLink[];
  return version;
}

let lastPatients = '';
let lastList: readonly string[] = [];
/** One list for rows of the same patients, which often come one after the other. */
function patientsOf(text: string): readonly string[] {
  if (text !== lastPatients) {
    lastPatients = text;
    lastList = text === '' ? [] : text.split(' ');
  }
  return lastList;
}

/** The columns `p` and `b`: ids hold no blank. */
export const patientsText = ({ patients }: Pick<Version, 'patients'>): string => patients.join(' ');
export const blobsText = ({ blobs }: Version): string | null => (blobs?.length ? JSON.stringify(blobs) : null);

/** Bytes of the text of a row, wherever it is. */
export const textBytes = (row: SqlRow): number => {
  const text = row[TEXT_COLUMN];
  return typeof text === 'number' ? text : text instanceof Uint8Array ? text.length : 0;
};

/** The row with its text. */
export function withLargeText(connection: Connection, row: SqlRow): SqlRow {
  if (typeof row[TEXT_COLUMN] !== 'number') return row;
  for (const table of ['resource', 'version']) {
    const [found] = connection
      .prepare(`SELECT x FROM ${table} WHERE n=? AND v=?`)
      .all(row[NUMBER_COLUMN]!, row[VERSION_COLUMN]!);
    if (found) return row.with(TEXT_COLUMN, found[0]!);
  }
  // Erased meanwhile.
  return row.with(TEXT_COLUMN, null);
}

/** Rows with their texts, as many as have room in so many bytes. `next`: what the first one needs that has none. */
export function fitRows(
  connection: Connection,
  rows: readonly SqlRow[],
  bytes = Infinity,
): { readonly rows: readonly SqlRow[]; readonly next?: number } {
  const fitting: SqlRow[] = [];
  let left = bytes;
  for (const row of rows) {
    const size = textBytes(row);
    if (size > left) return { rows: fitting, next: size };
    left -= size;
    fitting.push(withLargeText(connection, row));
  }
  return { rows: fitting };
}

/** So few rows are taken one by one: below, making one value of them costs more than it spares. */
const MAX_SINGLE_ROWS = 8;

/**
 * The rows of a statement that selects COLUMNS and then `beside` values more, at most `limit` rows, in its order (it has a
 * LIMIT). Every value that crosses from SQLite costs, so a page crosses as two: its values as JSON, its texts as one piece.
 */
export function readRows(
  connection: Connection,
  { text, values }: Sql,
  limit: number,
  beside: number,
): readonly SqlRow[] {
  if (limit < MAX_SINGLE_ROWS) return connection.prepare(text).all(...values);
  const further = Array.from({ length: beside }, (_, i) => `,o${i}`).join('');
  const columns = (x: string) => `id,v,u,m,p,b,${x},n${further}`;
  const [row] = connection
    .prepare(
      `WITH page(${columns('x,l')}) AS (${pageColumns(text)}) SELECT json_group_array(json_array(${columns(SIZE)})),CAST(group_concat(x,'') AS BLOB) FROM page`,
    )
    .all(...values);
  return unpack({ rows: row![0] as string, bytes: blobBytes(row![1]) ?? NO_BYTES });
}

const NO_BYTES = new Uint8Array();

/** Rows in two pieces: so they come from SQLite, and so they move between threads. */
export interface Packed {
  /** JSON; in the place of its text each has the length of it, negative where the text is not here, or null. */
  readonly rows: string;
  /** All texts, one after the other. */
  readonly bytes: Uint8Array;
}

export function pack(rows: readonly SqlRow[]): Packed & { readonly bytes: Uint8Array<ArrayBuffer> } {
  const textOf = (row: SqlRow) => (row[TEXT_COLUMN] instanceof Uint8Array ? row[TEXT_COLUMN] : undefined);
  const bytes = new Uint8Array(rows.reduce((sum, row) => sum + (textOf(row)?.length ?? 0), 0));
  let at = 0;
  const bare = rows.map((row): SqlRow => {
    const text = textOf(row);
    if (!text) return typeof row[TEXT_COLUMN] === 'number' ? row.with(TEXT_COLUMN, -row[TEXT_COLUMN]) : row;
    bytes.set(text, at);
    at += text.length;
    return row.with(TEXT_COLUMN, text.length);
  });
  return { rows: JSON.stringify(bare), bytes };
}

export function unpack({ rows: json, bytes }: Packed): readonly SqlRow[] {
  const rows = JSON.parse(json) as SqlValue[][];
  let at = 0;
  for (const row of rows) {
    const length = row[TEXT_COLUMN];
    if (typeof length !== 'number') continue;
    if (length < 0) {
      row[TEXT_COLUMN] = -length;
      continue;
    }
    row[TEXT_COLUMN] = bytes.subarray(at, at + length);
    at += length;
  }
  return rows;
}
