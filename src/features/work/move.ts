/**
 * `List/[id]/$move` and `DocumentReference/[id]/$move`: a movement of a chart or document that is no work of a process, as a Provenance with the code of
 * http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle. What was destroyed moves no more. Defined in profiles/work/operationdefinition-move.json.
 */
import { itemsOf, type Json, type Resource } from '../../fhir/resource.js';
import type { OperationImplementation } from '../../interactions/engine.js';
import { jsonText } from '../../interactions/operations/operation.js';
import { badParameter, readGiven } from '../../interactions/operations/parameters.js';
import { personOf } from '../../interactions/person.js';
import { readCurrent } from '../../interactions/read.js';
import { absence, findSought, readCriteria } from '../../interactions/write/conditional.js';
import { destroyedAlready, destructionOf, RECORD_LIFECYCLE } from './destroyed.js';
import type { WorkGround } from './task-hook.js';

/** Movements, and what is said of them. */
export const MOVEMENTS: ReadonlyMap<string, string> = new Map([
  ['originate', 'Scanned or made'],
  ['receive', 'Received'],
  ['access', 'Pulled'],
  ['transmit', 'Sent'],
  ['archive', 'Put into the archive'],
  ['restore', 'Taken out of the archive'],
  ['destroy', 'Destroyed'],
]);
/** What must say where it is then, and what must say why. */
const PLACED: ReadonlySet<string> = new Set(['receive', 'transmit', 'archive', 'restore']);
const REASONED: ReadonlySet<string> = new Set(['destroy']);

export const moveOperation = ({ clock }: Pick<WorkGround, 'clock'>): OperationImplementation => ({
  async run(context, ask) {
    const { given } = readGiven(context.engine, ask);
    const value = (name: string): Json | undefined => given.find(each => each.name === name)?.value;
    const at = (name: string): string => given.find(each => each.name === name)?.at ?? 'Parameters.parameter';
    const { type = '', id = '' } = ask;
    const row = await readCurrent(context, type, id);
    const now = clock.now();
    const activity = jsonText(value('activity'));
    const display = MOVEMENTS.get(activity);
    if (display === undefined)
      throw badParameter(`activity is one of ${[...MOVEMENTS.keys()].join(', ')}.`, at('activity'));
    const location = value('location');
    if (PLACED.has(activity) && location === undefined)
      throw badParameter(`Where is it then? ${activity} needs the parameter location.`, at('activity'));
    const reason = value('reason');
    if (REASONED.has(activity) && reason === undefined)
      throw badParameter(`Why? ${activity} needs the parameter reason.`, at('activity'));
    const when = jsonText(value('when'));
    if (when !== '' && !(when.length > 10 && Date.parse(when) <= now))
      throw badParameter('A movement was at a time (with its zone) that is over.', at('when'));
    const destruction = await readCriteria(context, 'Provenance', destructionOf(`${type}/${id}`));
    if ((await findSought(context, destruction, 1)).length > 0) throw destroyedAlready(type);
    const recorded = new Date(now).toISOString();
    const target = { reference: `${type}/${id}` };
    const receiver = value('receiver');
    const resource: Resource = {
      resourceType: 'Provenance',
      target: [target],
      occurredDateTime: when === '' ? recorded : when,
      recorded,
      ...(location === undefined ? {} : { location }),
      ...(reason === undefined ? {} : { reason: [{ text: jsonText(reason) }] }),
      activity: { coding: [{ system: RECORD_LIFECYCLE, code: activity, display }] },
      agent: [{ who: personOf(context.principal) }, ...itemsOf(receiver).map(who => ({ type: CUSTODIAN, who }))],
    };
    const text = Buffer.from(JSON.stringify(resource));
    const ask1 = { kind: 'create', own: true, type: 'Provenance', body: { resource, decimals: undefined } } as const;
    return {
      result: { status: 200, text, patients: row.patients },
      accompaniment: {
        companions: [{ owner: 'work', ask: ask1 }],
        messages: [],
        mustNotMatch: [await absence(context, destruction)],
      },
    };
  },
});

const CUSTODIAN = {
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', code: 'custodian' }],
};
