/**
 * Looks for anomalies from time to time, as `$audit-anomalies` does when it is asked (anomalies.ts): a standing job, so that of several processes one does it. It begins with
 * the day of the look before, because a hit is made once however often it is looked for, and what other processes did in the last moments of that look may have been
 * missed. What was long ago, because no server ran, is looked at in windows, and where too much happened in shorter ones, down to a day: that is passed over with a warning. The first look is one period after the first start with the setting: what was before that, somebody asks for.
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
  /** Of a look under way: the first moment of the days that come next, how many are looked at together, and how often that went on. */
  readonly next?: number;
  readonly days?: number;
  readonly calls?: number;
}

/** `hours`: between two looks. `look`: at whole days, from and to in ms. */
export const anomalyClock = (
  hours: number,
  { clock, log }: Pick<FeatureGround<never>, 'clock' | 'log'>,
  look: typeof newHits = newHits,
): FeatureJob<unknown, LookState> => ({
  kind: 'anomalies',
  standing: { state: {}, atStart: true },
  patience: PATIENCE,
  async step({ state: { until, next, days = MOST_DAYS, calls = 1 }, caller }) {
    const now = clock.now();
    const every = hours * HOUR;
    // Of a clock that was set back, too.
    if (until === undefined || until > now) return { state: { until: now }, wait: every };
    if (next === undefined && until + every > now) return { state: { until }, wait: until + every - now };
    const first = next ?? Math.floor((until - OVERLAP) / DAY) * DAY;
    const after = first + days * DAY;
    const made = await look(caller, first, Math.min(after - 1, now));
    const span = { from: dayAt(first), to: dayAt(Math.min(after - 1, now)) };
    if (made === 'too-costly' && days > 1) {
      const asked = Math.min(days, Math.ceil((now - first) / DAY));
      return { state: { until, next: first, days: Math.max(1, Math.floor(asked / 2)) } };
    }
    if (made === 'too-costly')
      log.warn(span, 'Too much happened on a day to look for anomalies: nobody has looked at it');
    const isMore = made !== 'too-costly' && made >= MOST_TASKS;
    if (isMore && calls < MOST_CALLS) return { state: { until, next: first, days, calls: calls + 1 } };
    if (isMore) log.warn({ ...span, tasks: MOST_CALLS * MOST_TASKS }, 'There are more anomalies than Tasks were made');
    return after > now ? { state: { until: now }, wait: every } : { state: { until: after, next: after, days } };
  },
});

const dayAt = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** How many hits have a Task now that had none. */
async function newHits(caller: Caller, from: number, to: number): Promise<number | 'too-costly'> {
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
    return 'too-costly';
  }
}

interface Lines {
  readonly entry?: readonly {
    readonly resource: { readonly parameter: readonly { readonly name: string; readonly valueBoolean?: boolean }[] };
  }[];
}
