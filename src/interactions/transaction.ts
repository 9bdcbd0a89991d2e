/**
 * transaction: https://hl7.org/fhir/R4/http.html#transaction, #trules. All entries or none, as one commit. Each entry is
 * decided and recorded like an interaction of its own; the writes only prepare what is committed together.
 *
 * Order: DELETE, POST, PUT and PATCH, GET, conditional references. Criteria see what comes before them in that order,
 * conditional references all of it. Reading entries are tried before the commit, so that one that fails fails the
 * whole, and answered after it. It can run again from the start, when somebody else has written meanwhile.
 */
import { asFhirError, FhirError } from '../fhir/error.js';
import type { Resource } from '../fhir/resource.js';
import { newId } from '../platform/ids.js';
import type { Absence, Change, Version } from '../store/store.js';
import { type Answer, answerOf, answerOfError, inEntry, issuesOf, responseBundle } from './bundle-response.js';
import { excepting, findOne, readCriteria, several, type Sought } from './criteria.js';
import { matching } from './delete.js';
import type {
  Context,
  Deed,
  Engine,
  Entry,
  Interaction,
  Of,
  Outcome,
  Parameters,
  Result,
  Target,
} from './interaction.js';
import { put, rename, rootOf, type Site, sitesOf } from './rewrite.js';
import { referenceCriteria, resolveConditional } from './conditional-references.js';
import { isRaw } from './prepare.js';
import { createStaged, type Staged } from './staged.js';

/** How entries enter the one door: perform.ts gives them in. */
export interface Door {
  /** Decides, and records a refusal. Gives the types that must not appear in the answer. */
  admit(context: Context, target: Target): Promise<readonly string[]>;
  /** Runs what was admitted; commits and records nothing. */
  run(context: Context, ask: Interaction, without: readonly string[]): Promise<Outcome>;
  /** All of it: decide, run, audit. */
  perform(context: Context, ask: Interaction): Promise<Result>;
  /** Records an entry that could not be understood, and throws its error. */
  refuse(context: Context, target: Target, error: FhirError): Promise<never>;
}

/** Entries prepared at the same time: stores gather their point reads, and the event loop gets a turn after each lot. */
const LOT = 64;

/** An entry that was admitted. */
interface Step {
  readonly at: number;
  readonly entry: Entry;
  readonly context: Context;
  readonly without: readonly string[];
  ask: Interaction;
  /** What its criteria match: nothing more is written. */
  result?: Result;
}

export const isWrite = ({ kind }: Interaction): boolean => RANK[kind] !== undefined;

const RANK: Readonly<Partial<Record<Interaction['kind'], number>>> = { delete: 0, create: 1, update: 2, patch: 2 };

export async function transaction(context: Context, ask: Of<'transaction'>, door: Door): Promise<Outcome> {
  const { engine } = context;
  const { entries, prefer } = ask;
  const steps = await admitAll(context, entries, door);
  const writes = steps.filter(step => isWrite(step.ask) || !isSafe(step.ask));
  const staged = createStaged(engine);
  for (const rank of [0, 1, 2]) {
    const ofRank = writes.filter(step => RANK[step.ask.kind] === rank);
    // Identifiers are looked up many at a time; what entries of the same rank mean to each other comes in their order.
    const sought = await inLots(ofRank, step => within(step, () => seek(engine, step, staged)));
    for (const [i, step] of ofRank.entries()) withinNow(step, () => settle(engine, step, sought[i], staged));
  }
  for (const step of writes) withinNow(step, () => checkApart(step, staged));
  await rewriteAll(engine, writes, staged);
  const outcomes = await inLots(
    writes.toSorted((a, b) => (RANK[a.ask.kind] ?? 1) - (RANK[b.ask.kind] ?? 1)),
    step => within(step, () => runStep(step, door)),
  );
  const results = new Map<number, Result>();
  const deeds: Deed[] = [];
  const changes = new Map<string, Change>();
  const absent = new Map<string, Absence>();
  const places = new Map<string, number>();
  for (const { step, outcome } of outcomes) {
    for (const change of outcome.changes ?? []) {
      const name = `${change.type}/${change.id}`;
      if (changes.has(name)) throw inEntry(twice(), step.at);
      changes.set(name, change);
      places.set(name, step.at);
    }
    for (const absence of outcome.absent ?? []) absent.set(absence.claim, absence);
    // Texts that nobody wants to see are not held until the end.
    const { text, ...rest } = outcome.result;
    results.set(step.at, prefer === 'representation' && text ? { ...rest, text } : rest);
    const { request } = step.entry;
    deeds.push(...(outcome.deeds ?? [{ target: step.ask, result: rest }]).map(deed => ({ ...deed, request })));
  }
  const reads = steps.filter(step => !writes.includes(step));
  for (const step of reads) await within(step, () => tryRead(step, changes, door));
  return {
    result: { status: 200, patients: [] },
    changes: [...changes.values()],
    absent: [...absent.values()],
    entries: places,
    ...(entries.length > 0 ? { deeds } : {}),
    async complete(warnings = []) {
      const answers: Answer[] = [];
      for (const { step, outcome } of outcomes) if (outcome.complete) results.set(step.at, await outcome.complete());
      for (const {
        at,
        ask: { kind },
      } of steps) {
        const result = results.get(at);
        if (!result) continue;
        const issues = [...(result.issues ?? []), ...issuesOf(warnings, at)];
        answers[at] = answerOf({ ...result, issues }, kind !== 'operation', prefer);
      }
      for (const step of reads) answers[step.at] = await answerRead(step, door);
      return { status: 200, text: responseBundle('transaction', answers, engine.now()), patients: [] };
    },
  };
}

