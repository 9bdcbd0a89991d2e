/**
 * The store port. A store keeps versions, index entries and outbox messages, answers typed queries and commits
 * atomically; it knows nothing of FHIR's rules. Two adapters implement it, and one contract suite
 * (test/contract/) says what it means. All times are milliseconds since 1970.
 *
 * Failures are FhirError kinds: `conflict` (a precondition does not hold), `unavailable` (the store is away or busy,
 * nothing was written that was not acknowledged), `no-space`, `timeout`, `too-costly`, `fault`.
 */
import type { Hole } from '../fhir/content/holes.js';
import type { IndexEntry } from '../search/entry.js';
import type { Cursor, Query, Words } from '../search/query.js';
import type { Among, ResourceText } from '../search/words.js';
import type { Plan } from './plan.js';
import type { Deed, Deeds } from './deeds.js';
import type { Records } from './records.js';

export type Method = 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Bytes that are stored beside the text of a resource. */
export type BlobLink = Hole;

/** One stored version. `text` is the exact UTF-8 JSON that goes back to clients; undefined: this version is a deletion. */
export interface Version {
  readonly type: string;
  readonly id: string;
  readonly version: number;
  readonly updated: number;
  readonly method: Method;
  readonly text?: Buffer;
  /** Bytes of the text, where a read left it out because it is larger than was asked for. */
  readonly withheld?: number;
  readonly blobs?: readonly BlobLink[];
  /** Of a row that somebody sees (access/masking.ts): parts of its text are left out. A store gives none. */
  readonly masked?: true;
  /**
   * Ids of the patients whom the resource is about. Opaque to the store, which keeps them beside the text of each
   * version and gives them back with every row: a read must name the patient in its audit event without parsing.
   */
  readonly patients: readonly string[];
}

/** A new version with its index entries and the precondition that it replaces exactly what `replaces` says. */
export interface Change extends Version {
  /** The version that is current now, as it was read; undefined: the id must be unused (not even a tombstone). */
  readonly replaces?: Version;
  /** Index entries, that of `_id` among them; empty for a deletion. */
  readonly entries: readonly IndexEntry[];
  /** What full text search finds it by; undefined: nothing, also where the version before was found. */
  readonly words?: ResourceText;
  /**
   * Of a deletion: no earlier version is kept, of the texts of all of them nothing, and of the bytes that they refer to
   * what no other resource does. The tombstone stays.
   */
  readonly erases?: true;
}

/** A version with what it is indexed by anew. */
export interface Renewed extends Pick<Change, 'entries' | 'words'> {
  readonly row: Version;
}

/** "Nothing of these types matches `where`", checked inside the commit; commits with an equal `uniquenessKey` exclude each other across processes. */
export interface Absence extends Pick<Query, 'types' | 'where'> {
  readonly uniquenessKey: string;
}

/**
 * A message for later, kept with the change: consumers take them in order and acknowledge them. Messages of one commit come
 * in the order given, behind those that it acknowledges, and behind those of the commits that wrote what it replaces; others
 * come about as they were committed.
 */
export interface OutboxMessage {
  readonly topic: string;
  readonly body: string;
  /** It is late before this time, by the server's clock; none: it is due at once. */
  readonly notBefore?: number;
  /**
   * It may be put together with others of its topic that say so, too, and are committed at the same time, by whomever: they are
   * one pending message then. Without a time alone.
   */
  readonly together?: true;
}
export interface PendingMessage extends Omit<OutboxMessage, 'together'> {
  readonly sequence: number;
  /** Bodies of those that were put together with it, in order: they are acknowledged with it. */
  readonly others?: readonly string[];
}

/**
 * Where the times come from that one attempt at a commit writes as `updated`. From the first of them until it is closed,
 * no horizon passes it.
 */
export interface OpenStamp {
  /** ms: the time, but never below one that was given before, or below a horizon. Throws `fault` when it is closed. */
  now(): number;
  /** What was given is not written after all: the next time is the first one again. For what may wait for others. */
  release(): void;
  /** The commit is settled, or will not be made. */
  close(): void;
  /** Horizons have passed it, as this process was taken for dead: its commit is a `conflict`. */
  readonly outdated: boolean;
}

