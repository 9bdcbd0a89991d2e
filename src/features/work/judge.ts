/**
 * What may become of a Task of a process, whoever asks by whatever way: the one checker behind plain FHIR and behind operations. Pure; task-hook.ts
 * asks it about each write, operation.ts about what somebody could do.
 */
import { isDeepStrictEqual } from 'node:util';
import { FhirError } from '../../fhir/error.js';
import { isObject, itemsOf, type Resource } from '../../fhir/resource.js';
import { isSamePerson } from '../../interactions/person.js';
import type { HookedWrite } from '../../interactions/write/hooks.js';
import {
  codeOfSystem,
  isWorkOf,
  leavingFrom,
  STATE_SYSTEM,
  stateOf,
  type WorkProcess,
  type WorkTransition,
} from './process.js';

/** Whoever does it. */
export type Worker = HookedWrite['principal'];

/** What a write of a Task does in its process. */
export interface WorkStep {
  readonly from: string | undefined;
  readonly to: string;
  /** Undefined: it begins, or stays in its state. */
  readonly transition?: readonly [name: string, WorkTransition];
}

/** What a Task goes on saying; of whom it is (`for`) may become known on the way. */
const FIXED = ['intent', 'for', 'focus', 'authoredOn', 'requester'] as const;

/** A Task begins. Throws `unprocessable`. */
export function judgeBegin(process: WorkProcess, task: Resource): WorkStep {
  checkNeeds(process, task);
  const named = codeOfSystem(task['businessStatus'], STATE_SYSTEM);
  const to = named ?? process.start.find(name => process.states[name]!.status === task['status']);
  if (to !== undefined && process.start.includes(to) && process.states[to]!.status === task['status'])
    return { from: undefined, to };
  const places = process.start.map(name => `${process.states[name]!.status}/${name}`);
  throw refuseWork(
    `${process.display} begins as ${enumerated(places)} (status/businessStatus).`,
    named === undefined ? 'Task.status' : 'Task.businessStatus',
    'transition-refused',
  );
}

/**
 * A Task is changed. `feature`: what acts for the principal; undefined: they ask themselves. Throws `unprocessable`, and `forbidden` for what
 * another role may.
 */
export function judgeChange(
  process: WorkProcess,
  before: Resource,
  task: Resource,
  principal: Worker,
  feature?: string,
): WorkStep {
  const from = stateOf(process, before);
  if (from === undefined) return judgeBegin(process, task);
  const altered = FIXED.find(
    name => (name !== 'for' || before[name] !== undefined) && !isDeepStrictEqual(before[name], task[name]),
  );
  if (altered !== undefined)
    throw refuseWork(
      `${process.display} goes on saying what it is about: cancel it and begin another one.`,
      `Task.${altered}`,
      'work-altered',
    );
  checkNeeds(process, task, before);
  const isSame = (name: string): boolean => isDeepStrictEqual(before[name], task[name]);
  if (!isSame('owner')) checkWorker(process, principal, 'Task.owner');
  const term = !isSame('restriction');
  const to = stateMeant(process, from, before, task, principal);
  if (to === from && !term) {
    if (leavingFrom(process, from).length === 0) checkOver(process, from, before, task);
    if (!isSame('location'))
      throw refuseWork('Where it is follows from a transition that says so.', 'Task.location', 'work-altered');
    return { from, to };
  }
  const named = leavingFrom(process, from).filter(([, each]) => each.to === to && (!term || each.term === true));
  if (named.length === 0)
    throw term && to === from
      ? refuseWork(`The term of ${process.display} is not moved in this state.`, 'Task.restriction', 'term-altered')
      : wayRefused(process, from, principal, term ? 'Task.restriction' : whereOf(task, from));
  const transition = named.find(([, { by }]) => isWorkOf(principal.role, by));
  if (!transition)
    throw new FhirError('forbidden', `Another role does this: ${enumerated(named.flatMap(([, { by }]) => by))}.`, {
      expression: whereOf(task, from),
      detail: 'transition-of-another-role',
    });
  const { operation, display } = transition[1];
  if (operation && operation.feature !== feature)
    throw refuseWork(
      `“${display}” is done by Task/[id]/$${operation.code}, and by nothing else.`,
      whereOf(task, from),
      'operation-needed',
    );
  checkTransition(transition, before, task, principal);
  return { from, to, transition };
}

/** What it needs to begin it keeps; what was stored without it stays as it is. */
function checkNeeds({ display, needs }: WorkProcess, task: Resource, before?: Resource): void {
  const missing = needs.find(name => task[name] === undefined && (!before || before[name] !== undefined));
  if (missing !== undefined) throw refuseWork(`${display} needs ${missing}.`, `Task.${missing}`, 'work-incomplete');
}

