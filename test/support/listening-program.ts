/**
 * `chartroom` with listeners that keep what they are told: for each batch a message of the topic `heard <name>`, committed with the
 * acknowledgement. GET /heard tells what is left to be told, and whether it is this process that dispatches. Some batches fail at first, others leave it to the listener to commit.
 */
import { run } from '../../src/cli/index.js';
import { FEED_LEASE_MS } from '../../src/feed/loop.js';
import { readState } from '../../src/feed/state.js';
import type { FeatureListener, Feature } from '../../src/interactions/feature.js';
import { openValidator } from '../../src/compose/checker.js';
import { openUsers } from '../../src/compose/users.js';
import { acceptGuides, copyStore, open } from '../../src/main.js';
import { HEARD, LISTENERS } from './heard.js';

const heard = (name: string, changes: readonly unknown[]) => ({ topic: HEARD + name, body: JSON.stringify(changes) });

const listeners = Object.entries(LISTENERS).map(([name, types], at): FeatureListener => {
  let asked = 0;
  return {
    name,
    ...(types ? { types } : {}),
    most: [1, 8, 64, 500][at % 4]!,
    async handle({ changes, acknowledges }, { store }) {
      asked += 1;
      if (asked % 50 === 7) throw new Error('not this time');
      if (asked % 3 > 0) return { messages: [heard(name, changes)] };
      await store.commit({ changes: [], acknowledges, messages: [heard(name, changes)] });
      return 'done';
    },
  };
});

const listening: Feature = {
  name: 'listening',
  open: () => ({
    listeners,
    routes: [
      {
        path: '/heard',
        methods: ['GET'],
        who: 'anybody',
        recorded: 'as-performed',
        logged: 'never',
        async answer({ caller: { engine } }) {
          const { store, feed } = engine;
          const waiting = (await store.pendingMessages('change', 1)).length;
          const backlog = [...(await feed.backlog()).values()];
          const counting = listeners.every(({ name }) => feed.counts(name));
          const last = (await readState(store)).state.listeners['all']?.last ?? 0;
          // Given to whoever holds it, or could have taken it at this moment.
          const dispatches = await store.acquireLease('feed', FEED_LEASE_MS);
          const left = waiting + backlog.reduce((a, b) => a + b, 0);
          return { body: JSON.stringify({ counting, left, last, dispatches }) };
        },
      },
    ],
  }),
};

process.exitCode = await run(
  process.argv.slice(2),
  process.env,
  { open: config => open(config, undefined, [listening]), backUp: copyStore, openUsers, acceptGuides, openValidator },
  {},
);
