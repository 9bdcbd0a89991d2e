/**
 * The notes of the reindex job as this process knows them, and every change of them: what is read from the outbox, what is
 * due, and what is committed when a parameter comes into force, a walk begins, goes on or ends (reindex-progress.ts).
 *
 * Changes run one after the other, and each reads the notes first: another process may have changed them.
 */
import { KNOWN_MS } from '../live/live-tables.js';
import type { Clock } from '../platform/clock.js';
import { newId } from '../platform/ids.js';
import { createKeyedMutex } from '../platform/keyed-mutex.js';
import { type Cursor, ANY_RESOURCE } from '../search/query.js';
import { untilUncontested } from '../store/outbox.js';
import type { Store } from '../store/store.js';
import type { CustomParameter } from './parameters-in-force.js';
import {
  type Changes,
  type DueNote,
  doneOf,
  endOfScan,
  message,
  missingNotes,
  nextScan,
  type Notes,
  readReindexNotes,
  type ScanNote,
} from './reindex-progress.js';
import type { Registry } from './search-parameter-registry.js';

/** A total is worth a walk over an index up to here. */
const TOTAL_CAP = 10_000_000;

/** How far a parameter, or a request (no `custom`), is. */
export interface Progress {
  readonly custom?: CustomParameter;
  /** Types that are not indexed yet. */
  readonly pending: readonly string[];
  readonly done: number;
  readonly total: number;
}

type NotedStore = Pick<Store, 'shared' | 'pendingMessages' | 'commit' | 'find' | 'count' | 'markReindexed'>;

export class ReindexNotes {
  readonly #store: NotedStore;
  readonly #registry: Pick<Registry, 'custom' | 'takeRedefined'>;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #mutex = createKeyedMutex();
  #notes: Notes = { due: [], scan: undefined, surplus: [] };
  /** Hash of a parameter → when this process saw it in force first: performance.now(). */
  readonly #firstSeen = new Map<string, number>();
  /** Urls of parameters that have to be indexed anew, whatever their notes say. */
  readonly #redefined = new Set<string>();
  #reported: { notes: Notes; custom: readonly CustomParameter[]; list: readonly Progress[] } | undefined;

  constructor(store: NotedStore, registry: Pick<Registry, 'custom' | 'takeRedefined'>, clock: Pick<Clock, 'now'>) {
    this.#store = store;
    this.#registry = registry;
    this.#clock = clock;
  }

