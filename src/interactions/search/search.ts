/**
 * search-type, search-system and searches in compartments: https://hl7.org/fhir/R4/search.html. Parses, resolves what a
 * store cannot answer (resolve.ts), asks the store, adds what is to be included, writes the Bundle.
 *
 * Choices: without `_total` the total is given where it costs nothing, that is when one page holds all; a page has
 * `_count` matches, never more than the server's largest page; the self link shows exactly what was used.
 */
import { NO_PAGE } from '../../access/view.js';
import { FhirError, type Issue } from '../../fhir/error.js';
import { newId } from '../../platform/ids.js';
import { compartmentTypes, compartmentWhere } from '../../search/compartment.js';
import { type ParsedSearch, parseSearch } from '../../search/parse.js';
import { all, type Query, type Where } from '../../search/query.js';
import type { Separated } from '../../search/separate.js';
import type { Page } from '../../store/store.js';
import type { Allowance, Context, Engine } from '../engine.js';
import { patientsRead } from '../patients-read.js';
import { allowanceOf, takePage } from '../response/allowance.js';
import { ambiguityIssues } from './ambiguity.js';
import { needDateInterval } from './audit-date.js';
import { builtInRows, findBehind } from './built-in.js';
import { type BundleEntry, bundle } from '../response/bundle.js';
import { EXPLAIN, explanation, type SearchExplanation, wantsExplanation } from './explain.js';
import { include, type Included } from './include.js';
import type { Of, Outcome, Parameters } from '../interaction.js';
import { indexingIssues } from './reindex-warnings.js';
import {
  clampCount,
  neighbours,
  laterPage,
  openPage,
  type PageState,
  questionOf,
  selfLink,
} from '../response/paging.js';
import { resolve } from './resolve.js';
import { outcomeEntry, rowEntries } from '../response/searchset.js';
import { SHELVED_TYPES, shelvedRows } from './shelved.js';
import { check, countPostFiltered, findPostFiltered } from './post-filter.js';
import { suppressedIssues } from './suppressed.js';
import { TRAIL, typesNamed } from './types-named.js';

/** Matches up to which an estimate is counted. */
const ESTIMATE_CAP = 10_000;
/** Types of which the server brings some along. */
const BUILT_IN: ReadonlySet<string> = new Set(['OperationDefinition']);
/** Patients whom the question of a search may name. */
const MAX_NAMED = 1000;
/** What the address and the parameters ask for, ready for the store. */
interface Asked extends Separated {
  readonly types: readonly string[];
  readonly parsed: ParsedSearch;
}

/** `told`: warnings that stand beside its own, on the first page. */
export async function search(context: Context, ask: Of<'search'>, told: readonly Issue[] = []): Promise<Outcome> {
  const { engine } = context;
  const path = searchPath(ask);
  const page = openPage(context, path, ask.parameters);
  // Before anything is looked at, or it would promise more than is there.
  const horizon = page?.horizon ?? context.view.horizon();
  const given = page?.parameters ?? questionOf(ask.parameters).filter(([name]) => name !== EXPLAIN);
  const lenient = page?.lenient ?? ask.lenient;
  const asked = await readSearch(context, { ...ask, parameters: given, lenient });
  const { types, parsed } = asked;
  if (ask.type === TRAIL) needDateInterval(context, parsed.where);
  if (wantsExplanation(context, ask.parameters))
    return explanation(await tell(context, asked, pageLimit(engine, parsed), page));
  const used: Parameters = [...given.filter(([name]) => !ask.type && name === '_type'), ...usedOf(engine, parsed)];
  const limit = pageLimit(engine, parsed);
  const allowance = allowanceOf(context);
  const countOnly = parsed.summary === 'count' || parsed.count === 0;
  const found = countOnly ? NO_PAGE : await matchPage(allowance, context, asked, storeQuery(types, asked, limit, page));
  const total = countOnly ? await countAll(context, asked) : await matchTotal(context, asked, found, page);
  const added: Included =
    parsed.includes.length > 0 && found.rows.length > 0
      ? await include(context, found.rows, parsed.includes, allowance)
      : { rows: [], cut: false };
  const state: Omit<PageState, 'cursor' | 'direction'> = {
    path,
    parameters: given,
    horizon,
    ...(lenient ? { lenient: true } : {}),
    ...(total === undefined ? {} : { total }),
  };
  const link = [
    selfLink(engine, path, ask.parameters, used),
    ...neighbours(context, state, found, page, ask.parameters),
  ];
  const patients = page ? [] : patientsNamedBy(ask.compartment, parsed.where);
  const issues = [
    ...told,
    ...(await issuesOfSearch(context, asked, { found, total, added })),
    ...(await suppressedIssues(context, asked, patients)),
  ];
  const entries: BundleEntry[] = [
    ...(await rowEntries(engine, found.rows, parsed, 'match')),
    ...(await rowEntries(engine, added.rows, { summary: parsed.summary, elements: undefined }, 'include')),
    ...(issues.length > 0 ? [outcomeEntry(issues)] : []),
  ];
  const head = { type: 'searchset' as const, horizon, link, ...(total === undefined ? {} : { total }) };
  return {
    result: {
      status: 200,
      ...bundle(head, entries, newId(engine.clock.now())),
      ...laterPage(page),
      patients: await patientsTouched(ask, parsed.where, [found, added], engine.settings.bases),
    },
  };
}

