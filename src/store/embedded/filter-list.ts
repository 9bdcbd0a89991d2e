/**
 * Long disjunctions as a list beside the statement. A condition for each of a thousand alternatives would be deeper than
 * SQLite's parser takes and have more values than a statement may; so alternatives of one kind are rows of one JSON text,
 * made a table once per statement (`LIMIT -1` keeps SQLite from taking it apart), and a resource's keys are compared with it.
 */
import { type KeyArray, type KeyTest, NO_DATE } from '../key.js';
import { commonPrefix, keysIn, mayHold } from './held-keys.js';
import { joinSql, raw, type Sql, sql } from './sql.js';

type RangeTest = KeyTest & { readonly is: 'range' };
type ContainsTest = KeyTest & { readonly is: 'contains' };
type SpanTest = KeyTest & { readonly is: 'span' };
type DateTest = KeyTest & { readonly is: 'date' };

/** Kinds that a list can hold. */
export function listed(of: readonly KeyTest[]): { lists: Sql[]; others: KeyTest[] } {
  const ranges = new Map<KeyArray, RangeTest[]>();
  const contained = new Map<string, ContainsTest[]>();
  const spans: SpanTest[] = [];
  const dates: DateTest[] = [];
  const others: KeyTest[] = [];
  for (const test of of)
    if (test.is === 'range') push(ranges, test.in, test);
    else if (test.is === 'contains') push(contained, test.in + test.prefix, test);
    else if (test.is === 'span') spans.push(test);
    else if (test.is === 'date') dates.push(test);
    else others.push(test);
  const lists = [
    ...[...ranges].map(([among, tests]) => rangeList(keysIn(among), tests)),
    ...[...contained.values()].map(tests => containsList(keysIn(tests[0]!.in), tests)),
    ...(spans.length > 0 ? [spanList(spans)] : []),
    ...(dates.length > 0 ? [dateList(dates)] : []),
  ];
  return { lists, others };
}

function push<K, T>(groups: Map<K, T[]>, key: K, one: T): void {
  const group = groups.get(key);
  if (group) group.push(one);
  else groups.set(key, [one]);
}

/** A table `q` of `rows`, its columns named a, b, … */
function listTable(rows: readonly (readonly (string | number)[])[]): Sql {
  const columns = rows[0]!.map((_, i) => `value->>${i} AS ${'abcde'[i]!}`).join(',');
  return sql`(SELECT ${raw(columns)} FROM json_each(${JSON.stringify(rows)}) LIMIT -1) q`;
}

function rangeList(keys: Sql, tests: readonly RangeTest[]): Sql {
  const sorted = tests.toSorted((a, b) => (a.low < b.low ? -1 : a.low > b.low ? 1 : 0));
  const low = sorted[0]!.low;
  const high = sorted.reduce((most, test) => (test.high > most ? test.high : most), '');
  const rows = sorted.map(test => [test.low, test.high]);
  // Most keys are of other parameters: they lie outside of all ranges together.
  return sql`(${mayHold(commonPrefix(low, high))} AND EXISTS (SELECT 1 FROM ${keys} j CROSS JOIN ${listTable(rows)} WHERE j.value>=${low} AND j.value<${high} AND j.value>=q.a AND j.value<q.b))`;
}

function containsList(keys: Sql, tests: readonly ContainsTest[]): Sql {
  const { prefix } = tests[0]!;
  const rows = tests.map(({ text }) => [text]);
  return sql`(${mayHold(prefix)} AND EXISTS (SELECT 1 FROM ${keys} j CROSS JOIN ${listTable(rows)} WHERE substr(j.value,1,length(${prefix}))=${prefix} AND instr(substr(j.value,length(${prefix})+1),q.a)))`;
}

interface Ends {
  readonly lowMin?: number;
  readonly lowMax?: number;
  readonly highMin?: number;
  readonly highMax?: number;
}

const LARGEST_NUMBER = Number.MAX_VALUE;
const listedBounds = ({ lowMin, lowMax, highMin, highMax }: Ends): number[] =>
  [lowMin ?? -LARGEST_NUMBER, lowMax ?? LARGEST_NUMBER, highMin ?? -LARGEST_NUMBER, highMax ?? LARGEST_NUMBER].map(
    end => Math.min(Math.max(end, -LARGEST_NUMBER), LARGEST_NUMBER),
  );

const spanList = (tests: readonly SpanTest[]): Sql =>
  sql`EXISTS (SELECT 1 FROM json_each(r.w) j CROSS JOIN ${listTable(tests.map(test => [...listedBounds(test), test.prefix]))} WHERE j.value->>0=q.e AND j.value->>1>=q.a AND j.value->>1<=q.b AND j.value->>2>=q.c AND j.value->>2<=q.d)`;

const dateList = (tests: readonly DateTest[]): Sql =>
  sql`(r.d>${NO_DATE} AND EXISTS (SELECT 1 FROM ${listTable(tests.map(listedBounds))} WHERE r.d>=q.a AND r.d<=q.b AND r.e>=q.c AND r.e<=q.d))`;

/** So many conditions stand side by side: SQLite's expressions may be a thousand deep, and a chain of n is n deep. */
const WIDE = 50;

/** A chain of ANDs or ORs that is never deep. No parts: `none`. */
export function chain(parts: readonly Sql[], operator: 'AND' | 'OR', none: '0' | '1'): Sql {
  if (parts.length === 0) return raw(none);
  if (parts.length <= WIDE) return sql`(${joinSql(parts, ` ${operator} `)})`;
  const groups = Array.from({ length: Math.ceil(parts.length / WIDE) }, (_, i) =>
    chain(parts.slice(i * WIDE, (i + 1) * WIDE), operator, none),
  );
  return chain(groups, operator, none);
}
