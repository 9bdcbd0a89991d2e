/**
 * What goes to the writer thread: changes with their keys, and the catalog entries that these need (index-catalog.ts), which are known here
 * before anything is sent and written with it or before it.
 */
import type { IndexEntry } from '../../search/entry.js';
import { newHashes } from '../blobs.js';
import { encodeId } from '../codec.js';
import { encode } from '../encode.js';
import { type CatalogEntry, type IndexCatalog, parameterCodeEntries } from '../index-catalog.js';
import type { Keys } from '../key.js';
import type { IndexLayout } from '../index-layout.js';
import type { Absence, Change, Commit, Renewed } from '../store.js';
import { columnsOf } from './columns.js';
import type { Job, RowChange } from './job.js';
import { blobsText, patientsText } from './rows.js';
import type { Sql } from './sql.js';
import type { Thread } from './thread.js';
import { wordRow } from './words.js';

/** Bytes from which on it is quicker to move a text to another thread than to copy it. */
const MOVED_BYTES = 65_536;

/** Changes that are encoded in one piece: ten milliseconds. */
const ENCODED_IN_ONE_PIECE = 256;

export interface CommitSurroundings {
  readonly layout: IndexLayout;
  readonly catalog: IndexCatalog;
  readonly writer: Pick<Thread<Job, number>, 'ask'>;
  /** Told of the type of every resource that is on its way. */
  readonly noteType: (type: string) => void;
  /** Statements that give a row where something matches. */
  readonly matching: (absence: Absence) => readonly Sql[];
}

