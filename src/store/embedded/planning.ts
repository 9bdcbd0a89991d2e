/** Plans of queries: the catalog is at hand, and the candidates of a path are counted on this thread. */
import type { Query } from '../../search/query.js';
import { divideByIndex } from '../access-path.js';
import { chooseAccessPathNow } from '../choose-path.js';
import type { IndexCatalog } from '../index-catalog.js';
import type { IndexLayout } from '../index-layout.js';
import { createKeptPlans } from '../kept-plans.js';
import type { Plan } from '../plan.js';
import { compileProbe } from './compile-all.js';
import type { Connection } from './connection.js';
import { filterWeight } from './weight.js';

export interface PlannerSurroundings {
  readonly connection: Connection;
  readonly layout: IndexLayout;
  readonly catalog: IndexCatalog;
  /** Candidates that are few enough to be sorted. */
  readonly few: number;
  /** A walk over fewer candidates runs on the main thread. */
  readonly smallWalk: number;
}

export interface Planner {
  /** `all`: every match is wanted, not a page. */
  readonly planOf: (query: Query, all?: boolean) => Plan;
  /** All matches in no order, each plan by one index. */
  readonly plansOf: (query: Pick<Query, 'types' | 'where'>) => Plan[];
  /** How many candidates a path has, at most `most`. */
  readonly candidates: (path: Pick<Plan, 'driver' | 'filter'>, most: number) => number;
  /** So few candidates that the way to another thread would cost more; of dear filters never. */
  readonly isSmall: (planned: Plan) => boolean;
}

export function createPlanner({ connection, layout, catalog, few, smallWalk }: PlannerSurroundings): Planner {
  const candidates: Planner['candidates'] = (path, most) => {
    const probe = compileProbe(path, most);
    return probe ? Number(connection.prepare(probe.text).first(...probe.values)![0]) : 0;
  };
  const kept = createKeptPlans(layout);
  const planOf: Planner['planOf'] = (query, all = false) =>
    chooseAccessPathNow(kept.planOf(query, catalog), candidates, { all, few });
  return {
    planOf,
    candidates,
    plansOf: ({ types, where }) =>
      divideByIndex({ layout, catalog, types }, where).map(part =>
        planOf({ types, where: part, sort: [], limit: 1 }, true),
      ),
    isSmall(planned) {
      const most = Math.floor(smallWalk / filterWeight(planned.filter));
      return candidates(planned, most) < most;
    },
  };
}
