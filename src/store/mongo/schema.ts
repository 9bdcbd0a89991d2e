/**
 * The collections, their documents and indexes, and the steps that bring an older database up to date.
 *
 * - `resource`: the current version of each resource; a deleted one stays as a tombstone (`z`) without keys. Index keys
 *   are short ordered strings (../encode.ts): `k` in the order of the main date, `g` in the order of arrival, `f` (and
 *   the ranges `w`) for filters only. `n` is the creation number (sequence.ts): it never changes and ends every order.
 * - `version`: replaced versions only, with `until`, the time of the successor.
 * - `word`: the words of a current resource for full text search, see words.ts.
 * - `outbox`: messages, `_id` ascending. `claim`: exists inside transactions alone. `blob`, `chunk`: see blobs.ts.
 * - `deed`: the audit trail; `deedShape`: what its deeds have in common; `ledger`: what proves them, see ../seals.ts.
 * - `record`: what is no resource, see ../records.ts.
 * - `fact`: the layout version, what the keys need to be compiled (index-catalog.ts), the leases of process numbers.
 *
 * The indexes on `k` and `g` are partial, so that tombstones own no key in them. `x` is the last field: filters
 * stop before they reach it.
 */
import type { Collection, Db, IndexDescription } from 'mongodb';
import { FhirError } from '../../fhir/error.js';
import type { IndexLayout } from '../index-layout.js';
import type { KeyArray, Keys } from '../key.js';
import type { Method } from '../store.js';
import { TYPE_CODES } from '../type-codes.js';

export interface BlobLinkDocument {
  readonly a: number;
  readonly h: string;
  readonly s: number;
}

/** What a current and a replaced version have in common. */
export interface VersionFields {
  /** Two-letter code of the type. */
  readonly t: string;
  readonly v: number;
  /** lastUpdated, ms. */
  readonly u: number;
  readonly n: number;
  readonly m: Method;
  /** Deleted. */
  readonly z?: true;
  readonly b?: readonly BlobLinkDocument[];
  /** Patients whom it is about. */
  readonly p?: readonly string[];
  /** Digest of all of it (../digest.ts); none: it was written before there were any. */
  readonly c?: Buffer;
  /** The exact text. */
  readonly x?: Buffer;
}

/** Where a document has the index keys (../key.ts) of its resource; a field that would be empty is left out. */
export interface KeyFields {
  /** mainDate and mainDateEnd; none: a tombstone. */
  readonly d?: number;
  readonly e?: number;
  /** byDate, byArrival, filterOnly. */
  readonly k?: readonly string[];
  readonly g?: readonly string[];
  readonly f?: readonly string[];
  /** ranges: prefix, low, high. */
  readonly w?: readonly { readonly p: string; readonly l: number; readonly h: number }[];
  /** sortTexts. */
  readonly s?: Readonly<Record<string, string>>;
}
export const KEY_FIELDS = ['k', 'g', 'f', 'w', 'd', 'e', 's'] as const satisfies readonly (keyof KeyFields)[];

/** The fields of the arrays of keys. */
export const FIELD = { byDate: 'k', byArrival: 'g', filterOnly: 'f' } as const satisfies Record<
  KeyArray,
  keyof KeyFields
>;

/** The fields of a document that are keys; empty ones are left out, so that indexes hold nothing for them. */
export function keyFields({
  byDate,
  byArrival,
  filterOnly,
  ranges,
  mainDate,
  mainDateEnd,
  sortTexts,
}: Keys): KeyFields {
  return {
    d: mainDate,
    e: mainDateEnd,
    ...(byDate.length > 0 ? { k: byDate } : {}),
    ...(byArrival.length > 0 ? { g: byArrival } : {}),
    ...(filterOnly.length > 0 ? { f: filterOnly } : {}),
    ...(ranges.length > 0 ? { w: ranges.map(({ prefix, low, high }) => ({ p: prefix, l: low, h: high })) } : {}),
    ...(Object.keys(sortTexts).length > 0 ? { s: sortTexts } : {}),
  };
}

export interface ResourceDocument extends VersionFields, KeyFields {
  /** encodeId(type, id). */
  readonly _id: string;
  /** Hash of its words; none: it has no document in `word`. */
  readonly h?: string;
  /** How often it was indexed anew, or had to stay: makes a write of that which every commit at the same time notices. */
  readonly q?: number;
  /** The last message that was committed with it, or with what it replaced: those of its successors come behind it. */
  readonly o?: number | undefined;
}

