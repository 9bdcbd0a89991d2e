/**
 * `chartroom` with a feature whose jobs make numbered resources, for tests that kill it. POST /jobs/numbering/10 begins one of ten steps.
 * A `careless` job makes them beside the commit of its step, and then waits for the file GATE: the control of those tests.
 */
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { run } from '../../src/cli/index.js';
import type { Feature } from '../../src/interactions/feature.js';
import type { FeatureJob } from '../../src/interactions/jobs.js';
import { perform } from '../../src/interactions/perform.js';
import { openValidator } from '../../src/compose/checker.js';
import { openUsers } from '../../src/compose/users.js';
import { acceptGuides, copyStore, open } from '../../src/main.js';
import type { Config } from '../../src/platform/config.js';

function numbered(job: string, at: number) {
  const identifier = [{ system: 'urn:numbered', value: `${job}-${at}` }];
  const resource = { resourceType: 'Basic', code: { text: 'x' }, identifier };
  return { kind: 'create', type: 'Basic', body: { resource, decimals: undefined } } as const;
}

const numbering: FeatureJob<number, number> = {
  ...{ kind: 'numbering', atOnce: 3, attempts: 1000, backOff: { first: 10, most: 100 } },
  begin: ({ input }) => ({ state: 0, total: input }),
  step: ({ id, input, state }) => ({
    ...{ state: state + 1, done: state + 1, last: state + 1 >= input },
    performs: numbered(id, state),
  }),
};

const careless: FeatureJob<number, number> = {
  kind: 'careless',
  begin: ({ input }) => ({ state: 0, total: input }),
  async step({ id, caller, input, state, signal }) {
    await perform(caller, numbered(id, state));
    while (!existsSync(process.env['GATE'] ?? '') && !signal.aborted) await pause(5);
    return { state: state + 1, done: state + 1, last: state + 1 >= input };
  },
};

const feature: Feature = {
  name: 'numbered',
  open: () => ({
    jobs: [numbering, careless],
    routes: [
      {
        path: '/jobs/{kind}/{steps}',
        methods: ['POST'],
        who: { screen: 'numbered' },
        recorded: 'as-performed',
        answer: async ({ caller, path: { kind = '', steps } }) => ({
          body: await caller.engine.jobs.start(caller, kind, Number(steps)),
        }),
      },
    ],
  }),
};

const opening = {
  open: (config: Config) => open(config, undefined, [feature]),
  backUp: copyStore,
  openUsers,
  acceptGuides,
  openValidator,
};
process.exitCode = await run(process.argv.slice(2), process.env, opening, {});
