/**
 * The test-harness mode (docs/harness.md): tests set the clock, choose where ids come from, exchange what the store holds, and
 * more, through addresses below /harness. main.ts loads it where CHARTROOM_HARNESS=on, and nobody else: without it nothing here
 * is in the process.
 *
 * It stands around the engine, never in it: it gives the engine its source of time and its store, and is between the HTTP server
 * and what answers its requests.
 */
import type { IncomingMessage, RequestListener } from 'node:http';
import { FhirError } from '../fhir/error.js';
import { giveRequestId } from '../http/request-id.js';
import { route } from '../http/route.js';
import type { Engine } from '../interactions/engine.js';
import type { TimeSource } from '../platform/clock.js';
import { askForIds, idByChance } from '../platform/ids.js';
import type { Snapshots, Store } from '../store/store.js';
import type { ListCanonicals, LoadCanonical } from '../terminology/terminology.js';
import { answerWithFaults } from './fault-answers.js';
import { faultAddresses } from './fault-routes.js';
import { createFaultRules, type Fault, type FaultRequest, type FaultRules } from './fault-rules.js';
import { createGate, type StoreGate } from './gate.js';
import { harnessStore } from './harness-store.js';
import { noStoreFaults, type RequestContext, requestContext, type StoreFaults } from './request-context.js';
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
  const rules = createFaultRules(time.now);
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
        ...stateAddresses({ engine, gate, snapshots: snapshots!, state, rules, loadDemo }),
        ...faultAddresses(rules, engine),
      };
      return {
        ...engine,
        routes: [...harnessRoutes(addresses), ...engine.routes],
        aroundRequests: answer => answerIn({ state, gate, rules, engine }, answer),
      };
    },
  };
}

/** What a test has said, and whom it is said of. */
interface Scenario {
  readonly state: TimeState;
  readonly gate: StoreGate;
  readonly rules: FaultRules;
  readonly engine: Engine;
}

/** What is asked beside a scenario: of the harness, and by those who look whether the server lives. */
const BESIDE = /^\/+(?:(?:harness|healthz|readyz|metrics|favicon\.ico|robots\.txt)(?:[/?]|$)|$)/i;

/** Answers requests in the time, with the ids and with the faults of a test; what is asked beside its scenario has none of them, and never waits. */
function answerIn({ state, gate, rules, engine }: Scenario, answer: RequestListener): RequestListener {
  const { time } = state;
  return (request, response) => {
    if (BESIDE.test(request.url ?? '')) {
      giveRequestId(request, idByChance(time.now()));
      return answer(request, response);
    }
    let faults: readonly Fault[] = [];
    const begin = (): RequestContext => {
      time.tick();
      if (time.clock().mode !== 'real') response.setHeader('Date', new Date(time.now()).toUTCString());
      faults = rules.meet(seenByRules(request, engine));
      const store = storeFaults(faults);
      if (faults.length > 0) response.once('close', () => Object.assign(store, noStoreFaults()));
      return { ids: state.seeding?.ids, overtaken: false, store };
    };
    gate.admit(response, begin, () => {
      if (faults.length === 0) return answer(request, response);
      answerWithFaults(faults, request, response, answer).catch(() => response.destroy());
    });
  };
}

function storeFaults(faults: readonly Fault[]): StoreFaults {
  const has = (fault: Fault['fault']): boolean => faults.some(each => each.fault === fault);
  const conflict = faults.find(each => each.fault === 'conflict');
  return { isAway: has('store-away'), auditIsAway: has('audit-away'), conflicts: conflict?.attempts ?? 0 };
}

/** What a request is about, as far as its address tells. */
function seenByRules(request: IncomingMessage, engine: Engine): FaultRequest {
  const { method = '', url = '' } = request;
  const path = url.replace(/\?.*$/s, '');
  const seen: FaultRequest = {
    method,
    path,
    header(name) {
      const value = request.headers[name.toLowerCase()];
      return typeof value === 'string' ? value : value?.join(', ');
    },
  };
  const below = /^\/+fhir(\/.*|$)/is.exec(path)?.[1];
  if (below === undefined) return seen;
  try {
    const { kind, type, operation } = route(method, below === '' ? '/' : below, engine);
    return { ...seen, interaction: kind, type, operation };
  } catch {
    return seen;
  }
}
