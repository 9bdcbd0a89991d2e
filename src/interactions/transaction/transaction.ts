/**
 * transaction: https://hl7.org/fhir/R4/http.html#transaction, #trules. All entries or none, as one commit. Each entry is
 * decided and recorded like an interaction of its own; the writes only prepare what is committed together.
 *
 * Order: DELETE, POST, PUT and PATCH, GET, conditional references. Criteria see what comes before them in that order,
 * conditional references all of it. Reading entries are tried before the commit, so that one that fails fails the
 * whole, and answered after it. It can run again from the start, when somebody else has written meanwhile.
 */
import { createView } from '../../access/view.js';
import { asFhirError, FhirError, type Issue, issueOfKind } from '../../fhir/error.js';
import type { Absence, Change, OutboxMessage, ResourceName, Standing } from '../../store/store.js';
import type { Allowance, Context, Engine } from '../engine.js';
import { allowanceOf, createAllowance, shareOf } from '../response/allowance.js';
import {
  type Answer,
  answerOfError,
  entryAt,
  inEntry,
  issuesOf,
  responseBundle,
  seen,
  within,
} from '../response/transaction-response.js';
import { referenceCriteria, resolveConditional, type Pending } from './conditional-references.js';
import { checkApart, keyOfCreation, type CriteriaMatches, seek, assignIdentity, twice } from './identities.js';
import type { RecordedPart, Entry, Interaction, Of, Outcome, PendingChange, Result } from '../interaction.js';
import { breathe, turn } from '../../platform/pieces.js';
import { validateLargeAhead } from '../../validation/gate/beside.js';
import { isRaw } from '../write/prepare.js';
import { copied, type HookedEntries, prepareBundle } from '../write/run-hooks.js';
import { deletedError } from '../read.js';
import { put, rename, restoreNames, rootOf } from './references.js';
import { Staged } from './staged.js';
import { type EntryRunner, isWrite, rankOf, resourceIn, sitesIn, type EntryTask } from './steps.js';

/** Entries prepared at the same time: stores gather their point reads, and the event loop gets a turn after each lot. */
const ENTRIES_AT_ONCE = 64;

export async function transaction(context: Context, ask: Of<'transaction'>, runner: EntryRunner): Promise<Outcome> {
  const { engine } = context;
  const { entries, prefer, profiles = [] } = ask;
  const steps = await admitAll(context, entries, runner);
  const hooked = engine.hooks.bundle.length > 0 ? await hookedBundle(context, profiles, steps) : undefined;
  const reads = steps.filter(step => !isWrite(step.ask));
  const writes = steps.filter(step => isWrite(step.ask)).toSorted((a, b) => rankOf(a.ask) - rankOf(b.ask));
  const staged = new Staged(engine);
  await inLots(writes, async ({ ask: write }) => {
    if ('body' in write && write.body && !isRaw(write.body)) await validateLargeAhead(write.body, engine.definitions);
  });
  const check = await identify(engine, writes, staged);
  for (const { ask: read, entry, at } of reads)
    if (read.kind === 'read') atEntry(at, () => staged.name(entry.fullUrl, read.type, read.id, at));
  const beside = askedBeside(writes);
  await rewriteAll(engine, writes, staged, runner, beside);
  const outcomes = await inLots(
    writes.filter(step => step.madeBy === undefined),
    async step => ({ step, outcome: step.outcome ?? (await runStep(step, runner, beside)) }),
  );
  // What a patch makes of a resource may be what the criteria of others mean.
  const patched = outcomes.filter(({ step }) => step.ask.kind === 'patch' && !step.outcome);
  for (const { outcome } of patched) outcome.changes?.forEach(change => staged.patched(change));
  if (patched.length > 0) await check();
  const { results, parts, ...committed } = await gathered(outcomes, prefer, hooked?.recorded);
  for (const { at, ask: target, entry, madeBy } of writes) {
    if (madeBy === undefined) continue;
    const result = { ...results.get(madeBy)!, status: 200 };
    results.set(at, result);
    parts.push({ target, result, request: entry.request, subtype: hooked?.recorded?.as });
  }
  await inLots(reads, step => tryRead(step, committed.changes, runner));
  const complete = async (warnings: readonly Issue[] = []): Promise<Result> => {
    const answers: Answer[] = [];
    const allowance = allowanceOf(context);
    for (const { step, outcome } of outcomes) if (outcome.complete) results.set(step.at, await outcome.complete());
    await inLots(writes, async ({ at, ask: { kind } }) => {
      const result = results.get(at)!;
      const issues =
        warnings.length > 0 ? [...(result.issues ?? []), ...issuesOf(warnings, at)] : (result.issues ?? []);
      const shown = kind === 'operation' ? 'representation' : prefer;
      answers[at] = within(allowance, { ...result, issues }, true, shown);
    });
    await inLots(reads, async step => void (answers[step.at] = await answerRead(step, runner, allowance)));
    return { status: 200, ...responseBundle('transaction', answers, engine.clock.now()), patients: [] };
  };
  return {
    result: { status: 200, patients: [] },
    changes: [...committed.changes.values()],
    mustNotMatch: [
      ...(hooked?.mustNotMatch ?? []),
      ...[...committed.mustNotMatch.values()].map(({ absence }) => absence),
    ],
    mustExist: committed.mustExist,
    messages: committed.messages,
    entries: committed.entries,
    ...(outcomes.every(({ outcome }) => outcome.cascades ?? !outcome.changes?.some(isDeletion))
      ? { cascades: true }
      : {}),
    ...(entries.length > 0 ? { recordedParts: parts } : {}),
    complete,
  };
}

