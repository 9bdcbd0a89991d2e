/** When the reindex job looks and tries again, by a clock that goes on when the test says so. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { CustomParameter } from '../../../src/conformance/parameters-in-force.js';
import { Reindexer } from '../../../src/conformance/reindex-job.js';
import type { Registry } from '../../../src/conformance/search-parameter-registry.js';
import type { SearchParameterDefinition } from '../../../src/fhir/definitions.js';
import { POLL_MS } from '../../../src/live/live-tables.js';
import { createClock } from '../../../src/platform/clock.js';
import { JobRunner } from '../../../src/jobs/runner.js';
import { createLog } from '../../../src/platform/log.js';
import type { Store } from '../../../src/store/store.js';
import { definitions, parameters } from '../../support/filters.js';
import { memoryOutbox } from '../../support/outbox.js';
import { steppedTime } from '../../support/stepped-time.js';

const CUSTOM: CustomParameter = {
  hash: 'a',
  types: ['Patient'],
  origin: 'SearchParameter/a',
  definition: { url: 'http://a.example/a' } as SearchParameterDefinition,
};

/** The job over an outbox in memory, where the first walks fail. */
function jobOver({ shared, custom, failing = 0 }: { shared: boolean; custom: CustomParameter[]; failing?: number }) {
  const seen = { looks: 0, walks: 0 };
  const outbox = memoryOutbox({ shared });
  const store: Partial<Store> = {
    ...outbox.store,
    count: async () => ({ count: 1, exact: true }),
    async *scan() {
      seen.walks++;
      if (seen.walks <= failing) throw new Error('The store is away.');
      yield* [];
    },
    reindex: async rows => rows.length,
  };
  const registry: Partial<Registry> = {
    takeRedefined: () => (seen.looks++, new Set<string>()),
  };
  const time = steppedTime();
  const log = createLog('silent');
  const clock = createClock(log, time);
  const indexer: Reindexer = new Reindexer({
    store: store as Store,
    kept: store as Store,
    registry: { ...registry, custom } as unknown as Registry,
    definitions,
    parameters,
    settings: { bases: [], fullText: false },
    log,
    clock,
    jobs: () => jobs,
  });
  const jobs = new JobRunner({ store: outbox.store, clock, log, kinds: indexer.kinds });
  const job = {
    start() {
      indexer.start();
      jobs.run();
    },
    stop() {
      indexer.stop();
      return jobs.stop();
    },
    changed: () => indexer.changed(),
    get busy() {
      return indexer.busy;
    },
  };
  return { job, time, seen };
}

/** Lets everything have its turn that waits for no time. */
const settled = (): Promise<void> => new Promise(setImmediate);

describe('the reindex job', () => {
  it('tries again when it has rested after an error, and then is done', async () => {
    const { job, time, seen } = jobOver({ shared: false, custom: [CUSTOM], failing: 2 });
    job.start();
    await settled();
    const walks: number[] = [seen.walks];
    for (const ms of [2999, 1, 3000, 3000]) {
      time.step(ms);
      await settled();
      walks.push(seen.walks);
    }
    assert.deepEqual(walks, [1, 1, 2, 3, 3]);
    while (job.busy) await settled();
    await job.stop();
  });

  it('rests once, however often it is woken meanwhile', async () => {
    const { job, time, seen } = jobOver({ shared: false, custom: [CUSTOM], failing: Infinity });
    job.start();
    await settled();
    for (let woken = 0; woken < 3; woken++) {
      await job.changed();
      await settled();
    }
    assert.equal(seen.walks, 4);
    for (const walks of [5, 6]) {
      time.step(3000);
      await settled();
      assert.equal(seen.walks, walks);
    }
    await job.stop();
  });

  it('looks for what others have changed, once where many looks are late, until it is stopped', async () => {
    const { job, time, seen } = jobOver({ shared: true, custom: [] });
    job.start();
    const looks: number[] = [];
    for (const ms of [0, POLL_MS - 1, 1, 100 * POLL_MS, POLL_MS]) {
      time.step(ms);
      await settled();
      looks.push(seen.looks);
    }
    await job.stop();
    time.step(POLL_MS);
    await settled();
    assert.deepEqual([...looks, seen.looks], [1, 1, 2, 3, 4, 4]);
  });
});
