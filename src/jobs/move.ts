/**
 * One move of a job: asks its kind what follows, so that whatever the kind does instead of giving a sensible answer in time is a
 * failure of this job and no more. Changes nothing itself.
 */
import { FhirError } from '../fhir/error.js';
import { isObject, type Json } from '../fhir/resource.js';
import { realTimeout } from '../platform/real-time.js';
import type { Begun, Finished, JobKind, JobNote, Stepped } from './kind.js';

const PATIENCE = 60_000;
const KEPT = 24 * 60 * 60_000;
/** Characters that a note may have: larger things belong into resources or blobs. */
const MAX_NOTE = 4_000_000;

/** What follows from a move: the note, and how it is committed. */
export interface Move {
  readonly next: JobNote;
  readonly given: Begun | Stepped | Finished;
}

/** What the kind makes of the job as it stands. Throws FhirError. `now`: of the server's clock. */
export async function moveOf(kind: JobKind, note: JobNote, signal: AbortSignal, now: () => number): Promise<Move> {
  const work = { id: note.id, input: note.input, by: note.by };
  if (note.status === 'waiting') {
    const given = await asked(kind, signal, own => kind.begin?.({ ...work, signal: own }) ?? { state: note.input });
    return { given, next: begun(note, checked(given), now()) };
  }
  if (!note.last) {
    const given = await asked(kind, signal, own => kind.step({ ...work, state: note.state, signal: own }));
    return { given, next: stepped(kind, note, checked(given), now()) };
  }
  const given = await asked(kind, signal, own => kind.finish?.({ ...work, state: note.state, signal: own }) ?? {});
  if (!isObject(given)) throw badAnswer('no result');
  return { given, next: small(ended(kind, note, now(), { status: 'completed', result: given.result })) };
}

/** What follows where the commit of a step was refused; undefined: the kind says nothing of that. */
export function moveInstead(
  kind: JobKind,
  note: JobNote,
  given: Move['given'],
  error: FhirError,
  now: number,
): Move | undefined {
  if (!('refused' in given) || !given.refused) return undefined;
  const instead = given.refused(error);
  return { given: instead, next: stepped(kind, note, checked(instead), now) };
}

const begun = (note: JobNote, { state, total }: Begun, now: number): JobNote =>
  small({ ...note, status: 'running', state, total, begun: now, failures: 0, notBefore: undefined });

function stepped(kind: JobKind, note: JobNote, given: Stepped, now: number): JobNote {
  const { state, done = note.done, total = note.total, last, wait } = given;
  const next: JobNote = { ...note, state, done, total, failures: 0, notBefore: undefined, idle: undefined };
  if (last && !kind.standing) return small({ ...next, last: true });
  if (wait === undefined) return small(next);
  return small(wait === Infinity ? { ...next, idle: true } : { ...next, notBefore: now + wait });
}

/** The job as it is remembered once it has ended. */
export const ended = (
  { kept = KEPT }: Pick<JobKind, 'kept'>,
  { id, kind, by, done, total, asked: askedAt, begun: begunAt, failures }: JobNote,
  now: number,
  how: Pick<JobNote, 'status' | 'result' | 'error'>,
): JobNote => ({
  ...{ id, kind, by, done, total, asked: askedAt, begun: begunAt, failures },
  input: null,
  ...how,
  ended: now,
  expires: now + kept,
});

const LATE = new Error('late');

async function asked<T>(
  { patience = PATIENCE }: JobKind,
  signal: AbortSignal,
  ask: (signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  const ending = new AbortController();
  const end = (): void => ending.abort();
  if (signal.aborted) end();
  signal.addEventListener('abort', end);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, fail) => (timer = realTimeout(patience, () => fail(LATE)).unref()));
  try {
    return await Promise.race([ask(ending.signal), late]);
  } catch (error) {
    if (error instanceof FhirError) throw error;
    throw new FhirError('fault', error === LATE ? 'A step took too long.' : 'A step failed.', { cause: error });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    // One that is late is to end, too.
    end();
  }
}

/** Whether it says what a move must. */
function checked<T extends Begun | Stepped>(given: T): T {
  if (!isObject(given) || given['state'] === undefined) throw badAnswer('no state');
  for (const count of ['done', 'total', 'wait'])
    if (given[count] !== undefined && !(Number(given[count]) >= 0)) throw badAnswer(`${count} that is no count`);
  return given;
}

function small(note: JobNote): JobNote {
  let length: number;
  try {
    // What JSON cannot say would be another state after a restart.
    const text = JSON.stringify(note.state ?? null);
    if (text === undefined) throw badAnswer('a state that is no JSON');
    length = text.length + JSON.stringify((note.result ?? null) satisfies Json).length;
  } catch (error) {
    throw badAnswer('a state that is no JSON', error);
  }
  if (length > MAX_NOTE) throw badAnswer('a state that is too large');
  return note;
}

const badAnswer = (what: string, cause?: unknown): FhirError =>
  new FhirError('fault', `A step gave ${what}.`, { cause: cause ?? new Error(what) });