/** What a client should know of an answer. */
async function issuesOfSearch(
  context: Context,
  { types, parsed }: Asked,
  { found, total, added }: { readonly found: Page; readonly total: number | undefined; readonly added: Included },
): Promise<readonly Issue[]> {
  const { engine } = context;
  return [
    ...parsed.ignored,
    ...(found.rows.length > 0 || total ? await ambiguityIssues(context, types, parsed.where) : []),
    ...indexingIssues(engine, types, parsed),
    ...(added.cut ? [cutIssue(engine)] : []),
  ];
}

/** How a search is answered, without who asks. */
export async function explainSearch(context: Searching, ask: Of<'search'>): Promise<SearchExplanation> {
  const asked = await readSearch(context, ask);
  return tell(context, asked, pageLimit(context.engine, asked.parsed), undefined);
}

type Searching = Pick<Context, 'engine' | 'view'> & Partial<Pick<Context, 'principal'>>;

async function tell(
  { view }: Searching,
  asked: Asked,
  limit: number,
  page: PageState | undefined,
): Promise<SearchExplanation> {
  const query = storeQuery(asked.types, asked, limit, page);
  const { parsed, rest } = asked;
  const store = await view.explain(query);
  return { understood: parsed.where, asked: query, store, ...(rest ? { rest } : {}) };
}

/** Matches of a page; at least one where only a count is wanted, as a store is always asked for something. */
const pageLimit = (engine: Engine, { count }: ParsedSearch): number => Math.max(1, clampCount(engine, count));

/** The parameters that were used, as they were. */
const usedOf = (engine: Engine, { used }: ParsedSearch): Parameters =>
  used.map(([name, value]) => [name, name === '_count' ? String(clampCount(engine, Number(value))) : value]);

/** Path below the base, as links have it. */
function searchPath({ type, compartment }: Of<'search'>): string {
  if (!compartment) return type ?? '';
  return `${compartment.type}/${compartment.id}/${type ?? '*'}`;
}

async function readSearch(context: Searching, ask: Of<'search'>): Promise<Asked> {
  const { engine } = context;
  const { definitions, parameters, settings } = engine;
  const { types, rest } = typesOf(context, ask);
  const parsed = parseSearch(
    {
      types,
      parameters: rest,
      lenient: ask.lenient,
      bases: settings.bases,
      now: engine.clock.now(),
      fullText: settings.fullText,
    },
    parameters,
    definitions,
  );
  if (new Set(patientsAsked(parsed.where)).size > MAX_NAMED)
    throw new FhirError(
      'too-costly',
      `A search may name ${MAX_NAMED} patients at most, as it is recorded in the audit trail of each: divide them among several searches.`,
      { detail: 'too-many-patients' },
    );
  const { compartment } = ask;
  const where = compartment
    ? all(compartmentWhere(definitions, parameters, compartment, types), parsed.where)
    : parsed.where;
  return { types, parsed, ...(await resolve(context, types, where)) };
}

/** The types searched: one, or for a system search those of `_type`, else all that may be shown but the audit trail. */
function typesOf({ engine, view, principal }: Searching, { type, compartment, parameters }: Of<'search'>) {
  if (type !== undefined) return { types: [type], rest: parameters };
  const { definitions } = engine;
  const every = compartment ? (compartmentTypes(definitions, compartment.type) ?? []) : definitions.resourceTypes;
  const asked = parameters.filter(([name]) => name === '_type').map(([, value]) => value);
  const named = typesNamed(engine, asked, view, principal);
  const types = named.length > 0 ? named : every.filter(t => t !== TRAIL && view.shows(t));
  return { types, rest: parameters.filter(([name]) => name !== '_type') };
}

