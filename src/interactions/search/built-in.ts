/**
 * Conformance resources that this server brings along, in searches for their type: as if they stood in the store, before
 * everything that does. What is stored under the id of one hides it, as for reads.
 *
 * Choice: they come first, in the order of their ids, whatever _sort says.
 */
import { NO_PAGE } from '../../access/view.js';
import type { Cursor, Query } from '../../search/query.js';
import type { Page, Version } from '../../store/store.js';
import type { Context } from '../engine.js';

/** No cursor of a store begins so: text of FHIR has no such character. */
const CURSOR_MARK = '\u0000built-in';

const placeAmongBuiltIn = (cursor: Cursor | undefined): number | undefined =>
  cursor?.[0] === CURSOR_MARK ? Number(cursor[1]) : undefined;

/** Those of a type, like rows of a store. */
export async function builtInRows({ engine, view }: Context, type: string): Promise<readonly Version[]> {
  const { builtIn, settings } = engine;
  const rows: Version[] = [];
  for (const [name, text] of builtIn) {
    if (!name.startsWith(`${type}/`)) continue;
    const id = name.slice(type.length + 1);
    if (await view.read(type, id)) continue;
    rows.push({ type, id, version: 1, updated: settings.software.started, method: 'PUT', text, patients: [] });
  }
  return rows.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** A page of `rows` and, behind them, of what `find` gives. */
export async function findBehind(
  rows: readonly Version[],
  query: Query,
  find: (query: Query) => Promise<Page>,
): Promise<Page> {
  const { limit, after, before, ...rest } = query;
  const part = (from: number, to: number): Page => ({
    rows: rows.slice(from, to),
    cursors: rows.slice(from, to).map((_, at): Cursor => [CURSOR_MARK, from + at]),
    more: false,
  });
  const end = before && (placeAmongBuiltIn(before) ?? rows.length);
  if (end !== undefined) {
    const found = placeAmongBuiltIn(before) === undefined ? await find(query) : NO_PAGE;
    if (found.more) return found;
    const from = Math.max(0, end - (limit - found.rows.length));
    return { ...joined(part(from, end), found), more: from > 0 };
  }
  const start = after ? placeAmongBuiltIn(after) : -1;
  if (start === undefined) return find(query);
  const own = part(start + 1, start + 1 + limit);
  const free = limit - own.rows.length;
  // A full page needs to know whether there is more.
  const found = await find({ ...rest, limit: Math.max(1, free) });
  if (free > 0) return joined(own, found);
  return { ...own, more: start + 1 + limit < rows.length || found.rows.length > 0 || found.more };
}

const joined = (first: Page, second: Page): Page => ({
  ...second,
  rows: [...first.rows, ...second.rows],
  cursors: [...first.cursors, ...second.cursors],
});
