/**
 * The one door to the data: decide → run → audit. A write commits its audit event with the change; a read keeps its
 * answer back until the event is durable; a refusal is recorded like everything else; where the event cannot be kept,
 * nothing is given out (AUD-1, AUD-2).
 */
import type { Allowed } from '../access/decide.js';
import { isUnrestricted } from '../access/permission.js';
import { scopeNeeded } from '../access/scopes.js';
import { createView } from '../access/view.js';
import { asFhirError, FhirError } from '../fhir/error.js';
import type { Principal } from '../identity/principal.js';
import { FRESH_MS } from '../live/live-tables.js';
import { realPause } from '../platform/real-time.js';
import { isAcknowledgedMeanwhile } from '../store/outbox.js';
import { DamagedBlob } from '../store/blobs.js';
import type { Deed } from '../store/deeds.js';
import { batch } from './batch.js';
import { capabilities } from './capabilities.js';
import { create } from './create.js';
import { type LocatedTarget, uniquenessKeyOf } from './write/conditional.js';
import { deedOfDisclosure, deedOfHappening } from './deeds-beside.js';
import { deleteResources } from './delete.js';
import { history } from './history.js';
import type { Caller, Context, Engine } from './engine.js';
import type { Interaction, Of, Outcome, RecordedPart, Result, Target } from './interaction.js';
import { withCompanions } from './write/companions.js';
import { checkProvisions } from './write/consents-together.js';
import { checkBytesInUse } from './write/bytes-in-use.js';
import { checkIntegrity } from './write/integrity.js';
import { checkLabelsKept, checkPermitted } from './write/permitted.js';
import { settledPermission } from './reach.js';
import { afterCommit, messagesOf, patchMeant } from './write/run-hooks.js';
import { withSentProvenance } from './write/sent-provenance.js';
import { askOf, INTERACTIONS, isByCriteria, isWriting } from './kinds.js';
import { refuseUnseenBytes, withPatientsOfBytes } from './write/pointing.js';
import { storeAttachments } from './write/prepare.js';
import { hashStored, type StoredHash } from './write/stored-hash.js';
import { operate } from './operations/index.js';
import { patch } from './patch.js';
import { read, vread } from './read.js';
import { search } from './search/search.js';
import type { EntryRunner } from './transaction/steps.js';
import { transaction } from './transaction/transaction.js';
import { deedsDone, recordAlone } from './recording.js';
import type { WhoWasRefused } from './refusal-told.js';
import { update } from './update.js';

/** Attempts of a write that others keep overtaking; each one reads the newest version. */
const ATTEMPTS = 100;

/**
 * Runs an interaction. Throws FhirError; whatever happened is in the audit trail when it returns or throws. `admitted`: what
 * was decided about its target already.
 */
export async function perform(caller: Caller, interaction: Interaction, admitted?: Admitted): Promise<Result> {
  const { evenTime } = caller.engine;
  const begun = evenTime?.begun();
  // A target that was known before its criteria were read was not decided as a search.
  const isDecided = admitted && (admitted.searches || !isByCriteria(interaction));
  const { permission, restrictions } = isDecided ? admitted : await admit(caller, interaction);
  const { allowance, engine, agent, requestId, correlationId, address, request } = caller;
  const { provenance, note, settled, settles } = caller;
  const principal = asJudged(caller, interaction);
  const view = createView(engine, restrictions, permission.masks);
  const stamp = engine.store.openStamp();
  const context: Context = {
    allowance,
    engine,
    principal,
    agent,
    requestId,
    correlationId,
    address,
    request,
    provenance,
    note,
    settled,
    settles,
    permission,
    view,
    stamp,
  };
  let isNothing = false;
  try {
    const work = () => runAndRecord(context, interaction);
    const turn = turnOf(context.engine, interaction);
    const inTurn = () => (turn === undefined ? work() : context.engine.mutex(turn, work));
    const result = await (engine.remoteTime ? engine.remoteTime.within(inTurn) : inTurn());
    isNothing = interaction.kind === 'delete' && result.subject === undefined;
    return result;
  } catch (error) {
    const known = asFhirError(error);
    isNothing = known.kind === 'not-found';
    return await recordRefusal(context, interaction, known);
  } finally {
    // What is hidden and what is not there are told alike, and no sooner.
    if (isNothing && begun !== undefined && !isUnrestricted(restrictions))
      await evenTime?.due(begun, typeNamed(interaction));
  }
}