export interface WordDocument {
  /** That of the resource. */
  readonly _id: string;
  /** Two-letter code of the type. */
  readonly t: string;
  /** Each once. */
  readonly w: readonly string[];
}

export interface VersionDocument extends VersionFields {
  /** `_id` of the resource + '~' + version, eight digits. */
  readonly _id: string;
  readonly until: number;
}

export interface MessageDocument {
  readonly _id: number;
  /** Topic; of a message with a time see outbox.ts. */
  readonly t: string;
  /** Its body, or those of messages that were put together. */
  readonly b: string | readonly string[];
  /** It is late before this time. */
  readonly d?: number;
}

/** One of several things, told by the head of `_id`. */
export interface FactDocument {
  readonly _id: string;
  /** `schema`: layout, and the hash of the key table with which all resources are indexed. */
  readonly version?: number;
  readonly placement?: string;
  /** `f/…`: an entry of the index catalog; `facts`: how often entries were added. */
  readonly value?: string;
  /** Also, of `snapshot/…`, a state (snapshots.ts): the creation number after it. */
  readonly count?: number;
  /** `process/…`: a lease (sequence.ts); `task/…`: another (lease.ts), with `ends` instead of `until`. */
  readonly owner?: string;
  readonly ends?: Date;
  readonly until?: number;
  readonly name?: string;
  readonly free?: boolean;
  /** `horizon/…`: what a process tells the others of its stamps until `ends` (horizon.ts). */
  readonly horizon?: number;
  readonly given?: number;
  readonly joining?: boolean;
  /** `upload/…`: an upload under way since `at` (blobs.ts); `object/…`: one that no row may have (../move-bytes.ts). */
  readonly at?: number;
  readonly hash?: string;
}

export interface BlobDocument {
  /** SHA-256, hex. */
  readonly _id: string;
  readonly size: number;
  /** A small blob's bytes; otherwise the chunks' common name. */
  readonly x?: Buffer;
  readonly chunks?: string;
  /** Bytes of each chunk but the last; none: 1,000,000. */
  readonly each?: number;
  /** Of bytes that were moved to a bucket (../move-bytes.ts): the object, and the checksums of its chunks. */
  readonly object?: string;
  readonly sums?: Buffer;
  /** How often a commit has referred to it anew: a write that keeps it from being erased at the same time. */
  readonly q?: number;
  /** Until when it is kept, whether or not a resource refers to it. */
  readonly until?: number;
  /** When it was put (ms, the machine's clock), as long as nothing has referred to it. */
  readonly at?: number;
}

/** See ../records.ts. */
export interface RecordDocument {
  /** Kind + '/' + id. */
  readonly _id: string;
  /** Revision. */
  readonly r: string;
  /** Group. */
  readonly g?: string;
  readonly ends?: Date;
  readonly value: string;
}

export interface ChunkDocument {
  /** Common name + ':' + number, six digits. */
  readonly _id: string;
  readonly x: Buffer;
  /** Checksum (../blobs.ts); none: it was written before there were any. */
  readonly c?: Buffer;
}

/** A row of ../deeds.ts. */
export interface DeedDocument {
  readonly _id: number;
  /** Time of the newest, and how many events there are. */
  readonly l: number;
  readonly e: number;
  readonly k: readonly number[];
  readonly x: Buffer;
  /** Digest of l, e and x. */
  readonly c: Buffer;
  /** Its seal (../seals.ts): stream, first index, root. None: it was written before there was a ledger. */
  readonly s?: string;
  readonly f?: number;
  readonly r?: Buffer;
}

/** What the ledger keeps beside the rows, by its name. */
export interface LedgerDocument {
  readonly _id: string;
  readonly x: Buffer;
}

export interface Collections {
  readonly resource: Collection<ResourceDocument>;
  readonly version: Collection<VersionDocument>;
  readonly word: Collection<WordDocument>;
  readonly outbox: Collection<MessageDocument>;
  readonly claim: Collection<{ _id: string }>;
  readonly fact: Collection<FactDocument>;
  readonly blob: Collection<BlobDocument>;
  readonly chunk: Collection<ChunkDocument>;
  readonly record: Collection<RecordDocument>;
  readonly deed: Collection<DeedDocument>;
  /** `_id`: the id of a shape. */
  readonly deedShape: Collection<{ readonly _id: number; readonly text: string }>;
  readonly ledger: Collection<LedgerDocument>;
}

