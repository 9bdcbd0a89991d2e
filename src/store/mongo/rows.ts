/**
 * Rows and point reads. Point reads gather as commits do: those of one turn, and while two are under way further ones, go as one
 * `$in` of up to 64 ids. No timer: a lone read goes at the end of its turn.
 */
import type { FindCursor } from 'mongodb';
import { decodeId, encodeId } from '../codec.js';
import type { Cursor } from '../../search/query.js';
import type { Page, Version } from '../store.js';
import { readDocument } from './bson.js';
import { readByIds } from './commands.js';
import type { Connected } from './connection.js';
import { toFhirError } from './errors.js';
import { type Collections, INDEX, type ResourceDocument, type VersionFields } from './schema.js';

const MAX_READ_IDS = 64;
const READS_AT_ONCE = 2;

/** What a row needs of a document. */
export const ROW = { t: 1, v: 1, u: 1, n: 1, m: 1, z: 1, b: 1, p: 1, h: 1, x: 1 } as const;

/** What a row of a page needs, and its place. */
export const LISTED = { v: 1, u: 1, n: 1, m: 1, b: 1, p: 1, x: 1 } as const;

export type Row = VersionFields & { readonly _id: string } & Pick<ResourceDocument, 'h' | 'o'>;
/** What a point read takes: the row may be replaced, and then goes on with its digest and the order of its messages. */
const POINT = { ...ROW, c: 1, o: 1 } as const;

/** A document (of `resource` or `version`) as the port's Version. */
export function toVersion(row: Row): Version {
  const end = row._id.indexOf('~');
  const { type, id } = decodeId(end < 0 ? row._id : row._id.slice(0, end));
  const version: { -readonly [K in keyof Version]: Version[K] } = {
    type,
    id,
    version: row.v,
    updated: row.u,
    method: row.m,
    patients: row.p ?? NOBODY,
  };
  if (row.x !== undefined) version.text = row.x;
  if (row.b !== undefined) version.blobs = row.b.map(({ a, h, s }) => ({ at: a, hash: h, size: s }));
  return version;
}

const NOBODY: readonly string[] = [];

/** `withheld`: the bytes of its text, for which there was no room. Nothing that comes behind such a row is known. */
export type Fitted<T> = T & { readonly withheld?: number };

const withheld = <T extends Row>({ x, ...row }: T): Fitted<T> => ({ ...(row as T), withheld: x?.length ?? 0 });

/** Rows as far as their texts have room in so many bytes, and the first one that has none. */
export function fitRows<T extends Row>(rows: readonly Fitted<T>[], bytes: number | undefined): readonly Fitted<T>[] {
  let left = bytes ?? Infinity;
  for (const [i, row] of rows.entries()) {
    if (row.withheld !== undefined) return rows.slice(0, i + 1);
    left -= row.x?.length ?? 0;
    if (left < 0) return [...rows.slice(0, i), withheld(row)];
  }
  return rows;
}

/** Rows of a cursor that `gatherRows` reads come as bytes. */
export const AS_BYTES = { raw: true } as const;

/** The rows of a cursor (AS_BYTES), like `fitRows`: what comes behind is never asked for. */
export async function gatherRows<T extends Row>(
  cursor: FindCursor<T>,
  bytes: number | undefined,
): Promise<readonly Fitted<T>[]> {
  const rows: Fitted<T>[] = [];
  let left = bytes ?? Infinity;
  try {
    while (await cursor.hasNext())
      for (const document of cursor.readBufferedDocuments()) {
        const row = readDocument(document as unknown as Buffer) as unknown as T;
        left -= row.x?.length ?? 0;
        if (left < 0) return [...rows, withheld(row)];
        rows.push(row);
      }
    return rows;
  } finally {
    await cursor.close();
  }
}

