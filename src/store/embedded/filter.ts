/**
 * A KeyTest as a condition on a row `r` of `resource`. Every condition is true or false, never NULL, so that NOT is exact.
 * `r.f` holds all keys of the resource (schema.ts).
 */
import { encodeId } from '../codec.js';
import { type KeyTest, NO_DATE, type KeyArray } from '../key.js';
import { anyOf } from '../key-algebra.js';
import { chain, listed } from './filter-list.js';
import { commonPrefix, keysIn, mayHold } from './held-keys.js';
import { finite, joinSql, raw, type Sql, sql } from './sql.js';

/** Above this number of keys one set look-up per key of the resource beats one text search per key asked for. */
const MAX_SEARCHED_KEYS = 8;

export function filterSql(test: KeyTest): Sql {
  switch (test.is) {
    case 'all':
      return chain(test.of.map(filterSql), 'AND', '1');
    case 'any':
      return chain(
        test.of.length > MAX_SEARCHED_KEYS ? listedAlternatives(test.of) : test.of.map(filterSql),
        'OR',
        '0',
      );
    case 'not':
      return sql`NOT (${filterSql(test.of)})`;
    case 'key':
      return holdsKey(test.keys, test.in);
    case 'range':
      return sql`(${mayHold(commonPrefix(test.low, test.high))} AND EXISTS (SELECT 1 FROM ${keysIn(test.in)} j WHERE j.value>=${test.low} AND j.value<${test.high}))`;
    case 'contains':
      return sql`(${mayHold(test.prefix)} AND EXISTS (SELECT 1 FROM ${keysIn(test.in)} j WHERE substr(j.value,1,length(${test.prefix}))=${test.prefix} AND instr(substr(j.value,length(${test.prefix})+1),${test.text})))`;
    case 'span':
      return sql`EXISTS (SELECT 1 FROM json_each(r.w) j WHERE ${joinSql(
        [
          sql`j.value->>0=${test.prefix}`,
          ...boundsSql('j.value->>1', test.lowMin, test.lowMax),
          ...boundsSql('j.value->>2', test.highMin, test.highMax),
        ],
        ' AND ',
      )})`;
    case 'date':
      return dateSql(test, 'r.d');
    case 'updated':
      return allHold(boundsSql('r.u', test.min, test.max));
    case 'id':
      return sql`r.id IN (SELECT value FROM json_each(${idList(test.of)}))`;
  }
}

/** Many alternatives: those of one kind as a list, without what only leads to them. */
function listedAlternatives(of: readonly KeyTest[]): Sql[] {
  const exact = anyOf(of.map(test => (test.is === 'all' && test.leads ? test.of.at(-1)! : test)));
  const { lists, others } = listed(exact.is === 'any' ? exact.of : [exact]);
  return [...lists, ...others.map(filterSql)];
}

/** Bounds on the main date; `column` is where its low end stands, so that a driver's own column can bound a walk. */
export const dateSql = (test: KeyTest & { is: 'date' }, column: 'r.d' | 'k.d'): Sql =>
  allHold([
    test.lowMin !== undefined && test.lowMin > NO_DATE ? raw('1') : sql`${raw(column)}>${NO_DATE}`,
    ...boundsSql(column, test.lowMin, test.lowMax),
    ...boundsSql('r.e', test.highMin, test.highMax),
  ]);

export const idList = (of: readonly { readonly type: string; readonly id: string }[]): string =>
  JSON.stringify(of.map(({ type, id }) => encodeId(type, id)));

const allHold = (parts: readonly Sql[]): Sql => chain(parts, 'AND', '1');

const boundsSql = (column: string, min: number | undefined, max: number | undefined): Sql[] => [
  ...(min === undefined ? [] : [sql`${raw(column)}>=${finite(min)}`]),
  ...(max === undefined ? [] : [sql`${raw(column)}<=${finite(max)}`]),
];

/**
 * Inside a JSON string every quotation mark follows a backslash: the three characters of a separator and an opening
 * quotation mark can only be those of an element.
 */
function holdsKey(keys: readonly string[], among: KeyArray): Sql {
  if (keys.length > MAX_SEARCHED_KEYS)
    return sql`EXISTS (SELECT 1 FROM ${keysIn(among)} j WHERE j.value IN (SELECT value FROM json_each(${JSON.stringify(keys)})))`;
  return keys.length === 0
    ? raw('0')
    : sql`(${joinSql(
        keys.map(key => sql`instr(r.f,${`,${JSON.stringify(key)}`})>0`),
        ' OR ',
      )})`;
}
