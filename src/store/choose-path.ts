/**
 * Which path of a plan to take: the one with the fewest candidates, if they are few, else the first. A store counts for
 * us, by keys alone and never further than asked.
 */
import type { KeyTest } from './key.js';
import type { Plan, AccessPath } from './plan.js';

/**
 * Candidates of a page: so many are filtered in a few milliseconds, half as many are sorted, too. The walk that is taken
 * otherwise meets a page of matches among page × size ÷ this many candidates, if they are spread evenly.
 */
export const FEW_CANDIDATES = 2000;
/** Where all matches are wanted: counting so far costs less than looking at a tenth of them. */
const MANY_CANDIDATES = 100_000;

/** Counts the candidates of a path, at most `limit`. */
export type Probe = (path: Pick<AccessPath, 'driver' | 'filter'>, limit: number) => Promise<number>;

/** The bounds of a path that its driver's index has: on the low end of the main date, or on lastUpdated. */
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
const hasNoChoice = ({ others = [], filter, ordered }: Plan): boolean =>
  others.length === 0 || (ordered && filter.length === 0);

const takePath = ({ order, limit, bytes, after, before }: Plan, { driver, filter, ordered }: AccessPath): Plan => ({
  driver,
  filter,
  ordered,
  order,
  limit,
  ...(bytes === undefined ? {} : { bytes }),
  ...(after === undefined ? {} : { after }),
  ...(before === undefined ? {} : { before }),
});

/** How far a path is worth counting: as far as it would be taken. */
const countLimit = (path: AccessPath, { all = false, few = FEW_CANDIDATES }: ChoosingOptions): number =>
  all ? MANY_CANDIDATES : path.ordered ? few : Math.floor(few / 2);

/** Rows of a page, and what sorting a candidate costs beside filtering it. */
const PAGE_ROWS = 50;
const SORTING_COST = 3;

/** The shortest of the paths that are short, else the first. */
function bestPath(paths: readonly AccessPath[], counted: readonly number[], options: ChoosingOptions): AccessPath {
  const [first] = paths;
  const isFew = (i: number) => counted[i]! < countLimit(paths[i]!, options);
  const least = Math.min(...counted.filter((_, i) => isFew(i)));
  const other = paths.find((_, i) => isFew(i) && counted[i] === least) ?? first!;
  if (options.all || !first!.ordered || !isFew(0) || other.ordered) return other;
  // Both are short: the walk meets a page of matches early, if what the other yields are nearly all matches.
  const walked = Math.min(counted[0]!, (PAGE_ROWS * counted[0]!) / least);
  return SORTING_COST * least < walked ? other : first!;
}

/** Less than a page of candidates: nothing can be much shorter, so the first path need not be counted. */
function shortPath(others: readonly AccessPath[], counted: readonly number[]): AccessPath | undefined {
  const least = Math.min(...counted);
  return least < PAGE_ROWS ? others[counted.indexOf(least)] : undefined;
}

export async function chooseAccessPath(plan: Plan, probe: Probe, options: ChoosingOptions = {}): Promise<Plan> {
  if (hasNoChoice(plan)) return takePath(plan, plan);
  const { others = [] } = plan;
  // All at once: a probe is short, the way to a server is not.
  const counted = await Promise.all(others.map(path => probe(path, countLimit(path, options))));
  const short = shortPath(others, counted);
  if (short) return takePath(plan, short);
  return takePath(
    plan,
    bestPath([plan, ...others], [await probe(plan, countLimit(plan, options)), ...counted], options),
  );
}

/** The same where counting needs no waiting. */
export function chooseAccessPathNow(
  plan: Plan,
  probe: (...of: Parameters<Probe>) => number,
  options: ChoosingOptions = {},
): Plan {
  if (hasNoChoice(plan)) return takePath(plan, plan);
  const { others = [] } = plan;
  const counted = others.map(path => probe(path, countLimit(path, options)));
  const short = shortPath(others, counted);
  if (short) return takePath(plan, short);
  return takePath(plan, bestPath([plan, ...others], [probe(plan, countLimit(plan, options)), ...counted], options));
}
