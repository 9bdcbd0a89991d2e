/** When a job that rests is looked at again, whatever the clock shows between two questions of one look. */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import type { JobKind } from '../../../src/jobs/kind.js';
import { JobRunner } from '../../../src/jobs/runner.js';
import { createClock } from '../../../src/platform/clock.js';
import { createLog } from '../../../src/platform/log.js';
import { memoryOutbox } from '../../support/outbox.js';

const log = createLog('silent');

it('a job that becomes due while it is looked what is due is not left until there is another reason to look', async () => {
  const seen = { steps: 0 };
  const kind: JobKind<null, number> = {
    ...{ kind: 'timer', standing: { state: 0, atStart: true } },
    step: ({ state }) => ({ state: state + 1, wait: 3 + (seen.steps++ % 9) }),
  };
  let shown = 0;
  // Each question takes a ms, what waits is called a ms early, as a timer may be, and what waits for long is never called.
  const clock = createClock(log, {
    now: () => shown++,
    later(ms, work) {
      if (ms > 1000) return () => undefined;
      const timer = setImmediate(() => {
        shown += Math.max(0, ms - 1);
        work();
      });
      return () => clearImmediate(timer);
    },
  });
  const runner = new JobRunner({ store: memoryOutbox().store, clock, log, kinds: [kind] });
  runner.run();
  for (let turns = 0; seen.steps < 100 && turns < 100_000; turns++) await new Promise(setImmediate);
  await runner.stop();
  assert.ok(seen.steps >= 100, String(seen.steps));
});
