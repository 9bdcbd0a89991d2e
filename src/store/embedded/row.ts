/** A row of `resource` or `version` as a Version. */
import { decodeId } from '../codec.js';
import type { BlobLink, Method, Version } from '../store.js';
import { bytesOf, type Row } from './driver.js';

/** The columns of a version, in the order that `versionOf` expects; then its number. */
export const COLUMNS = 'r.id,r.v,r.u,r.m,r.p,r.b,r.x,r.n';
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
    ...(row[5] === null ? {} : { blobs: JSON.parse(row[5] as string) as BlobLink[] }),
  };
}

/** The columns `p` and `b`: ids hold no blank. */
export const patientsText = ({ patients }: Pick<Version, 'patients'>): string => patients.join(' ');
export const blobsText = ({ blobs }: Version): string | null => (blobs?.length ? JSON.stringify(blobs) : null);

/** Rows on their way between threads: all texts as one piece, which moves. */
export interface Packed {
  /** Without their texts. */
  readonly rows: readonly Row[];
  /** Of each row's text; -1: it has none. Empty where no row has one. */
  readonly lengths: readonly number[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export function pack(rows: readonly Row[]): Packed {
  const texts = rows.map(row => (row[TEXT] instanceof Uint8Array ? row[TEXT] : undefined));
  const bytes = new Uint8Array(texts.reduce((sum, text) => sum + (text?.length ?? 0), 0));
  if (texts.every(text => text === undefined)) return { rows, lengths: [], bytes };
  let at = 0;
  for (const text of texts) {
    if (!text) continue;
    bytes.set(text, at);
    at += text.length;
  }
  return {
    rows: rows.map((row, i) => (texts[i] ? row.with(TEXT, null) : row)),
    lengths: texts.map(text => text?.length ?? -1),
    bytes,
  };
}

export function unpack({ rows, lengths, bytes }: Packed): readonly Row[] {
  if (lengths.length === 0) return rows;
  let at = 0;
  return rows.map((row, i): Row => {
    const length = lengths[i]!;
    if (length < 0) return row;
    at += length;
    return row.with(TEXT, bytes.subarray(at - length, at));
  });
}