/** Of which there are no more than types of resources. */
const typeNamed = (interaction: Interaction): string | undefined =>
  'type' in interaction && typeof interaction.type === 'string' ? interaction.type : undefined;

/** What was decided about a target. */
export interface Admitted extends Allowed {
  /** It was decided as a search, too. */
  readonly searches: boolean;
}

/** Writers of one resource, and of what the same criteria mean, take turns: the store need not tell them apart. */
function turnOf({ operations }: Engine, ask: Interaction): string | undefined {
  switch (ask.kind) {
    case 'create':
      return ask.ifNoneExist && uniquenessKeyOf(ask.type, ask.ifNoneExist);
    case 'update':
    case 'patch':
    case 'delete':
      return ask.id === undefined ? uniquenessKeyOf(ask.type, ask.criteria ?? []) : `${ask.type}/${ask.id}`;
    case 'operation':
      return ask.id !== undefined && operations.get(ask.operation)?.effect === 'changes'
        ? `${ask.type}/${ask.id}`
        : undefined;
    case 'capabilities':
    case 'read':
    case 'vread':
    case 'history':
    case 'search':
    case 'batch':
    case 'transaction':
      return undefined;
  }
}

/**
 * Whether this may be done at all, and what it sees. HTTP asks before it reads a body, so that nobody who may not write sends
 * megabytes, or learns what is wrong with them.
 */
export async function admit(caller: Caller, target: Target): Promise<Admitted> {
  const { operation: code } = target;
  const asked = askOf(target, code === undefined ? undefined : caller.engine.operations.get(code));
  const decision = caller.engine.decide(await asKnown(caller, target), asked);
  if (!decision.allow) {
    caller.engine.metrics.denied.inc({ role: caller.principal.role });
    return recordRefusal(
      caller,
      target,
      new FhirError(decision.kind, decision.why, {
        scope: scopeNeeded(caller.principal, asked),
        denial: { rule: decision.rule },
      }),
    );
  }
  const { permission: meant, restrictions } = decision;
  const searches = asked.searches === true;
  if (!meant.joins) return { allow: true, permission: meant, restrictions, searches };
  const permission = await settledPermission(caller, meant);
  const { r, s } = permission.reach;
  return { allow: true, permission, restrictions: restrictions === meant.reach.s ? s : r, searches };
}

/**
 * Whoever asks, as Consents know them. What patients have said elsewhere binds here REVOKED_MS later. /metadata tells nothing of
 * patients, and is there while the store is away.
 */
async function asKnown(caller: Caller, target: Target): Promise<Principal> {
  const { engine } = caller;
  const { live, consents, affiliations } = engine;
  const principal = asJudged(caller, target);
  if (target.kind === 'capabilities') return principal;
  await live.current(FRESH_MS);
  return consents.namesStaff ? affiliations.of(principal, engine) : principal;
}

/** Whoever asks: through a broken glass things are seen, and nothing is written, looked up for a write, or let alone by one. */
function asJudged({ engine, principal }: Caller, { kind, operation: code }: Target): Principal {
  if (principal.glass === undefined) return principal;
  const effect = code === undefined ? INTERACTIONS[kind].effect : engine.operations.get(code)?.effect;
  if (effect === 'reads') return principal;
  const { glass: _glass, ...rest } = principal;
  return rest;
}