export interface Commit {
  /** At most one per resource. */
  readonly changes: readonly Change[];
  /** What the audit trail keeps of it. */
  readonly deeds?: readonly Deed[];
  /** What `updated` of the changes was taken from; absent: the horizon does not know of them. */
  readonly stamp?: OpenStamp;
  readonly mustNotMatch?: readonly Absence[];
  /**
   * Resources that must be there, undeleted, when this is written, and that no deletion written at the same time takes
   * away, if that one has a `mustNotMatch` (it looks for what refers to it). What this commit itself creates need not be named.
   * With `version`: that version must be the current one.
   */
  readonly mustExist?: readonly Standing[];
  /**
   * Patients whom other resources are about as well from now on: noted with the current version of each, if it is there. What this commit
   * itself writes says so in its change.
   */
  readonly alsoAbout?: readonly AlsoAbout[];
  readonly messages?: readonly OutboxMessage[];
  /** Sequence numbers of outbox messages that this commit deals with. Where one of them is not pending any more, it is a `conflict`. */
  readonly acknowledges?: readonly number[];
}

export interface Page {
  readonly rows: readonly Version[];
  /** Cursor of each row, same order. */
  readonly cursors: readonly Cursor[];
  /** There are more rows in the direction of travel. */
  readonly more: boolean;
  /** The page ended before its limit, because the text of the next row, of so many bytes, had no room in it. */
  readonly next?: number;
}

/**
 * A page as columns: names and texts, for whoever sends texts on as they are. A record has thousands of rows, and an object
 * for each of them, with all that a version has, costs several times what its text does.
 */
export interface Listing {
  readonly types: readonly string[];
  readonly ids: readonly string[];
  /** That of a row stands from its start to its end. What stands between two rows is a copy of the first one's. */
  readonly texts: Buffer;
  readonly starts: readonly number[];
  /** Where it starts, too: the text was erased while it was read. */
  readonly ends: readonly number[];
  /** Those of rows that have any. */
  readonly blobs: ReadonlyMap<number, readonly BlobLink[]>;
  readonly placeOf: (row: number) => Cursor;
  /** As in a page. */
  readonly more: boolean;
  readonly next?: number;
}

/** Which versions a history is of. */
export interface HistoryOf {
  /** No type: the whole system. An id needs a type. */
  readonly type?: string;
  readonly id?: string;
  /** For the system: only these types. */
  readonly types?: readonly string[];
  /** Only versions with updated ≥ since. */
  readonly since?: number;
  /** Only versions that were current at some time in [low, high]. */
  readonly at?: { readonly low: number; readonly high: number };
}

export interface HistoryQuery extends HistoryOf {
  readonly limit: number;
  /** Bytes that the texts of a page may have together: it ends early, perhaps without any row. */
  readonly bytes?: number;
  /** Newest first where it is not given. */
  readonly oldestFirst?: true;
  /** A place in that order: the page begins behind it, or ends before it. */
  readonly after?: Cursor;
  readonly before?: Cursor;
}

export interface Counted {
  readonly count: number;
  /** False: there are more than `limit`. */
  readonly exact: boolean;
}

/** How a query is answered. Shows values of the question, never what is found. */
export interface Explanation extends Pick<Plan, 'driver' | 'filter' | 'order' | 'ordered'> {
  /** As the database gets them, values set in. */
  readonly statements: readonly string[];
  /** What the database says that it does. */
  readonly steps: readonly string[];
  /** Index keys and documents looked at, as far as the database tells. */
  readonly keys?: number;
  readonly documents?: number;
  readonly rows: number;
  readonly milliseconds: number;
}

/** A resource by its name. */
export interface ResourceName {
  readonly type: string;
  readonly id: string;
}

/** A resource that must be there, as it is now. */
export interface Standing extends ResourceName {
  readonly version?: number;
}

/** A resource, and patients whom it is about. */
export interface AlsoAbout extends ResourceName {
  readonly patients: readonly string[];
}

export interface FoundIds {
  /** Each once, in no order. */
  readonly found: readonly ResourceName[];
  /** False: there are more than `limit`. */
  readonly complete: boolean;
}

/** Which current resources of these types say something, in their narrative or anywhere. */
export interface WordQuery {
  readonly types: readonly string[];
  readonly among: Among;
  readonly words: Words;
}

export interface TextMatches extends FoundIds {
  /** False: some of these may not say it after all; whoever asks decides each by `says` (search/words.ts). */
  readonly sure: boolean;
}

export interface BlobRange {
  /** First byte. */
  readonly start: number;
  /** Last byte, inclusive. */
  readonly end: number;
}

