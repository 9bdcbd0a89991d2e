/**
 * Works on jobs: of several processes on one store, the one that holds the lease `jobs`. When it dies, another goes on after
 * LEASE_MS, from the last step that was committed. The lease only keeps two processes from doing the same work; that no step has
 * its effect twice is what the notes see to (board.ts), also where a holder was paused and comes back.
 *
 * Jobs stay behind the traffic: after each step they rest for as long as it took, and they wait while requests wait for room.
 */
import { asFhirError } from '../fhir/error.js';
import { realInterval, realPause } from '../platform/real-time.js';
import { MAX_ENDED, type NotedJob } from './board.js';
import { JobDesk, type JobRunnerOptions } from './desk.js';
import { dueIn, type JobNote } from './kind.js';
import { type JobSurroundings, RunningJob } from './running.js';
import { TaskLease } from './task-lease.js';

const LEASE_MS = 15_000;
/** How often a process looks for jobs that others have noted. */
const LOOK_MS = 2000;
/** Jobs that are worked on at a time. */
const AT_ONCE = 4;
/** ms until it is looked again whether all is done. */
const REST_MS = 5;
/** Time between two looks for jobs that have ended long ago. */
const TIDY_MS = 60_000;

export class JobRunner extends JobDesk {
  readonly #lease: TaskLease;
  /** Id → when it may be tried again, where that could not be noted. */
  readonly #resting = new Map<string, number>();
  /** Kinds whose jobs go on at once, however long they should rest. */
  readonly #eager = new Set<string>();
  #serving = false;
  /** Kinds that begin by themselves, and have not yet. */
  #toBegin: readonly string[] = [];
  #looking: Promise<void> | undefined;
  #again = false;
  /** Work that is done alone and is no job. */
  #alone = 0;
  #alarm = new AbortController();
  #endLooking: (() => void) | undefined;
  #tidied = -Infinity;

  constructor(options: JobRunnerOptions) {
    super(options);
    this.#lease = new TaskLease(options.store, 'jobs', LEASE_MS);
  }

  /** Takes up what there is to do, until `stop`. */
  run(): void {
    const { clock, quiet, store } = this.options;
    this.#serving = true;
    this.#toBegin = quiet
      ? []
      : [...this.kinds.values()].filter(({ standing }) => standing?.atStart).map(({ kind }) => kind);
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
    await Promise.all([...this.working.values()].map(({ over }) => over));
    await this.#lease.release().catch(() => undefined);
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

  /** Resolves when nothing is to be done until a later time, or somebody asks. Where others work on the jobs, as far as this process knows. */
  async atRest(): Promise<void> {
    while (this.#serving && (this.#looking || this.working.size > 0)) await realPause(REST_MS);
  }

  async #lookOn(): Promise<void> {
    while (this.#again && this.#serving) {
      this.#again = false;
      try {
        await this.#look();
      } catch (error) {
        this.options.log.warn({ kind: asFhirError(error).kind }, 'Jobs could not be looked at');
        this.#alarmIn(LOOK_MS);
      }
    }
  }

  async #look(): Promise<void> {
    await this.#begin();
    await this.refresh();
    const isTidy = this.#tidied > performance.now() - TIDY_MS;
    const hasWork = this.noted.some(({ note }) => this.#dueIn(note) === 0);
    if (hasWork || !isTidy || (this.#lease.isHeld && this.#hasMore())) {
      if (!(await this.#lease.acquire())) {
        this.#tidied = performance.now();
        return this.#abortAll();
      }
      if (!isTidy) await this.#tidy();
      for (const noted of this.noted)
        if (this.#dueIn(noted.note) === 0 && this.#hasRoom(noted.note)) this.#launch(noted);
    }
    this.#eager.clear();
    await this.#releaseUnused();
    const rests = this.noted.map(({ note }) => ({ note, ms: this.#dueIn(note) }));
    // What has become due since it was looked is looked at now: there is no alarm for it.
    this.#again ||= rests.some(({ note, ms }) => ms === 0 && this.#hasRoom(note));
    this.#alarmIn(Math.min(TIDY_MS, ...rests.map(({ ms }) => ms).filter(ms => ms > 0)));
  }

  /** Wakes the standing jobs that step whenever a server starts. */
  async #begin(): Promise<void> {
    for (const kind of this.#toBegin) {
      await this.amend(kind, state => state);
      this.#toBegin = this.#toBegin.filter(each => each !== kind);
    }
  }

  /** Looks again in so many ms of the server's clock. */
  #alarmIn(ms: number): void {
    this.#alarm.abort();
    if (!this.#serving) return;
    this.#alarm = new AbortController();
    const { signal } = this.#alarm;
    void this.options.clock.wait(ms, signal).then(() => {
      if (!signal.aborted) this.wake();
    });
  }

  /** ms until something is to be done about the job; Infinity: nothing is. */
  #dueIn(note: JobNote): number {
    const kind = this.kinds.get(note.kind);
    if (!kind || this.working.has(note.id)) return Infinity;
    if (this.#eager.has(note.kind)) return 0;
    const now = this.options.clock.now();
    const rest = Math.min(LOOK_MS, (this.#resting.get(note.id) ?? now) - now);
    return Math.max(rest, dueIn(kind, note, now));
  }

  #hasRoom(note: JobNote): boolean {
    if (!this.#serving || this.working.size >= AT_ONCE) return false;
    const alike = [...this.working.values()].filter(({ kind }) => kind === note.kind);
    return alike.length < (this.kinds.get(note.kind)?.atOnce ?? 1);
  }

  #launch(noted: NotedJob): void {
    const { clock, log, crowded = () => false } = this.options;
    const { id, kind } = noted.note;
    const around: JobSurroundings = {
      ...{ board: this.board, clock, log, crowded },
      ...{ record: this.record, counts: this.counts, mayGoOn: () => this.#lease.acquire() },
    };
    const running = new RunningJob(around, this.kinds.get(kind)!, noted);
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
        this.settle(running.noted);
        this.working.delete(id);
        this.wake();
      });
    this.working.set(id, { running, kind, over });
  }

  async #prolong(): Promise<void> {
    const isHeld = await this.#lease.acquire().catch(() => this.#lease.isHeld);
    if (!isHeld) this.#abortAll();
  }

  protected isHolder(): boolean {
    return this.#lease.isHeld;
  }

  #abortAll(): void {
    for (const { running } of this.working.values()) running.abort();
  }

  /** Whether there is anything to do, now or later: until then this process goes on to be the one that does it. */
  #hasMore(): boolean {
    return this.working.size > 0 || this.noted.some(({ note }) => this.kinds.has(note.kind) && !note.idle);
  }

  async #releaseUnused(): Promise<void> {
    const isUsed = this.#alone > 0 || (this.#serving ? this.#hasMore() : this.working.size > 0);
    if (!isUsed) await this.#lease.release();
  }

  /** Forgets what ended long ago, and the oldest where too much is remembered. */
  async #tidy(): Promise<void> {
    const now = this.options.clock.now();
    const past = (await this.board.ended()).toSorted((a, b) => b.note.ended! - a.note.ended!);
    const over = past.filter(({ note }, at) => at >= MAX_ENDED || note.expires! <= now);
    if (over.length > 0) await this.board.forget(over);
    this.#tidied = performance.now();
  }
}
