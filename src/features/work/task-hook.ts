/**
 * Each write of a Task that is work of a process: whether it may be (judge.ts), what the server says of it (state, term, alarms, last change), and what goes
 * with it in the same commit: a Provenance of each transition, and a Communication of each alarm. https://hl7.org/fhir/R4/task.html#statemachine
 */
import { isDeepStrictEqual } from 'node:util';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { Clock } from '../../platform/clock.js';
import type { Companion } from '../../interactions/interaction.js';
import { personOf } from '../../interactions/person.js';
import type { FeatureHook, HookedWrite, Preparation } from '../../interactions/write/hooks.js';
import {
  type Alarms,
  alarmsAt,
  EXTENDED_URL,
  extensionsWith,
  type NamedAlarm,
  termFrom,
  termOf,
  withoutAlarms,
} from './alarms.js';
import type { WorkCalendar } from './calendar.js';
import { RECORD_LIFECYCLE, undestroyed } from './destroyed.js';
import { judgeBegin, judgeChange, refuseWork, type Worker, type WorkStep } from './judge.js';
import {
  processOf,
  REQUEST,
  STATE_SYSTEM,
  TASK_SYSTEM,
  TRANSITION_SYSTEM,
  type WorkProcess,
  type WorkProcesses,
} from './process.js';

export interface WorkGround {
  readonly processes: WorkProcesses;
  readonly calendar: WorkCalendar;
  readonly clock: Clock;
  /** Of this server: its own addresses. */
  readonly bases: readonly string[];
}

export const taskHook = (ground: WorkGround): FeatureHook => ({
  types: ['Task'],
  prepare: write => prepareTask(ground, write),
});

/** The version before, as it is stored. */
const storedTask = ({ before }: Pick<HookedWrite, 'before'>): Resource | undefined =>
  before?.text ? parseJson(before.text, STORED_JSON).resource : undefined;

async function prepareTask(ground: WorkGround, write: HookedWrite): Promise<Preparation | undefined> {
  const before = storedTask(write);
  const { resource: task, principal, id, agent } = write;
  const former = processOf(ground.processes, before);
  const process = processOf(ground.processes, task);
  if (task && agent === undefined) checkOneKind(ground.processes, task);
  if (!former && !process) {
    const plain = task && withoutAlarms(task);
    return plain && { resource: plain };
  }
  if (!task)
    throw refuseWork(
      `${former!.display} stays, so that it can be told what was done: cancel it.`,
      'Task',
      'work-stays',
    );
  if (!process || (former && former !== process))
    throw refuseWork(`${former!.display} stays work of this kind: cancel it.`, 'Task.code', 'work-recoded');
  // Whoever sends the code alone says the same as before.
  for (const each of [task, before]) if (each) nameWork(process, each);
  const step = former ? judgeChange(process, before!, task, principal, agent) : judgeBegin(process, task);
  const { absent: held = [] } = await heldAlone(ground, process, step, write);
  const moves = step.transition?.[1].lifecycle !== undefined;
  const isBegun = step.from === undefined && process.begin !== undefined;
  const whole = moves || isBegun ? await undestroyed(write, { focus: task['focus'], bases: ground.bases, moves }) : [];
  const accomplished = accomplish({ ground, process, before: former && before, task, id, principal, step });
  return { ...accomplished, absent: [...held, ...whole] };
}

/** Of two kinds of work nobody could tell what it is, and one would be looked for as the other. Throws `unprocessable`. */
function checkOneKind(processes: WorkGround['processes'], task: Resource): void {
  const codings = isObject(task['code']) ? itemsOf(task['code']['coding']) : [];
  const codes = new Set(
    codings.flatMap(each => (isObject(each) && each['system'] === TASK_SYSTEM ? [each['code']] : [])),
  );
  if (codes.size > 1 && [...codes].some(code => typeof code === 'string' && processes.has(code)))
    throw refuseWork('A Task is work of one kind: leave one code of it.', 'Task.code', 'work-of-two-kinds');
}

/** The code of its process in words, for those who read lists of work. The Task is changed in place. */
function nameWork({ code, display }: WorkProcess, task: Resource): void {
  for (const coding of isObject(task['code']) ? itemsOf(task['code']['coding']) : [])
    if (isObject(coding) && coding['system'] === TASK_SYSTEM && coding['code'] === code) coding['display'] ??= display;
}

/**
 * What one Task at a time has in its hands (`exclusive`): no other Task of the process about the same thing may be in such a state when this one is
 * committed. Throws `unprocessable`.
 */