/** What hooks want of the Bundle as the client sent it; entries carry from now on what they want them to. */
async function hookedBundle(
  context: Context,
  profiles: readonly string[],
  steps: readonly EntryTask[],
): ReturnType<typeof prepareBundle> {
  for (const { ask } of steps) {
    const resource = resourceIn(ask);
    if (resource) restoreNames(resource);
  }
  const entries = steps.map(({ ask, entry }) => ({ ...entry, ask }));
  const hooked = await prepareBundle(context, { profiles, entries });
  for (const [at, resource] of hooked.changed) {
    const step = steps[at]!;
    const { ask } = step;
    // A copy: what the names in it become must not be seen by the hook when the transaction begins again.
    if ((ask.kind !== 'create' && ask.kind !== 'update') || isRaw(ask.body)) continue;
    const { decimals, large } = ask.body;
    step.ask = { ...ask, body: { ...copied({ resource, decimals }), ...(large ? { large } : {}) } };
  }
  const { recorded } = hooked;
  if (recorded) for (const step of steps) step.context = { ...step.context, partOf: recorded.as };
  return hooked;
}

interface Ran {
  readonly step: EntryTask;
  readonly outcome: Outcome;
}

/** What all writes come to together, in their order. Throws `invalid` where two of them write the same resource. */
async function gathered(
  outcomes: readonly Ran[],
  prefer: string | undefined,
  recorded: HookedEntries['recorded'] | undefined,
) {
  /** By position of the entry. */
  const results = new Map<number, Result>();
  const parts: RecordedPart[] = [];
  /** By `Type/id`. */
  const changes = new Map<string, PendingChange>();
  const entries = new Map<string, number>();
  const mustNotMatch = new Map<string, AbsenceFor>();
  const mustExist: Standing[] = [];
  const messages: OutboxMessage[] = [];
  /** What features write beside the entries. */
  const companions = new Set<string>();
  for (const { step, outcome } of outcomes) {
    await breathe();
    for (const { agent, result } of outcome.recordedParts ?? [])
      if (agent !== undefined && result.subject) companions.add(nameOf(result.subject));
    // What an entry leaves as it is is written by it, too.
    for (const written of [...(outcome.changes ?? []), ...(outcome.mustExist ?? [])]) {
      const name = nameOf(written);
      const other = entries.get(name);
      if (other !== undefined) throw companions.has(name) ? sameCompanion(other, step.at) : inEntry(twice(), step.at);
      entries.set(name, step.at);
    }
    for (const change of outcome.changes ?? []) changes.set(`${change.type}/${change.id}`, change);
    addAbsences(mustNotMatch, step.at, outcome.mustNotMatch);
    mustExist.push(...(outcome.mustExist ?? []));
    messages.push(...(outcome.messages ?? []));
    // Texts that nobody wants to see are not held until the end.
    const { text: _, blobs: __, ...rest } = outcome.result;
    const shown = step.ask.kind === 'operation' || prefer === 'representation';
    results.set(step.at, shown ? outcome.result : rest);
    const { request } = step.entry;
    const own: RecordedPart[] = [...(outcome.recordedParts ?? [{ target: step.ask, result: rest }])];
    const named = own.map(part => ({ subtype: recorded?.as, ...part, request }));
    if (recorded?.at === step.at)
      named[0] = { ...named[0]!, subtype: { ...recorded.as, dataRole: recorded.dataRole }, pattern: 'import' };
    parts.push(...named);
  }
  return { results, parts, changes, entries, mustNotMatch, mustExist, messages };
}

