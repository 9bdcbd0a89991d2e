/**
 * Generated walks through the table of each process, by operation and by plain FHIR: what the table has is done, and what it has not is 422 (403 for another role) and
 * changes nothing. What is expected is worked out here from the files, and not by the code that judges.
 */
import assert from 'node:assert/strict';
import type { Task } from 'fhir/r4.js';
import { it } from 'mocha';
import { recordsWork } from '../../src/features/work/index.js';
import { readProcesses, type WorkProcess, type WorkTransition } from '../../src/features/work/process.js';
import type { OutsideCall } from '../../src/interactions/engine.js';
import { actingFor, type Feature } from '../../src/interactions/feature.js';
import type { Interaction } from '../../src/interactions/interaction.js';
import { perform } from '../../src/interactions/perform.js';
import { onStoresInTurn, type Stage } from '../support/both-stores.js';
import { depthOf } from '../support/depth.js';
import { createRandom, type Random } from '../support/random.js';
import { asRole, DESK, lead, workStateOf, workTokens } from '../support/work.js';

const PROCESSES = [...readProcesses(new URL('../../../profiles/work/processes/', import.meta.url)).values()];
/** Features whose operations lead along a table: each may be asked to write as itself. */
const AGENTS = [
  ...new Set(
    PROCESSES.flatMap(({ transitions }) =>
      Object.values(transitions).flatMap(({ operation }) => operation?.feature ?? []),
    ),
  ),
];
const agents: readonly Feature[] = AGENTS.map(name => ({
  name,
  open: () => ({
    routes: [
      {
        path: `/as-${name}`,
        ...({ methods: ['POST'], who: 'known', recorded: 'as-performed', maxBody: 20_000 } as const),
        async answer({ caller, body }: OutsideCall) {
          await perform(actingFor(caller, name), JSON.parse((await body()).toString()) as Interaction);
          return { status: 204 };
        },
      },
    ],
  }),
}));

const ROLES = ['records-specialist', 'privacy-officer', 'clinician', 'service', 'admin'] as const;
type Role = (typeof ROLES)[number];
const LENGTH = 9;
const REASON = { text: 'So it is.' };

/** One step, with what stands in it. */
interface WalkStep {
  readonly transition: WorkTransition | undefined;
  readonly name: string;
  readonly to: string;
  readonly role: Role;
  readonly agent: string | undefined;
  readonly hasReason: boolean;
  readonly hasLocation: boolean;
  readonly hasPatient: boolean;
  readonly movesTerm: boolean;
}

interface Walker {
  readonly state: string;
  readonly isExtended: boolean;
  readonly hasPatient: boolean;
}

/** By the table alone. */
function isLegal({ transitions }: WorkProcess, { state, isExtended, hasPatient }: Walker, step: WalkStep): boolean {
  const ways = Object.values(transitions).filter(
    ({ from, to, term }) => from.includes(state) && to === step.to && (!step.movesTerm || term === true),
  );
  const way = ways.find(({ by }) => step.role === 'admin' || by.includes(step.role));
  if (!way) return false;
  const { operation, reason, location, needs = [], extension } = way;
  if (operation && operation.feature !== step.agent) return false;
  if (reason && !step.hasReason) return false;
  if (location && !(step.hasLocation && step.transition?.location)) return false;
  if (needs.includes('for') && !hasPatient && !step.hasPatient) return false;
  return !(extension !== undefined && step.movesTerm && isExtended);
}

function anyStep(process: WorkProcess, walker: Walker, random: Random): WalkStep {
  const all = Object.entries(process.transitions);
  // A write that stays where it is goes no way of the table.
  const moving = all.filter(([, { to, from }]) => to !== walker.state || from.includes(to));
  const leaving = moving.filter(([, { from }]) => from.includes(walker.state));
  const [name, transition] = random.pick(leaving.length > 0 && random.chance(0.7) ? leaving : moving);
  const own = ROLES.filter(role => transition.by.includes(role));
  const { operation } = transition;
  return {
    ...{ transition, name, to: transition.to },
    role: random.chance(0.75) && own.length > 0 ? random.pick(own) : random.pick(ROLES),
    agent: operation && random.chance(0.8) ? operation.feature : undefined,
    hasReason: random.chance(0.85),
    hasLocation: random.chance(0.85),
    hasPatient: random.chance(0.85),
    movesTerm: transition.from.includes(transition.to),
  };
}

/** As plain FHIR has it. */
function taskWith(process: WorkProcess, before: Task, step: WalkStep): Task & { id: string } {
  const { statusReason: _reason, location: _location, ...rest } = before;
  const end = before.restriction?.period?.end;
  const later = end && new Date(Date.parse(end) + 5 * 86_400_000).toISOString().slice(0, 10);
  const location = step.hasLocation && step.transition?.location ? DESK : before.location;
  return {
    ...rest,
    id: before.id!,
    status: process.states[step.to]!.status as Task['status'],
    businessStatus: { coding: [{ system: 'urn:chartroom:state', code: step.to }] },
    ...(step.hasReason ? { statusReason: REASON } : {}),
    ...(step.hasPatient && before.for === undefined ? { for: { reference: 'Patient/walker' } } : {}),
    ...(step.movesTerm && later ? { restriction: { period: { end: later } } } : {}),
    ...(location === undefined || (step.transition?.location && !step.hasLocation) ? {} : { location }),
  };
}

