/** What is asked of jobs, whoever works on them: to begin, list, follow, cancel and amend them. */
import { FhirError } from '../fhir/error.js';
import type { Clock } from '../platform/clock.js';
import { newId } from '../platform/ids.js';
import type { Log } from '../platform/log.js';
import type { Metrics } from '../platform/metrics.js';
import { realPause } from '../platform/real-time.js';
import type { Store } from '../store/store.js';
import { JobBoard, type JobStore, type NotedJob, refuseTooMany } from './board.js';
import { keepPrincipal } from '../identity/principal.js';
import type { JobKind, JobNote, JobOwner, JobRequest } from './kind.js';
import { countJobs, type JobCounts } from './metrics.js';
import { ended } from './move.js';
import type { RecordJob, RunningJob } from './running.js';
import { TaskLease } from './task-lease.js';

/** ms of the lease under which a standing job is noted. */
const NOTING_MS = 15_000;
/** While another process is about to note a standing job, whoever needs it looks again so often. */
const STANDING = { pause: 100, times: 300 } as const;

/** Nothing else of the caller is kept. */
const ownerOf = ({ principal, requestId, address, request }: JobRequest): JobOwner => ({
  principal: keepPrincipal(principal),
  requestId,
  address,
  request,
});

export interface JobRunnerOptions {
  readonly store: JobStore & Pick<Store, 'shared' | 'acquireLease'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics?: Pick<Metrics, 'registry'>;
  readonly kinds: readonly JobKind[];
  readonly record?: RecordJob;
  /** Whether requests wait for memory: jobs wait, too. */
  readonly crowded?: () => boolean;
  /** No job begins by itself. */
  readonly quiet?: boolean;
}

export interface WorkedJob {
  readonly running: RunningJob;
  readonly kind: string;
  readonly over: Promise<void>;
}

export abstract class JobDesk {
  protected readonly options: JobRunnerOptions;
  protected readonly kinds: ReadonlyMap<string, JobKind>;
  protected readonly board: JobBoard;
  protected readonly record: RecordJob;
  protected readonly counts: JobCounts | undefined;
  /** What is worked on here, by id. */
  protected readonly working = new Map<string, WorkedJob>();
  /** Jobs that have not ended, as last read. */
  protected noted: readonly NotedJob[] = [];
  /** Readings of the jobs that have begun, the one that `noted` is from, and those that may lack what was settled meanwhile. */
  readonly #readings = { begun: 0, taken: 0, outdated: 0 };

  constructor(options: JobRunnerOptions) {
    this.options = options;
    this.kinds = new Map(options.kinds.map(kind => [kind.kind, kind]));
    this.board = new JobBoard(options.store);
    this.record = options.record ?? (() => []);
    this.counts = options.metrics && countJobs(options.metrics, () => (this.isHolder() ? this.known() : []));
  }

  /** Looks what there is to do, soon. Never rejects. */
  abstract wake(): void;

  /** Jobs of this kind go on now, however long they should rest. */
  abstract hurry(kind: string): void;

  /** Whether this process works on jobs. */
  protected abstract isHolder(): boolean;

  /** Notes a job, and gives its id. Whoever calls has asked whether that person may. Throws `throttled` where too many wait. */
  async start(by: JobRequest, kindName: string, input: unknown): Promise<string> {
    const { clock } = this.options;
    const kind = this.kinds.get(kindName);
    if (!kind || kind.standing) throw new Error(`There is no kind of job ${kindName} that can be started.`);
    refuseTooMany(this.noted.length);
    const owner = ownerOf(by);
    const note = { ...newNote(kindName, clock.now()), by: owner, input };
    await this.board.add(note, at => this.record('begin', note, owner, at));
    this.counts?.asked.inc({ kind: kindName });
    this.wake();
    return note.id;
  }

