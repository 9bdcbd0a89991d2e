/** Runs the hooks (hooks.ts) of what is written, in their order, and judges what they give. */
import { asFhirError, type Issue } from '../../fhir/error.js';
import { type Decimals, type Json, type Parsed, type Resource, isObject } from '../../fhir/resource.js';
import type { Absence, Change, OutboxMessage } from '../../store/store.js';
import { hasErrors } from '../../validation/gate/validate.js';
import { SLOW_MS } from '../../live/live-tables.js';
import type { Context } from '../engine.js';
import type { Accompaniment, InteractionKind, Of, OwnedCompanion } from '../interaction.js';
import { askHook, askJudge, hookFault, nonsense } from './ask-hook.js';
import { takeCompanions, takeMessages } from './companions.js';
import { absenceOfAll } from './conditional.js';
import { hookGround } from './hook-ground.js';
import type { BundlePreparation, HookedBundle, HookedWrite, Hooks, OwnedHook, Preparation } from './hooks.js';

/** Which resource is written, and what it replaces. */
type Written = Pick<Change, 'type' | 'id' | 'replaces'>;

/** A write after its hooks. */
export interface HookedBody {
  readonly body: Parsed;
  readonly warnings: readonly Issue[];
  readonly accompaniment: Accompaniment | undefined;
}

/** The patch that a hook takes an update for; undefined: it is what it looks like. */
export function patchMeant(
  { engine }: Pick<Context, 'engine'>,
  { body, onlyCreate, ...addressed }: Of<'update'>,
): Of<'patch'> | undefined {
  if (onlyCreate || !('resource' in body)) return undefined;
  const { id } = body.resource;
  if (id !== undefined && addressed.id !== undefined && id !== addressed.id) return undefined;
  for (const { hook } of engine.hooks.byType.get(addressed.type) ?? []) {
    const patch = hook.meant?.(body.resource);
    if (patch) return { ...addressed, kind: 'patch', patch };
  }
  return undefined;
}

/** A valid body through the hooks of its type: what becomes of it, and what goes with it. Throws what refuses it, or `fault`. */
export async function runHooks(
  context: Context,
  hooks: readonly OwnedHook[],
  interaction: InteractionKind,
  named: Written,
  body: Parsed,
): Promise<HookedBody> {
  const asked = new Asked(context);
  const warnings: Issue[] = [];
  let taken = body;
  for (const owned of hooks) {
    const { hook } = owned;
    if (!hook.prepare) continue;
    const copy = copied(taken);
    const given = await askHook(context, owned, 'prepare', () =>
      hook.prepare!(seenWrite(context, interaction, named, copy.resource)),
    );
    const preparation = preparationOf(context, owned, given);
    const { resource } = preparation;
    if (resource) taken = await checkedAnew(context, owned, taken, { resource, decimals: copy.decimals });
    await asked.take(owned.owner, preparation);
    warnings.push(...(preparation.warnings ?? []));
  }
  for (const owned of hooks) {
    const { hook } = owned;
    if (hook.check)
      await askJudge(context, owned, 'check', () =>
        hook.check!(seenWrite(context, interaction, named, taken.resource)),
      );
  }
  return { body: taken, warnings, accompaniment: asked.accompaniment };
}

/** Deletions through the hooks of their types: what goes with them. Throws what refuses one, or `fault`. */
export async function hookDeletions(
  context: Context,
  interaction: InteractionKind,
  deletions: readonly Change[],
): Promise<Accompaniment | undefined> {
  const asked = new Asked(context);
  for (const deletion of deletions) {
    const hooks = context.engine.hooks.byType.get(deletion.type) ?? [];
    for (const owned of hooks) {
      const { hook } = owned;
      const write = seenWrite(context, interaction, deletion, undefined);
      if (hook.prepare) {
        const given = await askHook(context, owned, 'prepare', () => hook.prepare!(write));
        const preparation = preparationOf(context, owned, given);
        if (preparation.resource) throw nonsense(context, owned.owner, 'prepare', 'a resource for a deletion');
        await asked.take(owned.owner, preparation);
      }
      if (hook.check) await askJudge(context, owned, 'check', () => hook.check!(write));
    }
  }
  return asked.accompaniment;
}

