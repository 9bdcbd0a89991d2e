/**
 * One job that this process works on: move after move, each committed with what it changes before the next begins, until the job
 * has ended, has to wait, or this process may not go on.
 */
import { asFhirError, type FhirError, KINDS } from '../fhir/error.js';
import type { Clock } from '../platform/clock.js';
import { frames, type Log } from '../platform/log.js';
import { realPause } from '../platform/real-time.js';
import type { Deed } from '../store/deeds.js';
import { exchange, type JobBoard, type MakeDeeds, type NotedJob } from './board.js';
import { type Finished, type JobKind, type JobNote, type JobOwner, restAfter } from './kind.js';
import type { JobCounts } from './metrics.js';
import { ended, type Move, moveInstead, moveOf } from './move.js';

/** Time between two notes of a job whose steps may be done again. */
const NOTE_MS = 1000;
/** Failures in a row after which a job is given up. */
const ATTEMPTS = 5;
/** While requests wait for memory, a job looks again so often, and so many times before each step. */
const CROWDED = { pause: 50, times: 100 } as const;
/** Kinds of errors that say nothing of the job: it is tried again for as long as they last. */
const WEATHER: ReadonlySet<string> = new Set(['unavailable', 'timeout', 'no-space', 'throttled']);

/**
 * What the audit trail keeps of what becomes of a job, who caused it (undefined: the server itself), when (ms), which files it moved, and what
 * of it is told. It is committed with it.
 */
export type RecordJob = (
  moment: 'begin' | 'cancel' | 'end',
  job: Pick<JobNote, 'id' | 'kind' | 'status' | 'error' | 'done' | 'total'>,
  by: JobOwner | undefined,
  at: number,
  beside?: { readonly moved?: Finished['moved']; readonly what?: string },
) => readonly Deed[];

export interface JobSurroundings {
  readonly board: JobBoard;
  readonly clock: Clock;
  readonly log: Log;
  readonly record: RecordJob;
  readonly crowded: () => boolean;
  readonly counts: JobCounts | undefined;
  /** Whether this process may still work on jobs; asked before each move. */
  readonly mayGoOn: () => Promise<boolean>;
}

export class RunningJob {
  readonly #around: JobSurroundings;
  readonly #kind: JobKind;
  readonly #ending = new AbortController();
  #noted: NotedJob;
  #ahead: JobNote;
  #notedAt = performance.now();
  #isStale = false;

  constructor(around: JobSurroundings, kind: JobKind, noted: NotedJob) {
    this.#around = around;
    this.#kind = kind;
    this.#noted = noted;
    this.#ahead = noted.note;
  }

  /** The job as it is: it may be a second ahead of its note. Undefined: the note counts, which somebody else has changed. */
  get note(): JobNote | undefined {
    return this.#isStale ? undefined : this.#ahead;
  }

  /** What the job was at its last note, or has ended as. */
  get noted(): NotedJob {
    return this.#ahead.ended === undefined ? this.#noted : { ...this.#noted, note: this.#ahead };
  }

  /** Ends the work after the move under way. */
  abort(): void {
    this.#ending.abort();
  }

  /** Somebody else has changed the note: what is ahead of it counts no more. */
  reread(): void {
    this.#isStale = true;
  }

