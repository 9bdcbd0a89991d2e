/**
 * Rows that a store gives for the part of a condition that it understands, looked at one batch after the other by
 * `match` for the rest: chains into half of the store, circles on the globe. Exact like any other page, with a cursor
 * for each row; a search that looks at too many rows for what it finds is refused (`too-costly`), never left running.
 */
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import type { Resource } from '../../fhir/resource.js';
import { createBreather } from '../../platform/breather.js';
import { extract } from '../../search/extract.js';
import { match, type Resolver, type Subject } from '../../search/match.js';
import { all, any, type Cursor, type Query, type Where } from '../../search/query.js';
import { isOneOf, refersTo, type Separated, separate, withIds } from '../../search/separate.js';
import { holdsResources } from '../../search/scope.js';
import { containsWords } from '../../search/words.js';
import { wordsOf } from '../../search/words-of.js';
import type { Counted, ResourceName, Page, Version } from '../../store/store.js';
import type { Context, Engine } from '../engine.js';

/** Rows of a first and of later batches, which shrink where resources are large. Bundles can be very large. */
const FIRST_BATCH = 100;
const FIRST_BATCH_OF_BUNDLES = 10;
const MAX_BATCH = 800;
const MAX_BATCH_BYTES = 32 * 1024 * 1024;

/** Twice as many as before, but no more than are likely to fit. */
function nextSize(size: number, rows: readonly Version[]): number {
  const bytes = rows.reduce((sum, { text }) => sum + (text?.length ?? 0), 0);
  const fitting = Math.floor((MAX_BATCH_BYTES * rows.length) / Math.max(bytes, 1));
  return Math.max(1, Math.min(size * 2, MAX_BATCH, fitting));
}
/** Of the texts of a batch. */
const BYTES = 8 * 1024 * 1024;
/** Rows that one search may look at. */
export const MAX_ROWS = 50_000;

/** What searching needs of a context. */
export interface Ground extends Pick<Context, 'view'>, Partial<Pick<Context, 'principal'>> {
  readonly engine: Pick<Engine, 'parameters' | 'definitions' | 'terminology'> & {
    readonly settings: Pick<Engine['settings'], 'bases' | 'joinLimit' | 'queryTimeout'>;
  };
  /** By `performance.now()`: when the time of the whole search is over. */
  readonly until?: number;
  /** Nothing is left open that can be a list. */
  readonly closed?: true;
}

/** The ground of one search: all that is asked before the store's own answer shares the time of one query. */
export const inTime = ({ engine, view, closed }: Ground): Ground => ({
  engine,
  view,
  until: performance.now() + engine.settings.queryTimeout,
  ...(closed ? { closed } : {}),
});

/** Throws `too-costly` where the time of the search is over. */
export function checkTime({ until }: Ground): void {
  if (until !== undefined && performance.now() > until) throw tooCostly();
}

type PostFiltered = Required<Separated>;

interface DecidedRow extends Subject {
  readonly resource: Resource;
}

/** Everything that satisfies both parts, with the cursor of each row, in the order of the query. */
async function* postFiltered(
  ground: Ground,
  query: Omit<Query, 'limit' | 'where'>,
  { where, rest }: PostFiltered,
): AsyncGenerator<{ row: Version; cursor: Cursor }> {
  const { engine, view } = ground;
  const { types, sort } = query;
  const back = query.before !== undefined;
  const deadline = ground.until ?? performance.now() + engine.settings.queryTimeout;
  let at = query.after ?? query.before;
  let looked = 0;
  let bytes = BYTES;
  for (let size = types.includes('Bundle') ? FIRST_BATCH_OF_BUNDLES : FIRST_BATCH; ; ) {
    const here = at === undefined ? {} : back ? { before: at } : { after: at };
    const page = await view.find({ types, sort, where, limit: size, bytes, ...here });
    bytes = BYTES;
    if (page.next !== undefined && page.rows.length === 0) {
      bytes = page.next;
      continue;
    }
    const kept = await check(ground, rest, page.rows);
    const places = page.rows.map((_, i) => (back ? page.rows.length - 1 - i : i));
    for (const i of places) if (kept[i]) yield { row: page.rows[i]!, cursor: page.cursors[i]! };
    if (!page.more) return;
    at = back ? page.cursors[0] : page.cursors.at(-1);
    size = nextSize(size, page.rows);
    looked += page.rows.length;
    if (looked >= MAX_ROWS || performance.now() > deadline) throw tooCostly();
  }
}