/** Records a failed interaction, or one that failed before it could be run, and throws its error. */
export async function recordRefusal(caller: WhoWasRefused, target: Target, error: FhirError): Promise<never> {
  if (error.kind !== 'unavailable') await recordAlone(caller, target, { patients: [], status: error.status }, error);
  await recordDamage(caller, target, { patients: [], status: error.status }, error);
  throw error;
}

/**
 * Tells the log and the audit trail (as a security alert) that stored bytes are not what they were, where that is the error.
 * `result`: what was to be answered.
 */
export async function recordDamage(caller: Caller, target: Target, result: Result, error: FhirError): Promise<void> {
  if (!(error instanceof DamagedBlob)) return;
  const { log } = caller.engine;
  const { requestId } = caller;
  log.error({ requestId, blob: error.hash }, 'Stored bytes are damaged or missing. Run chartroom verify.');
  await recordAlone(caller, target, result, error, 'alert');
}

async function runAndRecord(first: Context, ask: Interaction): Promise<Result> {
  let context = first;
  for (let attempt = 1; ; attempt++) {
    const done = await attemptAt(context, ask, attempt === ATTEMPTS);
    if (done) return done.complete ? done.complete() : done.result;
    await realPause(Math.random() * Math.min(attempt, 20));
    context = { ...first, stamp: first.engine.store.openStamp() };
  }
}

/** What is done, and durable. Undefined, unless `last`: somebody else wrote in between, and If-Match has to be judged by what is there now. */
async function attemptAt(context: Context, ask: Interaction, last: boolean): Promise<Outcome | undefined> {
  const { stamp } = context;
  const { store, live, feed } = context.engine;
  try {
    // What is in force must be known before something is written by it.
    const writing = isWriting(ask.kind);
    if (writing) await live.current();
    const indexed = { generation: context.engine.parameters.generation, since: performance.now() };
    const ran = await withSentProvenance(context, ask, await runWhole(context, ask), { admit, run: runWhole });
    const judged = ran.changes ? await judge(context, ran, ask) : ran;
    const { result, changes = [], mustNotMatch = [], mustExist = [], messages: asked = [] } = judged;
    const { noted, acknowledges } = notesOf(context, writing);
    const { bases } = context.engine.settings;
    await refuseUnseenBytes(context, changes);
    const { changes: attached, alsoAbout } = withPatientsOfBytes(await storeAttachments(store, changes), bases);
    const hashOf = attached.length > 0 ? await hashStored(attached) : undefined;
    const deeds = await deedsOfWhole(context, ask, judged, hashOf);
    // The stamp is taken: no listener counts before this is settled, unless it is known here.
    const known = changes.length > 0 ? feed.current() : undefined;
    if (known) await known;
    const told = feed.messages(changes);
    const messages = [...messagesOf(context.engine.hooks, changes), ...asked, ...noted, ...told];
    try {
      if (changes.length > 0 || mustExist.length > 0) {
        await store.commit({
          stamp,
          changes: attached,
          deeds,
          mustNotMatch,
          mustExist,
          alsoAbout,
          messages,
          acknowledges,
        });
        stamp.close();
        if (told.length > 0) feed.wake();
        await afterCommit(context, attached, indexed);
      } else if (noted.length > 0) await store.commit({ stamp, changes: [], deeds, messages: noted, acknowledges });
      else if (deeds.length > 0) await store.commit({ stamp, changes: [], deeds });
    } catch (error) {
      if (last || !isOvertaken(error)) throw error;
      return undefined;
    }
    if (judged.recordedParts) for (const part of judged.recordedParts) countUnchanged(context, part);
    else countUnchanged(context, { target: ask, result });
    return judged;
  } finally {
    stamp.close();
  }
}

/** Whether this may be written: by the permission, then by the rules about references. */
async function judge(context: Context, ran: Outcome, ask: Target): Promise<Outcome> {
  checkPermitted(context, ran, ask);
  await checkLabelsKept(context, ran);
  checkProvisions(context, ran);
  return checkBytesInUse(context, await checkIntegrity(context, ran));
}

