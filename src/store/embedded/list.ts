/**
 * A listing in one statement: each column crosses from SQLite as one value, and what nobody asks for is not even parsed.
 * Half of what a record of thousands costs were the rows that its texts came in.
 */
import type { Cursor } from '../../search/query.js';
import { decodeId } from '../codec.js';
import type { Plan } from '../plan.js';
import type { BlobLink, Listing } from '../store.js';
import { compile } from './compile.js';
import { blobBytes, type Connection } from './connection.js';
import { checkCursor, SPARE_ROWS } from './find.js';
import { pageColumns, SIZE } from './rows.js';
import type { Sql } from './sql.js';

/** Undefined where it takes more than one statement, or begins with a large text: then it is made of rows. */
export function listPage(connection: Connection, plan: Plan): Listing | undefined {
  checkCursor(plan.after, plan.order.length);
  const { scans, repeats } = compile(plan);
  if (scans.length !== 1) return undefined;
  const most = plan.limit + 1 + (repeats ? SPARE_ROWS : 0);
  const columns = readColumns(connection, scans[0]!.page(most), plan.order.length - 1);
  const first = columns.sizes[0];
  return first !== undefined && first < 0 ? undefined : fittingListing(columns, plan, most);
}

interface ListColumns {
  readonly keys: readonly string[];
  /** Bytes of the texts, negative where the text is not here. */
  readonly sizes: readonly number[];
  /** JSON: the place of each row. */
  readonly places: string;
  /** JSON of the links of a row, by its key. */
  readonly blobs: ReadonlyMap<string, string>;
  readonly texts: Buffer;
}

/** `beside`: how many values the statement selects after COLUMNS. */
function readColumns(connection: Connection, { text, values }: Sql, beside: number): ListColumns {
  const further = Array.from({ length: beside }, (_, i) => `o${i}`);
  const [row] = connection
    .prepare(
      `WITH page(${['id,v,u,m,p,b,x,l,n', ...further].join()}) AS (${pageColumns(text)}) SELECT json_group_array(id),json_group_array(${SIZE}),json_group_array(json_array(${[...further, 'n'].join()})),json_group_array(json_array(id,b)) FILTER (WHERE b IS NOT NULL),CAST(group_concat(x,'') AS BLOB) FROM page`,
    )
    .all(...values);
  const [keys, sizes, places, blobs, texts] = row!;
  return {
    keys: JSON.parse(keys as string) as string[],
    sizes: JSON.parse(sizes as string) as number[],
    places: places as string,
    blobs: new Map(JSON.parse(blobs as string) as [string, string][]),
    texts: blobBytes(texts) ?? Buffer.alloc(0),
  };
}

/** As many rows as the plan wants and its bytes allow for. `most`: how many the statement could give. */
function fittingListing({ keys, sizes, places, blobs, texts }: ListColumns, plan: Plan, most: number): Listing {
  const { limit, bytes = Infinity } = plan;
  const listing = { types: [] as string[], ids: [] as string[], starts: [] as number[], ends: [] as number[] };
  const links = new Map<number, readonly BlobLink[]>();
  const rows: number[] = [];
  let next: number | undefined;
  let end = 0;
  let left = bytes;
  let last = '';
  let at = 0;
  for (; at < keys.length; at++) {
    const key = keys[at]!;
    const size = sizes[at]!;
    const start = end;
    // The order is total: what comes more than once comes together.
    if (key === last) {
      end += size;
      continue;
    }
    if (rows.length === limit || size < 0) break;
    if (size > left) {
      next = size;
      break;
    }
    last = key;
    left -= size;
    end += size;
    const { type, id } = decodeId(key);
    const held = blobs.size > 0 ? blobs.get(key) : undefined;
    if (held !== undefined) links.set(rows.length, JSON.parse(held) as BlobLink[]);
    rows.push(at);
    listing.types.push(type);
    listing.ids.push(id);
    listing.starts.push(start);
    listing.ends.push(end);
  }
  let parsed: readonly Cursor[] | undefined;
  return {
    ...listing,
    texts: texts.subarray(0, end),
    blobs: links,
    placeOf: row => (parsed ??= JSON.parse(places) as Cursor[])[rows[row]!]!,
    more: at < keys.length || keys.length === most,
    ...(next === undefined ? {} : { next }),
  };
}