async function heldAlone(
  { bases }: WorkGround,
  { code, display, exclusive = [] }: WorkProcess,
  { from, to }: WorkStep,
  { resource: task, find, id }: HookedWrite,
): Promise<Pick<Preparation, 'absent'>> {
  if (exclusive.length === 0 || (from !== undefined && (exclusive.includes(from) || !exclusive.includes(to))))
    return {};
  const focus = task?.['focus'];
  const text = isObject(focus) && typeof focus['reference'] === 'string' ? focus['reference'] : '';
  const target = parseReference(text, bases);
  if (target?.kind !== 'local')
    throw refuseWork(
      `${display} is about something that this server has: name it by its address (List/…).`,
      'Task.focus',
      'focus-elsewhere',
    );
  if (!exclusive.includes(to)) return {};
  const criteria = [
    ['focus', `${target.type}/${target.id}`],
    ['code', `${TASK_SYSTEM}|${code}`],
    ['business-status', exclusive.map(state => `${STATE_SYSTEM}|${state}`).join(',')],
  ] as const;
  const conflict = refuseWork(`${display}: another Task has it already.`, 'Task.focus', 'work-held');
  const found = await find('Task', criteria, 2);
  if (found.some(each => each.id !== id)) throw conflict;
  return { absent: [{ type: 'Task', criteria, conflict }] };
}

interface Accomplished {
  readonly ground: WorkGround;
  readonly process: WorkProcess;
  readonly before: Resource | undefined;
  readonly task: Resource;
  readonly id: string;
  readonly principal: Worker;
  readonly step: WorkStep;
}

/** The Task as it will be stored, with what goes with it. */
function accomplish({ ground, process, before, task, id, principal, step }: Accomplished): Preparation {
  const { calendar, clock } = ground;
  const now = clock.now();
  const at = new Date(now).toISOString();
  const { status, display } = process.states[step.to]!;
  const resource: Resource = {
    ...task,
    status,
    businessStatus: { coding: [{ system: STATE_SYSTEM, code: step.to, display }] },
    authoredOn: task['authoredOn'] ?? at,
  };
  const term = before ? undefined : termFrom(process, resource, calendar);
  if (term !== undefined && termOf(task, calendar) === undefined)
    resource['restriction'] = withTerm(task['restriction'], term);
  const isMoved = before && termOf(before, calendar) !== termOf(resource, calendar);
  keepExtension({ before, resource, step, today: calendar.dayAt(now), calendar });
  const kept = isMoved ? undefined : before;
  const of = { ...resource, extension: kept?.['extension'] ?? [] };
  const alarms = alarmsAt(process, step.to, of, now, calendar);
  setExtensions(resource, extensionsWith(resource, kept, alarms, now));
  const priority = alarms.due.at(-1)?.[1].priority;
  if (priority !== undefined) resource['priority'] = priority;
  resource['lastModified'] =
    before && saysTheSame(before, resource) ? before['lastModified']! : latest(at, resource['authoredOn']);
  return {
    resource,
    companions: [
      ...deedsOf(process, step).map(deed => provenanceOf(deed, { id, task: resource, principal, at })),
      ...alarmsTold(process, alarms, { id, task: resource, at }),
    ],
  };
}

interface ExtensionAsked {
  readonly before: Resource | undefined;
  /** Changed in place. */
  readonly resource: Resource;
  readonly step: WorkStep;
  readonly today: string;
  readonly calendar: WorkCalendar;
}

const isExtended = (extension: Json): boolean => isObject(extension) && extension['url'] === EXTENDED_URL;

/** What was extended goes on saying so. Throws `unprocessable` where a term is not moved to a later day, or is extended again, too late or by too much. */
function keepExtension({ before, resource, step, today, calendar }: ExtensionAsked): void {
  const kept = itemsOf(before?.['extension']).filter(isExtended);
  const others = itemsOf(resource['extension']).filter(each => !isExtended(each));
  const days = step.transition?.[1].extension;
  const term = before && termOf(before, calendar);
  const end = termOf(resource, calendar) ?? '';
  const refuse = (text: string): never => {
    throw refuseWork(text, 'Task.restriction', 'term-not-extended');
  };
  if (before && !isDeepStrictEqual(before['restriction'], resource['restriction']) && end <= (term ?? ''))
    refuse('A term that is moved ends on a later day than before.');
  if (days !== undefined && term !== undefined) {
    if (kept.length > 0) refuse('This term was extended already, and is extended once.');
    if (today > term) refuse('This term is over: it was to be extended before.');
    if (end > calendar.addDays(term, days, 'calendar')) refuse(`A term is extended by ${days} days at most.`);
    kept.push({ url: EXTENDED_URL, valueDate: term });
  }
  if (kept.length + others.length > 0) resource['extension'] = [...others, ...kept];
}

