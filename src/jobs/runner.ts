/**
 * Works on jobs: of several processes on one store, the one that holds the lease `jobs`. When it dies, another goes on after
 * LEASE_MS, from the last step that was committed. The lease only keeps two processes from doing the same work; that no step has
 * its effect twice is what the notes see to (board.ts), also where a holder was paused and comes back.
 *
 * Jobs stay behind the traffic: after each step they rest for as long as it took, and they wait while requests wait for room.
 */
import { asFhirError, FhirError } from '../fhir/error.js';
import type { Clock } from '../platform/clock.js';
import { newId } from '../platform/ids.js';
import type { Log } from '../platform/log.js';
import type { Metrics } from '../platform/metrics.js';
import { realInterval, realPause } from '../platform/real-time.js';
import type { Store } from '../store/store.js';
import { JobBoard, type JobStore, MAX_ENDED, type NotedJob, refuseTooMany } from './board.js';
import { dueIn, type JobKind, type JobNote, type JobOwner } from './kind.js';
import { countJobs, type JobCounts } from './metrics.js';
import { ended } from './move.js';
import { type JobSurroundings, type RecordJob, RunningJob } from './running.js';
import { TaskLease } from './task-lease.js';

const LEASE_MS = 15_000;
/** How often a process looks for jobs that others have noted. */
const LOOK_MS = 2000;
/** Jobs that are worked on at a time. */
const AT_ONCE = 4;
/** Time between two looks for jobs that have ended long ago. */
const TIDY_MS = 60_000;
/** While another process is about to note a standing job, whoever needs it looks again so often. */
const STANDING = { pause: 100, times: 300 } as const;

export interface JobRunnerOptions {
  readonly store: JobStore & Pick<Store, 'shared' | 'acquireLease'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics?: Pick<Metrics, 'registry'>;
  readonly kinds: readonly JobKind[];
  readonly record?: RecordJob;
  /** Whether requests wait for memory: jobs wait, too. */
  readonly crowded?: () => boolean;
}

interface Worked {
  readonly running: RunningJob;
  readonly kind: string;
  readonly over: Promise<void>;
}