export interface Commits {
  /** Those of up to 256 changes reach the writer in the order in which they were called. */
  commit(commit: Commit): Promise<void>;
  reindex(rows: readonly Renewed[]): Promise<number>;
  assignParameterCodes(codes: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Resolves when everything that was begun is written or has failed. */
  finished(): Promise<void>;
}

export function openCommits({ layout, catalog, writer, noteType, matching }: CommitSurroundings): Commits {
  const encoder = createEncoder(layout, catalog);
  const underWay = new Set<Promise<number>>();

  const send = async (commit: Commit): Promise<number> => {
    const {
      changes: asked,
      mustNotMatch = [],
      mustExist = [],
      alsoAbout = [],
      messages = [],
      acknowledges = [],
      deeds = [],
    } = commit;
    const done = deeds.map(({ at, events, bytes, keys, shape }) => ({ at, events, bytes, keys, shape: shape.id }));
    if (done.length > 0 && isOfDeedsAlone(commit)) return writer.ask({ kind: 'deeds', deeds: done });
    // Without an await where one piece is all: commits reach the writer in the order in which they were called.
    const { changes, texts } =
      asked.length > ENCODED_IN_ONE_PIECE ? await encodeInPieces(encoder, asked) : encodePiece(encoder, asked);
    for (const { type } of asked) noteType(type);
    // No await from here on: the statements know of everything that reaches the writer before them.
    const job = {
      kind: 'commit',
      changes,
      mustNotMatch: mustNotMatch.flatMap(matching),
      mustExist: mustExist.map(({ type, id, version }) => [encodeId(type, id), version] as const),
      alsoAbout: alsoAbout.map(({ type, id, patients }) => [encodeId(type, id), patients] as const),
      messages,
      acknowledges,
      deeds: done,
    } as const;
    return encoder.withEntries(catalogEntries => writer.ask({ catalogEntries, ...job }, texts));
  };
  const commit = async (asked: Commit): Promise<void> => {
    const written = send(asked);
    underWay.add(written);
    await written.finally(() => underWay.delete(written));
  };

  return {
    commit,
    reindex: renewed => {
      const rows = renewed.map(({ row: { type, id, version }, entries, words }) => ({
        id: encodeId(type, id),
        version,
        columns: columnsOf(encoder.keysOf(type, entries)),
        words: wordRow(words),
      }));
      return encoder.withEntries(catalogEntries => writer.ask({ kind: 'reindex', rows, catalogEntries }));
    },
    async assignParameterCodes(codes) {
      encoder.learn(parameterCodeEntries(catalog, codes));
      const numbers = codes.map(code => [code, catalog.parameter(code)!] as const);
      if (numbers.some(([, number]) => encoder.isUnkept(`p${number}`))) await commit({ changes: [] });
      return new Map(numbers);
    },
    finished: async () => void (await Promise.allSettled(underWay)),
  };
}

const isOfDeedsAlone = ({ changes, mustNotMatch, mustExist, alsoAbout, messages, acknowledges }: Commit): boolean =>
  [changes, mustNotMatch, mustExist, alsoAbout, messages, acknowledges].every(list => !list?.length);

/** Makes keys. The catalog entries that they need are known at once, and durable with the first job that carries them. */
interface Encoder {
  keysOf(type: string, entries: readonly IndexEntry[]): Keys;
  learn(missing: readonly CatalogEntry[]): void;
  /** Whether an entry is not yet known to be on the disk. */
  isUnkept(id: string): boolean;
  /** Until one of them is acknowledged, every job carries all entries that may be missing on the disk. */
  withEntries(send: (entries: readonly CatalogEntry[]) => Promise<number>): Promise<number>;
}

function createEncoder(layout: IndexLayout, catalog: IndexCatalog): Encoder {
  const unkept = new Map<string, CatalogEntry>();
  const learn = (missing: readonly CatalogEntry[]): void => {
    catalog.add(missing);
    for (const entry of missing) unkept.set(entry.id, entry);
  };
  return {
    learn,
    isUnkept: id => unkept.has(id),
    keysOf(type, entries) {
      const { keys, missing } = encode(layout, type, entries, catalog);
      if (missing.length === 0) return keys;
      learn(missing);
      return encode(layout, type, entries, catalog).keys;
    },
    async withEntries(send) {
      const carried = [...unkept.values()];
      const done = await send(carried);
      for (const { id } of carried) unkept.delete(id);
      return done;
    },
  };
}

/** Rows of changes, and the buffers with their texts that are large enough to move. */
interface EncodedChanges {
  readonly changes: readonly RowChange[];
  readonly texts: readonly ArrayBuffer[];
}

/** A Bundle of thousands does not keep the others from being served. */
async function encodeInPieces(encoder: Encoder, asked: readonly Change[]): Promise<EncodedChanges> {
  const changes: RowChange[] = [];
  const texts: ArrayBuffer[] = [];
  for (let from = 0; from < asked.length; from += ENCODED_IN_ONE_PIECE) {
    if (from > 0) await new Promise(setImmediate);
    const piece = encodePiece(encoder, asked.slice(from, from + ENCODED_IN_ONE_PIECE));
    changes.push(...piece.changes);
    texts.push(...piece.texts);
  }
  return { changes, texts };
}

/** The texts of these are parts of one buffer: to move a thousand buffers takes far longer than to move one. */
function encodePiece(encoder: Encoder, asked: readonly Change[]): EncodedChanges {
  const bytes = new Uint8Array(asked.reduce((sum, { text }) => sum + (text?.length ?? 0), 0));
  let at = 0;
  const changes = asked.map(change => {
    const text = bytes.subarray(at, at + (change.text?.length ?? 0));
    if (change.text) text.set(change.text);
    at += text.length;
    return rowChange(encoder, change, text);
  });
  return { changes, texts: bytes.length >= MOVED_BYTES ? [bytes.buffer] : [] };
}

/** `text`: a copy that may move to the writer; the caller keeps what he gave. */
const rowChange = (encoder: Encoder, change: Change, text: Uint8Array<ArrayBuffer>): RowChange => ({
  type: change.type,
  id: encodeId(change.type, change.id),
  version: change.version,
  updated: change.updated,
  method: change.method,
  patients: patientsText(change),
  blobs: blobsText(change),
  newHashes: newHashes(change),
  text: change.text && text,
  columns: change.text && columnsOf(encoder.keysOf(change.type, change.entries)),
  words: change.text && wordRow(change.words),
  replaces: change.replaces?.version,
  erases: change.erases === true,
});
