/**
 * Indexing as a job: when a custom search parameter comes into force, or somebody asks by $reindex, the resources that are there
 * already are indexed, in small batches behind the traffic. New versions need no job: their own write indexes them.
 *
 * - The standing job `index` has the state (reindex-plan.ts) and does the batches; each may be done again, and a version that has
 *   changed meanwhile is left alone. A job `reindex` is a request that somebody follows until it is done.
 * - What is in force is noted by the process that works on jobs. It begins with a parameter only KNOWN_MS after it has seen it in
 *   force itself, when every other process indexes by it, too (../live/live-tables.ts); so nothing is written unindexed
 *   behind the walk.
 * - One walk over a type counts for every parameter that waited for the type when the walk began.
 */
import { asFhirError, FhirError } from '../fhir/error.js';
import type { JobKind, Stepped, ToldStep } from '../jobs/kind.js';
import type { JobRunner } from '../jobs/runner.js';
import type { Clock } from '../platform/clock.js';
import { newId } from '../platform/ids.js';
import type { Log } from '../platform/log.js';
import { realPause } from '../platform/real-time.js';
import { indexStored, type Indexing } from '../search/index-resource.js';
import type { Change, Store, Version } from '../store/store.js';
import { doneOf, type IndexState, NOTHING_DUE, type Progress, ReindexPlan, type ScanNote } from './reindex-plan.js';
import { POLL_MS } from '../live/live-tables.js';
import type { Registry } from './search-parameter-registry.js';

const INDEXING = 'index';
export const REINDEX = 'reindex';
/** No request waits for more than one batch. */
const WALK_BATCH = { rows: 50, bytes: 2_000_000 } as const;
/** Time until the next attempt after an error. */
const RETRY_MS = 3000;

export interface ReindexOptions extends Indexing {
  readonly store: Store;
  /** What is in the store itself: the audit trail has no index that could be made anew. */
  readonly kept: Pick<Store, 'scan' | 'count'>;
  readonly registry: Registry;
  readonly log: Log;
  readonly clock: Clock;
  /** It works on the kinds that are given here. */
  readonly jobs: () => JobRunner;
}

/** ms until it is looked again whether there is something left. */
const REST_MS = 5;

export class Reindexer {
  readonly #options: ReindexOptions;
  readonly #plan: ReindexPlan;
  #endLooking: (() => void) | undefined;
  /** The walk that the log has heard of. */
  #told = '';

  constructor(options: ReindexOptions) {
    this.#options = options;
    this.#plan = new ReindexPlan(options.store, options.kept, options.registry);
  }

