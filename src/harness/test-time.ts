/**
 * The source of time of the test-harness mode: real, moved by an offset, or fixed, until a test says otherwise. What is to be
 * done later waits for real time to pass whatever the clock shows, and a step lets time pass at once: what was to be done in it
 * is done, in its order.
 */
import type { TimeSource } from '../platform/clock.js';

export type TestClock =
  | { readonly mode: 'real' }
  /** ms that it is ahead of real time; below zero: behind. */
  | { readonly mode: 'offset'; readonly offset: number }
  /** ms since 1970, and ms by which each request below /fhir moves it on. */
  | { readonly mode: 'fixed'; readonly at: number; readonly tick: number };

export interface TestTime extends TimeSource {
  clock(): TestClock;
  set(clock: TestClock): void;
  step(ms: number): void;
  /** A request begins. */
  tick(): void;
}

interface Timer {
  /** On the time line of `passed`. */
  readonly due: number;
  readonly work: () => void;
  cancel(): void;
}

/** `base`: real time. */
export function createTestTime(base: TimeSource): TestTime {
  let clock: TestClock = { mode: 'real' };
  let stepped = 0;
  const timers = new Set<Timer>();
  const passed = (): number => performance.now() + stepped;
  const fire = (timer: Timer): void => {
    timer.cancel();
    if (timers.delete(timer)) timer.work();
  };
  const arm = (timer: Timer): void => {
    timer.cancel();
    timer.cancel = base.later(Math.max(0, timer.due - passed()), () => fire(timer));
  };
  return {
    now: () => (clock.mode === 'fixed' ? clock.at : clock.mode === 'offset' ? base.now() + clock.offset : base.now()),
    later(ms, work) {
      const timer: Timer = { due: passed() + ms, work, cancel: () => undefined };
      timers.add(timer);
      arm(timer);
      return () => {
        timer.cancel();
        timers.delete(timer);
      };
    },
    clock: () => clock,
    set: next => void (clock = next),
    step(ms) {
      stepped += ms;
      if (clock.mode === 'fixed') clock = { ...clock, at: clock.at + ms };
      else clock = { mode: 'offset', offset: (clock.mode === 'offset' ? clock.offset : 0) + ms };
      const late = [...timers].filter(({ due }) => due <= passed()).toSorted((a, b) => a.due - b.due);
      for (const timer of late) fire(timer);
      for (const timer of timers) arm(timer);
    },
    tick() {
      if (clock.mode === 'fixed' && clock.tick > 0) clock = { ...clock, at: clock.at + clock.tick };
    },
  };
}