/**
 * Content-addressed bytes: stored once, durable when `put` resolves. They stay until the last resource is erased that refers
 * to them, and as long as they are kept; those that nothing has referred to for a day are swept. A commit that refers to bytes
 * which were erased since `put` is a `conflict`. No byte is given that is not what was stored: reading throws `blob-damaged`.
 */
export interface Blobs {
  /** Bytes that are here already are kept once; where those have been damaged or lost, the new ones take their place. */
  put(bytes: Buffer | AsyncIterable<Uint8Array>, maxBytes?: number): Promise<{ hash: string; size: number }>;
  /** Undefined: no such blob. What is put again while it is read goes on with the bytes that are there now. */
  get(hash: string, range?: BlobRange): Promise<{ size: number; bytes: AsyncIterable<Buffer> } | undefined>;
  /** Hashes of all of them, in no order. */
  all(): AsyncIterable<string>;
  /**
   * Keeps bytes that no resource refers to (the result of a job) until that time, or a later one that was asked for before.
   * Throws `conflict` where they were erased since `put`: they must be put again.
   */
  keep(hash: string, until: number): Promise<void>;
  /**
   * Erases what no resource refers to and was kept until `now` or earlier, or was put before `putBefore` (ms by the machine's clock; a
   * day ago) and never referred to. What was kept and a resource does refer to is no longer kept, and stays for that.
   * Gives how many it erased. Whoever reads some of them just then meets `blob-damaged`.
   */
  sweep(now: number, putBefore?: number): Promise<number>;
  /** Whether some of them lie in a bucket (move-bytes.ts), and the store was given none: they cannot be read. */
  lackBucket(): Promise<boolean>;
}

/** What a check of the whole store asks beyond reading it. What changes meanwhile counts as right. */
export interface Check {
  /** Whether a version says something else than what was written. */
  altered(row: Version): Promise<boolean>;
  /**
   * Undefined: the version is indexed as `entries` and `words` say, or is not current any more. Else the parameters by which
   * it is not found; none of them: it is found by what it does not say.
   */
  misindexed(renewed: Renewed): Promise<readonly string[] | undefined>;
  /** Names of resources whose rows in an index are not those that the store has noted for them. */
  broken(): AsyncIterable<string>;
}

/**
 * States of the whole store by name, for tests of clients (src/harness). Whoever takes or restores one sees to it that nobody
 * reads or writes meanwhile. The index catalog, leases, records and the like are no part of a state.
 */
export interface Snapshots {
  /** Whether the content is for tests to throw away: it is from the beginning, or there is none yet, and from now on it is. */
  claim(): Promise<boolean>;
  /** Keeps what is stored under a name; what was kept under it before is gone. */
  take(name: string): Promise<void>;
  /**
   * What was kept under the name is what is stored from now on; no name: nothing. Throws `not-found`, and `conflict` where it was
   * kept by another layout. Attachments that are being read are read to the end or `blob-damaged`.
   */
  restore(name?: string): Promise<void>;
  /**
   * What is written from now on is numbered, and paged, by what it is alone: not by how often notes of jobs and the like were committed since the
   * state was restored, up to 1000 times.
   */
  settle(): Promise<void>;
  /** In order. */
  list(): Promise<readonly string[]>;
  /** Throws `not-found`. */
  drop(name: string): Promise<void>;
  /** Told of every write before it begins, whether or not it succeeds: what was not touched since need not be restored. */
  touched(by: Touching): void;
}

/** A commit or what it is like, or: bytes beside resources. */
export type Touching = Pick<Commit, 'changes' | 'deeds' | 'alsoAbout' | 'messages' | 'acknowledges'> | 'bytes';

