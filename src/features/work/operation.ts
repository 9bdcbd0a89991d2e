/**
 * `Task/[id]/$transition`, and for up to 200 Tasks at once `Task/$transition`: work is taken, given back, assigned, noted, and goes from one state to another.
 * Either all of it is done or nothing. `Task/[id]/$transitions` tells what whoever asks may do next. Defined in profiles/work/; what may be done is judged where
 * plain FHIR is (task-hook.ts), so that an operation can do nothing that a PUT could not.
 */
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { Context, OperationImplementation } from '../../interactions/engine.js';
import type { Of, OwnedCompanion } from '../../interactions/interaction.js';
import { jsonText } from '../../interactions/operations/operation.js';
import { badParameter, type GivenParameter, readGiven } from '../../interactions/operations/parameters.js';
import { personOf } from '../../interactions/person.js';
import { readCurrent } from '../../interactions/read.js';
import { breathe } from '../../platform/pieces.js';
import { checkWorker, judgeChange, refuseWork, type Worker } from './judge.js';
import { isWorkOf, leavingFrom, processOf, STATE_SYSTEM, stateOf, type WorkProcess } from './process.js';
import type { WorkGround } from './task-hook.js';

const MOST_NAMED = 200;

/** What is done with work beside its transitions. */
const HANDLING = { take: 'Take', 'give-back': 'Give back', assign: 'Assign', note: 'Note' } as const;
type Handling = keyof typeof HANDLING;
const isHandling = (name: string): name is Handling => Object.hasOwn(HANDLING, name);

/** What is asked for, read and as far as it does not depend on the Task. */
interface Asked {
  readonly name: string;
  readonly nameAt: string;
  readonly reason: string | undefined;
  /** A Coding. */
  readonly reasonCode: Json | undefined;
  readonly note: string | undefined;
  readonly until: string | undefined;
  readonly owner: Json | undefined;
  readonly location: Json | undefined;
}

export const transitionOperation = (ground: WorkGround): OperationImplementation => ({
  async run(context, ask) {
    const { given } = readGiven(context.engine, ask);
    const value = (name: string): Json | undefined => given.find(each => each.name === name)?.value;
    const text = (name: string): string | undefined => {
      const found = value(name);
      return found === undefined ? undefined : jsonText(found);
    };
    const asked: Asked = {
      ...{ name: text('name')!, nameAt: given.find(({ name }) => name === 'name')!.at },
      ...{ reason: text('reason'), note: text('note'), until: text('until') },
      ...{ owner: value('owner'), location: value('location'), reasonCode: value('reason-code') },
    };
    const tasks = tasksMeant(context, ask, given);
    const companions: OwnedCompanion[] = [];
    const patients = new Set<string>();
    for (const { id, at } of tasks) {
      await breathe();
      const row = await readCurrent(context, 'Task', id);
      for (const patient of row.patients) patients.add(patient);
      const { resource: before, decimals } = parseJson(row.text!, STORED_JSON);
      const by = { principal: context.principal, at };
      const resource = ask.id === undefined ? oneOfMany(ground, before, asked, by) : changed(ground, before, asked, by);
      const ifMatch = [String(row.version)];
      companions.push({
        owner: 'work',
        ask: { kind: 'update', type: 'Task', id, ifMatch, body: { resource, decimals } },
      });
    }
    const result = { status: 200, patients: [...patients] };
    return {
      result,
      accompaniment: { companions, messages: [], mustNotMatch: [] },
      complete: async () => ({ ...result, text: await tasksAfter(context, ask, tasks) }),
    };
  },
});

interface MeantTask {
  readonly id: string;
  /** Where it is named. */
  readonly at: string;
}

