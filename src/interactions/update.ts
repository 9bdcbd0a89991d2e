/**
 * update, update-as-create and conditional update: https://hl7.org/fhir/R4/http.html#update, #cond-update. The version that
 * was read is the commit's precondition; without If-Match the last write wins, and `perform` tries again when another one
 * came in between.
 */
import { FhirError } from '../fhir/error.js';
import { newId } from '../platform/ids.js';
import type { Method, Version } from '../store/store.js';
import { resolveReferences } from './transaction/conditional-references.js';
import { absence, findOne, findSought, type LocatedTarget, readCriteria } from './write/conditional.js';
import type { Context } from './engine.js';
import type { Of, Outcome } from './interaction.js';
import { keptOf } from './write/meta-labels.js';
import { mayChooseIds } from './write/permitted.js';
import { isRaw, prepare, received, storeUpload } from './write/prepare.js';
import { auditSubject } from './read.js';
import { shownText } from './response/resource-text.js';
import { isSame, unchanged } from './write/unchanged.js';

/** `located`: what its criteria match, where that was looked up already. */
export async function update(context: Context, ask: Of<'update'>, located?: LocatedTarget): Promise<Outcome> {
  const found: Partial<LocatedTarget> = located ?? (await findCurrent(context, ask));
  const { current, query: sought } = found;
  const body = await received(context, ask.body);
  const given = isRaw(body) ? undefined : body.resource['id'];
  const chosen = ask.id ?? current?.id ?? (typeof given === 'string' ? given : undefined);
  const id = chosen ?? located?.id;
  if (!isRaw(body)) checkGivenId(ask, given, id);
  const before = await replacedBy(context, ask, chosen, found);
  const prepared = await prepare(
    context,
    ask.kind,
    nextIdentity(context, ask.type, id, before, 'PUT'),
    isRaw(body) ? body : await resolveReferences(context, body),
    before && keptOf(before),
  );
  const { change, text, holes, findings, accompaniment } = await storeUpload(context, prepared);
  if (before && isSame(before, change)) return unchanged(before, text !== undefined);
  const location = `${ask.type}/${change.id}/_history/${change.version}`;
  const status = before?.text === undefined ? 201 : 200;
  return {
    changes: [change],
    ...(sought && !current ? { mustNotMatch: [await absence(context, sought)] } : {}),
    result: { status, location, ...auditSubject(change), ...shownText(text, holes), findings },
    accompaniment,
  };
}

/** By criteria the body may leave the id out; one that it has must be that of the match. */
function checkGivenId(ask: Of<'update'>, given: unknown, id: string | undefined): void {
  if (given === id || (ask.id === undefined && given === undefined)) return;
  throw new FhirError(
    'invalid',
    ask.id === undefined
      ? 'The id in the body is not that of the resource that matches.'
      : 'The resource in the body must have the id that the URL names.',
    { expression: `${ask.type}.id`, detail: 'id-mismatch' },
  );
}

/** The version that the update replaces. Throws `precondition`; `conflict` where another resource has the id, `not-found` for who may not choose it. */
async function replacedBy(
  { permission, view }: Context,
  ask: Of<'update'>,
  id: string | undefined,
  { current, query }: Partial<LocatedTarget>,
): Promise<Version | undefined> {
  // The id that a client gives where nothing matches may be taken, by a resource that does not match.
  const before = current ?? (query && id !== undefined ? await view.read(ask.type, id) : undefined);
  checkPreconditions(before, ask);
  if (query && !current && before?.text)
    throw idTaken(ask.type, 'Nothing matches the criteria, but the id in the body is that of another resource.');
  // The same where it is taken by what may not be seen.
  if (!before && id !== undefined && (view.showsPartOf(ask.type) || !mayChooseIds(permission, ask.type)))
    throw new FhirError(
      'not-found',
      `There is no ${ask.type} with this id, and this permission may not choose the ids of new ones: create it by POST.`,
      { expression: `${ask.type}.id`, detail: 'id-not-chosen' },
    );
  return before;
}

const idTaken = (type: string, message: string): FhirError =>
  new FhirError('conflict', message, { expression: `${type}.id`, detail: 'id-taken' });

/** What stands before this change, by id or by criteria. Throws `multiple-matches`. */
export async function findCurrent(context: Context, ask: Of<'update'> | Of<'patch'>): Promise<Partial<LocatedTarget>> {
  if (ask.id !== undefined) return { current: await readNamed(context, ask) };
  const sought = await readCriteria(context, ask.type, ask.criteria ?? []);
  return { current: await findOne(context, sought), query: sought };
}

/**
 * What has the id. Criteria beside it may match nothing else; those of a patch or a deletion must match it where it is there, those of
 * an update need not: it may be what makes them true. Throws `precondition`.
 */
export async function readNamed(
  context: Context,
  ask: Of<'update'> | Of<'patch'> | Of<'delete'>,
): Promise<Version | undefined> {
  const current = await context.view.read(ask.type, ask.id!);
  if (!ask.criteria) return current;
  const sought = await readCriteria(context, ask.type, ask.criteria);
  const rows = await findSought(context, sought, 2);
  const needed = ask.kind !== 'update' && current?.text !== undefined;
  const other = ask.criteria.some(([name, value]) => name === '_id' && !value.split(',').includes(ask.id!));
  if (other || rows.some(({ id }) => id !== ask.id) || (needed && rows.length === 0))
    throw new FhirError('precondition', 'The criteria do not mean the resource that the address names.', {
      expression: 'http.criteria',
      detail: 'criteria-mismatch',
    });
  return current;
}

/** Names the version that follows the one that is there; `id` undefined: a new one. */
export const nextIdentity = <M extends Method>(
  { stamp }: Pick<Context, 'stamp'>,
  type: string,
  id: string | undefined,
  current: Version | undefined,
  method: M,
) => ({
  type,
  id: id ?? newId(stamp.now()),
  version: (current?.version ?? 0) + 1,
  // Versions of one resource never share an instant, so that history has one order everywhere.
  updated: Math.max(stamp.now(), (current?.updated ?? 0) + 1),
  method,
  ...(current ? { replaces: current } : {}),
});

/** If-Match and If-None-Match: *, for update, patch and delete. */
export function checkPreconditions(
  current: Version | undefined,
  ask: { readonly ifMatch?: readonly string[]; readonly onlyCreate?: true },
): void {
  const alive = current?.text !== undefined;
  if (ask.onlyCreate && alive)
    throw new FhirError('precondition', 'If-None-Match: * allows this only where nothing exists yet.', {
      expression: 'http.If-None-Match',
    });
  if (ask.ifMatch === undefined) return;
  const fits = alive && (ask.ifMatch.includes('*') || ask.ifMatch.includes(String(current.version)));
  if (!fits)
    throw new FhirError('precondition', 'The current version is not the one that If-Match names: read it again.', {
      expression: 'http.If-Match',
      detail: 'version-mismatch',
    });
}
