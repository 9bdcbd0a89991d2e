/**
 * What every process must know: search parameters in force, and whatever else is a table (live-table.ts). Several processes on one
 * database: a change of an entry commits a message with it, under one topic for all tables. Every process looks for messages each
 * POLL_MS, and before a write where its last look is older than STALE_MS. So a change is in force everywhere KNOWN_MS after it:
 * stale knowledge, a slow commit, a slow look. What must not be acted upon longer than REVOKED_MS after it was taken back
 * is asked for by `current(FRESH_MS)`. All looks are one query, however many tables there are; a store that
 * nobody shares is never looked at.
 *
 * Messages stay until every process must have seen them: one whose last look is older reads everything.
 */
import { asFhirError } from '../fhir/error.js';
import { TaskLease } from '../jobs/task-lease.js';
import type { Clock } from '../platform/clock.js';
import { createKeyedMutex } from '../platform/keyed-mutex.js';
import type { Log } from '../platform/log.js';
import { untilUncontested } from '../store/outbox.js';
import type { OutboxMessage, PendingMessage, Store } from '../store/store.js';
import { type ChangeTable, type KnownTable, knowChanges, knowTable, type LiveTable } from './live-table.js';
import { SeenMessages } from './seen-messages.js';

export const POLL_MS = 2000;
const STALE_MS = 2 * POLL_MS;
/** A commit that took longer looks again when it is done. */
export const SLOW_MS = 1000;
export const KNOWN_MS = STALE_MS + SLOW_MS + 1000;
/** How old what is known may be where something taken back must not be acted upon. */
export const FRESH_MS = 1000;
export const REVOKED_MS = FRESH_MS + SLOW_MS;
/** A process whose last look is older reads everything; messages are kept for twice as long. */
export const FORGOTTEN_MS = 30_000;
export const LIVE_TOPIC = 'live';
/** Where more is new than this, everything is read instead. */
export const MAX_NEWS = 1000;
/** Messages that are noted as seen when everything is read. */
const MAX_SEEN = 100_000;
const TIDY_LEASE_MS = 15_000;

export interface LiveSurroundings {
  readonly store: Pick<Store, 'shared' | 'read' | 'scan' | 'pendingMessages' | 'commit' | 'acquireLease'>;
  readonly log: Log;
  readonly clock: Clock;
  /** ms of a time that only goes forward; for tests. */
  readonly now?: () => number;
}

export class LiveTables {
  readonly #around: LiveSurroundings;
  readonly #now: () => number;
  readonly #mutex = createKeyedMutex();
  readonly #tables = new Map<string, KnownTable>();
  readonly #seen = new SeenMessages();
  readonly #lease: TaskLease;
  /** Tables of which what is known may lag behind what is stored: they must be read anew. */
  readonly #stale = new Set<KnownTable>();
  #lookedAt = -Infinity;
  #endLooking: (() => void) | undefined;
  #underWay: Promise<void> = Promise.resolve();

  constructor(around: LiveSurroundings, tables: readonly (LiveTable<unknown> | ChangeTable)[] = []) {
    this.#around = around;
    this.#now = around.now ?? (() => performance.now());
    this.#lease = new TaskLease(around.store, 'live', TIDY_LEASE_MS, this.#now);
    for (const table of tables) this.add(table);
  }

