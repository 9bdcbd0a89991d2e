/** What was done → deeds of the audit trail (ADR 25), in a commit with what they are of, or by themselves. */
import type { AuditDetail } from '../audit/event.js';
import type { AuditPattern } from '../audit/patterns.js';
import type { FhirError } from '../fhir/error.js';
import type { Deed } from '../store/deeds.js';
import type { Caller, Context, Engine } from './engine.js';
import type { Interaction, Parameters, RecordedPart, Result, Target } from './interaction.js';
import { INTERACTIONS, restfulCode } from './kinds.js';
import { firstAsked } from './response/paging.js';
import { askedTold, questionTold, refusalTold, type WhoWasRefused } from './refusal-told.js';
import { subtypeOf } from './subtypes.js';

/** Records what was done beside interactions; it may be told when this resolves. `details`: of what it was done with. */
export function recordDone(
  caller: Caller,
  target: Target,
  {
    result = { patients: [], status: 200 },
    pattern,
    details,
  }: Partial<Pick<RecordedPart, 'result' | 'pattern'>> & Pick<SaidBeside, 'details'> = {},
): Promise<void> {
  return commitDeeds(caller.engine, stamp =>
    deedsDone({ ...caller, stamp }, target, result, undefined, pattern, { details }),
  );
}

/** `why`: that of a refusal. `pattern`: another than that of the interaction. */
export function recordAlone(
  caller: WhoWasRefused,
  target: Target,
  result: Result,
  why?: FhirError,
  pattern?: AuditPattern,
): Promise<void> {
  return commitDeeds(caller.engine, stamp => deedsDone({ ...caller, stamp }, target, result, why, pattern));
}

/** Keeps events by themselves; they are durable when this resolves. */
export async function commitDeeds({ store }: Engine, make: (stamp: Context['stamp']) => Deed[]): Promise<void> {
  for (;;) {
    const stamp = store.openStamp();
    try {
      const deeds = make(stamp);
      if (deeds.length > 0) await store.commit({ stamp, changes: [], deeds });
      return;
    } catch (error) {
      if (!stamp.outdated) throw error;
    } finally {
      stamp.close();
    }
  }
}

/** Whose deeds they are, and what stamps them. */
type Recorded = WhoWasRefused & Pick<Context, 'stamp' | 'partOf'>;

interface SaidBeside {
  readonly details?: readonly AuditDetail[] | undefined;
  /** Of what was stored. */
  readonly hash?: string | undefined;
}

const parametersOf = (target: Target | Interaction): Parameters => ('parameters' in target ? target.parameters : []);

/** As the first page was asked for, also where a later one is refused. */
function asFirstAsked(engine: Engine, target: Target, { asked }: Result, error: FhirError | undefined): Target {
  const parameters = asked ?? (error && firstAsked(engine, parametersOf(target)));
  return parameters ? { ...target, ...{ parameters } } : target;
}

/** What the trail keeps of it: one deed, or none where nothing is to be recorded. */
export function deedsDone(
  recorded: Recorded,
  target: Target,
  result: Result,
  error?: FhirError,
  pattern = INTERACTIONS[target.kind].audit,
  { details, hash }: SaidBeside = {},
): Deed[] {
  const { engine, principal, agent, address, requestId, correlationId, stamp } = recorded;
  const { type, id } = target;
  if (pattern === undefined) return [];
  const data = result.subject ?? (type && id ? { type, id } : undefined);
  const refusal = error && refusalTold(recorded, target, error, pattern);
  const deed = engine.record({
    interaction: restfulCode(target),
    subtype: recorded.partOf ?? subtypeOf(engine.subtypes, agent, asFirstAsked(engine, target, result, error)),
    pattern: refusal?.pattern ?? pattern,
    at: stamp.now(),
    outcome: refusal?.outcome ?? '0',
    ...(refusal ? { why: refusal.why } : result.unchanged ? { why: 'unchanged' } : {}),
    principal,
    agent,
    address,
    requestId,
    correlationId,
    base: engine.settings.base,
    request: questionTold(engine, recorded.request, target, error),
    ...askedTold(engine, target, data !== undefined, refusal),
    ...(data ? { data } : {}),
    ...(details ? { details } : {}),
    hash,
    patients: refusal?.patients ?? result.patients,
  });
  return [deed];
}
