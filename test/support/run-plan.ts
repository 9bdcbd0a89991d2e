/** A plan, carried out in memory: what every store must return for it. */
import { compareKeys } from '../../src/store/codec.js';
import { holds, type Subject } from './holds.js';
import { OPEN_PERIOD } from '../../src/store/encode.js';
import type { AccessPathDriver } from '../../src/store/access-path.js';
import { cursorOfRow, type Order, type OrderedRow, type Plan } from '../../src/store/plan.js';

export type PlanRow = Subject & OrderedRow;

/** Whether the driver yields the row. */
export function drives(driver: AccessPathDriver, row: Subject): boolean {
  switch (driver.by) {
    case 'key': {
      const has = (head: string) => row.keys[driver.in].some(key => driver.keys.some(one => key === head + one));
      return has('') && (driver.openBefore === undefined || row.keys.mainDate >= driver.openBefore || has(OPEN_PERIOD));
    }
    case 'range':
      return row.keys[driver.in].some(key =>
        driver.ranges.some(({ low, high }) => compareKeys(low, key) <= 0 && compareKeys(key, high) < 0),
      );
    case 'id':
      return driver.of.some(({ type, id }) => type === row.type && id === row.id);
    case 'type':
      return driver.type === row.type;
    case 'updated':
      return driver.types.includes(row.type);
    case 'sort-string':
      return driver.type === row.type;
    case 'nothing':
      return false;
  }
}

type Cell = string | number | null;

function compareCells(a: Cell, b: Cell, { descending }: Order): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  const ascending = typeof a === 'number' ? a - (b as number) : compareKeys(a, b as string);
  return descending ? -ascending : ascending;
}

export function compareCursors(a: readonly Cell[], b: readonly Cell[], order: readonly Order[]): number {
  for (const [i, by] of order.entries()) {
    const compared = compareCells(a[i] ?? null, b[i] ?? null, by);
    if (compared !== 0) return compared;
  }
  return 0;
}

/** The rows of a page, in order. */
export function runPlan<Row extends PlanRow>(plan: Plan, rows: readonly Row[]): Row[] {
  const { order, after, before, limit } = plan;
  const found = rows
    .filter(row => drives(plan.driver, row) && plan.filter.every(test => holds(test, row)))
    .map(row => ({ row, cursor: cursorOfRow(order, row) }))
    .toSorted((a, b) => compareCursors(a.cursor, b.cursor, order))
    .filter(({ cursor }) => after === undefined || compareCursors(cursor, after, order) > 0)
    .filter(({ cursor }) => before === undefined || compareCursors(cursor, before, order) < 0)
    .map(({ row }) => row);
  return before === undefined ? found.slice(0, limit) : found.slice(-limit);
}
