/**
 * The clock of the work: a standing job that writes each Task when it has an alarm, in the order of their times. The hook raises what is due (task-hook.ts), so
 * that an alarm which a clerk's own write has raised is not raised again, and one that is late (the server was off) is raised when it is up.
 */
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { isObject, itemsOf, type Json, type Resource } from '../../fhir/resource.js';
import type { Caller } from '../../interactions/engine.js';
import type { FeatureJob } from '../../interactions/jobs.js';
import { perform } from '../../interactions/perform.js';
import type { FeatureHook } from '../../interactions/write/hooks.js';
import { NEXT_URL } from './alarms.js';
import type { WorkGround } from './task-hook.js';

const KIND = 'work-clock';
/** Tasks whose alarm could not be raised, which are passed over until somebody has written them. */
const MOST_PASSED = 1000;
const PAGE = 20;
/** ms until it is tried again where it could not look. */
const REST = 60_000;
/** ms after which it looks at the latest. */
const LOOK = 3_600_000;

interface ClockState {
  readonly passed: readonly string[];
}

export const workClock = ({ clock }: Pick<WorkGround, 'clock'>): FeatureJob<unknown, ClockState> => ({
  kind: KIND,
  standing: { state: { passed: [] } },
  async step({ state, caller }) {
    const now = clock.now();
    try {
      const due = (await alarmed(caller, 'le', now)).find(({ id }) => !state.passed.includes(id));
      if (due) {
        const { id, version, resource } = due;
        const passed = [...state.passed, id].slice(-MOST_PASSED);
        return {
          state,
          performs: { kind: 'update', type: 'Task', id, ifMatch: [version], body: { resource, decimals: undefined } },
          refused: () => ({ state: { passed } }),
        };
      }
      const [next] = await alarmed(caller, 'gt', now);
      return { state: { passed: [] }, wait: Math.max(0, Math.min(LOOK, (next?.at ?? Infinity) - clock.now())) };
    } catch (error) {
      if (!(error instanceof FhirError) || error.kind === 'unavailable') throw error;
      return { state, wait: REST };
    }
  },
});

/**
 * Whoever writes a Task with an alarm that is earlier than those that this process knows of wakes the clock before they are answered. A process that is killed
 * just then leaves it to the next Task, or to the look that the clock takes each hour.
 */
export function wakeClock({ clock }: Pick<WorkGround, 'clock'>): FeatureHook {
  let soonest = Infinity;
  return {
    types: ['Task'],
    async committed(changes, jobs) {
      const now = clock.now();
      const next = Math.min(...changes.map(({ text }) => (text?.includes(NEXT_URL) ? nextAlarmIn(text) : Infinity)));
      if (soonest <= now) soonest = Infinity;
      if (next >= soonest) return;
      soonest = next;
      await jobs.amend<ClockState>(KIND, ({ passed }) => ({ passed }));
    },
  };
}

const nextAlarmIn = (text: Buffer): number => nextAlarmOf(parseJson(text, STORED_JSON).resource) ?? Infinity;

/** ms since 1970; undefined: it has none. */
function nextAlarmOf({ extension }: Resource): number | undefined {
  const next = itemsOf(extension).find(each => isObject(each) && each['url'] === NEXT_URL);
  const at = isObject(next) ? next['valueInstant'] : undefined;
  return typeof at === 'string' ? Date.parse(at) : undefined;
}

interface AlarmedTask {
  readonly id: string;
  readonly version: string;
  readonly resource: Resource;
  /** ms since 1970. */
  readonly at: number;
}

/** Tasks with an alarm then, the earliest first. */
async function alarmed(caller: Caller, comparator: 'le' | 'gt', now: number): Promise<AlarmedTask[]> {
  const parameters = [
    ['next-alarm', `${comparator}${new Date(now).toISOString()}`],
    ['_sort', 'next-alarm'],
    ['_count', String(PAGE)],
    ['_total', 'none'],
  ] as const;
  const found = await perform(caller, { kind: 'search', type: 'Task', parameters, lenient: false });
  const bundle = JSON.parse(String(found.text)) as { readonly entry?: readonly { readonly resource: Resource }[] };
  return (bundle.entry ?? []).flatMap(({ resource }) => {
    const { id, meta } = resource;
    const at = nextAlarmOf(resource);
    const version: Json | undefined = isObject(meta) ? meta['versionId'] : undefined;
    if (typeof id !== 'string' || at === undefined || typeof version !== 'string') return [];
    return [{ id, version, resource, at }];
  });
}