const tooCostly = () =>
  new FhirError(
    'too-costly',
    `More than ${MAX_ROWS} resources or too much time would be needed to answer this. Narrow it: add a patient, a code or a date.`,
    { detail: 'search-too-broad' },
  );

/** A page like the store's own. */
export async function findPostFiltered(ground: Ground, query: Query, sifted: PostFiltered): Promise<Page> {
  const found: { row: Version; cursor: Cursor }[] = [];
  let more = false;
  let left = query.bytes ?? Infinity;
  let next: number | undefined;
  for await (const one of postFiltered(ground, query, sifted)) {
    const size = one.row.text?.length ?? 0;
    if (size > left) next = size;
    more = found.length === query.limit || next !== undefined;
    if (more) break;
    left -= size;
    found.push(one);
  }
  if (query.before !== undefined) found.reverse();
  return {
    rows: found.map(({ row }) => row),
    cursors: found.map(({ cursor }) => cursor),
    more,
    ...(next === undefined ? {} : { next }),
  };
}

export async function countPostFiltered(
  ground: Ground,
  types: readonly string[],
  sifted: PostFiltered,
  limit = Infinity,
): Promise<Counted> {
  let count = 0;
  for await (const _ of postFiltered(ground, { types, sort: [] }, sifted)) {
    if (count === limit) return { count, exact: false };
    count += 1;
  }
  return { count, exact: true };
}

/** Names of all that satisfy both parts; undefined: more than `limit`, or too many to look at. */
export async function select(
  ground: Ground,
  types: readonly string[],
  sifted: PostFiltered,
  limit: number,
): Promise<readonly ResourceName[] | undefined> {
  const found: ResourceName[] = [];
  try {
    for await (const { row } of postFiltered(ground, { types, sort: [] }, sifted)) {
      if (found.length === limit) return undefined;
      found.push({ type: row.type, id: row.id });
    }
    return found;
  } catch (error) {
    if (error instanceof FhirError && error.kind === 'too-costly') return undefined;
    throw error;
  }
}

/** Rows that are looked at in one piece: a few milliseconds. */
const ROWS_A_TURN = 20;
/** Where rows are parsed on the event loop. */
const breather = createBreather();

async function mapInTurns<T, R>(rows: readonly T[], each: (one: T) => R): Promise<R[]> {
  const done: R[] = [];
  for (let at = 0; at < rows.length; at += ROWS_A_TURN) {
    const others = breather.before();
    if (others) await others;
    breather.piece(() => {
      for (const one of rows.slice(at, at + ROWS_A_TURN)) done.push(each(one));
    });
  }
  return done;
}

/** Which of the rows satisfy the condition. */
export async function check(ground: Ground, where: Where, rows: readonly Version[]): Promise<boolean[]> {
  if (rows.length === 0) return [];
  const { parameters, settings } = ground.engine;
  const seen = await mapInTurns(rows, (row): DecidedRow => {
    const { resource } = parseJson(row.text!, STORED_JSON);
    const { type, id, updated } = row;
    return { type, id, updated, resource, entries: extract(resource, parameters, { bases: settings.bases }) };
  });
  const decidable = await close(ground, where, seen);
  const resolver = resolverOf(ground);
  return mapInTurns(seen, subject => match(decidable, subject, resolver));
}

/** Whether the parameter holds the resources that a chain leads to. Types that share a parameter read the same by it. */
export function isHeld({ engine }: Ground, [type]: readonly string[], code: string): boolean {
  const parameter = type === undefined ? undefined : engine.parameters.get(type, code);
  return parameter !== undefined && holdsResources(parameter);
}

