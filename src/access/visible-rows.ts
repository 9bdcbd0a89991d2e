/** Rows of which only a look at each tells whether it may be seen: pages of those that may, step by step, in the direction that was asked for. */
import type { Cursor, Query } from '../search/query.js';
import type { Page, Version } from '../store/store.js';

/** Rows of a history or a query that are looked at in one step, and bytes of their texts. */
const ROWS_A_STEP = 100;
const BYTES_A_STEP = 8 * 1024 * 1024;

/** What a query for pages says of where it is. */
type Travelling = Pick<Query, 'limit' | 'bytes' | 'after' | 'before'>;

/** Where rows come from, and which of them may be seen. */
export interface LookedRows<Q> {
  page(query: Q): Promise<Page>;
  isVisible(row: Version): Promise<boolean>;
}

/** Rows that may be seen with the place of each, in the direction of travel. */
export async function* visibleRows<Q extends Travelling>(
  source: LookedRows<Q>,
  query: Omit<Q, 'limit' | 'bytes'>,
): AsyncGenerator<{ readonly row: Version; readonly cursor: Cursor }> {
  const { after, before, ...rest } = query as Travelling;
  let place = after ?? before;
  let bytes = BYTES_A_STEP;
  for (;;) {
    const here = place === undefined ? {} : before ? { before: place } : { after: place };
    const page = await source.page({ ...rest, ...here, limit: ROWS_A_STEP, bytes } as unknown as Q);
    // A text that is larger than a step has room for is read by itself.
    bytes = page.rows.length === 0 && page.next !== undefined ? page.next : BYTES_A_STEP;
    const places = page.rows.map((_, i) => (before ? page.rows.length - 1 - i : i));
    for (const i of places)
      if (await source.isVisible(page.rows[i]!)) yield { row: page.rows[i]!, cursor: page.cursors[i]! };
    if (page.rows.length > 0) place = before ? page.cursors[0] : page.cursors.at(-1);
    else if (page.next === undefined) return;
    if (!page.more) return;
  }
}

export async function visiblePage<Q extends Travelling>(source: LookedRows<Q>, asked: Q): Promise<Page> {
  const { limit, bytes = Infinity, ...query } = asked;
  const found: { readonly row: Version; readonly cursor: Cursor }[] = [];
  let left = bytes;
  let next: number | undefined;
  let more = false;
  for await (const one of visibleRows(source, query)) {
    const size = one.row.text?.length ?? 0;
    if (size > left) next = size;
    more = found.length === limit || next !== undefined;
    if (more) break;
    left -= size;
    found.push(one);
  }
  if (query.before) found.reverse();
  return {
    rows: found.map(({ row }) => row),
    cursors: found.map(({ cursor }) => cursor),
    more,
    ...(next === undefined ? {} : { next }),
  };
}
