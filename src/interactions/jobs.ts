/**
 * Jobs above the door: what the kinds of features are given, who acts in their steps, and what stands in the audit trail of jobs.
 *
 * A step changes nothing itself. It names the interaction that is to be performed for the person who asked, and the state that
 * follows: both are committed together, so that the interaction has its effect once, and is decided and recorded as theirs.
 */
import type { AuditDetail } from '../audit/event.js';
import { FhirError, KINDS } from '../fhir/error.js';
import { principalKept, SYSTEM } from '../identity/principal.js';
import type { Begun, Finished, JobKind, JobNote, JobWork, NoteChange, Stepped } from '../jobs/kind.js';
import type { RecordJob } from '../jobs/running.js';
import { deedOfHappening } from './deeds-beside.js';
import type { Caller, Engine } from './engine.js';
import type { Of } from './interaction.js';
import { INTERACTIONS } from './kinds.js';
import { perform } from './perform.js';

/** What a job of a feature knows when it is asked. */
export interface FeatureWork<Input> extends Omit<JobWork<Input>, 'by'> {
  /** The person who asked, and the feature that acts for them: to read by `perform`. Of a standing job: the server itself. */
  readonly caller: Caller;
  /** The server itself, and the feature: for what it takes back of its own, which whoever asked may not see or erase. */
  readonly server: Caller;
}

/** What a step may have performed. */
export type PerformedByJob = Of<'create' | 'update' | 'patch' | 'delete' | 'transaction' | 'operation'>;

export interface FeatureStepped<State> extends Omit<Stepped<State>, 'with' | 'commit' | 'refused' | 'tells'> {
  /** Performed for the person who asked, and committed with the state; what reads alone a step performs itself. */
  readonly performs?: PerformedByJob | undefined;
  /** It is performed on the account of the server instead, as part of the request of whoever asked: what must be told, whatever they may write. */
  readonly own?: true;
  /** What follows instead where that is refused. Without it, the job fails. */
  readonly refused?: ((error: FhirError) => FeatureStepped<State>) | undefined;
}

/** What comes of a job. */
export type FeatureFinished = Pick<Finished, 'result' | 'moved'>;

type Soon<T> = T | Promise<T>;

/** A kind of job of a feature: see jobs/kind.ts. */
export interface FeatureJob<Input = unknown, State = unknown>
  extends Omit<JobKind<Input, State>, 'begin' | 'step' | 'finish' | 'repeatable' | 'cancelled'> {
  begin?(work: FeatureWork<Input>): Soon<Pick<Begun<State>, 'state' | 'total'>>;
  step(work: FeatureWork<Input> & { readonly state: State }): Soon<FeatureStepped<State>>;
  finish?(work: FeatureWork<Input> & { readonly state: State }): Soon<FeatureFinished>;
  /** Somebody has cancelled a job: what need not go on now, or stay. It may never be told. */
  cancelled?(
    job: Pick<FeatureWork<Input>, 'id' | 'input' | 'server'> & { readonly state: State | undefined },
  ): Soon<void>;
}

export interface OwnedJob {
  readonly owner: string;
  readonly job: FeatureJob;
}

/** The kind that the runner knows. `engine`: it is there once a job is worked on. */
export function kindOfFeature({ owner, job }: OwnedJob, engine: () => Engine): JobKind {
  const serverOf = (id: string): Caller => callerOf(engine(), owner, job.kind, { id, by: undefined });
  const around = <W extends JobWork>(work: W): W & FeatureWork<unknown> => ({
    ...work,
    caller: callerOf(engine(), owner, job.kind, work),
    server: serverOf(work.id),
  });
  const stepped = (work: FeatureWork<unknown>, given: FeatureStepped<unknown>): Stepped => {
    const { performs, own, refused, ...rest } = given;
    if (!performs) return rest;
    const { requestId, address } = work.caller;
    const caller = own ? { ...work.server, requestId, address } : work.caller;
    return {
      ...rest,
      commit: note => performNoted(caller, performs, note),
      refused: refused && (error => stepped(work, refused(error))),
    };
  };
  return {
    ...job,
    begin: job.begin && (work => job.begin!(around(work))),
    finish: job.finish && (work => job.finish!(around(work))),
    cancelled: job.cancelled && (work => job.cancelled!({ ...work, server: serverOf(work.id) })),
    async step(work) {
      const own = around(work);
      return stepped(own, await job.step(own));
    },
  } as JobKind;
}

