/** The composition root: config → store → engine → http. The only file that constructs adapters. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './cli/index.js';
import { createRecorder } from './audit/record.js';
import { loadDefinitions, type SearchParameterDefinition } from './fhir/definitions.js';
import { identifyAnybody, identifyByTokens } from './identity/tokens.js';
import type { Engine } from './interactions/interaction.js';
import { type Config, isLoopback, isMongo } from './platform/config.js';
import { createLog } from './platform/log.js';
import { createSeal } from './platform/seal.js';
import { createTurns } from './platform/turns.js';
import { createSearchParameters } from './search/parameters.js';
import { createPlacement, type Placement } from './store/place.js';
import type { Store } from './store/store.js';

const root = new URL('../../', import.meta.url);
const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string };

/** The store's adapter is loaded only where it is used: the MongoDB driver alone takes a second to load. */
async function openStore(config: Config, placement: Placement): Promise<Store> {
  if (isMongo(config)) {
    const { openMongo } = await import('./store/mongo/index.js');
    return openMongo({ url: config.store, placement, maxTimeMS: config.queryTimeout });
  }
  const { openEmbedded } = await import('./store/embedded/index.js');
  mkdirSync(config.data, { recursive: true, mode: 0o700 });
  return openEmbedded({ file: join(config.data, 'chartroom.db'), placement, queryTimeout: config.queryTimeout });
}

/** Opens everything but the HTTP face. Throws FhirError `unavailable` where the store cannot be opened. */
export async function open(config: Config): Promise<Engine> {
  const log = createLog(config.log);
  // First of all: what is wrong with the settings must not leave a store open.
  const identify = config.auth === 'token' ? identifyByTokens(config.tokens) : identifyAnybody;
  const definitions = loadDefinitions();
  const custom = customParameters();
  const parameters = createSearchParameters(definitions, custom);
  const placement = createPlacement([...definitions.searchParameters, ...custom]);
  const store = await openStore(config, placement);
  try {
    await store.migrate();
  } catch (error) {
    await store.close();
    throw error;
  }
  const bases = basesOf(config);
  return {
    definitions,
    parameters,
    store,
    log,
    seal: createSeal(config.secret || keptSecret(config.data)),
    record: createRecorder(parameters, bases),
    turns: createTurns(),
    identify,
    settings: {
      base: bases[0]!,
      bases,
      pageSize: config.pageSize,
      maxPageSize: config.maxPageSize,
      linkLifetime: config.linkMinutes * 60_000,
      maxBinary: config.maxBinary,
      software: { name: 'Chartroom', version, started: Date.now() },
      authentication: config.auth,
      cors: config.corsOrigins !== '',
    },
    now: Date.now,
  };
}

/** What links say, and the other addresses under which the same server is reached: references to all are our own. */
function basesOf({ baseUrl, host, port }: Config): string[] {
  const hosts = isLoopback(host) ? ['localhost', '127.0.0.1'] : [host.includes(':') ? `[${host}]` : host];
  return [...(baseUrl ? [baseUrl] : []), ...hosts.map(name => `http://${name}:${port}/fhir`)];
}

/** The key of paging links, made on the first start. */
function keptSecret(folder: string): string {
  const file = join(folder, 'secret');
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    writeFileSync(file, randomBytes(32).toString('hex'), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    // Another process was quicker: its key is as good.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFileSync(file, 'utf8').trim();
}

/** Search parameters that we add to R4: profiles/*.json. */
function customParameters(): SearchParameterDefinition[] {
  const folder = fileURLToPath(new URL('profiles/', root));
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter(name => name.endsWith('.json'))
    .map(
      name =>
        JSON.parse(readFileSync(join(folder, name), 'utf8')) as SearchParameterDefinition & { resourceType: string },
    )
    .filter(({ resourceType }) => resourceType === 'SearchParameter');
}

/** The command line; gives the exit status. */
export const main = (argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> => run(argv, env, open);
