import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'mocha';
import { pino } from 'pino';
import { createClock } from '../../../src/platform/clock.js';
import { realPause } from '../../../src/platform/real-time.js';
import { steppedTime } from '../../support/stepped-time.js';

function stepped() {
  const said: string[] = [];
  const time = steppedTime();
  const clock = createClock(pino({ base: null }, { write: (text: string) => void said.push(text) }), time);
  return { time, clock, said };
}

/** Lets everything have its turn that waits for none of its own. */
const turn = (): Promise<void> => new Promise(setImmediate);

describe('the clock', () => {
  it('shows what its source shows, set back as well', () => {
    const { time, clock } = stepped();
    const start = clock.now();
    time.step(10);
    assert.equal(clock.now(), start + 10);
    time.set(start - 1000);
    assert.equal(clock.now(), start - 1000);
  });

  describe('every', () => {
    it('does what is late once, and goes on from there', async () => {
      const { time, clock } = stepped();
      let done = 0;
      clock.every(100, () => done++);
      const seen: number[] = [];
      for (const ms of [99, 1, 1000, 99, 1]) {
        time.step(ms);
        await turn();
        seen.push(done);
      }
      assert.deepEqual(seen, [0, 1, 2, 2, 3]);
    });

    it('keeps its pace when the clock is set', async () => {
      const { time, clock } = stepped();
      let done = 0;
      clock.every(100, () => done++);
      time.set(clock.now() - 3_600_000);
      time.step(100);
      await turn();
      time.set(clock.now() + 7_200_000);
      assert.equal(done, 1);
    });

    it('never overlaps itself', async () => {
      const { time, clock } = stepped();
      const ends: (() => void)[] = [];
      clock.every(100, () => new Promise<void>(end => ends.push(end)));
      for (let i = 0; i < 3; i++) {
        time.step(100);
        await turn();
      }
      assert.equal(ends.length, 1);
      ends[0]!();
      await turn();
      time.step(100);
      assert.equal(ends.length, 2);
    });

    it('goes on after work that fails, and tells the log without what the error says', async () => {
      const { time, clock, said } = stepped();
      let done = 0;
      clock.every(100, () => {
        if (++done === 1) throw new Error('born 1970-01-01');
        return done === 2 ? Promise.reject(new TypeError('Muster')) : undefined;
      });
      for (let i = 0; i < 3; i++) {
        time.step(100);
        await turn();
      }
      assert.deepEqual([done, said.length], [3, 2]);
      assert.match(said[0]!, /"level":40.*clock\.test/);
      assert.doesNotMatch(said.join(''), /born|Muster/);
    });

    it('ends when it is told to, also by its own work and while that is under way', async () => {
      const { time, clock } = stepped();
      let done = 0;
      const end = clock.every(100, () => done++);
      end();
      const endOther = clock.every(100, async () => {
        done++;
        endOther();
        await turn();
      });
      for (let i = 0; i < 3; i++) {
        time.step(100);
        await turn();
        await turn();
      }
      assert.equal(done, 1);
    });
  });

  describe('wait', () => {
    it('is over after its time, and not before', async () => {
      const { time, clock } = stepped();
      let over = false;
      void clock.wait(100).then(() => (over = true));
      time.step(99);
      await turn();
      assert.equal(over, false);
      time.step(1);
      await turn();
      assert.equal(over, true);
    });

    it('is over when its signal is aborted, before or meanwhile', async () => {
      const { clock } = stepped();
      await clock.wait(100, AbortSignal.abort());
      const ending = new AbortController();
      const waited = clock.wait(100, ending.signal);
      ending.abort();
      await waited;
    });
  });
});

describe('real time', () => {
  it('goes on by itself', async () => {
    const clock = createClock(pino({ level: 'silent' }));
    // Nothing here keeps the process alive.
    const alive = setInterval(() => undefined, 1000);
    let done = 0;
    await new Promise<void>(enough => {
      const end = clock.every(1, () => {
        if (++done < 3) return;
        end();
        enough();
      });
    });
    await clock.wait(1);
    clearInterval(alive);
  });

  it('keeps no process alive by what is done again and again, or waited for', () => {
    const url = new URL('../../../src/platform/clock.js', import.meta.url);
    const text = `const clock = (await import('${url.href}')).createClock({});
      clock.every(3_600_000, () => undefined);
      void clock.wait(3_600_000);`;
    assert.equal(spawnSync(process.execPath, ['--input-type=module', '--eval', text]).status, 0);
  });

  it('pauses until its signal is aborted', async () => {
    const ending = new AbortController();
    const paused = realPause(3_600_000, ending.signal);
    ending.abort();
    await paused;
    await realPause(0);
  });
});
