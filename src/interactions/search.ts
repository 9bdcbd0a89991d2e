/**
 * search-type and search-system: https://hl7.org/fhir/R4/search.html. Parses, asks the store, writes the Bundle.
 * Choices: without `_total` the total is given where it costs nothing, that is when one page holds all; a page has
 * `_count` entries, never more than the server's largest page; the self link shows exactly what was used.
 */
import { randomUUID } from 'node:crypto';
import { FhirError, type Issue } from '../fhir/error.js';
import { outcomeText } from '../fhir/outcome.js';
import { newId } from '../platform/ids.js';
import { type ParsedSearch, parseSearch } from '../search/parse.js';
import type { Query, Where } from '../search/query.js';
import type { Page } from '../store/store.js';
import { type BundleEntry, bundle } from './bundle.js';
import type { Context, Engine, Of, Outcome, Parameters } from './interaction.js';
import { linkTo, openPage, type PageState, pageLink } from './paging.js';
import { viewText } from './release.js';

/** Matches up to which an estimate is counted. */
const ESTIMATE_CAP = 10_000;
/** Answered by the HTTP layer. */
const PRESENTATION = new Set(['_format', '_pretty', '_page']);

export async function search(context: Context, ask: Of<'search'>, without: readonly string[]): Promise<Outcome> {
  const { engine } = context;
  const path = ask.type ?? '';
  const page = openPage(engine, path, ask.parameters);
  const given = (page?.parameters ?? ask.parameters).filter(([name]) => !PRESENTATION.has(name));
  const { types, rest } = typesOf(engine, ask.type, given, without);
  const parsed = parseSearch(
    {
      types,
      parameters: rest,
      lenient: page?.lenient ?? ask.lenient,
      bases: engine.settings.bases,
      fullText: engine.settings.fullText,
    },
    engine.parameters,
    engine.definitions,
  );
  const used: Parameters = [...given.filter(([name]) => !ask.type && name === '_type'), ...parsed.used];
  const limit = Math.min(parsed.count ?? engine.settings.pageSize, engine.settings.maxPageSize);
  const countOnly = parsed.summary === 'count' || parsed.count === 0;
  const found = countOnly
    ? { rows: [], cursors: [], more: false }
    : await engine.store.find(queryOf(types, parsed, limit, page));
  const total = countOnly
    ? (await engine.store.count({ types, where: parsed.where })).count
    : await totalOf(engine, types, parsed, found, page);
  const state: Omit<PageState, 'cursor' | 'direction'> = {
    path,
    parameters: given,
    ...((page?.lenient ?? ask.lenient) ? { lenient: true } : {}),
    ...(total === undefined ? {} : { total }),
  };
  const link = [
    { relation: 'self', url: page ? linkTo(engine, path, ask.parameters) : linkTo(engine, path, used) },
    ...neighbours(engine, state, found, page),
  ];
  const entries = await entriesOf(engine, parsed, found, parsed.ignored);
  const at = engine.now();
  const head = { type: 'searchset' as const, lastUpdated: at, link, ...(total === undefined ? {} : { total }) };
  const asked = patientsAsked(parsed.where);
  return {
    result: {
      status: 200,
      text: bundle(head, entries, newId(at)),
      patients: asked.length ? asked : [...new Set(found.rows.flatMap(row => row.patients))],
    },
  };
}

/** The types searched: one, or for a system search those of `_type`, else all that may be shown. */
function typesOf(engine: Engine, type: string | undefined, given: Parameters, without: readonly string[]) {
  if (type !== undefined) return { types: [type], rest: given };
  const named = given.filter(([name]) => name === '_type').flatMap(([, value]) => value.split(','));
  const unknown = named.find(name => !engine.definitions.resourceTypes.includes(name));
  if (unknown !== undefined)
    throw new FhirError('invalid', '_type must name R4 resource types, separated by commas.', {
      expression: 'http._type',
    });
  // Leaving one out in silence would say that there is nothing of it.
  if (named.some(name => without.includes(name)))
    throw new FhirError('forbidden', 'This role may not search all types that _type names.', {
      expression: 'http._type',
    });
  const types = (named.length ? [...new Set(named)] : engine.definitions.resourceTypes).filter(
    t => !without.includes(t),
  );
  return { types, rest: given.filter(([name]) => name !== '_type') };
}

function queryOf(types: readonly string[], parsed: ParsedSearch, limit: number, page: PageState | undefined): Query {
  const query = { types, where: parsed.where, sort: parsed.sort, limit };
  if (!page) return query;
  return page.direction === 'after' ? { ...query, after: page.cursor } : { ...query, before: page.cursor };
}

async function totalOf(
  engine: Engine,
  types: readonly string[],
  parsed: ParsedSearch,
  found: Page,
  page: PageState | undefined,
): Promise<number | undefined> {
  if (parsed.total === 'none') return undefined;
  if (page) return page.total;
  if (!found.more) return found.rows.length;
  if (parsed.total === undefined) return undefined;
  const cap = parsed.total === 'accurate' ? undefined : ESTIMATE_CAP;
  return (await engine.store.count({ types, where: parsed.where }, cap)).count;
}

function neighbours(
  engine: Engine,
  state: Omit<PageState, 'cursor' | 'direction'>,
  found: Page,
  page: PageState | undefined,
): { relation: string; url: string }[] {
  const links: { relation: string; url: string }[] = [];
  const [first, last] = [found.cursors.at(0), found.cursors.at(-1)];
  const backwards = page?.direction === 'before';
  // Walking back there is always a page after this one: the one we came from.
  if (last && (backwards || found.more))
    links.push({ relation: 'next', url: pageLink(engine, { ...state, cursor: last, direction: 'after' }) });
  if (first && page && (backwards ? found.more : true))
    links.push({ relation: 'previous', url: pageLink(engine, { ...state, cursor: first, direction: 'before' }) });
  return links;
}

async function entriesOf(
  engine: Engine,
  parsed: ParsedSearch,
  found: Page,
  ignored: readonly Issue[],
): Promise<BundleEntry[]> {
  const view = {
    ...(parsed.summary === undefined ? {} : { summary: parsed.summary }),
    ...(parsed.elements === undefined ? {} : { elements: parsed.elements }),
  };
  const entries: BundleEntry[] = [];
  for (const row of found.rows) {
    const text = viewText(engine, row, view);
    entries.push({
      fullUrl: `${engine.settings.base}/${row.type}/${row.id}`,
      text: Buffer.isBuffer(text) ? text : await text,
      search: { mode: 'match' },
    });
  }
  if (ignored.length)
    entries.push({
      fullUrl: `urn:uuid:${randomUUID()}`,
      text: outcomeText(ignored),
      search: { mode: 'outcome' },
    });
  return entries;
}

/** Patients whom the question itself names (`patient=1`): they are audited even where nothing is found. */
function patientsAsked(where: Where): string[] {
  if (where.kind === 'all' || where.kind === 'any') return where.of.flatMap(patientsAsked);
  if (where.kind !== 'param' || where.test.kind !== 'reference') return [];
  const { to } = where.test;
  const named = where.code === 'patient' || where.code === 'subject';
  return to.kind === 'local' && (to.type === 'Patient' || (named && to.type === undefined)) ? [to.id] : [];
}
