/**
 * Which resource each write of a transaction means: new ids, ids as given, or what criteria match, in the store and among
 * what the transaction writes. No resource may be meant twice. https://hl7.org/fhir/R4/http.html#trules
 */
import { FhirError } from '../../fhir/error.js';
import { newId } from '../../platform/ids.js';
import type { Version } from '../../store/store.js';
import { onlyOne, readCriteria, several, type ConditionalQuery } from '../write/conditional.js';
import { findDeletable } from '../delete.js';
import type { Engine } from '../engine.js';
import type { Interaction, Of, Parameters } from '../interaction.js';
import { isRaw } from '../write/prepare.js';
import type { Staged } from './staged.js';
import type { EntryTask } from './steps.js';

/** What the criteria of a write match in the store, without what this transaction deletes. */
export interface CriteriaMatches {
  /** Undefined for a deletion, whose matches are not guarded. */
  readonly sought?: ConditionalQuery;
  readonly rows: readonly Version[];
}

/** Asks the store, once for equal criteria. Undefined: the write has none. */
export async function seek({ ask, context }: EntryTask, staged: Staged): Promise<CriteriaMatches | undefined> {
  const criteria = criteriaOf(ask);
  if (!criteria) return undefined;
  const { type } = ask as Extract<Interaction, { kind: 'create' | 'update' | 'patch' | 'delete' }>;
  if (ask.kind === 'delete') return { rows: await findDeletable(context, ask) };
  return staged.once(JSON.stringify([type, criteria]), async () => {
    const sought = await readCriteria(context, type, criteria);
    return staged.findKept(context, sought);
  });
}

function criteriaOf(ask: Interaction): Parameters | undefined {
  switch (ask.kind) {
    case 'create':
      return ask.ifNoneExist;
    case 'update':
    case 'patch':
    case 'delete':
      return ask.id === undefined ? (ask.criteria ?? []) : undefined;
    case 'capabilities':
    case 'read':
    case 'vread':
    case 'history':
    case 'search':
    case 'operation':
    case 'batch':
    case 'transaction':
      return undefined;
  }
}

/** Gives the step its identity. Throws `invalid` where another one has it, `multiple-matches`. */
export function assignIdentity(
  engine: Engine,
  step: EntryTask,
  found: CriteriaMatches | undefined,
  staged: Staged,
): void {
  const { ask, at } = step;
  switch (ask.kind) {
    case 'delete':
      for (const { id } of found?.rows ?? [{ id: ask.id! }]) staged.write(ask.type, id, at, 'delete');
      return;
    case 'create':
      return identifyCreation(engine, step, ask, found, staged);
    case 'update':
    case 'patch':
      return identifyChange(engine, step, ask, found, staged);
    case 'capabilities':
    case 'read':
    case 'vread':
    case 'history':
    case 'search':
    case 'operation':
    case 'batch':
    case 'transaction':
      return;
  }
}

/** What nothing matches is created; what an earlier entry makes and the criteria of this one match is the same resource. */
function identifyCreation(
  engine: Engine,
  step: EntryTask,
  ask: Of<'create'>,
  found: CriteriaMatches | undefined,
  staged: Staged,
): void {
  const { at, entry } = step;
  const { sought } = found ?? {};
  const current = matchOf(found);
  const [own, another] = sought ? staged.matches(sought) : [];
  if (own && (another || current)) throw several(sought!);
  if (own) {
    step.madeBy = own.at;
    staged.name(entry.fullUrl, ask.type, own.id, at, 1);
    return;
  }
  const id = current?.id ?? newId(engine.clock.now());
  step.ask = { ...ask, id };
  if (sought) step.located = { query: sought, current };
  staged.name(entry.fullUrl, ask.type, id, at, current?.version ?? 1);
  if (!current) staged.write(ask.type, id, at, isRaw(ask.body) ? undefined : ask.body.resource);
}

function identifyChange(
  engine: Engine,
  step: EntryTask,
  ask: Of<'update'> | Of<'patch'>,
  found: CriteriaMatches | undefined,
  staged: Staged,
): void {
  const { at, entry } = step;
  const current = matchOf(found);
  const resource = ask.kind === 'update' && !isRaw(ask.body) ? ask.body.resource : undefined;
  const given = resource?.['id'];
  const id = ask.id ?? current?.id ?? (typeof given === 'string' ? given : newId(engine.clock.now()));
  if (found?.sought) step.located = { query: found.sought, current, id };
  // Which version it has then is not known before: it may be what it was.
  staged.name(entry.fullUrl, ask.type, id, at);
  staged.write(ask.type, id, at, resource);
}

/** The one that matches in the store; undefined: none, or there are no criteria. Throws `multiple-matches`. */
const matchOf = (found: CriteriaMatches | undefined): Version | undefined =>
  found?.sought ? onlyOne(found.sought, found.rows) : undefined;

/**
 * Throws `invalid` where the criteria of an entry mean what another one writes: whether they met it would depend on which comes
 * first, and where they do not, two resources would be made of one.
 */
export function checkApart({ ask, at, madeBy }: EntryTask, found: CriteriaMatches | undefined, staged: Staged): void {
  const { sought, rows } = found ?? {};
  if (!sought || !rows) return;
  if (staged.matches(sought).some(other => other.at !== (madeBy ?? at))) throw twice();
  const [current] = rows;
  if (ask.kind === 'create' && current && staged.writes(ask.type, current.id)) throw twice();
}

/** The uniqueness key of an entry that makes a new resource because nothing matches its criteria. */
export const keyOfCreation = ({ madeBy }: EntryTask, found: CriteriaMatches | undefined): string | undefined =>
  madeBy === undefined && found?.rows.length === 0 ? found.sought?.uniquenessKey : undefined;

export const twice = () =>
  new FhirError('invalid', 'Two entries of the Bundle write the same resource: put what they do into one.', {
    expression: 'http.url',
    detail: 'duplicate-target',
  });
