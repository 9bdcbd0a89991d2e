/**
 * What a job is: work that goes on behind the traffic, whoever asked for it. A kind says how it is done, in steps that are small
 * enough to be done again: `begin` looks what there is to do, each `step` does a part of it, `finish` says what came of it.
 *
 * Each of these gives what follows from it, as plain JSON; the runner commits that together with the changes that the step wants
 * made, so that the effect of every step is there once, whatever is killed. What a step does beside that commit may be done twice.
 *
 * A `standing` kind is one job that never ends: it has a state that others amend, and steps while there is something to do.
 */
import type { FhirError, Issue, Kind } from '../fhir/error.js';
import type { Json } from '../fhir/resource.js';
import type { DataMoved } from '../identity/happening.js';
import type { KeptPrincipal, Principal } from '../identity/principal.js';
import type { Commit } from '../store/store.js';

/** Who asks, and by which request. */
export interface JobRequest {
  readonly principal: Principal;
  readonly requestId: string;
  /** Network address of the client. */
  readonly address: string;
  /** Method and URL as asked. */
  readonly request: string;
}

/** Who asked for a job, as it is noted. */
export interface JobOwner extends Omit<JobRequest, 'principal'> {
  readonly principal: KeptPrincipal;
}

/** What a kind knows of a job when it is asked. */
export interface JobWork<Input = unknown> {
  readonly id: string;
  readonly input: Input;
  /** Undefined: the server itself. */
  readonly by: JobOwner | undefined;
  /** Aborted when the job is cancelled, the server ends, or another process may do the job: come to an end soon. */
  readonly signal: AbortSignal;
}

/** What is committed with the state that follows from a step: all of it or nothing. */
export interface StepCommit
  extends Pick<Commit, 'changes' | 'stamp' | 'mustExist' | 'mustNotMatch' | 'messages' | 'acknowledges'> {}

/** The messages by which a step has been done: whoever commits it does so with these. */
export type NoteChange = Required<Pick<Commit, 'acknowledges' | 'messages'>>;

interface Given {
  /** What is committed with it. */
  readonly with?: Partial<StepCommit> | undefined;
}

interface CommittedElsewhere extends Given {
  /** Commits it elsewhere; when that resolves, `note` must have been committed with what was written. */
  readonly commit?: ((note: NoteChange) => Promise<void>) | undefined;
}

/** What follows from `begin`. */
export interface Begun<State = unknown> extends Given {
  readonly state: State;
  readonly total?: number | undefined;
}

/** What follows from a step. */
export interface Stepped<State = unknown> extends CommittedElsewhere {
  readonly state: State;
  readonly done?: number | undefined;
  readonly total?: number | undefined;
  /** There is no other step. */
  readonly last?: boolean | undefined;
  /** ms until the next step. Infinity, of a standing kind: until its state is amended. */
  readonly wait?: number | undefined;
  /** What follows instead where its commit is refused, for good, as the store or somebody else says. */
  readonly refused?: ((error: FhirError) => Stepped<State>) | undefined;
  /** Of a standing job, which begins and ends nowhere: the audit trail is told that this step takes something up, or has done it. */
  readonly tells?: ToldStep | undefined;
}

/** `what`: in a few letters. */
export interface ToldStep {
  readonly moment: 'begin' | 'end';
  readonly what: string;
  readonly done: number;
  readonly total?: number | undefined;
}

/** What comes of a job. */
export interface Finished extends Given {
  /** A resource that whoever asked gets. */
  readonly result?: Json | undefined;
  /** Files that left the house by it, or came in: told to the audit trail with its end. */
  readonly moved?: readonly DataMoved[] | undefined;
}

type Soon<T> = T | Promise<T>;

export interface JobKind<Input = unknown, State = unknown> {
  /** As lists, log and metrics name it: small letters and hyphens. */
  readonly kind: string;
  /** Jobs of the kind that are worked on at a time; default 1. */
  readonly atOnce?: number;
  /** ms that what came of it is kept; default a day. */
  readonly kept?: number;
  /** ms that a step may take; default a minute. */
  readonly patience?: number;
  /** Failures in a row after which a job is given up; default 5. */
  readonly attempts?: number;
  /** ms of rest after the first failure, doubled with each that follows, up to `most`; default a second and a minute. */
  readonly backOff?: { readonly first: number; readonly most: number };
  /** All that a step does may be done again: its state is noted once a second, and not after each step. */
  readonly repeatable?: true;
  /**
   * It never ends, and is there once somebody has amended its state; what that begins with. `atStart`: it is there by itself, and steps whenever a server starts.
   */
  readonly standing?: { readonly state: State; readonly atStart?: true };
  /** Default: the input is the state. */
  begin?(work: JobWork<Input>): Soon<Begun<State>>;
  step(work: JobWork<Input> & { readonly state: State }): Soon<Stepped<State>>;
  /** Default: nothing comes of it, and the last step ends it. */
  finish?(work: JobWork<Input> & { readonly state: State }): Soon<Finished>;
  /** Somebody has cancelled a job: what need not go on now. It may never be told. `state`: as it was noted last; undefined: it had not begun. */
  cancelled?(job: Pick<JobWork<Input>, 'id' | 'input'> & { readonly state: State | undefined }): Soon<void>;
}

export type JobStatus = 'waiting' | 'running' | 'completed' | 'failed' | 'cancelled';

/** Why a job failed: what anybody may read who may see it. */
export interface JobError {
  readonly kind: Kind;
  readonly issues: readonly Issue[];
}

/** A job as it is noted: all that is known of it. Times are ms since 1970. */
export interface JobNote {
  readonly id: string;
  readonly kind: string;
  readonly status: JobStatus;
  readonly by?: JobOwner | undefined;
  readonly input: unknown;
  readonly state?: unknown;
  readonly done: number;
  readonly total?: number | undefined;
  readonly asked: number;
  readonly begun?: number | undefined;
  readonly ended?: number | undefined;
  /** The next step is not to be done before. */
  readonly notBefore?: number | undefined;
  /** There is nothing to do until the state is amended. */
  readonly idle?: boolean | undefined;
  /** All steps are done. */
  readonly last?: boolean | undefined;
  /** In a row. */
  readonly failures: number;
  readonly result?: Json | undefined;
  readonly error?: JobError | undefined;
  /** Of a job that has ended: when nothing is known of it any more. */
  readonly expires?: number | undefined;
}

const DEFAULT_BACK_OFF = { first: 1000, most: 60_000 };

/** ms of rest after so many failures in a row. */
export function restAfter({ backOff = DEFAULT_BACK_OFF }: Pick<JobKind, 'backOff'>, failures: number): number {
  return Math.min(backOff.most, backOff.first * 2 ** Math.min(failures - 1, 30));
}

/** ms until a job is due: 0, it is now; Infinity: not before its state is amended. */
export function dueIn(kind: Pick<JobKind, 'backOff'>, { idle, notBefore = 0, failures }: JobNote, now: number): number {
  if (idle) return Infinity;
  const rest = Math.max(0, notBefore - now);
  // Where the clock was set back, nobody rests for as long as that.
  return failures > 0 && rest > restAfter(kind, failures) ? 0 : rest;
}