/** Throws `invalid`. */
function tasksMeant({ engine }: Context, ask: Of<'operation'>, given: readonly GivenParameter[]): readonly MeantTask[] {
  const named = given.filter(({ name }) => name === 'task');
  if (ask.id !== undefined) {
    if (named[0])
      throw badParameter('The address says which Task is meant: leave the parameter task out.', named[0].at);
    return [{ id: ask.id, at: 'Task' }];
  }
  if (named.length === 0) throw badParameter('Which Tasks? Name each by a parameter task.', 'Parameters.parameter');
  if (named.length > MOST_NAMED)
    throw new FhirError('invalid', `${MOST_NAMED} Tasks at most are changed at once.`, {
      expression: named[MOST_NAMED]!.at,
      detail: 'too-many-tasks',
    });
  const tasks = named.map(({ value, at }) => {
    const text = isObject(value) && typeof value['reference'] === 'string' ? value['reference'] : '';
    const target = parseReference(text, engine.settings.bases);
    if (target?.kind !== 'local' || target.type !== 'Task') throw badParameter('This is no Task of this server.', at);
    return { id: target.id, at };
  });
  const twice = tasks.find(({ id }, index) => tasks.findIndex(each => each.id === id) !== index);
  if (twice) throw badParameter('This Task is named twice.', twice.at);
  return tasks;
}

async function tasksAfter(context: Context, ask: Of<'operation'>, tasks: readonly MeantTask[]): Promise<Buffer> {
  const texts: string[] = [];
  for (const { id } of tasks) texts.push(String((await readCurrent(context, 'Task', id)).text));
  if (ask.id !== undefined) return Buffer.from(texts[0]!);
  const { base } = context.engine.settings;
  const entries = texts.map(
    (text, at) => `{"fullUrl":${JSON.stringify(`${base}/Task/${tasks[at]!.id}`)},"resource":${text}}`,
  );
  return Buffer.from(`{"resourceType":"Bundle","type":"collection","entry":[${entries.join(',')}]}`);
}

interface By {
  readonly principal: Worker;
  readonly at: string;
}

/** The Task as whoever asks wants it. Throws what a write of it would throw. */
function changed({ processes, clock }: WorkGround, before: Resource, asked: Asked, by: By): Resource {
  const process = processOf(processes, before);
  if (!process) throw refuseWork('This Task is work of no process that this server knows.', by.at, 'no-process');
  const time = new Date(clock.now()).toISOString();
  const task: Resource = { ...before };
  if (asked.note !== undefined) task['note'] = [...itemsOf(before['note']), noteOf(asked.note, by.principal, time)];
  if (isHandling(asked.name)) handle(asked.name, { process, before, task, asked, by });
  else go({ process, before, task, asked });
  judgeChange(process, before, task, by.principal);
  return task;
}

/** Of several Tasks the error says which one it is about. */
function oneOfMany(ground: WorkGround, before: Resource, asked: Asked, by: By): Resource {
  try {
    return changed(ground, before, asked, by);
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    throw new FhirError(error.kind, error.message, {
      issues: error.issues.map(issue => ({ ...issue, expression: by.at })),
    });
  }
}

const noteOf = (text: string, principal: Worker, time: string): JsonObject => {
  const person = personOf(principal);
  return {
    ...(person['reference'] === undefined ? { authorString: person['display']! } : { authorReference: person }),
    time,
    text,
  };
};

interface WorkChange {
  readonly process: WorkProcess;
  readonly before: Resource;
  /** Changed in place. */
  readonly task: Resource;
  readonly asked: Asked;
  readonly by: By;
}

function handle(name: Handling, { process, before, task, asked, by }: WorkChange): void {
  const { principal, at } = by;
  checkWorker(process, principal, asked.nameAt);
  const mine = personOf(principal);
  switch (name) {
    case 'take':
      if (before['owner'] !== undefined && JSON.stringify(before['owner']) !== JSON.stringify(mine))
        throw refuseWork('Somebody has this work already.', at, 'work-taken');
      task['owner'] = mine;
      break;
    case 'give-back':
      delete task['owner'];
      break;
    case 'assign':
      if (asked.owner === undefined) throw badParameter('To whom? assign needs the parameter owner.', asked.nameAt);
      task['owner'] = asked.owner;
      break;
    case 'note':
      if (asked.note === undefined) throw badParameter('What? note needs the parameter note.', asked.nameAt);
      break;
  }
}

