/**
 * `$deliver` to the record system of another house: the package as a transaction by which documents are provided (IHE MHD, ITI-65), to one of the receivers that
 * the file of CHARTROOM_RECEIVERS names, and to nobody else. What it answered is the proof. https://profiles.ihe.net/ITI/MHD/4.2.3/ITI-65.html
 */
import { createHash } from 'node:crypto';
import { FhirError } from '../../../fhir/error.js';
import { identifierToTell } from '../../../fhir/identifier.js';
import { parseJson, STORED_JSON } from '../../../fhir/json/json.js';
import { readSettingsFile } from '../../../fhir/json/settings-file.js';
import { isObject, itemsOf, type Json, type JsonObject } from '../../../fhir/resource.js';
import { bytesHandedOut } from '../../../interactions/handing-out.js';
import { jsonText } from '../../../interactions/operations/operation.js';
import { badParameter } from '../../../interactions/operations/parameters.js';
import type { Outgoing, OutgoingRequest } from '../../../outgoing/client.js';
import { ConfigError } from '../../../platform/config.js';
import { refuseDelivery } from './delivery.js';
import { fullNameOf } from '../package-order.js';
import type { DeliveryAsked, DeliveryWay } from './deliver-operation.js';
import { type DeliverySender, sendLater } from './sending.js';

export interface Receiver {
  /** Address of its FHIR. */
  readonly base: string;
  /** As the header Authorization has it. */
  readonly authorization?: string;
  /** A network that is not the internet's and where its name leads: `10.1.0.0/16`. */
  readonly network?: string;
}

export type Receivers = ReadonlyMap<string, Receiver>;

const isTextOrNone = (value: Json | undefined): boolean => value === undefined || typeof value === 'string';

/** Throws ConfigError that names what is wrong. */
export function readReceivers(file: string): Receivers {
  if (file === '') return new Map();
  const value = readSettingsFile(file, 'The file of receivers');
  if (!isObject(value)) throw new ConfigError(`The file of receivers, ${file}, is an object of them by their names.`);
  for (const [name, each] of Object.entries(value)) {
    if (
      !isObject(each) ||
      typeof each['base'] !== 'string' ||
      !/^https?:/.test(each['base']) ||
      !URL.canParse(each['base'])
    )
      throw new ConfigError(`The receiver ${name} in ${file} has no base: the address of its FHIR.`);
    for (const member of ['authorization', 'network'])
      if (!isTextOrNone(each[member])) throw new ConfigError(`${member} of the receiver ${name} in ${file} is a text.`);
  }
  return new Map(Object.entries(value as unknown as Record<string, Receiver>));
}

/** As the list of hosts that may be asked has them. */
export const hostsOf = (receivers: Receivers): readonly string[] => [
  ...new Set([...receivers.values()].map(({ base }) => hostLine(new URL(base)))),
];
const hostLine = ({ protocol, host }: URL): string => (protocol === 'http:' ? `http://${host}` : host);

export const networksOf = (receivers: Receivers): readonly string[] => [
  ...new Set([...receivers.values()].flatMap(({ network }) => network ?? [])),
];

/** What is sent is held in memory as a whole. */
const MOST_BYTES = 16 * 1024 * 1024;

export const ehrWay = (receivers: Receivers): DeliveryWay => ({
  parameters: ['receiver'],
  async prepare(asked) {
    const { text, at, document } = asked;
    const receiver = text('receiver') ?? '';
    if (!receivers.has(receiver))
      throw badParameter(`receiver is one of ${[...receivers.keys()].join(', ')}.`, at('receiver'));
    if (document.size > MOST_BYTES)
      throw refuseDelivery(
        'The package is too large to be sent to another system.',
        'Task.output',
        'package-too-large',
      );
    const { hash, size, contentType } = document;
    const subject = await subjectOf(asked);
    const sent = new Date(asked.now).toISOString();
    await sendLater(asked, 'ehr', { receiver, hash, size, contentType, sent, ...(subject ? { subject } : {}) });
    return { details: { receiver } };
  },
});

/** Whose it is, as another house knows them: an identifier and the name. */
async function subjectOf({ context: { view }, patient }: DeliveryAsked): Promise<JsonObject | undefined> {
  const row = await view.read('Patient', patient);
  if (!row?.text) return undefined;
  const { identifier, name } = parseJson(row.text, STORED_JSON).resource;
  const known = identifierToTell(itemsOf(identifier));
  const display = fullNameOf(itemsOf(name)[0]);
  return {
    ...(known ? { identifier: { system: known['system']!, value: known['value']! } } : {}),
    ...(display === undefined ? {} : { display }),
  };
}

const FHIR_JSON = 'application/fhir+json';

/** Its identifier is of this delivery alone, so that an attempt before has brought it. https://profiles.ihe.net/ITI/TF/Volume3/ch-4.2.html#4.2.4 */
const DUPLICATE = 'XDSDuplicateUniqueIdInRegistry';

