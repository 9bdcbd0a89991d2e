/**
 * The reindex job: when a custom search parameter comes into force, the resources that are there already are indexed by
 * it, in small batches behind the traffic. New versions need no job: their own write indexes them.
 *
 * - What is to be done and how far it is stands in the store's outbox (reindex-notes.ts), so a restart or a kill loses a
 *   second of work. Writing keys anew is harmless to repeat, and a version that has changed meanwhile is left alone.
 * - Of several processes one works: it holds the task `reindex` in the store and prolongs it; when it dies, another goes
 *   on after REINDEX_LEASE_MS. It begins only KNOWN_MS after it has seen a parameter in force itself, when every other
 *   process indexes by it, too (../live/live-tables.ts); so nothing is written unindexed behind the walk.
 * - One walk over a type (reindex-walk.ts) counts for every parameter that waited for the type when the walk began.
 */
import { asFhirError, FhirError } from '../fhir/error.js';
import type { Clock } from '../platform/clock.js';
import type { Log } from '../platform/log.js';
import { indexStored, type Indexing } from '../search/index-resource.js';
import type { Change, Store } from '../store/store.js';
import { type Progress, ReindexNotes } from './reindex-notes.js';
import type { ScanNote } from './reindex-progress.js';
import { walkType } from './reindex-walk.js';
import { POLL_MS } from '../live/live-tables.js';
import type { Registry } from './search-parameter-registry.js';
import { TaskLease } from '../jobs/task-lease.js';

const REINDEX_LEASE_MS = 15_000;
/** Time until the next attempt after an error. */
const RETRY_MS = 3000;

export interface ReindexOptions extends Indexing {
  readonly store: Store;
  readonly registry: Registry;
  readonly log: Log;
  readonly clock: Clock;
}

export class Reindexer {
  readonly #options: ReindexOptions;
  readonly #notes: ReindexNotes;
  readonly #lease: TaskLease;
  #started = false;
  #ending = new AbortController();
  #endLooking: (() => void) | undefined;
  /** The work under way; `#again`: somebody woke the job meanwhile. */
  #working: Promise<void> | undefined;
  #again = false;
  /** After an error. */
  #resting = false;

  constructor(options: ReindexOptions) {
    this.#options = options;
    this.#notes = new ReindexNotes(options.store, options.registry, options.clock);
    this.#lease = new TaskLease(options.store, 'reindex', REINDEX_LEASE_MS);
  }

  /** What is under way, then what is ready, as last read. */
  progress(): readonly Progress[] {
    return this.#notes.progress();
  }

  /** Whether something is not indexed yet. Costs nothing. */
  get busy(): boolean {
    return this.progress().some(({ pending }) => pending.length > 0);
  }

  /** Reads how far other processes are. */
  refresh(): Promise<void> {
    return this.#notes.refresh();
  }

  /** Takes up that what is in force has changed. Never rejects. */
  async changed(): Promise<void> {
    try {
      await this.#notes.refresh();
      if (this.#notes.hasWork() && (await this.#lease.acquire())) {
        await this.#notes.reconcile();
        if (!this.#started && !this.#working) await this.#lease.release();
      }
    } catch (error) {
      this.#warn(error, 'The reindex job could not be noted yet');
    }
    this.#wake();
  }

  /** Asks for everything of these types, or of all, to be indexed anew. */
  async request(types: readonly string[] | undefined): Promise<void> {
    await this.#notes.request(types, this.#options.definitions.resourceTypes);
    this.#wake();
  }

  /** Indexes what was committed by keys that are out of date by now. */
  async renew(changes: readonly Change[]): Promise<void> {
    const rows = changes.filter(({ text }) => text !== undefined);
    await this.#options.store.reindex(rows.map(row => indexStored(this.#options, row)));
  }

  /** Notes that everything is indexed by all that is in force, because somebody has just done it. */
  async allDone(): Promise<void> {
    if (!(await this.#lease.acquire())) throw new FhirError('unavailable', 'A server works on the index just now.');
    await this.#notes.markAllDone();
    await this.#lease.release();
  }

  start(): void {
    this.#started = true;
    this.#ending = new AbortController();
    const { signal } = this.#ending;
    const { store, clock } = this.#options;
    void this.#notes
      .refresh()
      .catch(() => undefined)
      .then(() => this.#tick())
      .then(() => {
        if (store.shared && !signal.aborted) this.#endLooking = clock.every(POLL_MS, () => this.#tick());
      });
  }

  /** Ends after the batch under way; how far it is is kept. */
  async stop(): Promise<void> {
    this.#started = false;
    this.#endLooking?.();
    this.#ending.abort();
    await this.#working;
    await this.#lease.release().catch(() => undefined);
  }

  /** Starts the work unless it is under way: then it starts once more afterwards. */
  #wake(): void {
    if (!this.#started || this.#ending.signal.aborted) return;
    if (this.#working) {
      this.#again = true;
      return;
    }
    this.#working = this.#work()
      .catch((error: unknown) => {
        this.#warn(error, 'The reindex job stops for a moment');
        if (!this.#options.store.shared) void this.#retry();
      })
      .finally(() => {
        this.#working = undefined;
        if (this.#again) {
          this.#again = false;
          this.#wake();
        }
      });
  }

  /** One walk after the other, as long as this process may. */
  async #work(): Promise<void> {
    const { log } = this.#options;
    this.#notes.learnRedefined();
    while (!this.#ending.signal.aborted && this.#notes.hasWork()) {
      if (!(await this.#lease.acquire())) {
        this.#notes.forgetRedefined();
        return;
      }
      await this.#notes.reconcile();
      const scan = await this.#notes.beginScan();
      if (!scan) break;
      log.info({ type: scan.type, parameters: scan.covers.length, resources: scan.done }, 'Reindexing');
      if (!(await this.#walk(scan))) break;
    }
    if (this.#ending.signal.aborted || !this.#notes.hasWork()) await this.#lease.release();
  }

  /** Walks until the end of the type. False: another process has taken over, or the job ends. */
  async #walk(scan: ScanNote): Promise<boolean> {
    const { definitions, parameters, settings, store, log } = this.#options;
    const { type } = scan;
    const done = await walkType(
      {
        definitions,
        parameters,
        settings,
        store,
        signal: this.#ending.signal,
        save: (after, soFar) => this.#notes.saveScan(type, after, soFar),
        mayGoOn: () => this.#lease.acquire(),
      },
      scan,
    );
    if (done === undefined) return false;
    if (await this.#notes.finishScan(type, done)) log.info({ type, resources: done }, 'Reindexed');
    return true;
  }

  /** Looks how far other processes are, and wakes the work where there is any. */
  async #tick(): Promise<void> {
    try {
      if (this.#options.store.shared && !this.#working) await this.#notes.refresh();
      this.#notes.learnRedefined();
      if (this.#notes.hasWork()) this.#wake();
    } catch (error) {
      this.#warn(error, 'The notes of the reindex job could not be read');
    }
  }

  /** Where others share the store, the next look wakes the work anyway. */
  async #retry(): Promise<void> {
    if (this.#resting) return;
    this.#resting = true;
    await this.#options.clock.wait(RETRY_MS, this.#ending.signal);
    this.#resting = false;
    this.#wake();
  }

  #warn(error: unknown, text: string): void {
    this.#options.log.warn({ kind: asFhirError(error).kind }, text);
  }
}
