/** A standing job that is there by itself steps whenever a server starts, and is one job of all of them. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { JobKind } from '../../../src/jobs/kind.js';
import { JobRunner } from '../../../src/jobs/runner.js';
import { createClock } from '../../../src/platform/clock.js';
import { createLog } from '../../../src/platform/log.js';
import { memoryOutbox } from '../../support/outbox.js';
import { steppedTime } from '../../support/stepped-time.js';

const log = createLog('silent');

describe('a standing job that begins with the server', () => {
  const steps: number[] = [];
  const kind: JobKind<null, number> = {
    ...{ kind: 'timer', standing: { state: 0, atStart: true } },
    step({ state }) {
      steps.push(state);
      return { state: state + 1, wait: 1000 };
    },
  };
  const outbox = memoryOutbox();
  const start = (quiet: boolean) => {
    const time = steppedTime();
    const { store } = outbox;
    return {
      time,
      runner: new JobRunner({ store, clock: createClock(log, time), log, kinds: [kind], quiet }),
    };
  };
  const noted = async (state: number): Promise<void> => {
    while (outbox.bodies('job')[0]?.['state'] !== state) await new Promise(setImmediate);
  };

  it('does nothing where nothing is to begin by itself', async () => {
    const { runner } = start(true);
    runner.run();
    await runner.stop();
    assert.deepEqual([steps, outbox.bodies('job')], [[], []]);
  });

  it('steps at each start, however long it should rest, and then as it says', async () => {
    for (const before of [0, 2]) {
      const { runner, time } = start(false);
      runner.run();
      await noted(before + 1);
      time.step(1000);
      await noted(before + 2);
      await runner.stop();
    }
    assert.deepEqual(steps, [0, 1, 2, 3]);
    assert.equal(outbox.bodies('job').length, 1);
  });
});