/** The resources of a type that the subject holds. */
const heldBy = ({ engine }: Ground, { entries, updated }: Subject, code: string, to: string): DecidedRow[] =>
  entries.flatMap(entry => {
    if (entry.parameter !== code || entry.kind !== 'held' || entry.resource['resourceType'] !== to) return [];
    const { id } = entry.resource;
    const resource: Resource = { ...entry.resource, resourceType: to };
    return {
      type: to,
      id: typeof id === 'string' ? id : '',
      updated,
      resource,
      entries: extract(resource, engine.parameters, { bases: engine.settings.bases }),
    };
  });

/** Links are lists by now, or lead into the subject itself; so do words. */
const resolverOf = (ground: Ground): Resolver => ({
  follow: (subject, code, to) => heldBy(ground, subject, code, to),
  referring: () => [],
  hasWords: (subject, among, words) =>
    containsWords(words, wordsOf((subject as DecidedRow).resource, ground.engine.definitions)[among]),
});

/** The condition with its open links replaced by lists that are right for these subjects. */
async function close(ground: Ground, where: Where, seen: readonly DecidedRow[]): Promise<Where> {
  const each = (parts: readonly Where[]) => Promise.all(parts.map(part => close(ground, part, seen)));
  switch (where.kind) {
    case 'all':
      return all(...(await each(where.of)));
    case 'any':
      return any(...(await each(where.of)));
    case 'not':
      return { kind: 'not', of: await close(ground, where.of, seen) };
    case 'of':
      return { ...where, where: await close(ground, where.where, seen) };
    case 'chain': {
      const { code, to } = where;
      if (seen[0] && isHeld(ground, [seen[0].type], code)) {
        if (!separate(where.where).rest) return where;
        const held = await mapInTurns(seen, subject => heldBy(ground, subject, code, to));
        return { ...where, where: await close(ground, where.where, held.flat()) };
      }
      const asked = new Set(
        seen.flatMap(({ entries }) =>
          entries.flatMap(entry =>
            entry.parameter === code && entry.kind === 'reference' && entry.type === to ? [entry.id] : [],
          ),
        ),
      );
      const { where: inner, rest } = separate(where.where);
      const found = await namesMatching(ground, [to], all(withIds(asked), inner), rest, asked.size);
      return refersTo(code, found);
    }
    case 'has': {
      const { code, from } = where;
      const { where: inner, rest } = separate(where.where);
      const here = all(refersTo(code, seen), inner);
      const types = [...new Set(seen.map(({ type }) => type))];
      if (!rest) {
        const { found, complete } = await ground.view.findIds({ types: [from], where: here }, MAX_ROWS, code);
        // Half of the answer would be a wrong one.
        if (!complete) throw tooCostly();
        return isOneOf(types, found);
      }
      const found: ResourceName[] = [];
      for await (const { row } of postFiltered(ground, { types: [from], sort: [] }, { where: here, rest }))
        found.push(...localReferences(ground, row, code));
      return isOneOf(types, found);
    }
    case 'param':
    case 'present':
    case 'words':
      return where;
  }
}

async function namesMatching(
  ground: Ground,
  types: readonly string[],
  where: Where,
  rest: Where | undefined,
  limit: number,
): Promise<readonly ResourceName[]> {
  if (limit === 0) return [];
  if (!rest) return (await ground.view.findIds({ types, where }, limit)).found;
  const found = await select(ground, types, { where, rest }, limit);
  if (!found) throw tooCostly();
  return found;
}

/** The resources of this server that a row refers to by a parameter. */
export function localReferences(
  ground: Ground,
  row: Version,
  code: string,
): readonly (ResourceName & { version?: string })[] {
  const { resource } = parseJson(row.text!, STORED_JSON);
  const entries = extract(resource, ground.engine.parameters, { bases: ground.engine.settings.bases });
  return entries.flatMap(entry => (entry.parameter === code && entry.kind === 'reference' ? [entry] : []));
}