  /** All jobs: those that have not ended, then those that are remembered. */
  async list(): Promise<readonly JobNote[]> {
    const [active, past] = await Promise.all([this.board.active(), this.board.ended()]);
    return [...active, ...past].map(noted => this.#newest(noted));
  }

  async find(id: string): Promise<JobNote | undefined> {
    const noted = (await this.board.findActive(id)) ?? (await this.board.findEnded(id));
    return noted && this.#newest(noted);
  }

  /** Ends a job for good; what its steps have done stays. False: it had ended, and is forgotten now, or there is none. */
  async cancel(id: string, by: JobRequest): Promise<boolean> {
    const { clock } = this.options;
    let [input, state]: unknown[] = [];
    const cancelled = await this.board.change(
      () => this.board.findActive(id),
      async note => {
        const kind = this.kinds.get(note.kind);
        if (kind?.standing) throw new FhirError('conflict', 'This job is the server’s own and cannot be cancelled.');
        ({ input, state } = note);
        const next = ended(kind ?? {}, note, clock.now(), { status: 'cancelled' });
        return [next, at => this.record('cancel', next, ownerOf(by), at)];
      },
    );
    if (cancelled) {
      this.counts?.ended.inc({ kind: cancelled.kind, state: cancelled.status });
      this.working.get(id)?.running.abort();
      await this.kinds.get(cancelled.kind)?.cancelled?.({ id, input, state });
      return true;
    }
    const past = await this.board.findEnded(id);
    if (past) await this.board.forget([past]);
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
    const amended = await this.board.change(
      () => this.#findStanding(kindName),
      async note => {
        const state = await change(note.state as State);
        return state === undefined ? undefined : [{ ...note, state, idle: undefined, notBefore: undefined }];
      },
    );
    if (amended) {
      this.working.get(amended.id)?.running.reread();
      await this.refresh();
    }
    this.hurry(kindName);
  }

  /** Jobs that have not ended, as last read here; those that are worked on here, as they are. */
  known(): readonly JobNote[] {
    return this.noted.map(noted => this.#newest(noted));
  }

  /** Reads how far jobs are. What is known never goes back: an earlier reading that comes in late counts for nothing. */
  async refresh(): Promise<void> {
    const number = ++this.#readings.begun;
    const noted = await this.board.active();
    if (number <= this.#readings.outdated) return this.refresh();
    if (number < this.#readings.taken) return;
    this.#readings.taken = number;
    this.noted = noted;
  }

  /** Work on a job ends here, at least for now: what it has come to is known from the same moment on. */
  protected settle(last: NotedJob): void {
    this.#readings.outdated = this.#readings.begun;
    this.noted = this.noted.flatMap(each => {
      if (each.note.id !== last.note.id || each.sequence > last.sequence) return [each];
      return last.note.ended === undefined ? [last] : [];
    });
  }

  #newest({ note }: NotedJob): JobNote {
    const running = this.working.get(note.id)?.running;
    return (note.ended === undefined ? running?.note : undefined) ?? note;
  }

  /** The job of a standing kind: who amends it first notes it, and of several processes one. */
  async #findStanding(kind: string): Promise<NotedJob> {
    const noting = new TaskLease(this.options.store, 'job-standing', NOTING_MS);
    for (let times = 0; times < STANDING.times; times++) {
      const found = await this.board.findKind(kind);
      if (found) {
        await noting.release();
        return found;
      }
      if (!(await noting.acquire())) await realPause(STANDING.pause);
      else if (!(await this.board.findKind(kind))) await this.board.add(this.#standingNote(kind));
    }
    throw new FhirError('unavailable', 'Another process is about to begin this.');
  }

  #standingNote(kind: string): JobNote {
    const { standing } = this.kinds.get(kind)!;
    return { ...newNote(kind, this.options.clock.now()), status: 'running', ...standing, idle: true };
  }
}

const newNote = (kind: string, asked: number): JobNote => ({
  ...{ id: newId(asked), kind, status: 'waiting', input: null },
  ...{ done: 0, asked, failures: 0 },
});
