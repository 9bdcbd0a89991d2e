/**
 * A delivery of released records as a Communication, and as an output of its request: how, to whom, and what proves it. What it says of a link is no secret
 * (links.ts has what is). https://hl7.org/fhir/R4/communication.html
 */
import { FhirError } from '../../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../../fhir/json/json.js';
import { parseReference } from '../../../fhir/reference.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../../fhir/resource.js';
import type { Context } from '../../../interactions/engine.js';
import { bytesStored, type HandedBytes } from '../../../interactions/handing-out.js';
import { isReleased, sha256In } from '../chosen.js';
import { outputsOfKind, PACKAGE_OUTPUT, RELEASED, requestState } from '../request-task.js';

/** What a delivery says of itself: parts `code` and a value. */
const DETAIL_URL = 'urn:chartroom:delivery';
const COMMUNICATION_CODES = 'urn:chartroom:communication';

export type DeliveryMethod = 'print' | 'hand' | 'link' | 'health-link' | 'email' | 'ehr';

/** Codes of http://terminology.hl7.org/CodeSystem/v3-ParticipationMode. */
const MEDIUM: Readonly<Record<DeliveryMethod, string>> = {
  print: 'WRITTEN',
  hand: 'PHYSICAL',
  link: 'ONLINEWRIT',
  'health-link': 'ONLINEWRIT',
  email: 'EMAILWRIT',
  ehr: 'ELECTRONIC',
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

/** The package of a released request: its bytes as they were released. */
export interface ReleasedPackage extends HandedBytes {
  /** Of its DocumentReference. */
  readonly id: string;
  readonly contentType: string;
}

const attachmentOf = ({ content }: Resource): JsonObject => {
  const [first] = itemsOf(content);
  const attachment = isObject(first) ? first['attachment'] : undefined;
  return isObject(attachment) ? attachment : {};
};

/** Throws `unprocessable` where nothing was released, or what is there is not what was. */
export async function releasedPackage(
  { view, engine }: Pick<Context, 'view' | 'engine'>,
  task: Resource,
): Promise<ReleasedPackage> {
  if (requestState(task).code !== RELEASED)
    throw refuseDelivery('Records are delivered once they are released.', 'Task.businessStatus', 'not-released');
  const { bases } = engine.settings;
  const output = outputsOfKind(task, PACKAGE_OUTPUT).findLast(isReleased);
  const target = localTarget(output?.['valueReference'], bases);
  const row = target?.type === 'DocumentReference' ? await view.read(target.type, target.id) : undefined;
  if (!output || !row?.text)
    throw refuseDelivery('The request has no package that can be read.', 'Task.output', 'no-package');
  const { url, contentType } = attachmentOf(parseJson(row.text, STORED_JSON).resource);
  const holder = localTarget(typeof url === 'string' ? { reference: url } : undefined, bases);
  const bytes = bytesStored((holder?.type === 'Binary' ? await view.read('Binary', holder.id) : undefined) ?? row);
  if (!bytes) throw refuseDelivery('The package has no bytes on this server.', 'Task.output', 'no-package');
  if (bytes.hash !== sha256In(output))
    throw refuseDelivery(
      'The bytes of the package are not those that were released: reopen the request, and release it anew.',
      'Task.output',
      'package-changed',
    );
  return {
    ...bytes,
    id: row.id,
    contentType: typeof contentType === 'string' ? contentType : 'application/octet-stream',
  };
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

/** A part of what a delivery says of itself. */
export const detailOfDelivery = (code: string, value: string | number): JsonObject => ({
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
      detailOfDelivery('method', method),
      ...Object.entries(details).flatMap(([code, value]) =>
        value === undefined ? [] : [detailOfDelivery(code, value)],
      ),
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