type Way = 'operation' | 'PUT';

async function stepped({ talk }: Stage, process: WorkProcess, before: Task, step: WalkStep, way: Way): Promise<number> {
  const headers = asRole(step.role);
  const resource = taskWith(process, before, step);
  if (step.agent !== undefined) {
    const ask = { kind: 'update', type: 'Task', id: before.id, body: { resource } };
    const done = await fetch(`${talk.base.replace(/\/fhir\/?$/, '')}/as-${step.agent}`, {
      ...{ method: 'POST', headers: { ...headers }, body: JSON.stringify(ask) },
    });
    await done.text();
    return done.status === 204 ? 200 : done.status;
  }
  if (way === 'PUT') return (await talk.update(resource, headers)).status;
  const until = resource.restriction?.period?.end;
  const given = {
    name: step.name,
    ...(step.hasReason ? { reason: REASON.text } : {}),
    ...(step.hasLocation && step.transition?.location ? { location: DESK } : {}),
    ...(step.movesTerm && until ? { until } : {}),
  };
  return (await lead(talk, before.id!, given, headers)).status;
}

async function begun({ talk }: Stage, process: WorkProcess, id: string, hasPatient: boolean): Promise<Task> {
  await talk.update({ resourceType: 'List', id: `thing-${id}`, status: 'current', mode: 'working' }, asRole('admin'));
  const { status, body, text } = await talk.update<Task>(
    {
      ...{ resourceType: 'Task', id, intent: 'order' },
      status: process.states[process.start[0]!]!.status as Task['status'],
      code: { coding: [{ system: 'urn:chartroom:task', code: process.code }] },
      focus: { reference: `List/thing-${id}` },
      ...(hasPatient || process.needs.includes('for') ? { for: { reference: 'Patient/walker' } } : {}),
      requester: { display: 'Somebody' },
      reasonCode: { text: 'A reason' },
      input: [{ type: { text: 'Anything' }, valueString: 'Anything' }],
    },
    asRole('admin'),
  );
  assert.equal(status, 201, text);
  return body;
}

interface WalkTold {
  legal: number;
  refused: number;
}

async function walk(stage: Stage, process: WorkProcess, way: Way, seed: number, told: WalkTold): Promise<void> {
  // The same seed draws another walk in each table.
  const random = createRandom(seed * 1000 + process.code.length * 10 + way.length);
  let task = await begun(stage, process, `${process.code}-${way.toLowerCase()}-${seed}`, random.chance(0.5));
  let isExtended = false;
  for (let at = 0; at < LENGTH; at++) {
    const walker: Walker = { state: workStateOf(task)!, isExtended, hasPatient: task.for !== undefined };
    const step = anyStep(process, walker, random);
    // An operation says no patient.
    const meant = way === 'operation' && step.agent === undefined ? { ...step, hasPatient: false } : step;
    const named = way === 'operation' && step.agent === undefined;
    const isOfTable = !named || step.transition!.from.includes(walker.state);
    const expected = isOfTable && isLegal(process, walker, meant);
    const status = await stepped(stage, process, task, meant, way);
    const { body: after } = await stage.talk.get<Task>(`Task/${task.id}`, asRole('admin'));
    const where = `seed ${seed}, step ${at} of ${process.code} by ${way}: ${walker.state} ${JSON.stringify(meant)} → ${status}`;
    if (expected) {
      assert.deepEqual(
        [status, workStateOf(after), after.status],
        [200, step.to, process.states[step.to]!.status],
        where,
      );
      if (meant.movesTerm) isExtended = true;
      told.legal++;
    } else {
      assert.ok(status === 422 || status === 403 || (named && status === 400), where);
      assert.deepEqual(after, task, where);
      told.refused++;
    }
    task = after;
    if (!Object.values(process.transitions).some(({ from }) => from.includes(workStateOf(task)!))) break;
  }
}

const AT_ONCE = 8;
const said = (words: string): void => void process.stdout.write(`      ${words}\n`);

onStoresInTurn(
  'walks through the tables',
  stage => {
    const all: WalkTold = { legal: 0, refused: 0 };
    for (const table of PROCESSES)
      for (const way of ['operation', 'PUT'] as const)
        it(`of ${table.code} by ${way}: what the table has, and nothing else`, async () => {
          const told: WalkTold = { legal: 0, refused: 0 };
          const walks = depthOf('WORK_WALKS');
          const seeds = Array.from({ length: walks }, (_, at) => at + 1);
          const walkOn = async (): Promise<void> => {
            for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift())
              await walk(stage(), table, way, seed, told);
          };
          await Promise.all(Array.from({ length: AT_ONCE }, walkOn));
          all.legal += told.legal;
          all.refused += told.refused;
          if (walks >= 100)
            said(`${table.code} by ${way}: ${walks} walks, ${told.legal} legal and ${told.refused} refused steps`);
        });

    it('took steps of both kinds', () => {
      const walks = depthOf('WORK_WALKS') * PROCESSES.length * 2;
      assert.ok(all.legal >= walks && all.refused >= walks / 2, JSON.stringify(all));
    });
  },
  {
    config: { auth: 'token', tokens: workTokens },
    features: [recordsWork, ...agents],
    set: async ({ talk }) => void (await talk.update({ resourceType: 'Patient', id: 'walker' }, asRole('admin'))),
  },
);
