/**
 * `Patient/[id]/$custody`: the story of the charts and documents of a patient, in order, where each is, and what is unaccounted for: missing, given up,
 * overdue, or never said to be anywhere. It is made of what Provenances and Tasks say, and stored nowhere. Defined in
 * profiles/work/operationdefinition-custody.json; https://hl7.org/fhir/R4/provenance.html
 */
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { Context, OperationImplementation } from '../../interactions/engine.js';
import type { Parameters } from '../../interactions/interaction.js';
import { badParameter, readGiven } from '../../interactions/operations/parameters.js';
import { readCurrent } from '../../interactions/read.js';
import { findSought, readCriteria } from '../../interactions/write/conditional.js';

import { termOf } from './alarms.js';
import { type CustodyEvent, type CustodyItem, custodyOf } from './custody-events.js';
import { leavingFrom, processOf, REQUEST, stateOf, TASK_SYSTEM } from './process.js';
import type { WorkGround } from './task-hook.js';

/** Things of a patient that a story is told of, and Tasks that are looked through for what they have in their hands. */
const MOST_FOUND = 2000;

/** Where something is. */
type Whereabouts = 'in-place' | 'pulled' | 'out' | 'missing' | 'lost' | 'destroyed' | 'unknown';
const AFTER: Readonly<Record<string, Whereabouts>> = {
  ...{ originate: 'in-place', receive: 'in-place', archive: 'in-place', restore: 'in-place' },
  ...{ access: 'pulled', transmit: 'out', destroy: 'destroyed' },
};
const UNACCOUNTED: ReadonlySet<Whereabouts> = new Set(['missing', 'lost', 'unknown']);

/** The work that has something in its hands. */
interface Holding {
  readonly task: string;
  readonly state: string;
  /** Its last day. */
  readonly due: string | undefined;
  readonly overdue: boolean;
}

export const custodyOperation = (ground: WorkGround): OperationImplementation => ({
  shows: 'Parameters',
  async run(context, ask) {
    const { given } = readGiven(context.engine, ask);
    const { id = '' } = ask;
    await readCurrent(context, 'Patient', id);
    const things = await thingsOf(
      context,
      id,
      given.find(({ name }) => name === 'item'),
    );
    const holdings = await holdingsOf(context, ground, id, given.length > 0 ? things : undefined);
    const items = await custodyOf(context, things);
    const parameter = items
      .filter(({ type, events }) => type === 'List' || events.length > 0)
      .map(item => itemPart(item, holdings.get(`${item.type}/${item.id}`), things));
    const text = Buffer.from(JSON.stringify({ resourceType: 'Parameters', parameter }));
    return { result: { status: 200, text, patients: [id] } };
  },
});

type FoundRow = Awaited<ReturnType<typeof findSought>>[number];

interface Thing {
  readonly type: string;
  readonly id: string;
  readonly title: string | undefined;
}

/** Charts (Lists) and documents of a patient, or the one that is named. Throws `invalid`, `too-costly`. */
async function thingsOf(
  context: Context,
  patient: string,
  named: { readonly value: Json; readonly at: string } | undefined,
): Promise<Thing[]> {
  const text = isObject(named?.value) ? named.value['reference'] : named?.value;
  const target = typeof text === 'string' ? parseReference(text, context.engine.settings.bases) : undefined;
  const isThing = target?.kind === 'local' && (target.type === 'List' || target.type === 'DocumentReference');
  if (named && !isThing) throw badParameter('item names a List or a DocumentReference of this server.', named.at);
  const criteria: Parameters = [['patient', patient], ...(isThing ? [['_id', target.id] as const] : [])];
  const found: Thing[] = [];
  for (const type of isThing ? [target.type] : ['List', 'DocumentReference']) {
    const rows = await findAll(context, type, criteria, found.length);
    found.push(...rows.map(row => thingOf(type, row)));
  }
  return found;
}

/** `before`: how many were found of other types. Throws `too-costly` where there are more than a story is told of. */
async function findAll(context: Context, type: string, criteria: Parameters, before = 0): Promise<readonly FoundRow[]> {
  const most = MOST_FOUND - before;
  const rows = await findSought(context, await readCriteria(context, type, criteria), most + 1);
  if (rows.length > most)
    throw new FhirError('too-costly', `A story is told of ${MOST_FOUND} ${type} at most: name one thing by item.`, {
      detail: 'custody-too-long',
    });
  return rows;
}

