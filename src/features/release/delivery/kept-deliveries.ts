/**
 * Deliveries that a request tells of: which one is meant, and that its Communication stays as it was made. It proves who got the records, and what became of it
 * is said by $delivery-outcome alone.
 */
import { FhirError } from '../../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../../fhir/json/json.js';
import { itemsOf, type Resource } from '../../../fhir/resource.js';
import type { Context } from '../../../interactions/engine.js';
import { badParameter, type GivenParameter } from '../../../interactions/operations/parameters.js';
import { readCurrent } from '../../../interactions/read.js';
import { type FeatureHook, isPurge } from '../../../interactions/write/hooks.js';
import {
  CLOSED_STATE,
  DELIVERY_OUTPUT,
  isRecordsRequest,
  outputsOfKind,
  RELEASED,
  requestState,
} from '../request-task.js';
import { deliveryDetail, isDelivery, localTarget } from './delivery.js';

/** Ids of the Communications. */
export const deliveriesOf = (task: Resource, bases: readonly string[]): string[] =>
  outputsOfKind(task, DELIVERY_OUTPUT).flatMap(each => localTarget(each['valueReference'], bases)?.id ?? []);

export interface MeantDelivery {
  /** Of a Communication. */
  readonly id: string;
  /** Undefined: it cannot be read. */
  readonly told: { readonly version: string; readonly resource: Resource } | undefined;
}

/** One of the deliveries of a request. Throws `invalid` where it is none, or that of another request. */
export async function deliveryMeant(
  context: Context,
  task: { readonly id: string; readonly resource: Resource },
  { value, at }: GivenParameter,
): Promise<MeantDelivery> {
  const { bases } = context.engine.settings;
  const target = localTarget(value, bases);
  const none = () => badParameter('delivery names no delivery of this request.', at);
  if (target?.type !== 'Communication' || !deliveriesOf(task.resource, bases).includes(target.id)) throw none();
  const row = await readCurrent(context, 'Communication', target.id).catch((error: unknown) => {
    if (error instanceof FhirError) return undefined;
    throw error;
  });
  if (!row) return { id: target.id, told: undefined };
  const { resource } = parseJson(row.text!, STORED_JSON);
  const isOfTask = (element: string): boolean =>
    itemsOf(resource[element]).some(each => {
      const about = localTarget(each, bases);
      return about?.type === 'Task' && about.id === task.id;
    });
  if (!isDelivery(resource) || !isOfTask('basedOn') || !isOfTask('about')) throw none();
  return { id: row.id, told: { version: String(row.version), resource } };
}

export const deliveryHook = (): FeatureHook => ({
  types: ['Communication'],
  prepare({ before, resource, agent, interaction }) {
    const former = before?.text ? parseJson(before.text, STORED_JSON).resource : undefined;
    if (agent === 'release' || isPurge({ interaction, resource }) || !former || !isDelivery(former)) return undefined;
    throw new FhirError(
      'unprocessable',
      'What tells of a delivery stays as it was made: say what became of it by $delivery-outcome of its request.',
      { expression: 'Communication.category', detail: 'delivery-kept' },
    );
  },
});

/** Ways by which the server sends: whether somebody has got it is known soon. */
const SENT: ReadonlySet<string | undefined> = new Set(['email', 'ehr']);

/** A request is not closed while a delivery of it is being sent: if that fails, the records are to be delivered otherwise. */
export const closingHook = (bases: readonly string[]): FeatureHook => ({
  types: ['Task'],
  async prepare({ resource: task, before, whole }) {
    const former = before?.text ? parseJson(before.text, STORED_JSON).resource : undefined;
    if (!task || !former || !isRecordsRequest(former) || !isClosing(former, task)) return undefined;
    for (const id of deliveriesOf(former, bases)) {
      const row = await whole('Communication', id);
      const told = row?.text ? parseJson(row.text, STORED_JSON).resource : undefined;
      if (told?.['status'] === 'in-progress' && SENT.has(deliveryDetail(told, 'method')))
        throw new FhirError(
          'unprocessable',
          'A delivery of this request is being sent: wait until its Communication says what came of it, or stop it by $delivery-outcome (revoked).',
          { expression: 'Task.output', detail: 'delivery-under-way' },
        );
    }
    return undefined;
  },
});

/** By its state or, as plain FHIR may say it, by its status alone. */
const isClosing = (former: Resource, task: Resource): boolean =>
  requestState(former).code === RELEASED &&
  (requestState(task).code === CLOSED_STATE || task['status'] === 'completed');
