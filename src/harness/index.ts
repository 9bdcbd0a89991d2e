/**
 * The test-harness mode (docs/harness.md): tests set the clock, choose where ids come from, and more, through addresses below
 * /harness. main.ts loads it where CHARTROOM_HARNESS=on, and nobody else: without it nothing here is in the process.
 *
 * It stands around the engine, never in it: it gives the engine its source of time, and is between the HTTP server and what
 * answers its requests.
 */
import type { IncomingMessage, RequestListener } from 'node:http';
import type { Engine } from '../interactions/engine.js';
import type { TimeSource } from '../platform/clock.js';
import { askForIds, idByChance } from '../platform/ids.js';
import { requestContext } from './request-context.js';
import { harnessRoutes } from './routes.js';
import { createTestTime, type TestTime } from './test-time.js';
import { timeAddresses, type TimeState } from './time-routes.js';

export interface Harness {
  /** What the server's clock goes by. */
  readonly time: TestTime;
  /** The key of paging links where the settings give none: the same everywhere, so that the same requests give the same bytes. */
  readonly secret: string;
  /** The engine with the addresses of the harness. */
  readonly around: (engine: Engine) => Engine;
}

/** `base`: real time. */
export function createHarness(base: TimeSource): Harness {
  const time = createTestTime(base);
  const state: TimeState = { time, seeding: undefined };
  askForIds({
    id: now => requestContext.getStore()?.ids?.id(now),
    uuid: () => requestContext.getStore()?.ids?.uuid(),
  });
  return {
    time,
    secret: 'Chartroom in test-harness mode: no secret.',
    around(engine) {
      engine.log.warn('Test-harness mode: whoever is on this machine may change everything, at /harness');
      return {
        ...engine,
        routes: [...harnessRoutes(timeAddresses(state)), ...engine.routes],
        aroundRequests: answer => answerIn(state, answer),
      };
    },
  };
}

const isFhir = ({ url = '' }: IncomingMessage): boolean => /^\/+fhir(?:[/?]|$)/i.test(url);

/** Answers requests below /fhir in the time and with the ids of a test; what else is asked takes none of them away. */
function answerIn(state: TimeState, answer: RequestListener): RequestListener {
  const { time } = state;
  return (request, response) => {
    if (!isFhir(request)) {
      request.headers['x-request-id'] ??= idByChance(time.now());
      return answer(request, response);
    }
    time.tick();
    if (time.clock().mode !== 'real') response.setHeader('Date', new Date(time.now()).toUTCString());
    requestContext.run({ ids: state.seeding?.ids }, () => answer(request, response));
  };
}