/** A transition. Throws `unprocessable` where there is none of this name from here. */
function go({ process, before, task, asked }: Omit<WorkChange, 'by'>): void {
  const state = stateOf(process, before) ?? process.start[0]!;
  const found = leavingFrom(process, state).find(([name]) => name === asked.name);
  if (!found) {
    const names = [...leavingFrom(process, state).map(([name]) => name), ...Object.keys(HANDLING)];
    throw refuseWork(`From ${state} lead: ${names.join(', ')}.`, asked.nameAt, 'transition-refused');
  }
  const [, { to, term, location }] = found;
  if (asked.until !== undefined && !term) throw badParameter('This transition moves no term.', asked.nameAt);
  if (to === state && asked.until === undefined)
    throw badParameter('Until when? It needs the parameter until.', asked.nameAt);
  const { status, display } = process.states[to]!;
  task['status'] = status;
  task['businessStatus'] = { coding: [{ system: STATE_SYSTEM, code: to, display }] };
  const { reason, reasonCode } = asked;
  if (reason === undefined && reasonCode === undefined) delete task['statusReason'];
  else
    task['statusReason'] = {
      ...(reasonCode === undefined ? {} : { coding: [reasonCode] }),
      ...(reason === undefined ? {} : { text: reason }),
    };
  if (asked.location !== undefined) task['location'] = asked.location;
  else if (location) delete task['location'];
  if (asked.owner !== undefined) task['owner'] = asked.owner;
  if (asked.until !== undefined) {
    const restriction = isObject(before['restriction']) ? before['restriction'] : {};
    const period = isObject(restriction['period']) ? restriction['period'] : {};
    if (period['end'] === asked.until) throw badParameter('This is its term already.', asked.nameAt);
    task['restriction'] = { ...restriction, period: { ...period, end: asked.until } };
  }
}

export const transitionsOperation = ({ processes }: WorkGround): OperationImplementation => ({
  shows: 'Parameters',
  async run(context, ask) {
    readGiven(context.engine, ask);
    const row = await readCurrent(context, 'Task', ask.id!);
    const { resource: task } = parseJson(row.text!, STORED_JSON);
    const process = processOf(processes, task);
    if (!process)
      throw refuseWork('This Task is work of no process that this server knows.', 'Task.code', 'no-process');
    const { role } = context.principal;
    const state = stateOf(process, task) ?? process.start[0]!;
    const ways = leavingFrom(process, state).filter(([, { by }]) => isWorkOf(role, by));
    const handling = leavingFrom(process, state).length > 0 && isWorkOf(role, process.workers);
    const parameter = [
      { name: 'version', valueId: String(row.version) },
      ...ways.map(([name, way]) => ({
        name: way.operation ? 'operation' : 'transition',
        part: [
          { name: 'name', valueCode: way.operation?.code ?? name },
          { name: 'display', valueString: way.display },
          { name: 'to', valueCode: way.to },
          { name: 'status', valueCode: process.states[way.to]!.status },
          ...(['reason', 'location', 'term'] as const).flatMap(need =>
            way[need] ? [{ name: 'needs', valueCode: need }] : [],
          ),
        ],
      })),
      ...(handling ? Object.entries(HANDLING) : []).map(([name, display]) => ({
        name: 'transition',
        part: [
          { name: 'name', valueCode: name },
          { name: 'display', valueString: display },
        ],
      })),
    ];
    const text = Buffer.from(JSON.stringify({ resourceType: 'Parameters', parameter }));
    return { result: { status: 200, text, patients: row.patients } };
  },
});
