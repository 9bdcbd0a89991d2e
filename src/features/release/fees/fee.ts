/**
 * The fee of a request by a schedule: its lines, what is taken off, and what is left. Pure, and exact to the cent.
 * https://www.hhs.gov/hipaa/for-professionals/faq/2029/how-can-covered-entities-calculate-the-limited-fee/index.html
 */
import type { FeeSchedule, PageRate } from './fee-schedules.js';
import { centsOf, parseCents, parseRate } from './money.js';

/** What is charged for; code of `urn:chartroom:fee`. */
export type FeeKind = 'flat' | 'labour' | 'pages' | 'medium' | 'postage';
/** What is taken off. */
export type Reduction = 'cap' | 'waiver';

export const FEE_WORDS: Readonly<Record<FeeKind | Reduction, string>> = {
  flat: 'Flat fee',
  labour: 'Labour of copying',
  pages: 'Pages',
  medium: 'Medium',
  postage: 'Postage',
  cap: 'Above the most that is charged',
  waiver: 'Waived',
};

/** What it takes to copy what was found; nothing of looking for it. */
export interface FeeWork {
  readonly pages: number;
  /** Of copying. */
  readonly minutes: number;
  readonly medium: string | undefined;
  /** Cents. */
  readonly postage: bigint;
  readonly isWaived: boolean;
}

export interface FeeLine {
  readonly kind: FeeKind;
  /** Pages, minutes, or one. */
  readonly quantity: number;
  /** Cents. */
  readonly amount: bigint;
}

export interface Fee {
  readonly lines: readonly FeeLine[];
  /** Cents, above zero. */
  readonly reductions: readonly { readonly kind: Reduction; readonly amount: bigint }[];
  /** Cents. */
  readonly total: bigint;
}

/** Throws nothing: a schedule was checked when it was read, and `work` names a medium that it has. */
export function feeBy(schedule: FeeSchedule, work: FeeWork): Fee {
  const lines = linesOf(schedule, work).filter(({ amount }) => amount > 0n);
  const sum = lines.reduce((all, { amount }) => all + amount, 0n);
  const cap = schedule.cap === undefined ? sum : parseCents(schedule.cap)!;
  const above = sum > cap ? sum - cap : 0n;
  const left = sum - above;
  return {
    lines,
    reductions: [
      ...(above > 0n ? [{ kind: 'cap', amount: above } as const] : []),
      ...(work.isWaived && left > 0n ? [{ kind: 'waiver', amount: left } as const] : []),
    ],
    total: work.isWaived ? 0n : left,
  };
}

function linesOf(schedule: FeeSchedule, { pages, minutes, medium, postage }: FeeWork): FeeLine[] {
  const { waived, flat, labour, media = {} } = schedule;
  if (waived) return [];
  if (flat !== undefined) return [{ kind: 'flat', quantity: 1, amount: parseCents(flat)! }];
  return [
    ...(labour === undefined
      ? []
      : [{ kind: 'labour', quantity: minutes, amount: centsOf(parseRate(labour)!, minutes, 60) } as const]),
    ...(schedule.pages
      ? [{ kind: 'pages', quantity: pages, amount: amountOfPages(schedule.pages, pages) } as const]
      : []),
    ...(medium === undefined ? [] : [{ kind: 'medium', quantity: 1, amount: parseCents(media[medium]!)! } as const]),
    ...(schedule.postage ? [{ kind: 'postage', quantity: 1, amount: postage } as const] : []),
  ];
}

/** Each tier counts the pages above the one before it; rounded once. */
function amountOfPages(tiers: readonly PageRate[], pages: number): bigint {
  let below = 0;
  let rate = 0n;
  for (const { to = Infinity, amount } of tiers) {
    const count = Math.max(0, Math.min(pages, to) - below);
    rate += parseRate(amount)! * BigInt(count);
    below = to;
  }
  return centsOf(rate, 1);
}
