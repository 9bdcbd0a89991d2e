/**
 * `Task/[id]/$deliver`: released records reach whoever asked for them, and what proves it is kept: of paper who took it, by hand also which identity document was
 * seen. Other ways are in files of their own (link-way.ts). Defined in profiles/release/operationdefinition-deliver.json
 */
import { itemsOf, type JsonObject } from '../../../fhir/resource.js';
import type { Context, OperationImplementation } from '../../../interactions/engine.js';
import type { Companion } from '../../../interactions/interaction.js';
import { jsonText } from '../../../interactions/operations/operation.js';
import { badParameter, type GivenParameter, readGiven } from '../../../interactions/operations/parameters.js';
import { newId } from '../../../platform/ids.js';
import { type CheckGround, readRequest } from '../check-operation.js';
import { DELIVERY_OUTPUT, outputOf } from '../request-task.js';
import {
  type DeliveryDetails,
  type DeliveryMethod,
  deliveryTold,
  localTarget,
  type ReleasedPackage,
  releasedPackage,
} from './delivery.js';

/** What one way of delivering does beside. */
export interface DeliveryWay {
  /** Parameters that it has beside `method`. */
  readonly parameters: readonly string[];
  /** Throws FhirError for what is missing or cannot be meant. */
  prepare(asked: DeliveryAsked): PreparedDelivery | Promise<PreparedDelivery>;
}

export interface DeliveryAsked {
  readonly context: Context;
  readonly text: (name: string) => string | undefined;
  readonly at: (name: string) => string;
  /** The package. */
  readonly document: ReleasedPackage;
  readonly task: string;
  /** Id of the Patient. */
  readonly patient: string;
  /** Id of the Communication that will tell of it. */
  readonly delivery: string;
  readonly now: number;
}

interface PreparedDelivery {
  /** What the Communication says of it. */
  readonly details: DeliveryDetails;
  /** What is committed with it. */
  readonly companions?: readonly Companion[];
  /** What is told to whoever asked, and to nobody else. */
  readonly answer?: readonly JsonObject[];
}

export type DeliveryWays = Readonly<Partial<Record<DeliveryMethod, DeliveryWay>>>;

const LONGEST = 200;

/** A text that must be there. Throws `invalid`. */
function neededText({ text, at }: DeliveryAsked, name: string, why: string): string {
  const value = text(name)?.trim() ?? '';
  if (value !== '' && value.length <= LONGEST) return value;
  throw badParameter(`${why} It needs the parameter ${name}, of ${LONGEST} characters at most.`, at(name));
}

/** On paper, by mail or a courier: who took it on its way is the proof. */
const PRINT: DeliveryWay = {
  parameters: ['taken-by'],
  prepare: asked => ({ details: { 'taken-by': neededText(asked, 'taken-by', 'Who took the paper?') } }),
};

/** Whoever takes it shows who they are: 45 CFR 164.514(h). Of the document its kind is kept, not its number. */
const HAND: DeliveryWay = {
  parameters: ['taken-by', 'identity-document'],
  prepare: asked => ({
    details: {
      'taken-by': neededText(asked, 'taken-by', 'Who took it?'),
      'identity-document': neededText(asked, 'identity-document', 'Which identity document was seen?'),
    },
  }),
};

export const WAYS_ON_PAPER: DeliveryWays = { print: PRINT, hand: HAND };

export const deliverOperation = (ground: CheckGround, ways: DeliveryWays): OperationImplementation => ({
  async run(context, ask) {
    const { given } = readGiven(context.engine, ask);
    const find = (name: string): GivenParameter | undefined => given.find(each => each.name === name);
    const method = jsonText(find('method')!.value) as DeliveryMethod;
    const way = Object.hasOwn(ways, method) ? ways[method] : undefined;
    if (!way) throw badParameter(`method is one of ${Object.keys(ways).join(', ')}.`, find('method')!.at);
    const strange = given.find(({ name }) => name !== 'method' && !way.parameters.includes(name));
    if (strange) throw badParameter(`${method} has no parameter ${strange.name}.`, strange.at);
    const { row, task, decimals } = await readRequest(context, ask.id!);
    const document = await releasedPackage(context, task);
    const now = ground.now();
    const delivery = newId(now);
    const {
      details,
      answer = [],
      companions = [],
    } = await way.prepare({
      ...{ context, document, task: ask.id!, delivery, now },
      patient: localTarget(task['for'], ground.bases)?.id ?? '',
      text: name => find(name) && jsonText(find(name)!.value),
      at: name => find(name)?.at ?? 'Parameters.parameter',
    });
    const told = deliveryTold({ method, task: { id: ask.id!, resource: task }, document: document.id, details, now });
    const reference = { valueReference: { reference: `Communication/${delivery}` } };
    const resource = { ...task, output: [...itemsOf(task['output']), outputOf(DELIVERY_OUTPUT, reference)] };
    const ifMatch = [String(row.version)];
    const parameter = [{ name: 'delivery', ...reference }, ...answer];
    return {
      result: {
        ...{ status: 200, patients: row.patients },
        text: Buffer.from(JSON.stringify({ resourceType: 'Parameters', parameter })),
      },
      accompaniment: {
        companions: [
          ...companions.map(each => ({ owner: 'release', ask: each })),
          {
            owner: 'release',
            ask: { kind: 'update', type: 'Task', id: ask.id!, ifMatch, body: { resource, decimals } },
          },
          {
            owner: 'release',
            ask: {
              ...({ kind: 'create', own: true, type: 'Communication' } as const),
              ...{ id: delivery, body: { resource: told, decimals: undefined } },
            },
          },
        ],
        ...{ messages: [], mustNotMatch: [] },
      },
    };
  },
});