const isSafe = (ask: Interaction): boolean => ask.kind !== 'operation' || ask.safe;

async function admitAll(context: Context, entries: readonly Entry[], door: Door): Promise<Step[]> {
  const steps: Step[] = [];
  for (const [at, entry] of entries.entries()) {
    const own = { ...context, request: entry.request };
    const { ask } = entry;
    try {
      if ('error' in ask) throw ask.error;
      steps.push({ at, entry, context: own, ask, without: await door.admit(own, ask) });
    } catch (error) {
      throw inEntry(asFhirError(error), at);
    }
  }
  return steps;
}

async function within<T>(step: Step, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw inEntry(asFhirError(error), step.at);
  }
}

function withinNow(step: Step, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw inEntry(asFhirError(error), step.at);
  }
}

async function inLots<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (let from = 0; from < items.length; from += LOT) {
    done.push(...(await Promise.all(items.slice(from, from + LOT).map(work))));
    await new Promise(setImmediate);
  }
  return done;
}

interface Found {
  readonly sought: Sought;
  readonly rows: readonly Version[];
}

/** What the criteria of a write match in the store, without what this transaction deletes. */
async function seek(engine: Engine, { ask, without }: Step, staged: Staged): Promise<Found | undefined> {
  const criteria = criteriaOf(ask);
  if (!criteria || !('type' in ask) || ask.type === undefined) return undefined;
  if (ask.kind === 'delete') {
    const sought = await readCriteria(engine, ask.type, criteria, without);
    return { sought, rows: await matching(engine, ask, without) };
  }
  const { type } = ask;
  return staged.once(JSON.stringify([type, criteria]), async () => {
    const sought = excepting(await readCriteria(engine, type, criteria, without), staged.deleted(type));
    const row = await findOne(engine, sought);
    return { sought, rows: row ? [row] : [] };
  });
}

function criteriaOf(ask: Interaction): Parameters | undefined {
  if (ask.kind === 'create') return ask.ifNoneExist;
  return ask.kind === 'update' || ask.kind === 'patch' || ask.kind === 'delete'
    ? ask.id === undefined
      ? (ask.criteria ?? [])
      : undefined
    : undefined;
}

