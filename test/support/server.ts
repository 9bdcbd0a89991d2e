/**
 * Chartroom inside the test process: on a free port, with its data in a new temporary folder, or in a MongoDB database
 * of its own. For a process that can be killed see spawn.ts.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import supertest from 'supertest';
import { listen } from '../../src/cli/serve.js';

import type { Engine } from '../../src/interactions/engine.js';
import { composeSettings } from '../../src/interactions/feature-settings.js';
import type { Feature } from '../../src/interactions/feature.js';
import { featureSettings, open } from '../../src/main.js';
import type { TimeSource } from '../../src/platform/clock.js';
import { loadConfig, type SettingName } from '../../src/platform/config.js';
import { warmValidators } from '../../src/validation/gate/structure.js';
import { atFileEnd } from './file-end.js';
import { keepEvents } from './kept-events.js';
import { emptyDatabase, giveBack, sharedMongo } from './mongo.js';
import { freePort } from './mongod.js';
import { isServedApart } from './spawn.js';

export type StoreName = 'embedded' | 'mongo';
export const STORES: readonly StoreName[] = ['embedded', 'mongo'];

/** Settings as the command line gives them: text, by name. */
export type Settings = Readonly<Partial<Record<SettingName, string>>> & Readonly<Record<string, string>>;

export interface RunningServer {
  /** `http://127.0.0.1:<port>/fhir` */
  readonly base: string;
  readonly port: number;
  readonly engine: Engine;
  /** Paths start at the root of the server: `/fhir/Patient`. */
  readonly request: ReturnType<typeof supertest>;
  stop(): Promise<void>;
}

/** The value of CHARTROOM_STORE for a new, empty store. Skips the running suite where there is no MongoDB. */
export async function newStore(test: Mocha.Context, store: StoreName): Promise<string> {
  if (store === 'embedded') return 'embedded';
  const mongo = await sharedMongo();
  if ('skipped' in mongo) return test.skip();
  const url = await emptyDatabase(mongo);
  servers.set(url, 0);
  return url;
}

/** How many servers of this process have each new database open. */
const servers = new Map<string, number>();
const count = (url: string, more: number): void => {
  const before = servers.get(url);
  if (before !== undefined) servers.set(url, before + more);
};

/** Says that no server will be started on what `newStore` gave: where none runs, in this process or apart, others may have it. */
export function letGo(url: string): void {
  if (servers.get(url) === 0 && !isServedApart(url)) giveBack(url);
  servers.delete(url);
}

// Until then a test may start a server on it again.
atFileEnd(() => [...servers.keys()].forEach(letGo));

export interface Start {
  /** What `newStore` gave. */
  readonly store: string;
  readonly config?: Settings;
  /** What its clock goes by. Default: real time. */
  readonly time?: TimeSource;
  /** Default: those of the server. */
  readonly features?: readonly Feature[];
  /** Whether what is hidden is answered as late as what is absent. */
  readonly evenTime?: boolean;
}

export async function startServer(options: Start): Promise<RunningServer> {
  const port = await freePort();
  const data = mkdtempSync(join(tmpdir(), 'chartroom-server-'));
  // Whose features are the server's own has its trail looked at when a test says so.
  const own = options.features ? {} : { anomaliesEvery: '0' };
  const flags = {
    ...{ port: String(port), data, store: options.store, demo: 'off', log: 'silent' },
    ...own,
    ...options.config,
  };
  const config = loadConfig(
    { flags, env: {} },
    options.features ? composeSettings(options.features) : featureSettings(),
  );
  count(options.store, 1);
  const engine = await open(config, options.time, options.features);
  // Tests do not wait for what somebody else may not measure.
  if (!options.evenTime) Object.assign(engine, { evenTime: undefined });
  const server = listen(engine, config);
  await once(server, 'listening');
  warmValidators();
  return {
    base: engine.settings.base,
    port,
    engine,
    request: supertest(`http://127.0.0.1:${port}`),
    async stop() {
      server.close();
      server.closeAllConnections();
      await engine.jobs.stop();
      engine.outgoing.close();
      await engine.feed.stop();
      await engine.forwarder?.stop();
      await engine.live.stop();
      engine.reindexer.stop();
      await keepEvents(engine.store);
      await engine.forms.close();
      await engine.store.close();
      count(options.store, -1);
      rmSync(data, { recursive: true, force: true });
    },
  };
}
