/** Search strings as typed queries, pages put together, and what a search must find by the definition (match). */
import { match, type Subject } from '../../src/search/match.js';
import { parseSearch } from '../../src/search/parse.js';
import type { Cursor, Query } from '../../src/search/query.js';
import type { Change, Store, Version } from '../../src/store/store.js';
import { definitions, parameters } from './changes.js';

/** `Observation?code=1234-5&date=ge2020` as a query, without limit. */
export function queryOf(search: string): Pick<Query, 'types' | 'where' | 'sort'> {
  const [type = '', text = ''] = search.split('?');
  const pairs = [...new URLSearchParams(text)];
  const types = [type];
  const { where, sort } = parseSearch(
    { types, parameters: pairs, lenient: false, bases: [], now: Date.now() },
    parameters,
    definitions,
  );
  return { types, where, sort };
}

export const nameOf = ({ type, id }: { readonly type: string; readonly id: string }): string => `${type}/${id}`;

/** Type and id of everything current that satisfies the query by definition. */
export const expected = (current: readonly Change[], { types, where }: Pick<Query, 'types' | 'where'>): Set<string> =>
  new Set(current.filter(change => types.includes(change.type) && match(where, subjectOf(change))).map(nameOf));

const subjectOf = ({ type, id, updated, entries }: Change): Subject => ({ type, id, updated, entries });

export interface Walked {
  readonly rows: readonly Version[];
  readonly cursors: readonly Cursor[];
}

/** All pages from the beginning to the end. Throws where paging goes in a circle. */
export async function walk(store: Store, query: Omit<Query, 'after' | 'before'>): Promise<Walked> {
  const rows: Version[] = [];
  const cursors: Cursor[] = [];
  for (;;) {
    const after = cursors.at(-1);
    const page = await store.find({ ...query, ...(after ? { after } : {}) });
    rows.push(...page.rows);
    cursors.push(...page.cursors);
    if (page.rows.length > query.limit || page.cursors.length !== page.rows.length)
      throw new Error('A page is too long.');
    if (!page.more) return { rows, cursors };
    if (page.rows.length < query.limit) throw new Error('A page that is not the last one is short.');
    if (rows.length > 100_000) throw new Error('Paging does not end.');
  }
}

/** All pages before a cursor, back to the beginning, in the order of the search. */
export async function walkBack(store: Store, query: Omit<Query, 'after' | 'before'>, from: Cursor): Promise<Version[]> {
  const rows: Version[] = [];
  let before = from;
  for (;;) {
    const page = await store.find({ ...query, before });
    rows.unshift(...page.rows);
    if (!page.more || page.cursors[0] === undefined) return rows;
    before = page.cursors[0];
    if (rows.length > 100_000) throw new Error('Paging does not end.');
  }
}
