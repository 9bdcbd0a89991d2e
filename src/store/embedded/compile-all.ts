/** Statements about all matches of a plan, without order: how many, which, what they point at, whether there are any. */
import { keysIn } from './held-keys.js';
import type { Plan } from '../plan.js';
import type { Pointing } from '../pointing.js';
import { indexBounds } from '../choose-path.js';
import { candidateConditions, filters, resourceIfUsed, rowSource, whereSql, wholeOf } from './source.js';
import { joinSql, raw, type Sql, sql } from './sql.js';

/** The numbers of all resources that the driver yields and the filters let pass, up to a limit. */
function matchingNumbers(
  { driver, filter }: Pick<Plan, 'driver' | 'filter'>,
  distinct: boolean,
  limit?: number,
): Sql | undefined {
  const found = rowSource({ driver, filter });
  if (!found) return undefined;
  const source = wholeOf(found);
  const where = [...source.where, ...filters(filter, source)];
  const select = raw(distinct && source.repeats ? 'SELECT DISTINCT' : 'SELECT');
  return sql`${select} ${raw(source.n)} AS n FROM ${source.from}${resourceIfUsed(source, where)}${whereSql(where)}${limit === undefined ? raw('') : sql` LIMIT ${limit}`}`;
}

const counted = (inner: Sql | undefined): Sql | undefined => inner && sql`SELECT count(*) FROM (${inner})`;

/** One row with the number of matches, at most `limit`; undefined: nothing can match. */
export const compileCount = (plan: Pick<Plan, 'driver' | 'filter'>, limit?: number): Sql | undefined =>
  counted(matchingNumbers(plan, true, limit));

/** Names (encodeId) of the matches, at most `limit` rows. */
export function compileNames(plan: Pick<Plan, 'driver' | 'filter'>, limit: number): Sql | undefined {
  const inner = matchingNumbers(plan, true, limit);
  return inner && sql`SELECT r.id FROM (${inner}) q CROSS JOIN resource r ON r.n=q.n`;
}

/** Distinct keys of the matches by which they point at others, at most `limit` rows. */
export function compilePointing(
  plan: Pick<Plan, 'driver' | 'filter'>,
  pointing: readonly Pointing[],
  limit: number,
): Sql | undefined {
  const inner = matchingNumbers(plan, true);
  if (!inner) return undefined;
  const scans = pointing.map(
    ({ in: array, head, tail }) =>
      sql`SELECT j.value AS key FROM (${inner}) q CROSS JOIN resource r ON r.n=q.n CROSS JOIN ${keysIn(array)} j WHERE substr(j.value,1,1)=${head} AND substr(j.value,-${tail.length})=${tail} AND substr(j.value,2,1)<>'^' AND instr(j.value,'>')=length(j.value)-${tail.length - 1}`,
  );
  return sql`SELECT DISTINCT key FROM (${joinSql(scans, ' UNION ALL ')}) LIMIT ${limit}`;
}

/**
 * One row with the number of candidates that the filters would look at, at most `limit`: by keys alone, which tombstones
 * may have, too.
 */
export function compileProbe({ driver, filter }: Pick<Plan, 'driver' | 'filter'>, limit: number): Sql | undefined {
  const found = rowSource({ driver, filter });
  if (!found) return undefined;
  const source = wholeOf(found);
  const bounds = source.bounded ? [] : filters(indexBounds({ driver, filter }), source);
  const where = [...candidateConditions(source), ...bounds];
  return counted(sql`SELECT 1 FROM ${source.from}${whereSql(where)} LIMIT ${limit}`);
}

/** A row if anything matches. */
export const compileAny = (plan: Pick<Plan, 'driver' | 'filter'>): Sql | undefined => matchingNumbers(plan, false, 1);