/** An absence, and the entry that wants it. */
interface AbsenceFor {
  readonly absence: Absence;
  readonly at: number;
}

/** What two entries want to be absent they would both write. */
function addAbsences(to: Map<string, AbsenceFor>, at: number, absences: readonly Absence[] = []): void {
  for (const absence of absences) {
    const other = to.get(absence.uniquenessKey);
    if (other && other.at !== at) throw inEntry(notUnique(), at);
    to.set(absence.uniquenessKey, { absence, at });
  }
}

const notUnique = (): FhirError =>
  new FhirError('conflict', 'Another entry of the Bundle writes what may be there once.', { detail: 'not-unique' });

const nameOf = ({ type, id }: ResourceName): string => `${type}/${id}`;

/**
 * What a feature writes with two entries (companions.ts) cannot be made one: either was prepared on what was there before. The client
 * may not know of it, so that both are named.
 */
const sameCompanion = (...entries: readonly number[]): FhirError => {
  const text =
    'This server writes the same resource with both of these entries: send them one after the other, in two Bundles.';
  return new FhirError('unprocessable', text, {
    issues: entries.map(at =>
      issueOfKind('unprocessable', { text, detail: 'duplicate-companion', expression: entryAt(at) }),
    ),
  });
};

const isDeletion = ({ text }: Change): boolean => text === undefined;

async function admitAll(context: Context, entries: readonly Entry[], runner: EntryRunner): Promise<EntryTask[]> {
  const positions = entries.map((entry, at) => ({ entry, at }));
  return inLots(positions, async ({ entry, at }) => {
    const own = { ...context, request: entry.request };
    const { ask } = entry;
    if (!('error' in ask)) {
      const { permission, restrictions } = await runner.admit(own, ask);
      const view = createView(own.engine, restrictions, permission.masks);
      return { at, entry, context: { ...own, permission, view }, ask };
    }
    // Who may not do it does not learn what is wrong with it.
    if (ask.target) await runner.admit(own, ask.target);
    throw ask.error;
  });
}

/** Work on entries, some at the same time; the first error names its entry. */
async function inLots<T extends { readonly at: number }, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const done: R[] = [];
  const one = async (item: T): Promise<R> => {
    await breathe();
    try {
      return await work(item);
    } catch (error) {
      throw inEntry(asFhirError(error), item.at);
    }
  };
  for (let from = 0; from < items.length; from += ENTRIES_AT_ONCE) {
    for (const settled of await Promise.allSettled(items.slice(from, from + ENTRIES_AT_ONCE).map(one))) {
      if (settled.status === 'rejected') throw settled.reason;
      done.push(settled.value);
    }
    await turn();
  }
  return done;
}

function atEntry(at: number, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw inEntry(asFhirError(error), at);
  }
}

/** Which resource each write means: in R4's order, and no resource twice. Gives what has to be asked again when patches have run. */
async function identify(engine: Engine, writes: readonly EntryTask[], staged: Staged): Promise<() => Promise<void>> {
  const found = new Map<EntryTask, CriteriaMatches | undefined>();
  for (const rank of [0, 1, 2]) {
    const ofRank = writes.filter(step => rankOf(step.ask) === rank);
    // Looked up many at a time; what entries of the same rank mean to each other comes afterwards.
    const sought = await inLots(ofRank, step => seek(step, staged));
    ofRank.forEach((step, i) => found.set(step, sought[i]));
    // Whoever comes with criteria sees those without, wherever they stand in the Bundle.
    for (const conditional of [false, true])
      for (const step of ofRank) {
        const own = found.get(step);
        if ((own !== undefined) !== conditional) continue;
        await staged.survey(own?.sought);
        atEntry(step.at, () => assignIdentity(engine, step, own, staged));
      }
  }
  const keys = new Set<string>();
  for (const step of writes) {
    const key = keyOfCreation(step, found.get(step));
    if (key !== undefined && keys.has(key)) throw inEntry(twice(), step.at);
    if (key !== undefined) keys.add(key);
  }
  const check = async () => {
    for (const step of writes) {
      const own = found.get(step);
      await staged.survey(own?.sought);
      atEntry(step.at, () => checkApart(step, own, staged));
    }
  };
  await check();
  return check;
}

