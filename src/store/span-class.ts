/**
 * Classes of date ranges. Most ranges are as wide as a fixed unit, so the high end follows from the low one, and a
 * bound on the high end becomes a bound on the low end: one key (class + low) answers every comparison exactly.
 * Values without a zone are UTC, so months and years of data are those of UTC; any other range is a free period.
 */

export type DateClass = 'i' | 's' | 'm' | 'd' | 'M' | 'y' | 'p';

/** high − low in ms of the classes of fixed length. */
const WIDTHS: Readonly<Record<string, number>> = { i: 0, s: 999, m: 59_999, d: 86_399_999 };
const MAX_TIME = 8.64e15;

const startOf = (cls: 'M' | 'y', date: Date, step = 0): number => {
  const start = new Date(0);
  start.setUTCFullYear(
    date.getUTCFullYear() + (cls === 'y' ? step : 0),
    cls === 'M' ? date.getUTCMonth() + step : 0,
    1,
  );
  return start.getTime();
};

export function classOf(low: number, high: number): DateClass {
  const width = high - low;
  for (const cls of ['i', 's', 'm', 'd'] as const) if (width === WIDTHS[cls]) return cls;
  if (width > 86_399_999 && width < 32_000_000_000) {
    const date = new Date(low);
    for (const cls of ['M', 'y'] as const)
      if (startOf(cls, date) === low && startOf(cls, date, 1) - 1 === high) return cls;
  }
  return 'p';
}

/** Start of the month or year in which `time` lies; beyond the calendar, `time` itself. */
function startOfUnit(cls: 'M' | 'y', time: number): number {
  if (!(Math.abs(time) < MAX_TIME)) return time;
  const start = startOf(cls, new Date(time));
  return Number.isNaN(start) ? -MAX_TIME : start;
}

/** The bounds on low that say, for a range of this class, what inclusive bounds on its high end say. */
export function lowBounds(
  cls: Exclude<DateClass, 'p'>,
  highMin: number,
  highMax: number,
): { readonly min: number; readonly max: number } {
  if (cls === 'M' || cls === 'y') {
    // The last range that ends by highMax is the one before that of the next instant.
    const next = highMax + 1;
    return { min: startOfUnit(cls, highMin), max: Math.abs(next) < MAX_TIME ? startOfUnit(cls, next) - 1 : highMax };
  }
  const width = WIDTHS[cls]!;
  return { min: highMin - width, max: highMax - width };
}