/** In the place of the method. */
const BY_JOB = 'JOB ';

/** Whether it was the server itself, behind the traffic. `person`, `request`: as the trail says them. */
export const isDoneByServer = (person: string, request: string): boolean =>
  person === SYSTEM.name && request.startsWith(BY_JOB);

function callerOf(engine: Engine, agent: string, kind: string, { id, by }: Pick<JobWork, 'id' | 'by'>): Caller {
  const request = `${BY_JOB}${kind}/${id}`;
  if (!by) return { engine, agent, request, principal: SYSTEM, requestId: id, address: '127.0.0.1' };
  const { requestId, address } = by;
  const principal = principalKept(by.principal, engine.readScopes);
  return { engine, agent, request, principal, requestId, address };
}

/** Performs an interaction, and commits with it the note of the step that it is. */
async function performNoted(caller: Caller, ask: PerformedByJob, note: NoteChange): Promise<void> {
  const [message] = note.messages;
  if (!message || INTERACTIONS[ask.kind].effect === 'reads')
    throw new FhirError('fault', 'A step of a job failed.', { cause: new Error('A step performs what only reads.') });
  await perform({ ...caller, note: () => message, settles: note.acknowledges }, ask);
}

/** The audit events of what becomes of jobs: how far they came is told with their end. */
export const recordJobs =
  (engine: () => Engine): RecordJob =>
  (moment, job, by, at, { moved = [], what } = {}) => {
    const { id, kind, status, error } = job;
    const { principal, requestId, address } = by ?? { principal: SYSTEM, requestId: id, address: '127.0.0.1' };
    const { record, settings } = engine();
    const { scopes: _scopes, ...who } = principal;
    const why = error?.kind ?? (status === 'cancelled' ? 'cancelled' : undefined);
    const deed = record({
      ...{ interaction: 'operation', pattern: 'restricted', operation: kind, at },
      outcome: error ? KINDS[error.kind].outcome : '0',
      ...(why === undefined ? {} : { why }),
      ...{ principal: who, address, requestId, base: settings.base, patients: [] },
      request: `${BY_JOB}${kind}/${id} ${moment}${what === undefined ? '' : ` ${what}`}`,
      ...(moment === 'begin' ? {} : { details: countsOf(job) }),
    });
    const told = { engine: engine(), principal: who, address, requestId };
    return [deed, ...moved.map(each => deedOfHappening(told, each, at))];
  };

const countsOf = ({ done, total }: Pick<JobNote, 'done' | 'total'>): AuditDetail[] => [
  { type: 'done', value: String(done) },
  ...(total === undefined ? [] : [{ type: 'total', value: String(total) }]),
];

/** Kinds of the server itself. */
const OWN_KINDS: ReadonlySet<string> = new Set(['backup', 'import', 'reindex', 'index']);

/** Adds the kinds of a feature to those that there are. Throws for a name that cannot be, or is taken. */
export function addJobs(jobs: OwnedJob[], owner: string, more: readonly FeatureJob[] = []): void {
  for (const job of more) {
    const { kind } = job;
    if (!/^[a-z][a-z-]*$/.test(kind) || OWN_KINDS.has(kind) || jobs.some(each => each.job.kind === kind))
      throw new Error(`There can be no job, or no other one, with the name ${kind} of ${owner}.`);
    jobs.push({ owner, job });
  }
}
