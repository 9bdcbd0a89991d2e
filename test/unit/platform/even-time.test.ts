/** Answers that tell nothing come at the same time: docs/access.md, "Hidden is absent". */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { EvenTime } from '../../../src/platform/even-time.js';

describe('answers that tell nothing', () => {
  /** A clock that is behind by `late` whenever somebody waits. */
  const clockOf = (late = 0) => {
    let now = 1000.4;
    const time = {
      now: () => now,
      async pause(ms: number) {
        now = Math.floor(now) + ms + late;
      },
      pass: (ms: number) => void (now += ms),
    };
    return time;
  };
  const answered = async (
    even: EvenTime,
    time: ReturnType<typeof clockOf>,
    took: number,
    about?: string,
  ): Promise<number> => {
    const begun = even.begun();
    time.pass(took);
    await even.due(begun, about);
    return time.now() - Math.floor(begun);
  };

  it('are given after the same time, whether they took one millisecond or three', async () => {
    const time = clockOf();
    const even = new EvenTime(time);
    for (let at = 0; at < 400; at++) await answered(even, time, at % 2 ? 3.2 : 1.1);
    const times = new Set<number>();
    for (let at = 0; at < 20; at++) times.add(Math.floor(await answered(even, time, at % 2 ? 3.2 : 1.1)));
    assert.deepEqual([...times], [9]);
  });

  it('wait no longer than a quarter of a second, and not where they took that by themselves', async () => {
    const time = clockOf();
    const even = new EvenTime(time);
    for (let at = 0; at < 400; at++) await answered(even, time, 900);
    assert.ok((await answered(even, time, 10)) <= 251);
    assert.ok((await answered(even, time, 900)) < 902);
  });

  it('follow what is usual, which one that takes long does not change', async () => {
    const time = clockOf();
    const even = new EvenTime(time);
    for (let at = 0; at < 400; at++) await answered(even, time, 1);
    await answered(even, time, 5000);
    assert.ok((await answered(even, time, 1)) <= 6);
  });

  it('about one type are measured by those about it, however quick others are', async () => {
    const time = clockOf();
    const even = new EvenTime(time);
    const times = new Set<number>();
    for (let at = 0; at < 400; at++) {
      for (let others = 0; others < 10; others++) await answered(even, time, 0.2, 'Observation');
      const took = Math.floor(await answered(even, time, at % 2 ? 3.2 : 1.1, 'Binary'));
      if (at > 200) times.add(took);
    }
    assert.deepEqual([...times], [9]);
  });
});
