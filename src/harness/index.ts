/**
 * The test-harness mode (docs/harness.md): tests set the clock, choose where ids come from, exchange what the store holds, and
 * more, through addresses below /harness. main.ts loads it where CHARTROOM_HARNESS=on, and nobody else: without it nothing here
 * is in the process.
 *
 * It stands around the engine, never in it: it gives the engine its source of time and its store, and is between the HTTP server
 * and what answers its requests.
 */
import type { RequestListener } from 'node:http';
import { FhirError } from '../fhir/error.js';
import type { Engine } from '../interactions/engine.js';
import type { TimeSource } from '../platform/clock.js';
import { askForIds, idByChance } from '../platform/ids.js';
import type { Snapshots, Store } from '../store/store.js';
import type { ListCanonicals, LoadCanonical } from '../terminology/terminology.js';
import { createGate, type StoreGate } from './gate.js';
import { harnessStore } from './harness-store.js';
import { type RequestContext, requestContext } from './request-context.js';
import { harnessRoutes } from './routes.js';
import { stateAddresses } from './state-routes.js';
import { createTestTime, type TestTime } from './test-time.js';
import { timeAddresses, type TimeState } from './time-routes.js';

export interface StoredCanonicals {
  readonly load: LoadCanonical;
  readonly list: ListCanonicals;
}

export interface Harness {
  /** What the server's clock goes by. */
  readonly time: TestTime;
  /** The key of paging links where the settings give none: the same everywhere, so that the same requests give the same bytes. */
  readonly secret: string;
  /** The store that the engine gets. To migrate it throws `unavailable` where it holds what is not for tests. */
  readonly watch: (store: Store) => Store;
  /** Code systems and value sets whose names tell which content of the store they are from. */
  readonly anew: (stored: StoredCanonicals) => StoredCanonicals;
  /** The engine with the addresses of the harness. `loadDemo`: puts the demo data into an empty store, one resource after the other. */
  readonly around: (engine: Engine, loadDemo: (engine: Engine) => Promise<unknown>) => Engine;
}

/** `base`: real time. */
export function createHarness(base: TimeSource): Harness {
  const time = createTestTime(base);
  const state: TimeState = { time, seeding: undefined };
  const gate = createGate();
  let snapshots: Snapshots | undefined;
  askForIds({
    id: now => requestContext.getStore()?.ids?.id(now),
    uuid: () => requestContext.getStore()?.ids?.uuid(),
  });
  const claim = async (store: Store): Promise<void> => {
    snapshots = await store.snapshots();
    if (await snapshots.claim()) return;
    throw new FhirError(
      'unavailable',
      'CHARTROOM_HARNESS=on lets tests empty the store, and this one holds what no test has written: name another folder or database.',
    );
  };
  return {
    time,
    secret: 'Chartroom in test-harness mode: no secret.',
    watch(store) {
      const watched = harnessStore(store, gate, by => snapshots?.touched(by));
      return { ...watched, migrate: () => store.migrate().then(() => claim(store)) };
    },
    anew({ load, list }) {
      const renamed = <T extends object>(found: T): T =>
        'key' in found && typeof found.key === 'string' ? { ...found, key: `${gate.epoch} ${found.key}` } : found;
      return {
        load: async (...asked) => {
          const found = await load(...asked);
          return found && renamed(found);
        },
        list: async (...asked) => (await list(...asked)).map(renamed),
      };
    },
    around(engine, loadDemo) {
      engine.log.warn('Test-harness mode: whoever is on this machine may change everything, at /harness');
      const addresses = {
        ...timeAddresses(state),
        ...stateAddresses({ engine, gate, snapshots: snapshots!, state, loadDemo }),
      };
      return {
        ...engine,
        routes: [...harnessRoutes(addresses), ...engine.routes],
        aroundRequests: answer => answerIn(state, gate, answer),
      };
    },
  };
}

/** What is asked beside a scenario: of the harness, and by those who look whether the server lives. */
const BESIDE = /^\/+(?:(?:harness|healthz|readyz|metrics|favicon\.ico|robots\.txt)(?:[/?]|$)|$)/i;

/** Answers requests in the time and with the ids of a test; what is asked beside its scenario takes none of them away, and never waits. */
function answerIn(state: TimeState, gate: StoreGate, answer: RequestListener): RequestListener {
  const { time } = state;
  return (request, response) => {
    if (BESIDE.test(request.url ?? '')) {
      request.headers['x-request-id'] ??= idByChance(time.now());
      return answer(request, response);
    }
    const begin = (): RequestContext => {
      time.tick();
      if (time.clock().mode !== 'real') response.setHeader('Date', new Date(time.now()).toUTCString());
      return { ids: state.seeding?.ids, overtaken: false };
    };
    gate.admit(response, begin, () => answer(request, response));
  };
}
