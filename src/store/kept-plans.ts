/**
 * Plans of conditions that are asked again (`recurs`): a record is read page by page, and each page has the condition of the
 * one before it, with a hundred keys in it. A plan is good as long as the layout and the catalog say what they said.
 */
import type { Query, Where } from '../search/query.js';
import type { IndexCatalog } from './index-catalog.js';
import type { IndexLayout } from './index-layout.js';
import { type Approach, approach, pageOf, type Plan } from './plan.js';

interface KeptPlan {
  readonly types: readonly string[];
  readonly layout: number;
  readonly entries: number;
  readonly made: Approach;
}

export interface KeptPlans {
  /**
   * The plan of a query. `lasts`: asked after it was made, whether it may be kept; where it leans on entries of the catalog
   * that can change, others must hear of that each time.
   */
  planOf(query: Query, catalog: IndexCatalog, lasts?: () => boolean): Plan;
}

export function createKeptPlans(layout: IndexLayout): KeptPlans {
  const kept = new WeakMap<Where, KeptPlan>();
  return {
    planOf(query, catalog, lasts) {
      const { types, where, sort, recurs } = query;
      if (!recurs || sort.length > 0) return pageOf(approach(layout, query, catalog), query);
      const known = kept.get(where);
      const entries = catalog.size;
      if (known?.types === types && known.layout === layout.version && known.entries === entries)
        return pageOf(known.made, query);
      const made = approach(layout, query, catalog);
      if (lasts?.() ?? true) kept.set(where, { types, layout: layout.version, entries, made });
      return pageOf(made, query);
    },
  };
}