  /** Rejects where the store is away. */
  async work(): Promise<void> {
    const { signal } = this.#ending;
    for (;;) {
      if (signal.aborted) return this.#save();
      await this.#letOthers();
      if (!(await this.#around.mayGoOn())) return;
      if (this.#isStale && !(await this.#take())) return;
      const began = performance.now();
      if (!(await this.#move())) return;
      await realPause(performance.now() - began, signal);
    }
  }

  async #letOthers(): Promise<void> {
    for (let times = 0; times < CROWDED.times && this.#around.crowded(); times++)
      await realPause(CROWDED.pause, this.#ending.signal);
  }

  /** One move and its commit. False: there is nothing more to do for now. */
  async #move(): Promise<boolean> {
    const { clock, counts } = this.#around;
    const { kind } = this.#kind;
    const before = this.#ahead;
    let move: Move | undefined;
    try {
      move = await moveOf(this.#kind, before, this.#ending.signal, clock.now);
      await this.#commit(move);
    } catch (thrown) {
      const error = asFhirError(thrown);
      if (error.kind === 'conflict') {
        const held = this.#noted.sequence;
        const isThere = await this.#take();
        // Another process, or somebody who cancelled or amended the job: the step counts for nothing.
        if (!isThere || this.#noted.sequence !== held) return isThere;
      }
      const instead = move && !WEATHER.has(error.kind) && this.#otherMove(before, move, error);
      if (!instead) return this.#failed(before, error);
      await this.#commit(instead);
      move = instead;
    }
    counts?.steps.inc({ kind });
    if (move.next.ended !== undefined) counts?.ended.inc({ kind, state: move.next.status });
    return move.next.ended === undefined && move.next.idle === undefined && move.next.notBefore === undefined;
  }

  #otherMove(before: JobNote, { given }: Move, error: FhirError): Move | undefined {
    return moveInstead(this.#kind, before, given, error, this.#around.clock.now());
  }

  async #commit({ next, given }: Move): Promise<void> {
    const { board } = this.#around;
    const isEnd = next.ended !== undefined;
    if (this.#mayBeAhead(next, given)) {
      this.#ahead = next;
      return;
    }
    if ('commit' in given && given.commit) await given.commit(exchange(this.#noted, next));
    else
      await board.replace(
        this.#noted,
        next,
        isEnd ? this.#recordEnd(next, 'moved' in given ? given.moved : undefined) : this.#recordStep(next, given),
        given.with,
      );
    if (isEnd) this.#ahead = next;
    else await this.#take();
  }

  #recordEnd(job: JobNote, moved?: Finished['moved']): MakeDeeds {
    return at => this.#around.record('end', job, job.by, at, { moved });
  }

  #recordStep(job: JobNote, given: Move['given']): MakeDeeds | undefined {
    if (!('tells' in given) || !given.tells) return undefined;
    const { moment, what, done, total } = given.tells;
    return at => this.#around.record(moment, { ...job, done, total }, job.by, at, { what });
  }

  /** Whether it need not be noted yet: it may be done again, and the last note is young. */
  #mayBeAhead(next: JobNote, given: Move['given']): boolean {
    if (!this.#kind.repeatable || given.with || ('commit' in given && given.commit)) return false;
    if ('tells' in given && given.tells) return false;
    const goesOn = next.ended === undefined && !next.last && !next.idle && next.notBefore === undefined;
    return goesOn && !this.#ending.signal.aborted && performance.now() - this.#notedAt < NOTE_MS;
  }

  /** Reads the note as it is. False: the job has ended. */
  async #take(): Promise<boolean> {
    this.#isStale = false;
    const noted = await this.#around.board.findActive(this.#ahead.id);
    if (!noted) return false;
    this.#noted = noted;
    this.#ahead = noted.note;
    this.#notedAt = performance.now();
    return true;
  }

  /** Notes what is ahead of the note. */
  async #save(): Promise<void> {
    if (this.#ahead === this.#noted.note || this.#isStale) return;
    await this.#around.board.replace(this.#noted, this.#ahead).catch(ignoreConflict);
  }

  /** Notes a failure: the job rests, or is given up. Throws what says nothing of the job. */
  async #failed(note: JobNote, error: FhirError): Promise<false> {
    const { board, clock, counts, log } = this.#around;
    const { kind, attempts = ATTEMPTS, standing } = this.#kind;
    if (WEATHER.has(error.kind)) throw error;
    counts?.failures.inc({ kind });
    const failures = note.failures + 1;
    const isFinal = KINDS[error.kind].status < 500 && error.kind !== 'conflict';
    const givesUp = !standing && (isFinal || failures >= attempts);
    const at = error.cause === undefined ? {} : { at: frames(error.cause) };
    log.warn({ job: kind, id: note.id, failures, kind: error.kind, givesUp, ...at }, 'A step of a job failed');
    const now = clock.now();
    const next: JobNote = givesUp
      ? ended(this.#kind, { ...note, failures }, now, {
          status: 'failed',
          error: { kind: error.kind, issues: error.issues },
        })
      : { ...note, failures, notBefore: now + restAfter(this.#kind, failures) };
    await board.replace(this.#noted, next, givesUp ? this.#recordEnd(next) : undefined).catch(ignoreConflict);
    if (givesUp) counts?.ended.inc({ kind, state: next.status });
    this.#ahead = next;
    return false;
  }
}

function ignoreConflict(error: unknown): void {
  if (asFhirError(error).kind !== 'conflict') throw error;
}