  /** Before the first `load`. */
  add(table: LiveTable<unknown> | ChangeTable): void {
    const { store, log } = this.#around;
    if (this.#tables.has(table.name)) throw new Error(`There is a table ${table.name} already.`);
    this.#tables.set(table.name, 'changed' in table ? knowChanges(table) : knowTable(table, store, log));
  }

  /** Tables whose entries are resources, by type: what changes of these are to be told here. */
  get types(): ReadonlyMap<string, readonly string[]> {
    const types = new Map<string, string[]>();
    for (const { name, type } of this.#tables.values())
      if (type !== undefined) types.set(type, [...(types.get(type) ?? []), name]);
    return types;
  }

  /** What must be committed with changes of entries of a table. */
  messages(table: string, keys: readonly string[]): readonly OutboxMessage[] {
    return this.#around.store.shared ? keys.map(key => ({ topic: LIVE_TOPIC, body: `${table} ${key}` })) : [];
  }

  /** Puts changes that were committed into force. Never rejects. */
  async committed(name: string, keys: readonly string[]): Promise<void> {
    const table = this.#tables.get(name)!;
    try {
      // Reads what is there, not what was committed: another process may have changed it since.
      await this.#inTurn(() => this.#update(table, new Map(keys.map(key => [key, 1]))));
    } catch (error) {
      // The change is kept, and the next look or write takes it up.
      const { kind } = asFhirError(error);
      this.#around.log.warn({ kind, table: name }, 'A change could not be put into force yet');
    }
  }

  /** Resolves when what is known here is young enough: by default, to write by. */
  async current(age = STALE_MS): Promise<void> {
    // Whoever waits for its turn finds that somebody else has looked.
    if (this.#isOlder(age)) await this.#inTurn(async () => void (this.#isOlder(age) && (await this.#look())));
  }

  /** Takes up what other processes have changed. */
  look(): Promise<void> {
    return this.#inTurn(() => this.#look());
  }

  /** Reads everything anew. */
  load(): Promise<void> {
    return this.#inTurn(() => this.#load());
  }

  /** Looks from now on, where others may change something. */
  start(): void {
    const { store, clock } = this.#around;
    if (!store.shared || this.#endLooking) return;
    this.#endLooking = clock.every(POLL_MS, () => (this.#underWay = this.#tick()));
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#endLooking?.();
    this.#endLooking = undefined;
    await this.#underWay;
    await this.#lease.release().catch(() => undefined);
  }

  /** Deletes messages that every process has seen, where this process may. */
  async tidy(): Promise<void> {
    const old = new Set(this.#seen.olderThan(this.#now() - 2 * FORGOTTEN_MS));
    if (old.size === 0 || !(await this.#lease.acquire())) return;
    const { store } = this.#around;
    await untilUncontested(async () => {
      // Another process may have deleted some of them.
      const pending = await store.pendingMessages(LIVE_TOPIC, MAX_SEEN);
      const acknowledges = pending.map(({ sequence }) => sequence).filter(sequence => old.has(sequence));
      if (acknowledges.length > 0) await store.commit({ changes: [], acknowledges });
    });
    this.#seen.forget([...old]);
  }

  /** Never rejects. */
  async #tick(): Promise<void> {
    try {
      await this.look();
      await this.tidy();
    } catch (error) {
      this.#around.log.warn({ kind: asFhirError(error).kind }, 'What others have changed could not be read');
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    return this.#mutex('tables', work);
  }

  #isOlder(age: number): boolean {
    return this.#stale.size > 0 || (this.#around.store.shared && this.#now() - this.#lookedAt > age);
  }

  async #load(): Promise<void> {
    const { store } = this.#around;
    const started = this.#now();
    // Messages first: what is committed meanwhile is then seen again.
    if (store.shared) this.#see(await store.pendingMessages(LIVE_TOPIC, MAX_SEEN), started);
    await this.#updateAll([...this.#tables.values()].map(table => [table, undefined] as const));
    this.#lookedAt = started;
  }

  async #look(): Promise<void> {
    const { store } = this.#around;
    const started = this.#now();
    if (started - this.#lookedAt > FORGOTTEN_MS && store.shared) return this.#load();
    const most = this.#seen.size + MAX_NEWS;
    const messages = store.shared ? await store.pendingMessages(LIVE_TOPIC, most) : [];
    if (messages.length === most) return this.#load();
    const news = changesOf(this.#seen.news(messages));
    const concerned = [...this.#tables.values()].flatMap(table => {
      const changes = news.get(table.name);
      return changes || this.#stale.has(table) ? [[table, changes] as const] : [];
    });
    await this.#updateAll(concerned);
    this.#see(messages, started);
    this.#lookedAt = started;
  }

  #see(messages: readonly PendingMessage[], now: number): void {
    this.#seen.add(messages, now);
    this.#seen.keepOnly(messages);
  }

  /** All of them, though one may fail. Throws the first failure. */
  async #updateAll(concerned: Iterable<readonly [KnownTable, ReadonlyMap<string, number> | undefined]>): Promise<void> {
    const failures: unknown[] = [];
    for (const [table, changes] of concerned)
      await this.#update(table, changes).catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }

  /** Reads what has changed, or everything. A table that fails is read anew before anything is written. */
  async #update(table: KnownTable, changes: ReadonlyMap<string, number> | undefined): Promise<void> {
    const whole = changes === undefined || this.#stale.has(table);
    this.#stale.add(table);
    await (whole ? table.load() : table.readAgain(changes));
    this.#stale.delete(table);
  }
}

/** How often each key of each table has changed. */
function changesOf(messages: readonly PendingMessage[]): Map<string, Map<string, number>> {
  const tables = new Map<string, Map<string, number>>();
  for (const { body } of messages) {
    const [, name = '', key = ''] = /^(\S+) (.*)$/s.exec(body) ?? [];
    const changes = tables.get(name) ?? new Map<string, number>();
    tables.set(name, changes.set(key, (changes.get(key) ?? 0) + 1));
  }
  return tables;
}