function storeQuery(
  types: readonly string[],
  { parsed, where }: Asked,
  limit: number,
  page: PageState | undefined,
): Query {
  const query = { types, where, sort: parsed.sort, limit };
  if (!page) return query;
  return page.direction === 'after' ? { after: page.cursor, ...query } : { before: page.cursor, ...query };
}

async function findMatches(context: Context, asked: Asked, query: Query): Promise<Page> {
  const { where, rest } = asked;
  const find = (each: Query) => (rest ? findPostFiltered(context, each, { where, rest }) : context.view.find(each));
  const own = await ownMatches(context, asked);
  return own.length > 0 ? findBehind(own, query, find) : find(query);
}

/** What matches of the definitions that the server brings along. */
async function ownMatches(context: Context, { types: [type = '', ...more], where, rest }: Asked) {
  if (more.length > 0 || !(BUILT_IN.has(type) || SHELVED_TYPES.has(type))) return [];
  const rows = BUILT_IN.has(type) ? await builtInRows(context, type) : await shelvedRows(context, type, where);
  if (rows.length === 0) return [];
  const fits = await check(context, rest ? all(where, rest) : where, rows);
  return rows.filter((_, at) => fits[at]);
}

/** A page as far as the allowance goes. */
const matchPage = (allowance: Allowance, context: Context, asked: Asked, query: Query): Promise<Page> =>
  takePage(allowance, { limit: query.limit, back: query.before !== undefined }, ({ limit, bytes, place }) =>
    findMatches(context, asked, {
      bytes,
      ...query,
      limit,
      ...(place && (query.before ? { before: place } : { after: place })),
    }),
  );

async function countAll(context: Context, asked: Asked, cap?: number): Promise<number> {
  const { types, where, rest } = asked;
  const counted = rest
    ? await countPostFiltered(context, types, { where, rest }, cap)
    : await context.view.count({ types, where, sort: asked.parsed.sort }, cap);
  return counted.count + (await ownMatches(context, asked)).length;
}

async function matchTotal(
  context: Context,
  asked: Asked,
  found: Page,
  page: PageState | undefined,
): Promise<number | undefined> {
  const { total } = asked.parsed;
  if (total === 'none') return undefined;
  if (page) return page.total;
  if (!found.more) return found.rows.length;
  if (total === undefined) return undefined;
  if (total === 'accurate') return countAll(context, asked);
  try {
    return await countAll(context, asked, ESTIMATE_CAP);
  } catch (error) {
    // An estimate is a kindness: the page is there without it.
    if (error instanceof FhirError && error.kind === 'too-costly') return undefined;
    throw error;
  }
}

const cutIssue = ({ settings }: Engine): Issue => ({
  severity: 'warning',
  code: 'incomplete',
  text: `Not everything that was to be included is here: a page includes ${settings.maxIncluded} resources at most, and has ${settings.maxAnswer} bytes. Ask with a smaller _count, or follow the references.`,
  detail: 'include-cut',
});

/**
 * Whose data was asked for or shown: who the question names is audited even where nothing is found, and who is found also where the
 * question names somebody, because it may find others, too (`_filter=patient eq 1 or status eq final`, `performer=Patient/1`).
 */
async function patientsTouched(
  { compartment }: Of<'search'>,
  where: Where,
  [found, added]: readonly [Page, Included],
  bases: readonly string[],
): Promise<readonly string[]> {
  const asked = patientsNamedBy(compartment, where);
  return [...new Set([...asked, ...(await patientsRead([...found.rows, ...added.rows], bases))])];
}

/** Patients whom the address or the question names. */
const patientsNamedBy = (compartment: Of<'search'>['compartment'], where: Where): readonly string[] => [
  ...(compartment?.type === 'Patient' ? [compartment.id] : []),
  ...patientsAsked(where),
];

/** Patients whom the question itself names (`patient=1`). */
function patientsAsked(where: Where): string[] {
  if (where.kind === 'all' || where.kind === 'any') return where.of.flatMap(patientsAsked);
  if (where.kind !== 'param' || where.test.kind !== 'reference') return [];
  const { to } = where.test;
  const named = where.code === 'patient' || where.code === 'subject';
  return to.kind === 'local' && (to.type === 'Patient' || (named && to.type === undefined)) ? [to.id] : [];
}