function thingOf(type: string, { id, text }: FoundRow): Thing {
  const { title, description } = parseJson(text!, STORED_JSON).resource;
  const words = [title, description].find(each => typeof each === 'string');
  return { type, id, title: words };
}

/** By what they have (`named`, or anything): open work of a process, the last one where there are several. Throws `too-costly`. */
async function holdingsOf(
  context: Context,
  { processes, calendar, clock }: WorkGround,
  patient: string,
  named: readonly Thing[] | undefined,
): Promise<ReadonlyMap<string, Holding>> {
  const holdings = new Map<string, Holding>();
  const codes = [...processes.values()]
    .filter(({ exclusive }) => exclusive)
    .map(({ code }) => `${TASK_SYSTEM}|${code}`);
  if (codes.length === 0 || named?.length === 0) return holdings;
  const criteria: Parameters = [
    ['patient', patient],
    ['code', codes.join(',')],
    ...(named ?? []).map(({ type, id }) => ['focus', `${type}/${id}`] as const),
  ];
  const today = calendar.dayAt(clock.now());
  for (const { id, text } of await findAll(context, 'Task', criteria)) {
    const { resource: task } = parseJson(text!, STORED_JSON);
    const process = processOf(processes, task);
    const state = process && stateOf(process, task);
    if (!process?.exclusive || state === undefined) continue;
    const isHeld = process.exclusive.includes(state);
    const isLost = process.states[state]!.status === 'failed' && leavingFrom(process, state).length > 0;
    const name = nameIn(task, context.engine.settings.bases);
    if (name === undefined || !(isHeld || isLost)) continue;
    const due = termOf(task, calendar);
    holdings.set(name, { task: `Task/${id}`, state, due, overdue: isHeld && due !== undefined && due < today });
  }
  return holdings;
}

function nameIn({ focus }: Resource, bases: readonly string[]): string | undefined {
  const text = isObject(focus) && typeof focus['reference'] === 'string' ? focus['reference'] : '';
  const target = parseReference(text, bases);
  return target?.kind === 'local' ? `${target.type}/${target.id}` : undefined;
}

/** A state of work that is a place of its own. */
const isPlace = (state: string | undefined): state is 'missing' | 'lost' => state === 'missing' || state === 'lost';

function itemPart(item: CustodyItem, holding: Holding | undefined, things: readonly Thing[]): JsonObject {
  const last = item.events.findLast(({ activity }) => activity !== REQUEST);
  // Whatever is said to have been later: what was destroyed is nowhere.
  const isDestroyed = item.events.some(({ activity }) => activity === 'destroy');
  const after = last ? (AFTER[last.activity] ?? 'in-place') : 'unknown';
  const place: Whereabouts = isDestroyed ? 'destroyed' : isPlace(holding?.state) ? holding.state : after;
  const located = item.events.findLast(({ location }) => isObject(location));
  const title = things.find(({ type, id }) => type === item.type && id === item.id)?.title;
  const isUnaccounted = UNACCOUNTED.has(place) || holding?.overdue === true;
  return {
    name: 'item',
    part: [
      { name: 'what', valueReference: { reference: `${item.type}/${item.id}` } },
      ...(title === undefined ? [] : [{ name: 'title', valueString: title }]),
      { name: 'place', valueCode: place },
      { name: 'unaccounted', valueBoolean: isUnaccounted },
      ...(last && located ? [{ name: 'location', valueReference: located.location! }] : []),
      ...(holding ? [{ name: 'task', valueReference: { reference: holding.task } }] : []),
      ...(holding?.due === undefined ? [] : [{ name: 'due', valueDate: holding.due }]),
      ...item.events.map(eventPart),
    ],
  };
}

function eventPart({ activity, display, when, who, location, reason, provenance }: CustodyEvent): JsonObject {
  const why = isObject(reason) ? (reason['text'] ?? codeText(reason)) : undefined;
  return {
    name: 'event',
    part: [
      { name: 'when', valueDateTime: when },
      { name: 'activity', valueCode: activity },
      ...(display === undefined ? [] : [{ name: 'display', valueString: display }]),
      ...(isObject(who) ? [{ name: 'who', valueReference: who }] : []),
      ...(isObject(location) ? [{ name: 'location', valueReference: location }] : []),
      ...(typeof why === 'string' ? [{ name: 'reason', valueString: why }] : []),
      { name: 'provenance', valueReference: { reference: provenance } },
    ],
  };
}

const codeText = (concept: JsonObject): Json | undefined => {
  const [coding] = itemsOf(concept['coding']);
  return isObject(coding) ? (coding['display'] ?? coding['code']) : undefined;
};
