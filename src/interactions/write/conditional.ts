/**
 * Conditional interactions: a query in the place of an id. https://hl7.org/fhir/R4/http.html#ccreate, #cond-update,
 * #cdelete, #concurrency
 *
 * Criteria are conditions alone, understood to the last: one that is left out would mean more resources. Where nothing
 * matches, the commit demands that nothing does (`Absence`), and two with the same uniqueness key exclude each other,
 * in whatever process.
 */
import { UNRESTRICTED } from '../../access/permission.js';
import { createView } from '../../access/view.js';
import { FhirError } from '../../fhir/error.js';
import { parseCriteria } from '../../search/criteria.js';
import { all, type Where } from '../../search/query.js';
import type { Separated } from '../../search/separate.js';
import { withIds } from '../../search/separate.js';
import type { Absence, Version } from '../../store/store.js';
import type { Context } from '../engine.js';
import type { Parameters } from '../interaction.js';
import { resolve } from '../search/resolve.js';
import { findPostFiltered } from '../search/post-filter.js';

/** Parameters about the form of an answer, which any request may have: https://hl7.org/fhir/R4/http.html#parameters */
const ANSWER_FORM: ReadonlySet<string> = new Set(['_format', '_pretty', '_summary', '_elements']);

/** What is left are conditions: clients put the form of the answer that they want into criteria, too. */
export const conditionsOf = (parameters: Parameters): Parameters =>
  parameters.filter(([name]) => !ANSWER_FORM.has(name));

/** What criteria mean. */
export interface ConditionalQuery extends Separated {
  readonly type: string;
  /** As the client meant it, for `match`. */
  readonly meant: Where;
  /** Equal for criteria that mean the same resource. */
  readonly uniquenessKey: string;
  /** `system|value` or `value`, where an identifier is among the criteria. */
  readonly identifier?: string;
}

/** What criteria mean and what they match, where a transaction has looked already. */
export interface LocatedTarget {
  readonly query: ConditionalQuery;
  readonly current: Version | undefined;
  /** The id that an update gets where nothing matches and its body has none. */
  readonly id?: string;
}

/**
 * Throws FhirError `forbidden` where they look into a type that may not be seen, before anything is asked; `invalid`,
 * `not-supported`, `too-costly` as a search does; `invalid` where they select everything.
 */
export async function readCriteria(
  context: Pick<Context, 'engine' | 'view'>,
  type: string,
  parameters: Parameters,
): Promise<ConditionalQuery> {
  const { engine, view } = context;
  const { definitions, settings } = engine;
  // What they match would be told by what becomes of the write.
  if (!view.shows(type))
    throw new FhirError('forbidden', 'This role may not search for this type, so it cannot use criteria for it.', {
      expression: 'http.criteria',
    });
  const where = parseCriteria(
    { types: [type], parameters, bases: settings.bases, now: engine.clock.now(), fullText: settings.fullText },
    engine.parameters,
    definitions,
  );
  const identifier = parameters.find(([name, value]) => name === 'identifier' && /^[^,\\]*[^|,\\]$/.test(value));
  return {
    type,
    meant: where,
    uniquenessKey: uniquenessKeyOf(type, parameters),
    ...(identifier ? { identifier: identifier[1] } : {}),
    ...(await resolve(context, [type], where)),
  };
}

const identifierOf = (parameters: Parameters) =>
  parameters.find(([name, value]) => name === 'identifier' && /^[^|,\\]*\|[^|,\\]+$/.test(value));

/**
 * An identifier says who is meant, whatever else is asked; any other criteria stand for the whole question. Criteria in
 * different words for the same thing do not exclude each other across processes.
 */
export function uniquenessKeyOf(type: string, parameters: Parameters): string {
  const identifier = identifierOf(parameters);
  const named = identifier ? [identifier] : parameters;
  return JSON.stringify([type, ...named.map(([name, value]) => `${name}=${value}`).toSorted()]);
}