function countUnchanged({ engine }: Context, { target: { type }, result }: RecordedPart): void {
  if (result.unchanged && type !== undefined) engine.metrics.unchanged.inc({ type });
}

/** What whoever asks wants committed with what is written. */
const notesOf = ({ note, settles }: Caller, writing: boolean) => ({
  noted: writing && note ? [note()] : [],
  acknowledges: writing && settles ? settles : [],
});

/** Whether the work may be done when it is done again: nobody gives back a message that was acknowledged. */
const isOvertaken = (error: unknown): boolean =>
  asFhirError(error).kind === 'conflict' && !isAcknowledgedMeanwhile(error);

function deedsOfWhole(
  context: Context,
  ask: Interaction,
  { result, recordedParts }: Outcome,
  hashOf: StoredHash | undefined,
): Deed[] | Promise<Deed[]> {
  if (recordedParts) return deedsOfParts(context, recordedParts, hashOf);
  return deedsDone(context, ask, result, undefined, undefined, { hash: hashOf?.(result.subject) });
}

/** A long Bundle does not keep everybody else waiting. */
async function deedsOfParts(
  context: Context,
  parts: readonly RecordedPart[],
  hashOf: StoredHash | undefined,
): Promise<Deed[]> {
  const deeds: Deed[] = [];
  for (const part of parts) {
    const { target, request = context.request, agent = context.agent, result, subtype, pattern, details } = part;
    const hash = isWriting(target.kind) ? hashOf?.(result.subject) : undefined;
    const recorded = { ...context, request, agent, partOf: subtype };
    if (part.disclosed) deeds.push(deedOfDisclosure(context, part.disclosed, context.stamp.now()));
    else if (part.happened) deeds.push(deedOfHappening(context, part.happened, context.stamp.now()));
    else deeds.push(...deedsDone(recorded, target, result, undefined, pattern, { details, hash }));
    if (deeds.length % 256 === 0) await new Promise(setImmediate);
  }
  return deeds;
}

/** Exhaustive: a new kind of Interaction does not compile before it has its line here. `located`: what its criteria match, where a transaction has looked. */
async function runAdmitted(context: Context, ask: Interaction, located?: LocatedTarget): Promise<Outcome> {
  switch (ask.kind) {
    case 'capabilities':
      return capabilities(context, ask);
    case 'read':
      return read(context, ask);
    case 'vread':
      return vread(context, ask);
    case 'history':
      return history(context, ask);
    case 'search':
      return search(context, ask);
    case 'create':
      return create(context, ask, located);
    case 'update': {
      const meant = patchMeant(context, ask);
      return meant ? updateAsMeant(context, ask, meant, located) : update(context, ask, located);
    }
    case 'patch':
      return patch(context, ask, located);
    case 'delete':
      return deleteResources(context, ask);
    case 'operation':
      return operate(context, ask);
    case 'transaction':
      return transaction(context, ask, ENTRY_RUNNER);
    case 'batch':
      return batch(context, ask, ENTRY_RUNNER);
  }
}

/** What a hook takes for a patch of something that is not there is judged as what it looks like. */
async function updateAsMeant(
  context: Context,
  ask: Of<'update'>,
  meant: Of<'patch'>,
  located?: LocatedTarget,
): Promise<Outcome> {
  try {
    return await patch(context, meant, located);
  } catch (error) {
    if (error instanceof FhirError && error.issues.some(({ detail }) => detail === 'patch-path'))
      return update(context, ask, located);
    throw error;
  }
}

/** With what hooks want to be written beside it. `depth`: of how many companions it is one itself. */
async function runWhole(context: Context, ask: Interaction, located?: LocatedTarget, depth = 0): Promise<Outcome> {
  const outcome = await runAdmitted(context, ask, located);
  return outcome.accompaniment ? withCompanions(context, ask, outcome, { admit, run: runWhole }, depth) : outcome;
}

const ENTRY_RUNNER: EntryRunner = { admit, run: runWhole, perform, refuse: recordRefusal };