export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #kinds: ReadonlyMap<string, JobKind>;
  readonly #board: JobBoard;
  readonly #lease: TaskLease;
  readonly #counts: JobCounts | undefined;
  readonly #record: RecordJob;
  readonly #working = new Map<string, Worked>();
  /** Jobs that have not ended, as last read. */
  #known: readonly NotedJob[] = [];
  /** Id → when it may be tried again, where that could not be noted. */
  readonly #resting = new Map<string, number>();
  /** Kinds whose jobs go on at once, however long they should rest. */
  readonly #eager = new Set<string>();
  #serving = false;
  #looking: Promise<void> | undefined;
  #again = false;
  /** Work that is done alone and is no job. */
  #alone = 0;
  #alarm = new AbortController();
  #endLooking: (() => void) | undefined;
  #tidied = -Infinity;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
    this.#kinds = new Map(options.kinds.map(kind => [kind.kind, kind]));
    this.#board = new JobBoard(options.store);
    this.#lease = new TaskLease(options.store, 'jobs', LEASE_MS);
    this.#record = options.record ?? (() => []);
    this.#counts = options.metrics && countJobs(options.metrics, () => (this.#lease.isHeld ? this.known() : []));
  }

  /** Takes up what there is to do, until `stop`. */
  run(): void {
    const { clock, store } = this.#options;
    this.#serving = true;
    this.wake();
    if (store.shared) this.#endLooking = clock.every(LOOK_MS, () => this.wake());
  }

  /** Ends after the steps under way; how far jobs are is kept. */
  async stop(): Promise<void> {
    this.#serving = false;
    this.#endLooking?.();
    this.#alarm.abort();
    this.#abortAll();
    await this.#looking;
    this.#abortAll();
    await Promise.all([...this.#working.values()].map(({ over }) => over));
    await this.#lease.release().catch(() => undefined);
  }

  /** Notes a job, and gives its id. Whoever calls has asked whether that person may. Throws `throttled` where too many wait. */
  async start(by: JobOwner, kindName: string, input: unknown): Promise<string> {
    const { clock } = this.#options;
    const kind = this.#kinds.get(kindName);
    if (!kind || kind.standing) throw new Error(`There is no kind of job ${kindName} that can be started.`);
    refuseTooMany(this.#known.length);
    const { principal, requestId, address, request } = by;
    const owner: JobOwner = { principal, requestId, address, request };
    const note = { ...newNote(kindName, clock.now()), by: owner, input };
    await this.#board.add(note, at => this.#record('begin', note, owner, at));
    this.#counts?.asked.inc({ kind: kindName });
    this.wake();
    return note.id;
  }

  /** All jobs: those that have not ended, then those that are remembered. */
  async list(): Promise<readonly JobNote[]> {
    const [active, past] = await Promise.all([this.#board.active(), this.#board.ended()]);
    return [...active, ...past].map(noted => this.#newest(noted));
  }

  async find(id: string): Promise<JobNote | undefined> {
    const noted = (await this.#board.findActive(id)) ?? (await this.#board.findEnded(id));
    return noted && this.#newest(noted);
  }

  /** Ends a job for good; what its steps have done stays. False: it had ended, and is forgotten now, or there is none. */
  async cancel(id: string, by: JobOwner): Promise<boolean> {
    const { clock } = this.#options;
    let input: unknown;
    const cancelled = await this.#board.change(
      () => this.#board.findActive(id),
      async note => {
        const kind = this.#kinds.get(note.kind);
        if (kind?.standing) throw new FhirError('conflict', 'This job is the server’s own and cannot be cancelled.');
        ({ input } = note);
        const next = ended(kind ?? {}, note, clock.now(), { status: 'cancelled' });
        return [next, at => this.#record('cancel', next, by, at)];
      },
    );
    if (cancelled) {
      this.#counts?.ended.inc({ kind: cancelled.kind, state: cancelled.status });
      this.#working.get(id)?.running.abort();
      await this.#kinds.get(cancelled.kind)?.cancelled?.({ id, input });
      return true;
    }
    const past = await this.#board.findEnded(id);
    if (past) await this.#board.forget([past]);
    return false;
  }

  /**
   * Changes the state of a standing job, whoever works on it, and wakes it. `change` may be asked again, about what is there then;
   * it gives undefined where there is nothing to change.
   */
  async amend<State>(
    kindName: string,
    change: (state: State) => Promise<State | undefined> | State | undefined,
  ): Promise<void> {
    const amended = await this.#board.change(
      () => this.#findStanding(kindName),
      async note => {
        const state = await change(note.state as State);
        return state === undefined ? undefined : [{ ...note, state, idle: undefined, notBefore: undefined }];
      },
    );
    if (amended) {
      this.#working.get(amended.id)?.running.reread();
      await this.refresh();
    }
    this.hurry(kindName);
  }

  /** Does something that must not be done beside the work on jobs. False: another process works on them. */
  async alone(work: () => Promise<void>): Promise<boolean> {
    this.#alone += 1;
    try {
      if (!(await this.#lease.acquire())) return false;
      await work();
      return true;
    } finally {
      this.#alone -= 1;
      await this.#releaseUnused();
    }
  }

  /** Jobs that have not ended, as last read here; those that are worked on here, as they are. */
  known(): readonly JobNote[] {
    return this.#known.map(noted => this.#newest(noted));
  }

  /** Reads how far jobs are. */
  async refresh(): Promise<void> {
    this.#known = await this.#board.active();
  }

  /** Jobs of this kind go on now, however long they should rest. */
  hurry(kind: string): void {
    this.#eager.add(kind);
    this.wake();
  }

  /** Looks what there is to do, soon. Never rejects. */
  wake(): void {
    if (!this.#serving) return;
    this.#again = true;
    this.#looking ??= this.#lookOn().finally(() => (this.#looking = undefined));
  }

  #newest({ note }: NotedJob): JobNote {
    const running = this.#working.get(note.id)?.running;
    return (note.ended === undefined ? running?.note : undefined) ?? note;
  }

  async #lookOn(): Promise<void> {
    while (this.#again && this.#serving) {
      this.#again = false;
      try {
        await this.#look();
      } catch (error) {
        this.#options.log.warn({ kind: asFhirError(error).kind }, 'Jobs could not be looked at');
        this.#alarmIn(LOOK_MS);
      }
    }
  }

  async #look(): Promise<void> {
    await this.refresh();
    const isTidy = this.#tidied > performance.now() - TIDY_MS;
    const hasWork = this.#known.some(({ note }) => this.#dueIn(note) === 0);
    if (hasWork || !isTidy || (this.#lease.isHeld && this.#hasMore())) {
      if (!(await this.#lease.acquire())) {
        this.#tidied = performance.now();
        return this.#abortAll();
      }
      if (!isTidy) await this.#tidy();
      for (const noted of this.#known) if (this.#mayLaunch(noted.note)) this.#launch(noted);
    }
    this.#eager.clear();
    await this.#releaseUnused();
    this.#alarmIn(Math.min(TIDY_MS, ...this.#known.map(({ note }) => this.#dueIn(note)).filter(ms => ms > 0)));
  }

  /** Looks again in so many ms of the server's clock. */
  #alarmIn(ms: number): void {
    this.#alarm.abort();
    if (!this.#serving) return;
    this.#alarm = new AbortController();
    const { signal } = this.#alarm;
    void this.#options.clock.wait(ms, signal).then(() => {
      if (!signal.aborted) this.wake();
    });
  }

  /** ms until something is to be done about the job; Infinity: nothing is. */
  #dueIn(note: JobNote): number {
    const kind = this.#kinds.get(note.kind);
    if (!kind || this.#working.has(note.id)) return Infinity;
    if (this.#eager.has(note.kind)) return 0;
    const now = this.#options.clock.now();
    const rest = Math.min(LOOK_MS, (this.#resting.get(note.id) ?? now) - now);
    return Math.max(rest, dueIn(kind, note, now));
  }

  #mayLaunch(note: JobNote): boolean {
    if (!this.#serving || this.#working.size >= AT_ONCE || this.#dueIn(note) > 0) return false;
    const alike = [...this.#working.values()].filter(({ kind }) => kind === note.kind);
    return alike.length < (this.#kinds.get(note.kind)?.atOnce ?? 1);
  }

  #launch(noted: NotedJob): void {
    const { clock, log, crowded = () => false } = this.#options;
    const { id, kind } = noted.note;
    const around: JobSurroundings = {
      ...{ board: this.#board, clock, log, crowded },
      ...{ record: this.#record, counts: this.#counts, mayGoOn: () => this.#lease.acquire() },
    };
    const running = new RunningJob(around, this.#kinds.get(kind)!, noted);
    // The lease is prolonged while a step takes long.
    const beat = realInterval(LEASE_MS / 3, () => void this.#prolong()).unref();
    this.#resting.delete(id);
    const over = running
      .work()
      .catch((error: unknown) => {
        log.warn({ job: kind, kind: asFhirError(error).kind }, 'A job stops for a moment');
        this.#resting.set(id, clock.now() + LOOK_MS);
      })
      .finally(() => {
        clearInterval(beat);
        this.#working.delete(id);
        this.wake();
      });
    this.#working.set(id, { running, kind, over });
  }

  async #prolong(): Promise<void> {
    const isHeld = await this.#lease.acquire().catch(() => this.#lease.isHeld);
    if (!isHeld) this.#abortAll();
  }

  #abortAll(): void {
    for (const { running } of this.#working.values()) running.abort();
  }

  /** Whether there is anything to do, now or later: until then this process goes on to be the one that does it. */
  #hasMore(): boolean {
    return this.#working.size > 0 || this.#known.some(({ note }) => this.#kinds.has(note.kind) && !note.idle);
  }

  async #releaseUnused(): Promise<void> {
    const isUsed = this.#alone > 0 || (this.#serving ? this.#hasMore() : this.#working.size > 0);
    if (!isUsed) await this.#lease.release();
  }

  /** The job of a standing kind: who amends it first notes it, and of several processes one. */
  async #findStanding(kind: string): Promise<NotedJob> {
    const noting = new TaskLease(this.#options.store, 'job-standing', LEASE_MS);
    for (let times = 0; times < STANDING.times; times++) {
      const found = await this.#board.findKind(kind);
      if (found) {
        await noting.release();
        return found;
      }
      if (!(await noting.acquire())) await realPause(STANDING.pause);
      else if (!(await this.#board.findKind(kind))) await this.#board.add(this.#standingNote(kind));
    }
    throw new FhirError('unavailable', 'Another process is about to begin this.');
  }

  #standingNote(kind: string): JobNote {
    const { standing } = this.#kinds.get(kind)!;
    return { ...newNote(kind, this.#options.clock.now()), status: 'running', ...standing, idle: true };
  }

  /** Forgets what ended long ago, and the oldest where too much is remembered. */
  async #tidy(): Promise<void> {
    const now = this.#options.clock.now();
    const past = (await this.#board.ended()).toSorted((a, b) => b.note.ended! - a.note.ended!);
    const over = past.filter(({ note }, at) => at >= MAX_ENDED || note.expires! <= now);
    if (over.length > 0) await this.#board.forget(over);
    this.#tidied = performance.now();
  }
}

const newNote = (kind: string, asked: number): JobNote => ({
  ...{ id: newId(asked), kind, status: 'waiting', input: null },
  ...{ done: 0, asked, failures: 0 },
});