/** References to other entries, then those by criteria. */
async function rewriteAll(
  engine: Engine,
  writes: readonly EntryTask[],
  staged: Staged,
  runner: EntryRunner,
  beside: Beside,
): Promise<void> {
  const { names } = staged;
  const pending: Pending[] = [];
  await inLots(writes, async step => {
    const { at, ask, context, entry, madeBy } = step;
    if (madeBy !== undefined) return;
    const resource = resourceIn(ask);
    const root = rootOf(entry.fullUrl);
    let changed = false;
    for (const site of sitesIn(ask, engine.definitions, names, root)) {
      const text = rename(site, names, root);
      put(site, text);
      const conditional = site.as === 'reference' && referenceCriteria(engine, site.text) !== undefined;
      if (conditional) pending.push({ at, context, site, ...(resource ? { resource } : {}) });
      changed ||= conditional || text !== site.text;
    }
    // The text that it came as, where it did not come in a Bundle, is not what is written.
    if (changed && resource && 'body' in ask && ask.body && !isRaw(ask.body)) {
      const { decimals, large } = ask.body;
      step.ask = { ...ask, body: { resource, decimals, ...(large ? { large } : {}) } } as Interaction;
    }
  });
  if (pending.length === 0) return;
  staged.forget();
  // What a patch makes of a resource is known when it has run; where it waits itself, the stored resource counts.
  const waiting = new Set(pending.map(({ at }) => at));
  await inLots(
    writes.filter(({ at, ask }) => ask.kind === 'patch' && !waiting.has(at)),
    async step => {
      step.outcome = await runStep(step, runner, beside);
      for (const change of step.outcome.changes ?? []) staged.patched(change);
    },
  );
  await resolveConditional(engine, pending, staged);
}

const runStep = ({ context, ask, located }: EntryTask, runner: EntryRunner, beside: Beside): Promise<Outcome> =>
  runner.run({ beside, ...context }, ask, located);

type Beside = (type: string, id: string) => Interaction | undefined;

/** What the writes do, by the resource that each means. */
function askedBeside(writes: readonly EntryTask[]): Beside {
  let byName: Map<string, Interaction> | undefined;
  return (type, id) => {
    byName ??= new Map(writes.flatMap(({ ask }) => (isNamed(ask) ? [[`${ask.type}/${ask.id}`, ask]] : [])));
    return byName.get(`${type}/${id}`);
  };
}

const isNamed = (ask: Interaction): ask is Interaction & ResourceName =>
  'id' in ask && ask.id !== undefined && ask.type !== undefined;

/** Fails where the answer would be a refusal, as far as that can be known before the commit. */
async function tryRead(
  { ask, context }: EntryTask,
  changes: ReadonlyMap<string, Change>,
  runner: EntryRunner,
): Promise<void> {
  const change =
    'id' in ask && ask.type !== undefined && ask.id !== undefined ? changes.get(`${ask.type}/${ask.id}`) : undefined;
  // An earlier version than the one that is written now is in the store already.
  if (!change || (ask.kind === 'vread' && ask.version !== String(change.version))) return tried(context, ask, runner);
  if (!change.text && ask.kind !== 'history') throw deletedError(change);
}

/** That it is too large for what is left of the answer is told when it is answered. */
async function tried(context: Context, ask: Interaction, runner: EntryRunner): Promise<void> {
  const allowance = shareOf(createAllowance(context.engine));
  try {
    await runner.run({ ...context, allowance }, ask);
  } catch (error) {
    if (asFhirError(error).kind !== 'too-large') throw error;
  }
}

/** What can still go wrong is told in the entry: the writes are durable. */
async function answerRead(
  { ask, context, entry, at }: EntryTask,
  runner: EntryRunner,
  whole: Allowance,
): Promise<Answer> {
  try {
    const result = await runner.perform({ ...context, allowance: shareOf(whole) }, ask);
    return within(whole, await seen(entry, result, whole), false, undefined);
  } catch (error) {
    return answerOfError(inEntry(asFhirError(error), at));
  }
}
