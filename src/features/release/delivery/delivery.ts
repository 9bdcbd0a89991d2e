/**
 * A delivery of released records as a Communication, and as an output of its request: how, to whom, and what proves it. What it says of a link is no secret
 * (links.ts has what is). https://hl7.org/fhir/R4/communication.html
 */
import { FhirError } from '../../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../../fhir/json/json.js';
import { parseReference } from '../../../fhir/reference.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../../fhir/resource.js';
import type { Context } from '../../../interactions/engine.js';
import { sha256In } from '../chosen.js';
import { outputsOfKind, PACKAGE_OUTPUT, RELEASED, requestState } from '../request-task.js';

/** What a delivery says of itself: parts `code` and a value. */
const DETAIL_URL = 'urn:chartroom:delivery';
const COMMUNICATION_CODES = 'urn:chartroom:communication';

export type DeliveryMethod = 'print' | 'hand' | 'link' | 'health-link';

/** Codes of http://terminology.hl7.org/CodeSystem/v3-ParticipationMode. */
const MEDIUM: Readonly<Record<DeliveryMethod, string>> = {
  print: 'WRITTEN',
  hand: 'PHYSICAL',
  link: 'ONLINEWRIT',
  'health-link': 'ONLINEWRIT',
};

export const refuseDelivery = (text: string, expression: string, detail: string): FhirError =>
  new FhirError('unprocessable', text, { expression, detail });

/** Where a reference leads on this server. */
export function localTarget(
  reference: Json | undefined,
  bases: readonly string[],
): { readonly type: string; readonly id: string } | undefined {
  const text = isObject(reference) && typeof reference['reference'] === 'string' ? reference['reference'] : '';
  const target = parseReference(text, bases);
  return target?.kind === 'local' ? { type: target.type, id: target.id } : undefined;
}

export interface ReleasedPackage {
  /** Of its DocumentReference. */
  readonly id: string;
  readonly document: Resource;
  /** Of its bytes as they were released, in hexadecimal. */
  readonly sha256: string | undefined;
}

/** The DocumentReference of the package of a released request. Throws `unprocessable` where nothing was released. */
export async function releasedPackage(
  { view, engine }: Pick<Context, 'view' | 'engine'>,
  task: Resource,
): Promise<ReleasedPackage> {
  if (requestState(task).code !== RELEASED)
    throw refuseDelivery('Records are delivered once they are released.', 'Task.businessStatus', 'not-released');
  const last = outputsOfKind(task, PACKAGE_OUTPUT).at(-1);
  const target = localTarget(last?.['valueReference'], engine.settings.bases);
  const row = target?.type === 'DocumentReference' ? await view.read(target.type, target.id) : undefined;
  if (row?.text)
    return { id: row.id, document: parseJson(row.text, STORED_JSON).resource, sha256: last && sha256In(last) };
  throw refuseDelivery('The request has no package that can be read.', 'Task.output', 'no-package');
}

/** What a delivery says beside; undefined is left out. */
export type DeliveryDetails = Readonly<Record<string, string | number | undefined>>;

export interface DeliveryMade {
  readonly method: DeliveryMethod;
  readonly task: { readonly id: string; readonly resource: Resource };
  /** Id of a DocumentReference. */
  readonly document: string;
  readonly details: DeliveryDetails;
  /** ms since 1970. */
  readonly now: number;
}

const detailOf = (code: string, value: string | number): JsonObject => ({
  url: DETAIL_URL,
  extension: [
    { url: 'code', valueCode: code },
    typeof value === 'number' ? { url: 'value', valueInteger: value } : { url: 'value', valueString: value },
  ],
});

export function deliveryTold({ method, task, document, details, now }: DeliveryMade): Resource {
  const { for: subject, requester } = task.resource;
  const at = new Date(now).toISOString();
  const about = { reference: `Task/${task.id}` };
  const isDone = method === 'print' || method === 'hand';
  return {
    resourceType: 'Communication',
    extension: [
      detailOf('method', method),
      ...Object.entries(details).flatMap(([code, value]) => (value === undefined ? [] : [detailOf(code, value)])),
    ],
    basedOn: [about],
    status: isDone ? 'completed' : 'in-progress',
    category: [{ coding: [{ system: COMMUNICATION_CODES, code: 'delivery', display: 'Delivery' }] }],
    medium: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationMode', code: MEDIUM[method] }] },
    ],
    ...(isObject(subject) ? { subject } : {}),
    about: [about],
    sent: at,
    ...(isObject(requester) ? { recipient: [requester] } : {}),
    payload: [{ contentReference: { reference: `DocumentReference/${document}` } }],
  };
}

export const isDelivery = ({ resourceType, category }: Resource): boolean =>
  resourceType === 'Communication' &&
  itemsOf(category).some(
    each =>
      isObject(each) &&
      itemsOf(each['coding']).some(
        coding => isObject(coding) && coding['system'] === COMMUNICATION_CODES && coding['code'] === 'delivery',
      ),
  );

/** What a delivery says of itself under a code. */
export function deliveryDetail({ extension }: Resource, code: string): string | undefined {
  const parts = itemsOf(extension)
    .filter(isObject)
    .filter(({ url }) => url === DETAIL_URL)
    .map(each => itemsOf(each['extension']).filter(isObject));
  const named = parts.find(each => each.some(({ url, valueCode }) => url === 'code' && valueCode === code));
  const value = named?.find(({ url }) => url === 'value')?.['valueString'];
  return typeof value === 'string' ? value : undefined;
}
