/**
 * The notes of all jobs, in the outbox of the store: those that are worked on or wait, and apart from them those that have ended.
 * A job is changed by a commit that takes its note off the outbox and adds another one. Whoever acknowledges a note that is gone
 * already is refused (`conflict`), so that of two who know the same note one changes the job.
 */
import { asFhirError, FhirError } from '../fhir/error.js';
import { realPause } from '../platform/real-time.js';
import type { Deed } from '../store/deeds.js';
import type { Commit, PendingMessage, Store } from '../store/store.js';
import type { JobNote, NoteChange, StepCommit } from './kind.js';

const ACTIVE = 'job';
const ENDED = 'job-ended';
/** Jobs that may wait or be worked on. */
export const MAX_ACTIVE = 1000;
/** Jobs that have ended and are remembered. */
export const MAX_ENDED = 1000;
/** Processes that do not know of each other may add some more. */
const SLACK = 4;
/** Attempts to change a job whose steps are being noted meanwhile. */
const ATTEMPTS = 200;

/** A note, and the message that it stands in. */
export interface NotedJob {
  readonly sequence: number;
  readonly note: JobNote;
}

export type JobStore = Pick<Store, 'pendingMessages' | 'commit' | 'openStamp'>;

/** What the audit trail keeps of it, at a time in ms. */
export type MakeDeeds = (at: number) => readonly Deed[];

const parsed = ({ sequence, body }: PendingMessage): NotedJob => ({ sequence, note: JSON.parse(body) as JobNote });
const inOrder = (jobs: readonly NotedJob[]): NotedJob[] => jobs.toSorted((a, b) => (a.note.id < b.note.id ? -1 : 1));
const messageOf = (note: JobNote) => ({
  topic: note.ended === undefined ? ACTIVE : ENDED,
  body: JSON.stringify(note),
});

/** What exchanges a note for the one that follows. */
export const exchange = ({ sequence }: NotedJob, next: JobNote): NoteChange => ({
  acknowledges: [sequence],
  messages: [messageOf(next)],
});

export class JobBoard {
  readonly #store: JobStore;

  constructor(store: JobStore) {
    this.#store = store;
  }

  /** Jobs that have not ended, the oldest first. */
  async active(): Promise<NotedJob[]> {
    return inOrder((await this.#messages(ACTIVE)).map(parsed));
  }

  /** Jobs that have, the oldest first. */
  async ended(): Promise<NotedJob[]> {
    return inOrder((await this.#messages(ENDED)).map(parsed));
  }

  async findActive(id: string): Promise<NotedJob | undefined> {
    return this.#find(ACTIVE, id);
  }

  async findEnded(id: string): Promise<NotedJob | undefined> {
    return this.#find(ENDED, id);
  }

  /** The one job of a standing kind. Were there two, the older one counts. */
  async findKind(kind: string): Promise<NotedJob | undefined> {
    const mark = JSON.stringify(kind);
    const messages = (await this.#messages(ACTIVE)).filter(({ body }) => body.includes(mark));
    return inOrder(messages.map(parsed)).find(({ note }) => note.kind === kind);
  }

  add(note: JobNote, record?: MakeDeeds): Promise<void> {
    return this.#commit(record, { messages: [messageOf(note)] });
  }

  /** Exchanges the note, with what else belongs to it. Rejects with `conflict` where somebody else has. */
  replace(noted: NotedJob, next: JobNote, record?: MakeDeeds, more: Partial<StepCommit> = {}): Promise<void> {
    const { acknowledges, messages } = exchange(noted, next);
    return this.#commit(record, {
      ...more,
      acknowledges: [...acknowledges, ...(more.acknowledges ?? [])],
      messages: [...messages, ...(more.messages ?? [])],
    });
  }

  /** Changes what `find` gives, whoever else changes it meanwhile. `change` gives undefined where there is nothing to do. */
  async change(
    find: () => Promise<NotedJob | undefined>,
    change: (note: JobNote) => Promise<readonly [JobNote, MakeDeeds?] | undefined>,
  ): Promise<JobNote | undefined> {
    for (let attempt = 1; ; attempt++) {
      const noted = await find();
      const next = noted && (await change(noted.note));
      if (!next) return undefined;
      try {
        await this.replace(noted, ...next);
        return next[0];
      } catch (error) {
        if (asFhirError(error).kind !== 'conflict' || attempt === ATTEMPTS) throw error;
        if (attempt > 3) await realPause(Math.random() * Math.min(attempt, 20));
      }
    }
  }

  /** Forgets jobs that have ended. */
  async forget(jobs: readonly NotedJob[]): Promise<void> {
    await this.#store.commit({ changes: [], acknowledges: jobs.map(({ sequence }) => sequence) });
  }

  /** What is recorded has a stamp of its own, unless the commit has one: nobody's horizon passes them. */
  async #commit(record: MakeDeeds | undefined, commit: Partial<Commit>): Promise<void> {
    const own = record && !commit.stamp ? this.#store.openStamp() : undefined;
    const stamp = commit.stamp ?? own;
    try {
      const deeds = record && stamp ? record(stamp.now()) : [];
      await this.#store.commit({
        ...commit,
        changes: commit.changes ?? [],
        deeds,
        ...(stamp ? { stamp } : {}),
      });
    } finally {
      own?.close();
    }
  }

  /** Without parsing the notes of all others. */
  async #find(topic: string, id: string): Promise<NotedJob | undefined> {
    const mark = `"id":${JSON.stringify(id)}`;
    for (const message of await this.#messages(topic)) {
      if (!message.body.includes(mark)) continue;
      const noted = parsed(message);
      if (noted.note.id === id) return noted;
    }
    return undefined;
  }

  #messages(topic: string): Promise<PendingMessage[]> {
    return this.#store.pendingMessages(topic, SLACK * Math.max(MAX_ACTIVE, MAX_ENDED));
  }
}

/** Refuses one more job where there are enough. */
export function refuseTooMany(active: number): void {
  if (active >= MAX_ACTIVE)
    throw new FhirError('throttled', `${MAX_ACTIVE} jobs wait already: cancel some, or come back later.`, {
      retryAfter: 60,
    });
}
