/**
 * `chartroom` whose reindex job asks before each batch, so that a test finds it in the middle on any machine: the file GATE
 * holds a byte for each batch that it may write, and GATE-asked one for each that it has asked for. It rests before each for longer
 * than the job lets pass between two notes of
 * how far it is, so that every batch is noted. A job that is to end waits for nothing.
 */
import { appendFileSync, statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { run } from '../../src/cli/index.js';
import type { Engine } from '../../src/interactions/engine.js';
import { openValidator } from '../../src/compose/checker.js';
import { openUsers } from '../../src/compose/users.js';
import { acceptGuides, copyStore, open } from '../../src/main.js';

const GATE = process.env['GATE']!;
const LONGER_THAN_NOTES_MS = 1100;

function gated(engine: Engine): Engine {
  const { store, jobs } = engine;
  const reindex = store.reindex.bind(store);
  const stop = jobs.stop.bind(jobs);
  const ending = new AbortController();
  let asked = 0;
  Object.assign(store, {
    async reindex(...given: Parameters<typeof reindex>) {
      asked += 1;
      appendFileSync(`${GATE}-asked`, '.');
      await pause(LONGER_THAN_NOTES_MS, undefined, { signal: ending.signal }).catch(() => undefined);
      while (!ending.signal.aborted && statSync(GATE).size < asked) await pause(20);
      return reindex(...given);
    },
  });
  Object.assign(jobs, {
    stop() {
      const stopped = stop();
      ending.abort();
      return stopped;
    },
  });
  return engine;
}

process.exitCode = await run(
  process.argv.slice(2),
  process.env,
  { open: async config => gated(await open(config)), backUp: copyStore, openUsers, acceptGuides, openValidator },
  {},
);
