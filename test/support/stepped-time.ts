/** Sources of time for tests: one that goes on when a test says so, and one that goes on by itself from another date. */
import { REAL_TIME, type TimeSource } from '../../src/platform/clock.js';

export interface SteppedTime extends TimeSource {
  /** Lets so many ms pass: what was to be done in them is done once, in its order, before this returns. */
  step(ms: number): void;
  /** Sets what the clock shows, back as well; how long anything still has to wait stays the same. */
  set(to: number): void;
}

export function steppedTime(start = Date.UTC(2026, 0, 1)): SteppedTime {
  const timers = new Set<{ readonly due: number; readonly work: () => void }>();
  let passed = 0;
  let shift = start;
  return {
    now: () => passed + shift,
    later(ms, work) {
      const timer = { due: passed + ms, work };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    step(ms) {
      // Else what waits would wait longer than it has to.
      if (ms < 0) throw new Error('Time does not pass backwards: set the clock.');
      passed += ms;
      const late = [...timers].filter(({ due }) => due <= passed).toSorted((a, b) => a.due - b.due);
      for (const timer of late) if (timers.delete(timer)) timer.work();
    },
    set(to) {
      shift = to - passed;
    },
  };
}

/** Begins at a date and goes on by itself, so that a job is done that waits a little before it tries again: for what needs the date alone. */
export function timeFrom(start: number): TimeSource {
  const began = performance.now();
  return { ...REAL_TIME, now: () => Math.floor(start + performance.now() - began) };
}