  /** What is under way, then what is ready, as last read. */
  progress(): readonly Progress[] {
    const { custom } = this.#registry;
    if (this.#reported?.notes !== this.#notes || this.#reported.custom !== custom)
      this.#reported = { notes: this.#notes, custom, list: progressOf(this.#notes, custom) };
    return this.#reported.list;
  }

  /** Whether anything is left for the job: a note to write, or a type to walk over. */
  hasWork(): boolean {
    return (
      missingNotes(this.#notes, this.#registry.custom, this.#redefined) !== undefined ||
      this.#notes.scan !== undefined ||
      this.#notes.due.some(({ note }) => note.pending.length > 0)
    );
  }

  /** Reads the notes from the store. */
  refresh(): Promise<void> {
    return this.#mutex('notes', () => this.#read());
  }

  /** Takes over from the registry which parameters have been redefined. */
  learnRedefined(): void {
    for (const url of this.#registry.takeRedefined()) this.#redefined.add(url);
  }

  /** Leaves redefined parameters to the process that holds the job: it has seen the same messages. */
  forgetRedefined(): void {
    this.#redefined.clear();
  }

  /** Gives every parameter in force a note, and takes away the notes of all others. */
  async reconcile(): Promise<void> {
    const redefined = new Set(this.#redefined);
    await this.#update(async now => {
      const difference = missingNotes(now, this.#registry.custom, redefined);
      if (!difference) return undefined;
      const messages = [];
      for (const custom of difference.missing) {
        this.#firstSeen.set(custom.hash, performance.now());
        messages.push(message(await this.#noteOf(custom)));
      }
      return { acknowledges: difference.acknowledges, messages };
    });
    for (const url of redefined) this.#redefined.delete(url);
  }

  /** Notes a request to index everything of these types, or of all. */
  async request(types: readonly string[] | undefined, allTypes: readonly string[]): Promise<void> {
    const pending = await typesInUse(this.#store, types ?? allTypes);
    const whole = types === undefined;
    if (pending.length > 0) {
      const total = await totalOf(this.#store, pending);
      const note: DueNote = { is: 'request', key: newId(this.#clock.now()), pending, done: 0, total, whole };
      await this.#update(() => ({ acknowledges: [], messages: [message(note)] }));
    } else if (whole) await this.#store.markReindexed();
  }

  /** The walk that was under way if anything still waits for it, else the next one; undefined: none is due. */
  async beginScan(): Promise<ScanNote | undefined> {
    await this.#update(now => {
      const hashes = this.#inForce();
      const counts = (key: string) =>
        now.due.some(({ note }) => note.key === key && (note.is === 'request' || hashes.has(key)));
      if (now.scan?.note.covers.some(counts)) return undefined;
      const next = nextScan(now, note => this.#isDue(note));
      return { acknowledges: now.scan ? [now.scan.sequence] : [], messages: next ? [message(next)] : [] };
    });
    return this.#notes.scan?.note;
  }

  /** Notes how far the walk over the type is. */
  saveScan(type: string, after: Cursor | null, done: number): Promise<void> {
    return this.#update(now =>
      now.scan?.note.type === type
        ? { acknowledges: [now.scan.sequence], messages: [message({ ...now.scan.note, after, done })] }
        : undefined,
    );
  }

  /**
   * Notes the end of the walk over the type. Before it does, a request for everything that is finished by this walk marks
   * the store as indexed by the layout in force. False: the walk is not the noted one any more.
   */
  async finishScan(type: string, done: number): Promise<boolean> {
    const { scan } = this.#notes;
    if (scan?.note.type !== type) return false;
    const { finished } = endOfScan(this.#notes, scan);
    if (finished.some(note => note.is === 'request' && note.whole)) await this.#store.markReindexed();
    await this.#update(now =>
      now.scan?.note.type === type ? endOfScan(now, { ...now.scan, note: { ...now.scan.note, done } }) : undefined,
    );
    return true;
  }

  /** Notes that every parameter in force is ready and that no request is left. */
  markAllDone(): Promise<void> {
    return this.#update(now => ({
      acknowledges: [
        ...now.due.map(({ sequence }) => sequence),
        ...now.surplus,
        ...(now.scan ? [now.scan.sequence] : []),
      ],
      messages: this.#registry.custom.map(({ hash, definition }) =>
        message({ is: 'parameter', key: hash, url: definition.url, pending: [], done: 0, total: 0 }),
      ),
    }));
  }

  #inForce(): ReadonlySet<string> {
    return new Set(this.#registry.custom.map(({ hash }) => hash));
  }

  async #read(): Promise<void> {
    this.#notes = await readReindexNotes(this.#store);
    const now = performance.now();
    const hashes = this.#inForce();
    for (const hash of hashes) if (!this.#firstSeen.has(hash)) this.#firstSeen.set(hash, now);
    for (const hash of this.#firstSeen.keys()) if (!hashes.has(hash)) this.#firstSeen.delete(hash);
  }

  /** Commits what `change` makes of the notes as they are in the store; it is asked again where another process was faster. */
  #update(change: (now: Notes) => Changes | undefined | Promise<Changes | undefined>): Promise<void> {
    const attempt = async (): Promise<void> => {
      await this.#read();
      const changes = await change(this.#notes);
      if (!changes || (changes.messages.length === 0 && changes.acknowledges.length === 0)) return;
      await this.#store.commit({ changes: [], acknowledges: changes.acknowledges, messages: changes.messages });
      await this.#read();
    };
    return this.#mutex('notes', () => untilUncontested(attempt));
  }

  async #noteOf({ hash, types, definition }: CustomParameter): Promise<DueNote> {
    const filled = await typesInUse(this.#store, types);
    // Where others may be writing that do not know the parameter yet, a type that looks empty need not stay so.
    const pending = this.#store.shared ? types : filled;
    const total = await totalOf(this.#store, filled);
    return { is: 'parameter', key: hash, url: definition.url, pending, done: 0, total };
  }

  /** A parameter waits until every process that shares the store indexes by it. */
  #isDue(note: DueNote): boolean {
    if (note.pending.length === 0) return false;
    if (note.is === 'request' || !this.#store.shared) return true;
    const since = this.#firstSeen.get(note.key);
    return since !== undefined && performance.now() - since >= KNOWN_MS;
  }
}

/** Those of the types that have a resource. */
async function typesInUse(store: Pick<Store, 'find'>, types: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const type of types) {
    const { rows } = await store.find({ types: [type], where: ANY_RESOURCE, sort: [], limit: 1 });
    if (rows.length > 0) found.push(type);
  }
  return found;
}

/** How many resources the types have, as far as that is quickly known. */
async function totalOf(store: Pick<Store, 'count'>, types: readonly string[]): Promise<number> {
  let total = 0;
  for (const type of types)
    total += await store.count({ types: [type], where: ANY_RESOURCE }, TOTAL_CAP).then(
      ({ count }) => count,
      () => 0,
    );
  return total;
}

function progressOf(notes: Notes, custom: readonly CustomParameter[]): Progress[] {
  const byKey = new Map(notes.due.map(({ note }) => [note.key, note]));
  const parameters = custom.map((each): Progress => {
    const note = byKey.get(each.hash);
    if (!note) return { custom: each, pending: each.types, done: 0, total: 0 };
    return { custom: each, pending: note.pending, done: doneOf(notes, note), total: note.total };
  });
  const requests = notes.due.flatMap(({ note }): Progress[] =>
    note.is === 'request' ? [{ pending: note.pending, done: doneOf(notes, note), total: note.total }] : [],
  );
  return [...requests, ...parameters];
}