/** The collections with what a state of the store holds: all but records, and those with what processes know of each other and of the data. */
export const CONTENT = [
  'resource',
  'version',
  'word',
  'outbox',
  'deed',
  'ledger',
  'blob',
  'chunk',
] as const satisfies readonly (keyof Collections)[];
export type Content = (typeof CONTENT)[number];

export const collections = (db: Db): Collections => ({
  resource: db.collection('resource'),
  version: db.collection('version'),
  word: db.collection('word'),
  outbox: db.collection('outbox'),
  claim: db.collection('claim'),
  fact: db.collection('fact'),
  blob: db.collection('blob'),
  chunk: db.collection('chunk'),
  record: db.collection('record'),
  deed: db.collection('deed'),
  deedShape: db.collection('deedShape'),
  ledger: db.collection('ledger'),
});

/** The two letters of a type. Throws `unknown-type`. */
export function typeCode(type: string): string {
  const code = TYPE_CODES[type];
  if (code === undefined) throw new FhirError('unknown-type', `${type} is not a resource type of FHIR R4.`);
  return code;
}

/** Names of indexes, for hints. */
export const INDEX = {
  id: '_id_',
  byDate: 'k',
  byArrival: 'g',
  updated: 'tu',
  newest: 'u',
  arrival: 'tn',
  deleted: 'z',
  /** On `resource` and `version`: who refers to bytes kept apart. */
  bytes: 'bh',
  /** On `blob`: what is kept, and what nothing has referred to. */
  until: 'until',
  at: 'at',
  /** On `blob`: what has chunks. */
  here: 'chunks',
  /** And what lies in a bucket. */
  moved: 'object',
  words: 'tw',
  /** On `outbox`. */
  messages: 't',
  dueMessages: 'td',
  /** On `deed`. */
  keys: 'k',
  last: 'l',
  seal: 'sf',
  unsealed: 'u',
  /** On `record`. */
  group: 'g',
  ends: 'ends',
} as const;
export const sortIndex = (prefix: string): string => `s_${prefix}`;

/** The layout that this code reads and writes. */
export const LAYOUT = 2;
const SCHEMA = 'schema';

/** A string by which one type can be sorted: code of the type and key prefix of the parameter. */
export interface Sortable {
  readonly type: string;
  readonly prefix: string;
}

export const sortableOf = ({ sortStrings }: Pick<IndexLayout, 'sortStrings'>): readonly Sortable[] =>
  sortStrings.map(({ type, prefix }) => ({ type: typeCode(type), prefix }));

const BYTES_INDEX = {
  name: INDEX.bytes,
  key: { 'b.h': 1 },
  partialFilterExpression: { b: { $exists: true } },
} as const;

