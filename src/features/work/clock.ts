/**
 * The clock of the work: a standing job that writes each Task when it has an alarm, in the order of their times. The hook raises what is due (task-hook.ts), so
 * that an alarm which a clerk's own write has raised is not raised again, and one that is late (the server was off) is raised when it is up.
 */
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { isObject, itemsOf, type Json, type Resource } from '../../fhir/resource.js';
import type { Caller } from '../../interactions/engine.js';
import type { FeatureJob } from '../../interactions/jobs.js';
import type { Parameters } from '../../interactions/interaction.js';
import { perform } from '../../interactions/perform.js';
import { PAGE_PARAMETER } from '../../interactions/response/paging.js';
import type { FeatureHook } from '../../interactions/write/hooks.js';
import { NEXT_URL } from './alarms.js';
import { TASK_SYSTEM } from './process.js';
import type { WorkGround } from './task-hook.js';

const KIND = 'work-clock';
const PAGE = 20;
/** ms until it is tried again where it could not look. */
const REST = 60_000;
/** ms after which it looks at the latest. */
const LOOK = 3_600_000;

/** A place in the order in which Tasks are written: by the time of their alarm, then by their id. */
type ClockPlace = Pick<AlarmedTask, 'id' | 'at'>;

/** Each round tries each Task once, so that one whose alarm cannot be raised keeps nobody else waiting. */
interface ClockState {
  /** The last Task of this round; absent: it begins. */
  readonly after?: ClockPlace | undefined;
}

type ClockGround = Pick<WorkGround, 'clock' | 'processes'>;

export const workClock = ({ clock, processes }: ClockGround): FeatureJob<unknown, ClockState> => ({
  kind: KIND,
  standing: { state: {} },
  async step({ state, caller }) {
    const now = clock.now();
    const code = [...processes.keys()].map(name => `${TASK_SYSTEM}|${name.replaceAll(/[\\,|$]/g, '\\$&')}`).join(',');
    if (code === '') return { state: {}, wait: LOOK };
    try {
      const due = await firstDue(caller, code, now, state.after);
      if (due) {
        const { id, at, version, resource } = due;
        const next: ClockState = { after: { id, at } };
        return {
          state: next,
          performs: { kind: 'update', type: 'Task', id, ifMatch: [version], body: { resource, decimals: undefined } },
          refused: () => ({ state: next }),
        };
      }
      const { tasks } = await alarmed(caller, code, [`gt${timeText(now)}`]);
      return { state: {}, wait: Math.max(0, Math.min(LOOK, (tasks[0]?.at ?? Infinity) - clock.now())) };
    } catch (error) {
      if (!(error instanceof FhirError) || error.kind === 'unavailable') throw error;
      return { state, wait: REST };
    }
  },
});

/** The first Task behind a place whose alarm is due. */
async function firstDue(
  caller: Caller,
  code: string,
  now: number,
  after: ClockPlace | undefined,
): Promise<AlarmedTask | undefined> {
  const times = [`le${timeText(now)}`, ...(after ? [`ge${timeText(after.at)}`] : [])];
  let page: string | undefined;
  do {
    const { tasks, next } = await alarmed(caller, code, times, page);
    const found = tasks.find(({ id, at }) => !after || at > after.at || (at === after.at && id > after.id));
    if (found) return found;
    page = next;
  } while (page !== undefined);
  return undefined;
}

const timeText = (at: number): string => new Date(at).toISOString();

/**
 * Whoever writes a Task with an alarm that is earlier than those that this process knows of wakes the clock before they are answered. A process that is killed
 * just then leaves it to the next Task, or to the look that the clock takes each hour.
 */
export function wakeClock({ clock }: ClockGround): FeatureHook {
  let soonest = Infinity;
  return {
    types: ['Task'],
    async committed(changes, jobs) {
      const now = clock.now();
      const next = Math.min(...changes.map(({ text }) => (text?.includes(NEXT_URL) ? nextAlarmIn(text) : Infinity)));
      if (soonest <= now) soonest = Infinity;
      if (next >= soonest) return;
      soonest = next;
      await jobs.amend<ClockState>(KIND, ({ after }) => (after ? { after } : {}));
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

interface AlarmedPage {
  readonly tasks: readonly AlarmedTask[];
  /** The token of the page that follows. */
  readonly next: string | undefined;
}

/** Tasks of processes with an alarm at these times, in the order of places. */
async function alarmed(caller: Caller, code: string, times: readonly string[], page?: string): Promise<AlarmedPage> {
  const parameters: Parameters =
    page === undefined
      ? [
          ['code', code],
          ...times.map(time => ['next-alarm', time] as const),
          ['_sort', 'next-alarm,_id'],
          ['_count', String(PAGE)],
          ['_total', 'none'],
        ]
      : [[PAGE_PARAMETER, page]];
  const found = await perform(caller, { kind: 'search', type: 'Task', parameters, lenient: false });
  const { entry = [], link = [] } = JSON.parse(String(found.text)) as FoundBundle;
  const next = link.find(({ relation }) => relation === 'next')?.url;
  const tasks = entry.flatMap(({ resource }) => {
    const { id, meta } = resource;
    const at = nextAlarmOf(resource);
    const version: Json | undefined = isObject(meta) ? meta['versionId'] : undefined;
    if (typeof id !== 'string' || at === undefined || typeof version !== 'string') return [];
    return [{ id, version, resource, at }];
  });
  return { tasks, next: (next && new URL(next).searchParams.get(PAGE_PARAMETER)) ?? undefined };
}

interface FoundBundle {
  readonly entry?: readonly { readonly resource: Resource }[];
  readonly link?: readonly { readonly relation: string; readonly url: string }[];
}