export interface Store {
  readonly check: Check;
  readonly name: 'mongo' | 'embedded';
  /** Other processes may write to the same data at the same time. */
  readonly shared: boolean;
  readonly blobs: Blobs;
  readonly records: Records;
  readonly deeds: Deeds;
  /**
   * The current version, or the one asked for; undefined: never existed. A tombstone is returned as such. A text of more
   * than `most` bytes may be left out.
   */
  read(type: string, id: string, version?: number, most?: number): Promise<Version | undefined>;
  /** By updated, then order of arrival, deletions included. */
  history(query: HistoryQuery): Promise<Page>;
  /** How many versions, deletions included. */
  countHistory(of: HistoryOf): Promise<number>;
  find(query: Query): Promise<Page>;
  /** The same rows as columns. May end early, with `more`, though there is room for the next row. */
  list(query: Omit<Query, 'before'>): Promise<Listing>;
  /**
   * Names alone: of the matches, or with `by` (a reference parameter of all types) of the resources of this server that
   * the matches refer to by it, whether those exist or not. Stops at `limit`; with
   * `by` also where about ten times as many matches would have to be looked at.
   */
  findIds(query: Pick<Query, 'types' | 'where'>, limit: number, by?: string): Promise<FoundIds>;
  /** Types of this server's resources that references by a parameter (of a type, no union) have ever pointed at. */
  targetsOf(type: string, code: string): Promise<readonly string[]>;
  /** Runs the query and tells how. */
  explain(query: Query): Promise<Explanation>;
  /** How many match; stops at `limit` if given. */
  count(query: Pick<Query, 'types' | 'where'>, limit?: number): Promise<Counted>;
  /** At most `limit` of those that say so, each once, in no order. */
  searchText(query: WordQuery, limit: number): Promise<TextMatches>;
  /** All or nothing, durable when it resolves (majority / fsync). Concurrent calls are grouped. */
  commit(commit: Commit): Promise<void>;
  /**
   * Outbox messages of a topic in order, oldest first. With `dueBy` (ms since 1970, by the server's clock): those alone that
   * may be dealt with by then; of more than `limit` that had to wait for their time, those that are due for longest.
   */
  pendingMessages(topic: string, limit: number, dueBy?: number): Promise<PendingMessage[]>;
  /** Every current, undeleted resource (of a type), in order of arrival, for export and reindex. */
  scan(options?: { readonly type?: string; readonly after?: Cursor }): AsyncIterable<{ row: Version; cursor: Cursor }>;
  /** Writes the index entries and words of a version anew, if it is still current. Returns how many were. */
  reindex(rows: readonly Renewed[]): Promise<number>;
  /**
   * Two characters for each code of a custom search parameter, the head of its keys: the same for ever and in every
   * process, durable before they are given. Throws `unprocessable` where none is left.
   */
  assignParameterCodes(codes: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /**
   * Whether this process alone may do `task` for the next `ms`. Asked again in time, it goes on; 0 gives the task back.
   * False: another process has it.
   */
  acquireLease(task: string, ms: number): Promise<boolean>;
  /** The keys of stored resources were made by another table than ours: searches may miss until all are indexed anew. */
  needsReindex(): Promise<boolean>;
  /** Notes that every resource is indexed by our table now. */
  markReindexed(): Promise<void>;
  /**
   * Writes a consistent, checked copy to a file that must not exist yet, while others go on; to restore, start on it.
   * Absent where the database has tools of its own.
   */
  backup?(to: string): Promise<void>;
  /** How many current resources per type. */
  sizes(): Promise<ReadonlyMap<string, number>>;
  /**
   * ms: every version with `updated` below it is there for whoever asks from now on, and none will come any more, from whatever
   * process. It never falls. Asked from memory: before a query, of which it says how far the answer is complete.
   */
  horizon(): number;
  /** For one attempt at a commit: close it. */
  openStamp(): OpenStamp;
  /** Brings the layout up to date; safe to call at every start and from several processes. */
  migrate(): Promise<void>;
  /** Resolves when the store answers; throws `unavailable` otherwise. */
  ping(): Promise<void>;
  /** For a store that no other process uses: it is loaded when it is first asked for. */
  snapshots(): Promise<Snapshots>;
  /** Waits for what is under way, then releases everything. */
  close(): Promise<void>;
}

/** The parts that an adapter puts its port together of: reading, writing, and what operators and starts ask. */
export type StoreReads = Pick<
  Store,
  | 'read'
  | 'history'
  | 'countHistory'
  | 'find'
  | 'list'
  | 'findIds'
  | 'explain'
  | 'count'
  | 'searchText'
  | 'scan'
  | 'targetsOf'
  | 'sizes'
  | 'horizon'
>;
export type StoreWrites = Pick<
  Store,
  | 'blobs'
  | 'records'
  | 'deeds'
  | 'commit'
  | 'openStamp'
  | 'pendingMessages'
  | 'reindex'
  | 'assignParameterCodes'
  | 'acquireLease'
>;
export type StoreUpkeep = Pick<Store, 'check' | 'migrate' | 'needsReindex' | 'markReindexed' | 'ping' | 'backup'>;