export const ehrSender =
  (receivers: Receivers, client: Outgoing): DeliverySender =>
  async (caller, told, id) => {
    const { receiver: name, hash, size } = told;
    const receiver = receivers.get(jsonText(name));
    if (!receiver) throw new FhirError('unprocessable', 'The server does not know this receiver any more.');
    const parts: Buffer[] = [];
    for await (const part of await bytesHandedOut(caller.engine, { hash: jsonText(hash), size: Number(size) }))
      parts.push(part);
    const bundle = providedDocuments(id, told, Buffer.concat(parts));
    const request: OutgoingRequest = {
      ...{ method: 'POST', body: JSON.stringify(bundle), trace: { requestId: caller.requestId } },
      headers: { 'Content-Type': FHIR_JSON, Accept: FHIR_JSON, Prefer: 'return=minimal' },
      ...(receiver.authorization === undefined ? {} : { credentials: { Authorization: receiver.authorization } }),
    };
    const { status, body } = await client.read(receiver.base, request, async answer => ({
      status: answer.status,
      body: await readable(answer.body),
    }));
    if (status >= 500 || status === 429) throw new FhirError('unavailable', `The receiver answered ${status}.`);
    if (status === 409 && body.includes(DUPLICATE)) return `${status} it has the document already`;
    if (status >= 300) throw new FhirError('unprocessable', `The receiver answered ${status}.`);
    return [status, ...locationsIn(body)].join(' ');
  };

/** As far as it can be read: the head of the answer has said already whether the package was taken. */
async function readable(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  try {
    for await (const part of body) parts.push(part);
  } catch {
    // It is too large, or breaks off.
  }
  return Buffer.concat(parts);
}

/** Where it has put what was sent. */
function locationsIn(body: Buffer): readonly string[] {
  try {
    const answer = JSON.parse(body.toString()) as Json;
    return (isObject(answer) ? itemsOf(answer['entry']) : []).flatMap(each => {
      const response = isObject(each) ? each['response'] : undefined;
      const location = isObject(response) ? response['location'] : undefined;
      return typeof location === 'string' ? [location] : [];
    });
  } catch {
    return [];
  }
}

const MHD = 'https://profiles.ihe.net/ITI/MHD';
const URIS = 'urn:ietf:rfc:3986';

/** A UUID that is the same for the same delivery: https://www.rfc-editor.org/rfc/rfc9562#section-5.8 */
function uuidOf(id: string, part: string): string {
  const hex = createHash('sha256').update(`${part}/${id}`).digest('hex');
  return `urn:uuid:${[hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-')}`;
}

/** SubmissionSet, DocumentReference and Binary. `id`: of the delivery; what is sent again has the same identifiers. */
function providedDocuments(id: string, { contentType, subject, sent }: JsonObject, bytes: Buffer): JsonObject {
  const [list = '', document = '', binary = ''] = ['set', 'document', 'binary'].map(part => uuidOf(id, part));
  // Whoever has taken it once makes no second one: https://hl7.org/fhir/R4/http.html#ccreate
  const posted = (resource: JsonObject, fullUrl: string, identified?: string): JsonObject => ({
    ...{ fullUrl, resource },
    request: {
      ...{ method: 'POST', url: jsonText(resource['resourceType']) },
      ...(identified === undefined ? {} : { ifNoneExist: `identifier=${encodeURIComponent(`${URIS}|${identified}`)}` }),
    },
  });
  const about: JsonObject = { date: jsonText(sent), ...(isObject(subject) ? { subject } : {}) };
  return {
    resourceType: 'Bundle',
    meta: { profile: [`${MHD}/StructureDefinition/IHE.MHD.Minimal.ProvideBundle`] },
    type: 'transaction',
    entry: [
      posted(
        {
          resourceType: 'List',
          extension: [
            {
              url: `${MHD}/StructureDefinition/ihe-designationType`,
              valueCodeableConcept: { coding: [{ system: 'http://snomed.info/sct', code: '225728007' }] },
            },
            { url: `${MHD}/StructureDefinition/ihe-sourceId`, valueIdentifier: { value: 'urn:chartroom:release' } },
          ],
          identifier: [{ use: 'usual', system: URIS, value: uuidOf(id, 'submission') }],
          ...{ status: 'current', mode: 'working' },
          code: { coding: [{ system: `${MHD}/CodeSystem/MHDlistTypes`, code: 'submissionset' }] },
          ...about,
          entry: [{ item: { reference: document } }],
        },
        list,
        uuidOf(id, 'submission'),
      ),
      posted(
        {
          resourceType: 'DocumentReference',
          masterIdentifier: { system: URIS, value: uuidOf(id, 'master') },
          status: 'current',
          ...about,
          description: 'Released records',
          content: [
            {
              attachment: {
                ...{ contentType: jsonText(contentType), url: binary, size: bytes.length },
                hash: createHash('sha1').update(bytes).digest('base64'),
              },
            },
          ],
        },
        document,
        uuidOf(id, 'master'),
      ),
      posted({ resourceType: 'Binary', contentType: jsonText(contentType), data: bytes.toString('base64') }, binary),
    ],
  };
}
