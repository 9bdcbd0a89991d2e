/** The addresses of the test-harness mode: docs/harness.md. Whoever asks must be on this machine, and no proxy's word counts. */
import { FhirError } from '../fhir/error.js';
import type { OutsideAnswer, OutsideCall, OutsideMethod, OwnedRoute } from '../interactions/engine.js';
import { isLoopback } from '../platform/config.js';

/** One address: what it does, by method. */
export type HarnessAddress = {
  readonly [M in OutsideMethod]?: (call: OutsideCall) => OutsideAnswer | Promise<OutsideAnswer>;
};

/** ms: a reset waits for requests under way, and copies what a snapshot holds. */
const PATIENCE = 120_000;
const MAX_ASKED = 64 * 1024;
/** What proxies tell of whoever is behind them. */
const FORWARDED = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip'];

/** With tokens any Host is served: here none but this machine is. */
function checkNearness({ header }: OutsideCall): void {
  const host = header('host') ?? '';
  if (!URL.canParse(`http://${host}`) || !isLoopback(new URL(`http://${host}`).hostname))
    throw new FhirError('misdirected', 'The test-harness mode answers to names of this machine alone.');
  const behind = FORWARDED.find(name => header(name) !== undefined);
  if (behind !== undefined)
    throw new FhirError(
      'forbidden',
      `The test-harness mode is for this machine alone, and ${behind} tells of another.`,
    );
}

export const harnessRoutes = (addresses: Readonly<Record<`/${string}`, HarnessAddress>>): readonly OwnedRoute[] =>
  Object.entries(addresses).map(([path, byMethod]) => ({
    owner: 'harness',
    route: {
      path: `/harness${path as `/${string}`}`,
      methods: Object.keys(byMethod) as OutsideMethod[],
      who: 'this-machine',
      recorded: 'as-performed',
      maxBody: MAX_ASKED,
      patience: PATIENCE,
      answer(call) {
        checkNearness(call);
        return byMethod[call.method]!(call);
      },
    },
  }));