  get kinds(): readonly JobKind[] {
    const index: JobKind<null, IndexState> = {
      ...{ kind: INDEXING, repeatable: true, standing: { state: NOTHING_DUE } },
      backOff: { first: RETRY_MS, most: RETRY_MS },
      step: ({ state }) => this.#step(state),
    };
    const reindex: JobKind<{ readonly types?: readonly string[] }, number> = {
      ...{ kind: REINDEX, atOnce: 2 },
      begin: async ({ id, input: { types } }) => {
        await this.request(types, id);
        const total = this.#request(id)?.total ?? 0;
        return { state: total, total };
      },
      step: async ({ id, state }) => {
        await this.refresh();
        const request = this.#request(id);
        if (!request) return { state, done: state, last: true };
        return { state, done: doneOf(this.#state(), request), wait: POLL_MS / 2 };
      },
      finish: ({ state }) => ({
        result: { resourceType: 'Parameters', parameter: [{ name: 'done', valueInteger: state }] },
      }),
      cancelled: ({ id }) =>
        this.#jobs.amend<IndexState>(INDEXING, state => ({ ...state, due: state.due.filter(({ key }) => key !== id) })),
    };
    return [index, reindex];
  }

  /** What is under way, then what is ready, as last read. */
  progress(): readonly Progress[] {
    return this.#plan.progress(this.#state());
  }

  /** Whether something is not indexed yet. Costs nothing. */
  get busy(): boolean {
    return this.progress().some(({ pending }) => pending.length > 0);
  }

  /** Reads how far other processes are. */
  refresh(): Promise<void> {
    return this.#jobs.refresh();
  }

  /** Takes up that what is in force has changed. Never rejects. */
  async changed(): Promise<void> {
    try {
      await this.refresh();
      await this.#reconcile();
    } catch (error) {
      this.#warn(error, 'The reindex job could not be noted yet');
    }
    this.#jobs.hurry(INDEXING);
  }

  /** Asks for everything of these types, or of all, to be indexed anew. `key` names the request: it is made once. */
  async request(types: readonly string[] | undefined, key = newId(this.#options.clock.now())): Promise<void> {
    const note = await this.#plan.request(key, types, this.#options.definitions.resourceTypes);
    if (!note) return;
    await this.#jobs.amend<IndexState>(INDEXING, state =>
      state.due.some(each => each.key === key) ? undefined : { ...state, due: [...state.due, note] },
    );
  }

  /** Indexes what was committed by keys that are out of date by now. */
  async renew(changes: readonly Change[]): Promise<void> {
    const rows = changes.filter(({ text }) => text !== undefined);
    await this.#options.store.reindex(rows.map(row => indexStored(this.#options, row)));
  }

  /** Notes that everything is indexed by all that is in force, because somebody has just done it. */
  async allDone(): Promise<void> {
    if (!(await this.#jobs.alone(() => this.#jobs.amend(INDEXING, this.#plan.allDone))))
      throw new FhirError('unavailable', 'A server works on the index just now.');
  }

  /** Looks what others change, and what is to be done, until `stop`. */
  start(): void {
    const { store, clock } = this.#options;
    void this.#look();
    if (store.shared) this.#endLooking = clock.every(POLL_MS, () => this.#look());
  }

  stop(): void {
    this.#endLooking?.();
  }

  /** Resolves when there is nothing to be indexed and no job has anything to do, as far as this process knows. */
  async atRest(): Promise<void> {
    await this.#look();
    while (this.busy) {
      await realPause(REST_MS);
      await this.refresh();
    }
    await this.#jobs.atRest();
  }

  get #jobs(): JobRunner {
    return this.#options.jobs();
  }

  #state(): IndexState {
    const job = this.#jobs.known().find(({ kind }) => kind === INDEXING);
    return (job?.state as IndexState | undefined) ?? NOTHING_DUE;
  }

  #request(id: string) {
    return this.#state().due.find(({ key }) => key === id);
  }

  /** One batch of the walk under way, or of the next one. */
  async #step(before: IndexState): Promise<Stepped<IndexState>> {
    const { log } = this.#options;
    const state = this.#plan.beginScan(before);
    const { scan } = state;
    if (!scan) return { state, wait: this.#plan.hasWork(state) ? POLL_MS : Infinity };
    const { type, covers } = scan;
    const name = JSON.stringify([type, covers]);
    if (this.#told !== name) log.info({ type, parameters: covers.length, resources: scan.done }, 'Reindexing');
    this.#told = name;
    const [walked, atEnd] = await walkBatch(this.#options, scan);
    const { done } = walked;
    const begins: ToldStep | undefined = before.scan ? undefined : { moment: 'begin', what: type, done: 0 };
    if (!atEnd) return { state: { ...state, scan: walked }, tells: begins };
    log.info({ type, resources: done }, 'Reindexed');
    this.#told = '';
    // What took one batch is told once, and nothing at all of a type without resources.
    const tells: ToldStep | undefined = done > 0 ? { moment: 'end', what: type, done, total: done } : undefined;
    return { state: await this.#plan.finishScan({ ...state, scan: walked }), tells };
  }

  /** Notes what is in force, where this process may. */
  async #reconcile(): Promise<void> {
    if (!this.#plan.isOutOfDate(this.#state())) return;
    await this.#jobs.alone(() => this.#jobs.amend<IndexState>(INDEXING, state => this.#plan.reconcile(state)));
    this.#plan.forgetRedefined();
  }

  /** Looks what is in force by now, and how far other processes are. */
  async #look(): Promise<void> {
    try {
      await this.refresh();
      await this.#reconcile();
    } catch (error) {
      this.#warn(error, 'The notes of the reindex job could not be read');
    }
  }

  #warn(error: unknown, text: string): void {
    this.#options.log.warn({ kind: asFhirError(error).kind }, text);
  }
}

/** Indexes the resources of a type that come next, in order of arrival. Gives where the walk stands then, and whether that is its end. */
export async function walkBatch(
  walk: Indexing & { readonly store: Pick<Store, 'reindex'>; readonly kept: Pick<Store, 'scan'> },
  scan: ScanNote,
): Promise<readonly [ScanNote, boolean]> {
  const { type } = scan;
  let { after } = scan;
  const batch: Version[] = [];
  let bytes = 0;
  let atEnd = true;
  for await (const { row, cursor } of walk.kept.scan({ type, ...(after ? { after } : {}) })) {
    batch.push(row);
    after = cursor;
    bytes += row.text?.length ?? 0;
    atEnd = batch.length < WALK_BATCH.rows && bytes < WALK_BATCH.bytes;
    if (!atEnd) break;
  }
  await walk.store.reindex(batch.map(row => indexStored(walk, row)));
  return [{ ...scan, after, done: scan.done + batch.length }, atEnd];
}