/** Gives the step its identity, which no other step may have. */
function settle(engine: Engine, step: Step, found: Found | undefined, staged: Staged): void {
  const { ask, at, entry } = step;
  switch (ask.kind) {
    case 'delete':
      for (const { id } of found?.rows ?? [{ id: ask.id! }]) staged.write(ask.type, id, at, 'delete');
      return;
    case 'create': {
      const [own, another] = found ? staged.matches(found.sought) : [];
      if (found && own !== undefined && (another !== undefined || found.rows.length > 0)) throw several(found.sought);
      if (own !== undefined) {
        // Made by an earlier entry: there is nothing to do, and nothing yet to tell of it.
        step.ask = { ...ask, id: own };
        step.result = {
          status: 200,
          patients: [],
          subject: { type: ask.type, id: own, version: 1 },
          location: `${ask.type}/${own}/_history/1`,
        };
        staged.name(entry.fullUrl, `${ask.type}/${own}`, at);
        return;
      }
      const current = found?.rows[0];
      const id = current?.id ?? newId(engine.now());
      step.ask = { ...ask, id, ...(found ? { located: { sought: found.sought, current } } : {}) };
      staged.name(entry.fullUrl, `${ask.type}/${id}`, at);
      if (!current) staged.write(ask.type, id, at, isRaw(ask.body) ? undefined : ask.body.resource);
      return;
    }
    case 'update':
    case 'patch': {
      const current = found?.rows[0];
      const given = ask.kind === 'update' && !isRaw(ask.body) ? ask.body.resource['id'] : undefined;
      const id = ask.id ?? current?.id ?? (typeof given === 'string' ? given : newId(engine.now()));
      const resource = ask.kind === 'update' && !isRaw(ask.body) ? ask.body.resource : undefined;
      if (found) step.ask = { ...ask, located: { sought: found.sought, current, id } };
      staged.name(entry.fullUrl, `${ask.type}/${id}`, at);
      staged.write(ask.type, id, at, resource);
    }
  }
}

/** No other entry may write what the criteria of an update or patch would mean afterwards: which comes first is not said. */
function checkApart({ ask, at }: Step, staged: Staged): void {
  if ((ask.kind !== 'update' && ask.kind !== 'patch') || !ask.located) return;
  if (staged.matches(ask.located.sought).some(id => staged.writer(ask.type, id) !== at)) throw twice();
}

const twice = () =>
  new FhirError('invalid', 'Two entries of the Bundle write the same resource: put what they do into one.', {
    expression: 'http.url',
    detail: 'duplicate-target',
  });

/** References to other entries, then those by criteria. */
async function rewriteAll(engine: Engine, writes: readonly Step[], staged: Staged): Promise<void> {
  const names = staged.names;
  const conditional: { readonly step: Step; readonly resource: Resource; readonly site: Site }[] = [];
  for (const step of writes) {
    const { ask } = step;
    if (step.result || (ask.kind !== 'create' && ask.kind !== 'update') || isRaw(ask.body)) continue;
    const { resource } = ask.body;
    const root = rootOf(step.entry.fullUrl);
    for (const site of sitesOf(resource, engine.definitions, names)) {
      put(site, rename(site, names, root));
      if (site.as === 'reference' && referenceCriteria(engine, site.text)) conditional.push({ step, resource, site });
    }
  }
  if (conditional.length > 0)
    await resolveConditional(
      engine,
      conditional.map(({ step, resource, site }) => ({ at: step.at, without: step.without, resource, site })),
      staged,
    );
}

async function runStep(step: Step, door: Door): Promise<{ step: Step; outcome: Outcome }> {
  return {
    step,
    outcome: step.result ? { result: step.result } : await door.run(step.context, step.ask, step.without),
  };
}

/** Fails where the answer would be a refusal, as far as that can be known before the commit. */
async function tryRead(
  { ask, context, without }: Step,
  changes: ReadonlyMap<string, Change>,
  door: Door,
): Promise<void> {
  const change = ask.kind === 'read' || ask.kind === 'vread' ? changes.get(`${ask.type}/${ask.id}`) : undefined;
  if (change?.text && (ask.kind === 'read' || (ask.kind === 'vread' && ask.version === String(change.version)))) return;
  if (change && !change.text && ask.kind === 'read')
    throw new FhirError('deleted', 'The Bundle reads what it deletes.', { expression: 'http.url' });
  await door.run(context, ask, without);
}

/** What can still go wrong is told in the entry: the writes are durable. */
async function answerRead({ ask, context, at }: Step, door: Door): Promise<Answer> {
  try {
    return answerOf(await door.perform(context, ask), false, undefined);
  } catch (error) {
    return answerOfError(inEntry(asFhirError(error), at));
  }
}