/** At most `limit` current resources that match. */
export async function findSought(
  context: Context,
  sought: ConditionalQuery,
  limit: number,
): Promise<readonly Version[]> {
  const { type, where, rest } = sought;
  const query = { types: [type], where, sort: [], limit };
  const page = rest ? await findPostFiltered(context, query, { where, rest }) : await context.view.find(query);
  return page.rows;
}

/** Matches beyond those that are wanted, so that a few that do not count need no second look. */
const SPARE_MATCHES = 20;

/** The same without the resources `gone`, which the same transaction takes away or writes: what is sought then, and found. */
export async function findBeside(
  context: Context,
  sought: ConditionalQuery,
  gone: { has(id: string): boolean; readonly size: number; keys(): Iterable<string> },
  limit: number,
): Promise<{ readonly sought: ConditionalQuery; readonly rows: readonly Version[] }> {
  const rows = await findSought(context, sought, gone.size === 0 ? limit : limit + SPARE_MATCHES);
  const met = rows.filter(({ id }) => gone.has(id)).map(({ id }) => id);
  if (met.length === 0) return { sought, rows: rows.slice(0, limit) };
  if (rows.length < limit + SPARE_MATCHES) {
    const left = rows.filter(({ id }) => !gone.has(id));
    return { sought: excepting(sought, met), rows: left.slice(0, limit) };
  }
  const narrowed = excepting(sought, gone.keys());
  return { sought: narrowed, rows: await findSought(context, narrowed, limit) };
}

const excepting = (sought: ConditionalQuery, ids: Iterable<string>): ConditionalQuery => ({
  ...sought,
  where: all(sought.where, { kind: 'not', of: withIds(ids) }),
});

/** The one that matches; undefined: none. Throws `multiple-matches`. */
export const findOne = async (context: Context, sought: ConditionalQuery): Promise<Version | undefined> =>
  onlyOne(sought, await findSought(context, sought, 2));

/** The same of what was found already. */
export function onlyOne(sought: ConditionalQuery, [one, another]: readonly Version[]): Version | undefined {
  if (another) throw several(sought);
  return one;
}

export const several = ({ type }: ConditionalQuery): FhirError =>
  new FhirError('multiple-matches', `The criteria match several ${type} resources: name one of them.`, {
    expression: 'http.criteria',
  });

/** That nothing that may be seen matches, as a condition of the commit. */
export async function absence(
  { view }: Context,
  { type, where, rest, uniquenessKey }: ConditionalQuery,
): Promise<Absence> {
  if (rest)
    throw new FhirError(
      'too-costly',
      'These criteria are decided by looking at one resource after the other, which cannot be guarded against others that write: use an identifier.',
      { expression: 'http.criteria' },
    );
  const query = { types: [type], where };
  return { uniquenessKey, ...((await view.narrow(query)) ?? query) };
}

/**
 * That nothing matches, whether whoever writes may see it or not, as a condition of the commit. Throws `conflict`, or what a hook wants to
 * be said instead, where something does that they may not see: what it is is not told.
 */
export async function absenceOfAll(
  context: Context,
  { type, criteria, conflict }: { readonly type: string; readonly criteria: Parameters; readonly conflict?: FhirError },
): Promise<Absence> {
  const { engine, view: own } = context;
  const whole = { ...context, view: createView(engine, UNRESTRICTED, undefined) };
  const sought = await readCriteria(whole, type, criteria);
  const isUnseen = !own.shows(type) || own.showsPartOf(type);
  const isThere = async (among: Context): Promise<boolean> => (await findSought(among, sought, 1)).length > 0;
  // What has come since somebody looked, and is seen, the commit meets: then they look again.
  if (isUnseen && (await isThere(whole)) && !(await isThere(context)))
    throw conflict ?? new FhirError('conflict', 'What may be there once is there already.', { detail: 'not-unique' });
  return absence(whole, sought);
}
