/** Plans of queries by a catalog that may be older than the question: what a plan relied on is checked while it runs. */
import type { Query } from '../../search/query.js';
import { divideByIndex } from '../access-path.js';
import type { IndexCatalog } from '../index-catalog.js';
import type { IndexLayout } from '../index-layout.js';
import { createKeptPlans } from '../kept-plans.js';
import type { Plan } from '../plan.js';
import type { Connected } from './connection.js';
import { chooseByCounts } from './find.js';
import type { KeptIndexCatalog } from './index-catalog.js';

export interface PlannerSurroundings {
  readonly connected: () => Promise<Connected>;
  readonly layout: IndexLayout;
  readonly catalog: KeptIndexCatalog;
  readonly maxTimeMS: number;
  /** Candidates that are few enough to be sorted. */
  readonly few: number;
}

export interface Planner {
  /**
   * Runs the plan of a query, in the time of one call to the store. If the plan looked at entries of the catalog that can
   * change and there are new ones by now, what it found may be too little: then it is made and run again, by a catalog
   * younger than the question. `all`: every match is wanted, not a page of them.
   */
  readonly planned: <T>(query: Query, execute: (plan: Plan, until: number) => Promise<T>, all?: boolean) => Promise<T>;
  /** The same for plans that run together. */
  readonly plannedTogether: <T>(
    queries: readonly Query[],
    execute: (plans: readonly Plan[], until: number) => Promise<T>,
    all: boolean,
  ) => Promise<T>;
  /** All matches in no order: queries that an index answers each. */
  readonly divided: (query: Pick<Query, 'types' | 'where'>) => Promise<Query[]>;
}

export function createPlanner({ connected, layout, catalog, maxTimeMS, few }: PlannerSurroundings): Planner {
  const kept = createKeptPlans(layout);
  const plannedTogether: Planner['plannedTogether'] = async (queries, execute, all) => {
    const until = performance.now() + maxTimeMS;
    const withPath = async (made: Plan): Promise<Plan> =>
      made.others ? chooseByCounts(await connected(), made, until, { all, few }) : made;
    const executeBy = async (by: IndexCatalog, lasts: () => boolean) =>
      execute(await Promise.all(queries.map(query => withPath(kept.planOf(query, by, lasts)))), until);
    const cached = await catalog.current();
    const { watched, hasChangeable } = watchedCatalog(cached);
    const running = executeBy(watched, () => !hasChangeable());
    const [result, fresh] = await Promise.all([running, hasChangeable() ? catalog.fresh() : true]);
    return fresh ? result : executeBy(cached, () => false);
  };
  return {
    plannedTogether,
    planned: (query, execute, all = false) => plannedTogether([query], ([made], until) => execute(made!, until), all),
    divided: async ({ types, where }) => {
      const context = { layout, catalog: await catalog.current(), types };
      return divideByIndex(context, where).map(part => ({ types, where: part, sort: [], limit: 1 }));
    },
  };
}

/**
 * A catalog that notes whether it was asked for something that can change. The number of a system is for ever, and so is
 * that a type has open periods: only that there is none can be old.
 */
function watchedCatalog(cached: IndexCatalog): { watched: IndexCatalog; hasChangeable: () => boolean } {
  let changeable = false;
  const noted = <V>(value: V, lasts: boolean): V => {
    changeable ||= !lasts;
    return value;
  };
  const watched: IndexCatalog = {
    // Each by its name: a spread with members behind it is slow (CONTRIBUTING.md), and every search has one.
    has: id => cached.has(id),
    add: additions => cached.add(additions),
    parameter: code => cached.parameter(code),
    size: cached.size,
    systems: cached.systems,
    parameters: cached.parameters,
    system: uri => noted(cached.system(uri), cached.system(uri) !== undefined),
    uses: prefix => noted(cached.uses(prefix), false),
    widest: type => noted(cached.widest(type), false),
    isOpen: type => noted(cached.isOpen(type), cached.isOpen(type)),
  };
  return { watched, hasChangeable: () => changeable };
}