/** A page of what was found in the direction of travel; `found` may have more rows than the page. */
export function toPage<T extends Row>(
  found: readonly Fitted<T>[],
  { limit, bytes, before }: { readonly limit: number; readonly bytes?: number; readonly before?: Cursor },
  cursorOf: (row: T) => Cursor,
): Page {
  const fitted = fitRows(found.slice(0, limit), bytes);
  const next = fitted.at(-1)?.withheld;
  const travelled = next === undefined ? fitted : fitted.slice(0, -1);
  const rows = before === undefined ? travelled : travelled.toReversed();
  return {
    rows: rows.map(toVersion),
    cursors: rows.map(cursorOf),
    more: found.length > limit || next !== undefined,
    ...(next === undefined ? {} : { next }),
  };
}

/** The `version` document of a replaced version. */
export const versionId = (resource: string, version: number): string =>
  `${resource}~${String(version).padStart(8, '0')}`;

/** What the store alone knows of versions that were read as current: whoever replaces them need not ask again. */
export type KnownRows = WeakMap<Version, Pick<ResourceDocument, 'n' | 'h' | 'c' | 'o'>>;

export type PointRead = (_id: string) => Promise<Row | undefined>;

interface WaitingRead {
  readonly resolve: (row: Row | undefined) => void;
  readonly reject: (error: unknown) => void;
}

export function gatherReads(
  connected: () => Promise<Pick<Connected, 'db' | 'resource'>>,
  maxTimeMS: number,
): PointRead {
  let waiting = new Map<string, WaitingRead[]>();
  let inFlight = 0;
  let starting = false;

  const fetch = async (ids: readonly string[]): Promise<Map<string, Row>> => {
    const { db, resource } = await connected();
    const rows = await readByIds(db, resource, ids, { hint: INDEX.id, projection: POINT, maxTimeMS });
    return new Map(rows.map(row => [row._id, row]));
  };

  const pump = () => {
    while (inFlight < READS_AT_ONCE && waiting.size > 0) {
      const batch = [...waiting].slice(0, MAX_READ_IDS);
      if (batch.length === waiting.size) waiting = new Map();
      else for (const [id] of batch) waiting.delete(id);
      inFlight++;
      void fetch(batch.map(([id]) => id))
        .then(
          rows => {
            for (const [id, readers] of batch) for (const { resolve } of readers) resolve(rows.get(id));
          },
          (error: unknown) => {
            // Nobody waits for an absent server longer than the first who asked.
            const away = toFhirError(error).kind === 'unavailable';
            for (const [, readers] of away ? [...batch, ...waiting] : batch)
              for (const { reject } of readers) reject(error);
            if (away) waiting = new Map();
          },
        )
        .finally(() => {
          inFlight--;
          pump();
        });
    }
  };

  const start = () => {
    starting = false;
    pump();
  };

  return _id =>
    new Promise((resolve, reject) => {
      const readers = waiting.get(_id);
      if (readers) readers.push({ resolve, reject });
      else waiting.set(_id, [{ resolve, reject }]);
      // What one turn of the event loop brings goes together, and not the first two by themselves.
      if (!starting) setImmediate(start);
      starting = true;
    });
}

/** The current version or version `wanted`; undefined: never existed. */
export async function readVersionRow(
  connected: () => Promise<Collections>,
  read: PointRead,
  known: KnownRows,
  type: string,
  id: string,
  wanted: number | undefined,
  maxTimeMS: number,
): Promise<Version | undefined> {
  const _id = encodeId(type, id);
  const current = await read(_id);
  if (!current) return undefined;
  if (wanted === undefined || wanted === current.v) {
    const found = toVersion(current);
    const { n, o, h, c } = current;
    known.set(found, { n, o, ...(h === undefined ? {} : { h }), ...(c === undefined ? {} : { c }) });
    return found;
  }
  // The current one first: what it has replaced by now is in `version` for good.
  if (wanted > current.v || wanted < 1) return undefined;
  const { version } = await connected();
  const row = await version.findOne({ _id: versionId(_id, wanted) }, { maxTimeMS });
  return row ? toVersion(row) : undefined;
}