/** The indexes that a collection has, beside that of `_id`. */
export function indexesOf(name: keyof Collections, sortable: readonly Sortable[]): readonly IndexDescription[] {
  switch (name) {
    case 'resource':
      return [
        { name: INDEX.byDate, key: { k: 1, d: -1, n: -1 }, partialFilterExpression: { k: { $exists: true } } },
        { name: INDEX.byArrival, key: { g: 1, n: -1 }, partialFilterExpression: { g: { $exists: true } } },
        { name: INDEX.updated, key: { t: 1, u: -1, n: -1 } },
        { name: INDEX.newest, key: { u: -1, n: -1 } },
        { name: INDEX.arrival, key: { t: 1, n: 1 } },
        { name: INDEX.deleted, key: { t: 1 }, partialFilterExpression: { z: true } },
        BYTES_INDEX,
        ...sortable.map(({ type, prefix }) => ({
          name: sortIndex(prefix),
          key: { [`s.${prefix}`]: 1 as const, n: 1 as const },
          partialFilterExpression: { t: type },
        })),
      ];
    case 'version':
      return [
        { name: INDEX.updated, key: { t: 1, u: -1, n: -1, v: -1 } },
        { name: INDEX.newest, key: { u: -1, n: -1, v: -1 } },
        BYTES_INDEX,
      ];
    case 'word':
      return [{ name: INDEX.words, key: { t: 1, w: 1 } }];
    case 'blob':
      return [
        { name: INDEX.until, key: { until: 1 }, partialFilterExpression: { until: { $exists: true } } },
        { name: INDEX.at, key: { at: 1 }, partialFilterExpression: { at: { $exists: true } } },
        { name: INDEX.here, key: { chunks: 1 }, partialFilterExpression: { chunks: { $exists: true } } },
        { name: INDEX.moved, key: { object: 1 }, partialFilterExpression: { object: { $exists: true } } },
      ];
    case 'outbox':
      return [
        { name: INDEX.messages, key: { t: 1, _id: 1 } },
        { name: INDEX.dueMessages, key: { t: 1, d: 1, _id: 1 }, partialFilterExpression: { d: { $exists: true } } },
      ];
    case 'deed':
      return [
        { name: INDEX.keys, key: { k: 1, l: 1, _id: 1 } },
        { name: INDEX.last, key: { l: 1, _id: 1, e: 1 } },
        {
          name: INDEX.seal,
          key: { s: 1, f: 1 },
          unique: true,
          partialFilterExpression: { s: { $exists: true } },
        },
        // Rows of before the ledger: each process asks whether there are any.
        { name: INDEX.unsealed, key: { l: 1, _id: 1 }, partialFilterExpression: { s: null } },
      ];
    case 'record':
      return [
        { name: INDEX.group, key: { g: 1 }, partialFilterExpression: { g: { $exists: true } } },
        // The database removes what is over by itself, within a minute or so.
        { name: INDEX.ends, key: { ends: 1 }, expireAfterSeconds: 0 },
      ];
    case 'claim':
    case 'fact':
    case 'deedShape':
    case 'ledger':
    case 'chunk':
      return [];
  }
}

async function createIndexes(db: Db, sortable: readonly Sortable[]): Promise<void> {
  for (const name of Object.keys(collections(db)) as (keyof Collections)[]) {
    const indexes = indexesOf(name, sortable);
    if (indexes.length > 0) await db.collection(name).createIndexes([...indexes]);
  }
}

/**
 * Brings the database to LAYOUT. Every step can be repeated, so that processes may do it at once and a broken start is
 * taken up by the next. A database that a newer server has written is refused.
 */
export async function migrate(db: Db, sortable: readonly Sortable[], layoutHash: string): Promise<void> {
  const all = collections(db);
  const found = await all.fact.findOne({ _id: SCHEMA });
  if (found?.version !== undefined && found.version > LAYOUT)
    throw new FhirError(
      'unavailable',
      `The database has layout ${found.version}, this server knows up to ${LAYOUT}. Start the newer server.`,
    );
  await createIndexes(db, sortable);
  // Inside a transaction of an older server a collection cannot come into being everywhere: make them here.
  const names = new Set((await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name));
  for (const name of Object.keys(all)) if (!names.has(name)) await db.createCollection(name).catch(ignoreExisting);
  if (!found)
    await all.fact.updateOne(
      { _id: SCHEMA },
      { $setOnInsert: { version: LAYOUT, placement: layoutHash } },
      { upsert: true },
    );
  else if (found.version !== LAYOUT) await all.fact.updateOne({ _id: SCHEMA }, { $max: { version: LAYOUT } });
}

function ignoreExisting(error: unknown): void {
  const NAMESPACE_EXISTS = 48;
  if ((error as { code?: number }).code !== NAMESPACE_EXISTS) throw error;
}

/** The resources are indexed by another layout than this: searches may miss until they are indexed anew. */
export async function needsReindex({ fact }: Pick<Collections, 'fact'>, layoutHash: string): Promise<boolean> {
  const found = await fact.findOne({ _id: SCHEMA });
  return found !== null && found.placement !== layoutHash;
}

/** Notes that there are resources of another table than the one by which all were indexed. */
export async function markForeign({ fact }: Collections, layoutHash: string): Promise<void> {
  await fact.updateOne({ _id: SCHEMA, placement: { $ne: layoutHash } }, { $set: { placement: '' } });
}

/** Notes that every resource is indexed by this layout now. */
export async function markReindexed({ fact }: Collections, layoutHash: string): Promise<void> {
  await fact.updateOne({ _id: SCHEMA }, { $set: { placement: layoutHash } });
}
