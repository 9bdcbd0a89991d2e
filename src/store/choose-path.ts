/**
 * Which way of a plan to take: the one with the fewest candidates, if they are few, else the first. A store counts for
 * us, by keys alone and never further than asked.
 */
import type { KeyTest } from './key.js';
import type { Plan, AccessPath } from './plan.js';

/**
 * Candidates of a page: so many are filtered in a few milliseconds, half as many are sorted, too. The walk that is taken
 * otherwise meets a page of matches among page × size ÷ this many candidates, if they are spread evenly.
 */
export const FEW = 2000;
/** Where all matches are wanted: counting so far costs less than looking at a tenth of them. */
const MANY = 100_000;

/** Counts the candidates of a way, at most `limit`. */
export type Probe = (way: Pick<AccessPath, 'driver' | 'filter'>, limit: number) => Promise<number>;

/** The bounds of a way that its driver's index has: on the low end of the main date, or on lastUpdated. */
export const indexBounds = ({ driver, filter }: Pick<AccessPath, 'driver' | 'filter'>): readonly KeyTest[] =>
  filter.flatMap((test): KeyTest[] => {
    if (test.is === 'updated') return driver.by === 'updated' ? [test] : [];
    if (test.is !== 'date' || driver.by !== 'key' || driver.in !== 'byDate') return [];
    const { lowMin, lowMax } = test;
    return [{ is: 'date', ...(lowMin === undefined ? {} : { lowMin }), ...(lowMax === undefined ? {} : { lowMax }) }];
  });

export interface ChoosingOptions {
  /** Every match is wanted, not a page of them. */
  readonly all?: boolean;
  /** Instead of FEW. */
  readonly few?: number | undefined;
}

/** The first passes nothing over, or there is no other. */
const isSettled = ({ others = [], filter, ordered }: Plan): boolean =>
  others.length === 0 || (ordered && filter.length === 0);

const take = ({ order, limit, bytes, after, before }: Plan, { driver, filter, ordered }: AccessPath): Plan => ({
  driver,
  filter,
  ordered,
  order,
  limit,
  ...(bytes === undefined ? {} : { bytes }),
  ...(after === undefined ? {} : { after }),
  ...(before === undefined ? {} : { before }),
});

/** How far a way is worth counting: as far as it would be taken. */
const limitOf = (way: AccessPath, { all = false, few = FEW }: ChoosingOptions): number =>
  all ? MANY : way.ordered ? few : Math.floor(few / 2);

/** Rows of a page, and what sorting a candidate costs beside filtering it. */
const PAGE = 50;
const SORTING = 3;

/** The shortest of the ways that are short, else the first. */
function best(ways: readonly AccessPath[], counted: readonly number[], settling: ChoosingOptions): AccessPath {
  const [first] = ways;
  const isFew = (i: number) => counted[i]! < limitOf(ways[i]!, settling);
  const least = Math.min(...counted.filter((_, i) => isFew(i)));
  const other = ways.find((_, i) => isFew(i) && counted[i] === least) ?? first!;
  if (settling.all || !first!.ordered || !isFew(0) || other.ordered) return other;
  // Both are short: the walk meets a page of matches early, if what the other yields are nearly all matches.
  const walked = Math.min(counted[0]!, (PAGE * counted[0]!) / least);
  return SORTING * least < walked ? other : first!;
}

/** Less than a page of candidates: nothing can be much shorter, so the first way need not be counted. */
function shortest(others: readonly AccessPath[], counted: readonly number[]): AccessPath | undefined {
  const least = Math.min(...counted);
  return least < PAGE ? others[counted.indexOf(least)] : undefined;
}

export async function chooseAccessPath(plan: Plan, probe: Probe, settling: ChoosingOptions = {}): Promise<Plan> {
  if (isSettled(plan)) return take(plan, plan);
  const { others = [] } = plan;
  // All at once: a probe is short, the way to a server is not.
  const counted = await Promise.all(others.map(way => probe(way, limitOf(way, settling))));
  const short = shortest(others, counted);
  if (short) return take(plan, short);
  return take(plan, best([plan, ...others], [await probe(plan, limitOf(plan, settling)), ...counted], settling));
}

/** The same where counting needs no waiting. */
export function settleNow(
  plan: Plan,
  probe: (...of: Parameters<Probe>) => number,
  settling: ChoosingOptions = {},
): Plan {
  if (isSettled(plan)) return take(plan, plan);
  const { others = [] } = plan;
  const counted = others.map(way => probe(way, limitOf(way, settling)));
  const short = shortest(others, counted);
  if (short) return take(plan, short);
  return take(plan, best([plan, ...others], [probe(plan, limitOf(plan, settling)), ...counted], settling));
}