/** Who has the work is said by those whose work it is. Throws `forbidden`. */
export function checkWorker({ workers }: WorkProcess, { role }: Worker, expression: string): void {
  if (!isWorkOf(role, workers))
    throw new FhirError('forbidden', `Other roles have this work: ${enumerated(workers)}.`, {
      expression,
      detail: 'transition-of-another-role',
    });
}

/**
 * The state that a changed Task is to be in. Where only one of `status` and `businessStatus` is another, the other one follows; where a status is that of
 * several states, businessStatus must say which.
 */
function stateMeant(process: WorkProcess, from: string, before: Resource, task: Resource, principal: Worker): string {
  const { states } = process;
  const named = codeOfSystem(task['businessStatus'], STATE_SYSTEM);
  const sent = task['status'];
  // What the table does not know any more says nothing as long as it stays.
  const isStale = named !== undefined && !Object.hasOwn(states, named) && isStateOf(before, named);
  if (named !== undefined && named !== from && !isStale) {
    const state = Object.hasOwn(states, named) ? states[named] : undefined;
    const isAgreed = state?.status === sent || sent === before['status'];
    if (state && isAgreed) return named;
    throw wayRefused(process, from, principal, state ? 'Task.status' : 'Task.businessStatus');
  }
  if (sent === states[from]?.status || sent === before['status']) return from;
  const ways = new Set(leavingFrom(process, from).map(([, { to }]) => to));
  const [way, ...more] = [...ways].filter(name => states[name]!.status === sent);
  if (way === undefined || more.length > 0) throw wayRefused(process, from, principal, 'Task.status');
  return way;
}

const isStateOf = (task: Resource, state: string): boolean =>
  codeOfSystem(task['businessStatus'], STATE_SYSTEM) === state;

const whereOf = (task: Resource, from: string): string => {
  const named = codeOfSystem(task['businessStatus'], STATE_SYSTEM);
  return named === undefined || named === from ? 'Task.status' : 'Task.businessStatus';
};

/** Throws `unprocessable` where a transition lacks what it must have. */
function checkTransition(
  [, transition]: readonly [string, WorkTransition],
  before: Resource,
  task: Resource,
  principal: Worker,
): void {
  const { display, reason, location, otherThan, needs = [] } = transition;
  const { statusReason } = task;
  const says = isObject(statusReason) && (statusReason['text'] !== undefined || statusReason['coding'] !== undefined);
  if (reason && !says) throw refuseWork(`“${display}” needs a reason.`, 'Task.statusReason', 'no-reason');
  const missing = needs.find(name => task[name] === undefined);
  if (missing !== undefined) throw refuseWork(`“${display}” needs ${missing}.`, `Task.${missing}`, 'work-incomplete');
  if (location && task['location'] === undefined)
    throw refuseWork(`“${display}” says where it is then.`, 'Task.location', 'no-location');
  if (otherThan !== undefined && isSamePerson(before[otherThan], principal))
    throw refuseWork(`“${display}” is for somebody else than the ${otherThan}.`, 'Task.status', 'same-person');
}

/** What is over says nothing else any more; notes may be added. */
const OPEN_TO_NOTES: ReadonlySet<string> = new Set([
  'meta',
  'note',
  'text',
  'lastModified',
  'businessStatus',
  'extension',
]);

function checkOver(process: WorkProcess, state: string, before: Resource, task: Resource): void {
  const altered = [...new Set([...Object.keys(before), ...Object.keys(task)])].find(
    name => !OPEN_TO_NOTES.has(name) && !isDeepStrictEqual(before[name], task[name]),
  );
  const notes = itemsOf(before['note']);
  const areKept = isDeepStrictEqual(notes, itemsOf(task['note']).slice(0, notes.length));
  if (altered !== undefined || !areKept)
    throw refuseWork(
      `${process.display} is over (${process.states[state]!.display}): only notes are added.`,
      `Task.${altered ?? 'note'}`,
      'work-over',
    );
}

/** What somebody may do next, in words. */
function allowedFrom(process: WorkProcess, state: string, { role }: Worker): readonly string[] {
  return leavingFrom(process, state)
    .filter(([, { by }]) => isWorkOf(role, by))
    .map(
      ([name, { to, operation }]) => `${operation ? `$${operation.code}` : name} (${process.states[to]!.status}/${to})`,
    );
}

function wayRefused(process: WorkProcess, from: string, principal: Worker, expression: string): FhirError {
  const allowed = allowedFrom(process, from, principal);
  const { status, display } = process.states[from] ?? { status: '', display: from };
  const next =
    allowed.length === 0 ? 'Nothing follows for this role.' : `What follows is one of: ${allowed.join('; ')}.`;
  return refuseWork(
    `No transition of ${process.display} leads there from ${status}/${from} (${display}). ${next}`,
    expression,
    'transition-refused',
  );
}

const enumerated = (names: readonly string[]): string => [...new Set(names)].join(', ');

export const refuseWork = (text: string, expression: string, detail: string): FhirError =>
  new FhirError('unprocessable', text, { expression, detail });
