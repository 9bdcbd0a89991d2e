/**
 * Terms and alarms of a Task: what is due when, and what has been raised. A Task carries the alarms that were raised and when it has the next one, so that each
 * is raised once, whoever writes the Task first after it is due: a clerk or the clock.
 */
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import { lastDayOf, type WorkCalendar } from './calendar.js';
import { codeOfSystem, leavingFrom, type WorkAlarm, type WorkProcess } from './process.js';

/** On a Task whose term was extended: the last day that it had before. */
export const EXTENDED_URL = 'urn:chartroom:extended';
/** An input of a Task: whose law says its term. */
const JURISDICTION = 'jurisdiction';
const INPUT_SYSTEM = 'urn:chartroom:input';

/** On a Task: `code` and `at` of each alarm that was raised for its term, and when it has the next one. */
const RAISED_URL = 'urn:chartroom:alarm';
export const NEXT_URL = 'urn:chartroom:next-alarm';

/** The last day of the term of a Task; undefined: it has none. */
export function termOf(task: Resource, calendar: WorkCalendar): string | undefined {
  const { restriction } = task;
  const period = isObject(restriction) ? restriction['period'] : undefined;
  const end = isObject(period) ? period['end'] : undefined;
  return typeof end === 'string' ? lastDayOf(end, calendar) : undefined;
}

/** The term that a Task has where it says none; undefined: the process has none. It counts from `authoredOn`. */
export function termFrom(
  { term, terms = {} }: WorkProcess,
  task: Resource,
  calendar: WorkCalendar,
): string | undefined {
  const { authoredOn } = task;
  if (typeof authoredOn !== 'string') return undefined;
  const day = lastDayOf(authoredOn, calendar);
  const own = Object.hasOwn(terms, jurisdictionOf(task)) ? terms[jurisdictionOf(task)] : undefined;
  return [term, own]
    .flatMap(each => (each ? [calendar.addDays(day, each.days, each.counting)] : []))
    .toSorted()
    .at(0);
}

function jurisdictionOf({ input }: Resource): string {
  const named = itemsOf(input)
    .filter(isObject)
    .find(each => codeOfSystem(each['type'], INPUT_SYSTEM) === JURISDICTION);
  return typeof named?.['valueCode'] === 'string' ? named['valueCode'] : '';
}

export type NamedAlarm = readonly [name: string, WorkAlarm];

export interface Alarms {
  /** Those that are due and were not raised yet, the earliest first. */
  readonly due: readonly NamedAlarm[];
  /** ms since 1970: when there is another one in this state. */
  readonly next: number | undefined;
}

/** What is due for a Task in a state, at a time in ms. */
export function alarmsAt(
  process: WorkProcess,
  state: string,
  task: Resource,
  now: number,
  calendar: WorkCalendar,
): Alarms {
  const term = termOf(task, calendar);
  if (term === undefined || leavingFrom(process, state).length === 0) return { due: [], next: undefined };
  const raised = new Set(raisedIn(task).map(({ code }) => code));
  const open = Object.entries(process.alarms ?? {})
    .filter(([name, alarm]) => alarm.in.includes(state) && !raised.has(name))
    .map(named => ({ named, at: calendar.beginOf(calendar.addDays(term, named[1].days, named[1].counting)) }))
    .toSorted((one, other) => one.at - other.at);
  const later = open.find(({ at }) => at > now);
  return { due: open.flatMap(({ named, at }) => (at > now ? [] : [named])), next: later?.at };
}

interface Raised {
  readonly code: Json | undefined;
  readonly extension: JsonObject;
}

function raisedIn(task: Resource): Raised[] {
  return itemsOf(task['extension']).flatMap(each => {
    if (!isObject(each) || each['url'] !== RAISED_URL) return [];
    const code = itemsOf(each['extension']).find(part => isObject(part) && part['url'] === 'code');
    return [{ code: isObject(code) ? code['valueCode'] : undefined, extension: each }];
  });
}

/** A Task of no process has no alarms, whatever it says. Undefined: it says nothing of them. */
export function withoutAlarms(task: Resource): Resource | undefined {
  const extensions = itemsOf(task['extension']);
  const others = extensions.filter(each => !isAlarmExtension(each));
  if (others.length === extensions.length) return undefined;
  const { extension: _, ...rest } = task;
  return others.length > 0 ? { ...rest, extension: others } : rest;
}

const isAlarmExtension = (each: Json): boolean =>
  isObject(each) && (each['url'] === RAISED_URL || each['url'] === NEXT_URL);

/** The extensions of a Task with its alarms: those of `of` that were raised, those that are now, and the next one. */
export function extensionsWith(
  task: Resource,
  of: Resource | undefined,
  { due, next }: Alarms,
  now: number,
): JsonObject[] {
  const others = itemsOf(task['extension'])
    .filter(isObject)
    .filter(each => !isAlarmExtension(each));
  const raised = (of ? raisedIn(of) : []).map(({ extension }) => extension);
  const at = new Date(now).toISOString();
  return [
    ...others,
    ...raised,
    ...due.map(([name]) => ({
      url: RAISED_URL,
      extension: [
        { url: 'code', valueCode: name },
        { url: 'at', valueInstant: at },
      ],
    })),
    ...(next === undefined ? [] : [{ url: NEXT_URL, valueInstant: new Date(next).toISOString() }]),
  ];
}
