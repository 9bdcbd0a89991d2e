/** /harness/clock and /harness/seed: what the clock shows, and where ids come from. */
import type { OutsideCall } from '../interactions/engine.js';
import { type AskedMembers, askedBy, jsonFor, refused, wholeNumberIn } from './asked.js';
import type { HarnessAddress } from './routes.js';
import { MAX_SEED, type SeededIds, seededIds, seededNumbers } from './seeded-ids.js';
import type { TestClock, TestTime } from './test-time.js';

/** What every id and every time follows from, where a test has said so. */
export interface Seeding {
  readonly seed: number;
  readonly ids: SeededIds;
}

export interface TimeState {
  readonly time: TestTime;
  seeding: Seeding | undefined;
}

export const CLOCK_MEMBERS = ['fixed', 'tick', 'offset', 'step', 'real'] as const;

const DAY = 86_400_000;
const EARLIEST = Date.UTC(1970, 0, 1);
const LATEST = Date.UTC(2100, 0, 1);
/** The year in which the times of a seed lie. */
const SEEDED_FROM = Date.UTC(2026, 0, 1);
const MAX_MOVE = 366 * 50 * DAY;
/** https://hl7.org/fhir/R4/datatypes.html#instant */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:\d\d)$/;

/** Moves the clock as asked: one of `fixed`, `offset`, `step` and `real`. Throws `invalid`. */
export function moveClock(time: TestTime, asked: AskedMembers): void {
  const named = ['fixed', 'offset', 'step', 'real'].filter(name => asked[name] !== undefined);
  if (named.length !== 1) throw refused('Say one of fixed, offset, step and real.');
  const tick = wholeNumberIn(asked, 'tick', 0, DAY);
  if (tick !== undefined && named[0] !== 'fixed') throw refused('A clock that is not fixed has no tick.');
  const step = wholeNumberIn(asked, 'step', 0, MAX_MOVE);
  const offset = wholeNumberIn(asked, 'offset', -MAX_MOVE, MAX_MOVE);
  if (step !== undefined) return time.step(step);
  if (offset !== undefined) return time.set({ mode: 'offset', offset });
  if (asked['fixed'] !== undefined) return time.set({ mode: 'fixed', at: instantOf(asked['fixed']), tick: tick ?? 0 });
  if (asked['real'] !== true) throw refused('real must be true.');
  return time.set({ mode: 'real' });
}

function instantOf(value: unknown): number {
  const at = typeof value === 'string' && INSTANT.test(value) ? Date.parse(value) : Number.NaN;
  if (at >= EARLIEST && at < LATEST) return at;
  throw refused('fixed must be an instant from 1970 to 2099, as in 2026-01-31T09:00:00Z.');
}

/** From now on ids follow from the seed; so does the clock: a start, and how far each request moves it on. */
export function startFrom(state: TimeState, seed: number): void {
  const draw = seededNumbers(seed);
  state.seeding = { seed, ids: seededIds(draw()) };
  state.time.set({ mode: 'fixed', at: SEEDED_FROM + (draw() % (365 * DAY)), tick: 1 + (draw() % 1000) });
}

/** The real clock, and ids by chance. */
export function forgetSeed(state: TimeState): void {
  state.seeding = undefined;
  state.time.set({ mode: 'real' });
}

export const shownClock = (time: TestTime): TestClock & { readonly now: string } => ({
  now: new Date(time.now()).toISOString(),
  ...time.clock(),
});

export const shownTime = ({ time, seeding }: TimeState) => ({ seed: seeding?.seed ?? null, clock: shownClock(time) });

export const timeAddresses = (state: TimeState): Readonly<Record<'/clock' | '/seed', HarnessAddress>> => ({
  '/clock': {
    GET: () => jsonFor(shownClock(state.time)),
    POST: async (call: OutsideCall) => {
      moveClock(state.time, await askedBy(call, CLOCK_MEMBERS));
      return jsonFor(shownClock(state.time));
    },
  },
  '/seed': {
    GET: () => jsonFor(shownTime(state)),
    POST: async (call: OutsideCall) => {
      const seed = wholeNumberIn(await askedBy(call, ['seed']), 'seed', 0, MAX_SEED);
      if (seed === undefined) throw refused('Say which seed.');
      startFrom(state, seed);
      return jsonFor(shownTime(state));
    },
    DELETE: () => {
      forgetSeed(state);
      return jsonFor(shownTime(state));
    },
  },
});
