/**
 * Looks for anomalies from time to time, as `$audit-anomalies` does when it is asked (anomalies.ts): a standing job, so that of several processes one does it. It begins with
 * the day of the look before, because a hit is made once however often it is looked for, and what other processes did in the last moments of that look may have been
 * missed. The first look is one period after the first start with the setting: what was before that, somebody asks for.
 */
import { FhirError } from '../../fhir/error.js';
import type { Caller } from '../../interactions/engine.js';
import type { FeatureGround } from '../../interactions/feature.js';
import type { FeatureJob } from '../../interactions/jobs.js';
import { perform } from '../../interactions/perform.js';
import { ANOMALIES, MOST_DAYS, MOST_TASKS } from './anomalies.js';

const [HOUR, DAY] = [3_600_000, 86_400_000];
/** ms of the time before a look in which something may have been seen by none. */
const OVERLAP = HOUR;
/** ms that a look may take. */
const PATIENCE = HOUR;
/** Times that a look goes on where it has made as many Tasks as one call may. */
const MOST_CALLS = 10;

interface LookState {
  /** ms since 1970: it has looked at what was before. */
  readonly until?: number;
  /** Of the look under way. */
  readonly calls?: number;
}

/** `hours`: between two looks. */
export const anomalyClock = (
  hours: number,
  { clock, log }: Pick<FeatureGround<never>, 'clock' | 'log'>,
): FeatureJob<unknown, LookState> => ({
  kind: 'anomalies',
  standing: { state: {}, atStart: true },
  patience: PATIENCE,
  async step({ state: { until, calls = 1 }, caller }) {
    const now = clock.now();
    const every = hours * HOUR;
    // Of a clock that was set back, too.
    if (until === undefined || until > now) return { state: { until: now }, wait: every };
    if (until + every > now) return { state: { until }, wait: until + every - now };
    const begun = Math.max(until - OVERLAP, now - (MOST_DAYS - 1) * DAY);
    const isMore = (await newHits(caller, begun, now, log)) >= MOST_TASKS;
    if (isMore && calls < MOST_CALLS) return { state: { until, calls: calls + 1 } };
    if (isMore) log.warn({ tasks: MOST_CALLS * MOST_TASKS }, 'There are more anomalies than Tasks were made');
    return { state: { until: now }, wait: every };
  },
});

const dayAt = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** How many hits have a Task now that had none. What is too much to be looked at is passed over. */
async function newHits(caller: Caller, from: number, to: number, log: FeatureGround<never>['log']): Promise<number> {
  const parameters = [
    ['start', dayAt(from)],
    ['end', dayAt(to)],
  ] as const;
  try {
    const ask = { kind: 'operation', operation: ANOMALIES, safe: false, parameters, lenient: false } as const;
    const { text } = await perform(caller, ask);
    const { entry = [] } = JSON.parse(String(text)) as Lines;
    return entry.filter(({ resource }) =>
      resource.parameter.some(({ name, valueBoolean }) => name === 'new' && valueBoolean),
    ).length;
  } catch (error) {
    if (!(error instanceof FhirError) || error.kind !== 'too-costly') throw error;
    log.warn({ from: dayAt(from), to: dayAt(to) }, 'Too much happened to look for anomalies: ask for shorter times');
    return 0;
  }
}

interface Lines {
  readonly entry?: readonly {
    readonly resource: { readonly parameter: readonly { readonly name: string; readonly valueBoolean?: boolean }[] };
  }[];
}