/** What hooks have asked for beside the write itself, in their order. */
class Asked {
  readonly #context: Context;
  readonly #companions: OwnedCompanion[] = [];
  readonly #messages: OutboxMessage[] = [];
  readonly #mustNotMatch: Absence[] = [];

  constructor(context: Context) {
    this.#context = context;
  }

  async take(owner: string, { companions, messages, absent = [] }: Preparation): Promise<void> {
    if (companions) this.#companions.push(...takeCompanions(this.#context, owner, companions));
    if (messages) this.#messages.push(...takeMessages(this.#context, owner, messages));
    for (const wanted of absent) this.#mustNotMatch.push(await absenceOfAll(this.#context, wanted));
  }

  /** Undefined: nothing. */
  get accompaniment(): Accompaniment | undefined {
    const [companions, messages, mustNotMatch] = [this.#companions, this.#messages, this.#mustNotMatch];
    const size = companions.length + messages.length + mustNotMatch.length;
    return size > 0 ? { companions, messages, mustNotMatch } : undefined;
  }
}

/** What hooks want of a transaction. */
export interface HookedEntries extends Pick<BundlePreparation, 'recorded'> {
  readonly changed: ReadonlyMap<number, Resource>;
  readonly mustNotMatch: readonly Absence[];
}

/** A transaction whose entries may all be done: what hooks want of it. Throws what refuses it, or `fault`. */
export async function prepareBundle(
  context: Context,
  { profiles, entries }: Pick<HookedBundle, 'profiles' | 'entries'>,
): Promise<HookedEntries> {
  const { principal, engine } = context;
  const bundle: HookedBundle = { principal, profiles, entries, ...hookGround(context) };
  const changed = new Map<number, Resource>();
  const mustNotMatch: Absence[] = [];
  let recorded: BundlePreparation['recorded'];
  for (const owned of engine.hooks.bundle) {
    const given = await askHook(context, owned, 'bundle', () => owned.hook.bundle!(bundle));
    if (given === undefined) continue;
    if (!isObject(given)) throw nonsense(context, owned.owner, 'bundle', 'what is no preparation');
    const wanted: BundlePreparation = given;
    recorded ??= wanted.recorded;
    for (const { at, resource } of wanted.entries ?? []) changed.set(at, resource);
    for (const absent of wanted.absent ?? []) mustNotMatch.push(await absenceOfAll(context, absent));
  }
  return { changed, mustNotMatch, ...(recorded ? { recorded } : {}) };
}

/** What is committed with changes, beside them. */
export function messagesOf(hooks: Hooks, changes: readonly Change[]): readonly OutboxMessage[] {
  return byHook(hooks, changes).flatMap(([{ hook }, ofTypes]) => hook.messages?.(ofTypes) ?? []);
}

/**
 * Tells hooks that changes are durable, and indexes the changes by search parameters that came into force meanwhile. Never rejects.
 * `generation`: of the search parameters by which the changes were indexed; `since`: performance.now() at that time.
 */
export async function afterCommit(
  { engine, requestId }: Pick<Context, 'engine' | 'requestId'>,
  changes: readonly Change[],
  { generation, since }: { readonly generation: number; readonly since: number },
): Promise<void> {
  try {
    if (performance.now() - since > SLOW_MS) await engine.live.current();
    // A parameter came into force between extraction and commit, and its reindex job may have passed already.
    if (engine.parameters.generation !== generation) await engine.reindexer.renew(changes);
  } catch (error) {
    engine.log.warn({ kind: asFhirError(error).kind }, 'A change could not be indexed by a new search parameter');
  }
  for (const [owned, ofTypes] of byHook(engine.hooks, changes)) {
    const { hook } = owned;
    if (!hook.committed) continue;
    try {
      await askHook({ engine, requestId }, owned, 'committed', () => hook.committed!(ofTypes, engine.jobs));
    } catch (error) {
      // Nobody can take the write back.
      const { kind } = asFhirError(error);
      if (kind !== 'fault') engine.log.error({ requestId, feature: owned.owner, kind }, 'A hook refuses what is done');
    }
  }
}

function byHook({ byType }: Hooks, changes: readonly Change[]): [OwnedHook, Change[]][] {
  const found = new Map<OwnedHook, Change[]>();
  for (const change of changes)
    for (const owned of byType.get(change.type) ?? []) {
      const ofTypes = found.get(owned);
      if (ofTypes) ofTypes.push(change);
      else found.set(owned, [change]);
    }
  return [...found];
}

const seenWrite = (
  context: Context,
  interaction: InteractionKind,
  { type, id, replaces }: Written,
  resource: Resource | undefined,
): HookedWrite => ({
  interaction,
  principal: context.principal,
  agent: context.agent,
  type,
  id,
  before: replaces,
  resource,
  partOf: context.partOf,
  beside: (otherType, otherId) => context.beside?.(otherType, otherId),
  ...hookGround(context),
});

function preparationOf(context: Context, { owner }: OwnedHook, given: unknown): Preparation {
  if (given === undefined) return {};
  if (!isObject(given)) throw nonsense(context, owner, 'prepare', 'what is no preparation');
  const { resource, companions, messages, absent, warnings } = given;
  const isList = (list: unknown): boolean => list === undefined || Array.isArray(list);
  if ((resource !== undefined && !isObject(resource)) || ![companions, messages, absent, warnings].every(isList))
    throw nonsense(context, owner, 'prepare', 'what is no preparation');
  return given;
}

/** What a hook made of a body, as a body. Throws `fault` where it is not valid, or another resource. */
async function checkedAnew(
  context: Context,
  { owner }: OwnedHook,
  { resource: given, large }: Parsed,
  { resource, decimals }: Parsed,
): Promise<Parsed> {
  if (resource['resourceType'] !== given.resourceType || resource['id'] !== given['id'])
    throw nonsense(context, owner, 'prepare', 'another resource');
  const body = { resource, decimals: decimals && keptDigits(resource, decimals), ...(large ? { large } : {}) };
  const { validate, judge } = context.engine;
  let valid: boolean;
  try {
    valid = !hasErrors(await validate(body)) && !hasErrors(await judge.asWritten(body, []));
  } catch (error) {
    throw hookFault(context, owner, 'prepare', 'gave what cannot be validated', error);
  }
  if (!valid) throw nonsense(context, owner, 'prepare', 'a resource that is not valid R4');
  return body;
}

/** A body that a hook may change, with the digits of its numbers. */
export function copied({ resource, decimals }: Parsed): {
  readonly resource: Resource;
  readonly decimals: Decimals | undefined;
} {
  const digits: Decimals | undefined = decimals && new Map();
  const copy = (value: Json): Json => {
    if (typeof value !== 'object' || value === null) return value;
    const made = Array.isArray(value)
      ? value.map(copy)
      : Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copy(item)]));
    const texts = decimals?.get(value);
    if (texts) digits!.set(made, texts);
    return made;
  };
  return { resource: copy(resource) as Resource, decimals: digits };
}

/** The digits of numbers that are still what they were. */
function keptDigits(resource: Resource, decimals: Decimals): Decimals {
  const kept: Decimals = new Map();
  const visit = (value: Json): void => {
    if (typeof value !== 'object' || value === null) return;
    const texts = decimals.get(value);
    const members = Object.entries(value);
    if (texts) {
      const same = members.filter(([key, item]) => Object.hasOwn(texts, key) && Number(texts[key]) === item);
      if (same.length > 0) kept.set(value, Object.fromEntries(same.map(([key]) => [key, texts[key]!])));
    }
    for (const [, item] of members) visit(item);
  };
  visit(resource);
  return kept;
}
