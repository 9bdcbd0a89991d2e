/**
 * What a process of records work is: one file of profiles/work/processes each. A Task with its code is in one of its states, goes from one to another by
 * its transitions alone, and has the terms and alarms that it says (docs/records-desk.md).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isObject, itemsOf, type Json, type Resource } from '../../fhir/resource.js';
import { ConfigError } from '../../platform/config.js';
import { parseProcess } from './process-form.js';
import type { Counting } from './calendar.js';

/** Codes of Tasks, of states (`businessStatus`), of transitions and of alarms. */
export const TASK_SYSTEM = 'urn:chartroom:task';
export const STATE_SYSTEM = 'urn:chartroom:state';
export const TRANSITION_SYSTEM = 'urn:chartroom:transition';
/** Among transitions: that somebody has asked for what a Task is about. */
export const REQUEST = 'request';

export interface WorkState {
  /** Code of http://hl7.org/fhir/task-status. */
  readonly status: string;
  readonly display: string;
}

export interface WorkTransition {
  readonly display: string;
  /** States that it leads away from. */
  readonly from: readonly string[];
  /** Where it leads to: the same state where it only moves the term. */
  readonly to: string;
  /** Roles that may; beside them who administers. */
  readonly by: readonly string[];
  /** Task.statusReason must say why. */
  readonly reason?: true;
  /** The term (Task.restriction.period.end) may be set anew. */
  readonly term?: true;
  /** It is moved once in the life of a Task, while it is not over, and by so many calendar days at most. */
  readonly extension?: number;
  /** Elements that the Task must have then. */
  readonly needs?: readonly string[];
  /** Where what the Task is about is from now on: Task.location must be given. */
  readonly location?: true;
  /** Not the person who is named there: an element of the Task. */
  readonly otherThan?: 'owner' | 'requester';
  /** What becomes of what the Task is about: code of http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle. */
  readonly lifecycle?: string;
  /** Nothing but this operation (without the dollar sign), which a feature does for whoever asks: it looks at more than the Task. */
  readonly operation?: { readonly code: string; readonly feature: string };
}

export interface WorkAlarm {
  readonly display: string;
  /** Days after the last day of the term; negative: before. It is due when that day begins. */
  readonly days: number;
  readonly counting: Counting;
  /** States in which it counts. */
  readonly in: readonly string[];
  /** The Task has this priority from then on. */
  readonly priority?: 'urgent' | 'asap' | 'stat';
}

export interface WorkTerm {
  readonly days: number;
  readonly counting: Counting;
}

export interface WorkProcess {
  readonly code: string;
  readonly display: string;
  /** Elements that a Task of it must have. */
  readonly needs: readonly string[];
  /** Roles that take, give back, assign and note; beside them who administers. */
  readonly workers: readonly string[];
  /** States that a Task may begin in; the first where none is said. */
  readonly start: readonly string[];
  /** What its beginning is told as, of what it is about; undefined: it is told of nothing. */
  readonly begin?: string;
  readonly states: Readonly<Record<string, WorkState>>;
  readonly transitions: Readonly<Record<string, WorkTransition>>;
  /** States in which a Task has what it is about (`focus`) in its hands: one Task of the process at a time. */
  readonly exclusive?: readonly string[];
  /** The term of a Task that says none. */
  readonly term?: WorkTerm;
  /** By jurisdiction, as a Task may name one: what ends earlier counts. */
  readonly terms?: Readonly<Record<string, WorkTerm>>;
  readonly alarms?: Readonly<Record<string, WorkAlarm>>;
}

/** By their code. */
export type WorkProcesses = ReadonlyMap<string, WorkProcess>;

/** Throws an Error that names the file in which something leads nowhere, or the folder that cannot be read. */
export function readProcesses(folder: URL): WorkProcesses {
  const processes = new Map<string, WorkProcess>();
  if (!existsSync(folder)) throw new ConfigError('CHARTROOM_WORK_PROCESSES must name a folder that exists.');
  for (const file of readdirSync(folder).toSorted()) {
    if (!file.endsWith('.json')) continue;
    const process = parseProcess(readFileSync(new URL(file, folder), 'utf8')) as WorkProcess | undefined;
    if (!process) throw new Error(`${file} is no process of records work.`);
    const fault = processFault(process);
    if (fault !== undefined || processes.has(process.code))
      throw new Error(`${file}: ${fault ?? 'its code is taken'}.`);
    processes.set(process.code, process);
  }
  return processes;
}

const STATUSES = new Set(
  'draft requested received accepted rejected ready cancelled in-progress on-hold failed completed entered-in-error'.split(
    ' ',
  ),
);

/** What is wrong with a process; undefined: nothing. */
export function processFault({
  start,
  states,
  transitions,
  exclusive = [],
  alarms = {},
}: WorkProcess): string | undefined {
  const strange = [
    ...start,
    ...exclusive,
    ...Object.values(transitions).flatMap(({ from, to }) => [...from, to]),
    ...Object.values(alarms).flatMap(alarm => alarm.in),
  ].find(name => !Object.hasOwn(states, name));
  if (strange !== undefined) return `there is no state ${strange}`;
  if (start.length === 0) return 'it begins nowhere';
  const odd = Object.entries(states).find(([, { status }]) => !STATUSES.has(status));
  if (odd) return `${odd[0]} has no status of a Task`;
  const ways = Object.values(transitions).flatMap(({ from, to, term }) =>
    from.map(each => `${each} ${to} ${term ?? ''}`),
  );
  const twice = ways.find((way, at) => ways.indexOf(way) !== at);
  if (twice !== undefined) return `two transitions lead the same way: ${twice}`;
  const reached = new Set(start);
  for (const name of reached)
    for (const { from, to } of Object.values(transitions)) if (from.includes(name)) reached.add(to);
  const lonely = Object.keys(states).find(name => !reached.has(name));
  return lonely === undefined ? undefined : `nothing leads to ${lonely}`;
}

/** The code of one of our systems in a concept. */
export function codeOfSystem(concept: Json | undefined, system: string): string | undefined {
  const codings = isObject(concept) ? itemsOf(concept['coding']) : [];
  const own = codings.find(coding => isObject(coding) && coding['system'] === system);
  return isObject(own) && typeof own['code'] === 'string' ? own['code'] : undefined;
}

/** The process that a Task is of; undefined: of none, and FHIR alone says what may become of it. */
export function processOf(processes: WorkProcesses, task: Resource | undefined): WorkProcess | undefined {
  const code = task && codeOfSystem(task['code'], TASK_SYSTEM);
  return code === undefined ? undefined : processes.get(code);
}

/** The state that a Task is in: what businessStatus says, where the table knows that, else the first one with its status. */
export function stateOf({ states }: WorkProcess, task: Resource): string | undefined {
  const named = codeOfSystem(task['businessStatus'], STATE_SYSTEM);
  if (named !== undefined && Object.hasOwn(states, named)) return named;
  return Object.keys(states).find(name => states[name]!.status === task['status']);
}

/** Transitions that lead away from a state. */
export const leavingFrom = (
  { transitions }: WorkProcess,
  state: string,
): readonly (readonly [string, WorkTransition])[] =>
  Object.entries(transitions).filter(([, { from }]) => from.includes(state));

/** Roles that may do all that there is. */
const ADMINISTERING: ReadonlySet<string> = new Set(['admin', 'administrator']);
export const isWorkOf = (role: string, roles: readonly string[]): boolean =>
  roles.includes(role) || ADMINISTERING.has(role);