/** A write that changes nothing makes no version. */
const saysTheSame = (before: Resource, task: Resource): boolean =>
  [...new Set([...Object.keys(before), ...Object.keys(task)])].every(
    name => BESIDE.has(name) || isDeepStrictEqual(before[name], task[name]),
  );
/** A Task is not changed before it was written (inv-1), whatever other clocks say; of a day or a month nobody can tell. */
function latest(at: string, authoredOn: Json | undefined): Json {
  if (typeof authoredOn !== 'string') return at;
  const isExact = authoredOn.includes('T');
  const isAfter = isExact ? Date.parse(authoredOn) > Date.parse(at) : authoredOn >= at.slice(0, authoredOn.length);
  return isAfter ? authoredOn : at;
}

const BESIDE: ReadonlySet<string> = new Set(['id', 'meta', 'lastModified']);

const withTerm = (restriction: Json | undefined, end: string): JsonObject => {
  const given = isObject(restriction) ? restriction : {};
  return { ...given, period: { ...(isObject(given['period']) ? given['period'] : {}), end } };
};

function setExtensions(resource: Resource, extensions: readonly JsonObject[]): void {
  if (extensions.length > 0) resource['extension'] = [...extensions];
  else delete resource['extension'];
}

interface StepTold {
  readonly id: string;
  readonly task: Resource;
  readonly at: string;
}

interface WorkDeed {
  readonly name: string;
  readonly display: string;
  /** Of what the Task is about; undefined: it has not moved. */
  readonly lifecycle?: string | undefined;
  /** It is told of what the Task is about, too. */
  readonly ofFocus: boolean;
}

/** A transition; and that something was asked for, where the process tells of that. */
function deedsOf({ begin }: WorkProcess, { from, transition }: WorkStep): readonly WorkDeed[] {
  if (transition) {
    const [name, { display, lifecycle }] = transition;
    return [{ name, display, lifecycle, ofFocus: lifecycle !== undefined }];
  }
  return from === undefined && begin !== undefined ? [{ name: REQUEST, display: begin, ofFocus: true }] : [];
}

/** What was done to the work, and to what it is about: by whom, when, where, and why. */
function provenanceOf(
  { name, display, lifecycle, ofFocus }: WorkDeed,
  { id, task, principal, at }: StepTold & { readonly principal: Worker },
): Companion {
  const { focus, location, statusReason } = task;
  const resource: Resource = {
    resourceType: 'Provenance',
    target: [{ reference: `Task/${id}` }, ...(ofFocus && isObject(focus) ? [focus] : [])],
    occurredDateTime: at,
    recorded: at,
    ...(lifecycle !== undefined && isObject(location) ? { location } : {}),
    ...(isObject(statusReason) ? { reason: [statusReason] } : {}),
    activity: {
      coding: [
        { system: TRANSITION_SYSTEM, code: name, display },
        ...(lifecycle === undefined ? [] : [{ system: RECORD_LIFECYCLE, code: lifecycle }]),
      ],
    },
    agent: [{ who: personOf(principal) }],
  };
  return { kind: 'create', own: true, type: 'Provenance', body: { resource, decimals: undefined } };
}

/** For whoever has the work, or looks after it. */
const alarmsTold = (process: WorkProcess, { due }: Alarms, told: StepTold): readonly Companion[] =>
  due.map(alarm => alarmTold(process, alarm, told));

function alarmTold(
  process: WorkProcess,
  [name, { display, priority }]: NamedAlarm,
  { id, task, at }: StepTold,
): Companion {
  const { for: subject, owner } = task;
  const resource: Resource = {
    resourceType: 'Communication',
    status: 'completed',
    category: [{ coding: [{ system: 'urn:chartroom:communication', code: 'alarm', display: 'Alarm' }] }],
    ...(priority === undefined ? {} : { priority }),
    ...(isObject(subject) ? { subject } : {}),
    topic: { coding: [{ system: 'urn:chartroom:alarm', code: name, display }] },
    about: [{ reference: `Task/${id}` }],
    sent: at,
    ...(isObject(owner) ? { recipient: [owner] } : {}),
    payload: [{ contentString: `${process.display}: ${display}.` }],
  };
  return { kind: 'create', own: true, type: 'Communication', body: { resource, decimals: undefined } };
}
