/**
 * Where SMART Health Links lead: the manifest, a file that it names for some minutes, and the file itself where the link says so (flag U). The token stands in the
 * address, as the specification wants it: no log has these addresses, and events name the delivery instead.
 * https://build.fhir.org/ig/HL7/smart-health-cards-and-links/links-specification.html
 */
import { FhirError } from '../../../fhir/error.js';
import { isObject, type Json, type JsonObject } from '../../../fhir/resource.js';
import type { Caller, OutsideAnswer, OutsideCall, OutsideRoute } from '../../../interactions/engine.js';
import { bytesHandedOut, linkRecords } from '../../../interactions/handing-out.js';
import { recordRefusal } from '../../../interactions/perform.js';
import { recordDone } from '../../../interactions/recording.js';
import { asRecipient, countUse, isStillThere, nothingThere } from './link-route.js';
import { anyToken, keepTicket, type LinkUse, type ReleaseLink, takeTicket, tryLink } from './links.js';

export const HEALTH_LINK_PATH = '/health-links';
const FILES = `${HEALTH_LINK_PATH}/files`;
/** Bytes that are embedded where nobody says how many may be. */
const EMBEDDED = 1_000_000;
const MOST_BODY = 4096;
const JOSE = { 'Content-Type': 'application/jose' };

const common = {
  ...({ who: 'anybody', recorded: 'as-performed', logged: 'never', patience: 60_000 } as const),
  // Apps are pages of any origin; HEAD would use a link up.
  ...({ anyOrigin: true, usesUp: true } as const),
  headers: { 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' },
};

/** Without the token: events have no secrets. */
const asEvent = (caller: Caller, request: string, link?: ReleaseLink): Caller =>
  asRecipient({ ...caller, request }, link);

const packageOfLink = ({ document }: ReleaseLink) =>
  ({ kind: 'read', type: 'DocumentReference', id: document }) as const;

/** A call, as its event has it: `recipient` is what whoever asks calls themselves. */
interface Use {
  readonly caller: Caller;
  readonly request: string;
  readonly recipient?: string;
}

async function recordUse({ caller, request, recipient }: Use, link: ReleaseLink): Promise<void> {
  const result = { status: 200, patients: [link.patient] };
  const details = recipient === undefined ? undefined : [{ type: 'recipient', value: recipient }];
  await recordDone(asEvent(caller, request, link), packageOfLink(link), { result, details });
}

/** Characters of it that are kept. */
const MOST_RECIPIENT = 200;
/** Without control characters and halves of characters. */
const recipientIn = (text: string): string =>
  Array.from(text.replaceAll(/[\p{Cc}\p{Cs}]/gu, ' ').trim())
    .slice(0, MOST_RECIPIENT)
    .join('');

/** Method and address without the token, and who asks. */
const requestOfUse = (method: string, recipient: string): string =>
  `${method} ${HEALTH_LINK_PATH}?recipient=${encodeURIComponent(recipient)}`;

const refuseLink = (caller: Caller, request: string, link?: ReleaseLink): Promise<never> =>
  recordRefusal(
    asEvent(caller, request, link),
    link ? packageOfLink(link) : { kind: 'operation', operation: HEALTH_LINK_PATH },
    nothingThere(),
  );

/** A manifest request. Throws `invalid` for a body that is none. */
async function asked(call: OutsideCall): Promise<JsonObject> {
  let value: Json = null;
  try {
    value = JSON.parse((await call.body()).toString('utf8')) as Json;
  } catch (error) {
    if (error instanceof FhirError) throw error;
  }
  if (isObject(value) && typeof value['recipient'] === 'string' && value['recipient'].trim() !== '') return value;
  throw new FhirError('invalid', 'The body is JSON that names the recipient.', { detail: 'no-recipient' });
}

async function manifestOf(call: OutsideCall): Promise<OutsideAnswer> {
  const { caller, path } = call;
  const { engine } = caller;
  await countUse(caller);
  const body = await asked(call);
  const recipient = recipientIn(body['recipient'] as string);
  const request = requestOfUse('POST', recipient);
  const { passcode } = body;
  const used = await tryLink(linkRecords(engine), {
    ...({ form: 'manifest', token: path['token'] ?? '', now: engine.clock.now() } as const),
    passcode: typeof passcode === 'string' ? passcode : '',
  });
  if (!used.may) {
    if (used.why !== 'wrong-passcode') return refuseLink(caller, request, used.link);
    await refuseLink(caller, request, used.link).catch((error: unknown) => {
      if (!(error instanceof FhirError) || error.kind !== 'not-found') throw error;
    });
    const remainingAttempts = used.link!.tries;
    return {
      status: 401,
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ remainingAttempts }),
    };
  }
  const { link } = used;
  if (!(await isStillThere(engine, link))) return refuseLink(caller, request, link);
  const most = body['embeddedLengthMax'];
  const isSmall = link.size <= (typeof most === 'number' ? most : EMBEDDED);
  const content: JsonObject = isSmall
    ? { embedded: await encryptedText(engine, link) }
    : { location: await locationOf(engine, used) };
  await recordUse({ caller, request, recipient }, link);
  const file = { contentType: 'application/fhir+json', status: 'finalized', fhirVersion: '4.0.1', ...content };
  return { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ files: [file] }) };
}

async function encryptedText(engine: Caller['engine'], link: ReleaseLink): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of await bytesHandedOut(engine, link)) parts.push(part);
  return Buffer.concat(parts).toString('latin1');
}

async function locationOf(engine: Caller['engine'], used: Extract<LinkUse, { may: true }>): Promise<string> {
  const ticket = anyToken();
  await keepTicket(linkRecords(engine), ticket, used);
  return `${engine.settings.base.replace(/\/fhir$/, '')}${FILES}/${ticket}`;
}

async function sendFile(use: Use, link: ReleaseLink): Promise<OutsideAnswer> {
  const { caller, request } = use;
  if (!(await isStillThere(caller.engine, link))) return refuseLink(caller, request, link);
  const bytes = await bytesHandedOut(caller.engine, link);
  await recordUse(use, link);
  return { headers: JOSE, stream: { bytes, size: link.size } };
}

/** With the flag U. */
async function directFile({ caller, path, parameters }: OutsideCall): Promise<OutsideAnswer> {
  const { engine } = caller;
  await countUse(caller);
  const recipient = recipientIn(parameters().find(([name]) => name === 'recipient')?.[1] ?? '');
  if (recipient === '')
    throw new FhirError('invalid', 'Who asks? The parameter recipient says it.', {
      ...{ expression: 'http.recipient', detail: 'no-recipient' },
    });
  const request = requestOfUse('GET', recipient);
  const used = await tryLink(linkRecords(engine), {
    ...({ form: 'direct', passcode: '', token: path['token'] ?? '', now: engine.clock.now() } as const),
  });
  return used.may ? sendFile({ caller, request, recipient }, used.link) : refuseLink(caller, request, used.link);
}

async function ticketFile({ caller, path }: OutsideCall): Promise<OutsideAnswer> {
  const request = `GET ${FILES}`;
  await countUse(caller);
  const link = await takeTicket(linkRecords(caller.engine), path['ticket'] ?? '', caller.engine.clock.now());
  return link ? sendFile({ caller, request }, link) : refuseLink(caller, request);
}

/** Characters of an address, as the specification has it: QR codes hold no more. */
const MOST_ADDRESS = 128;

/** Where a link leads. Throws `unprocessable` where the address of the server leaves too little room. */
export function healthLinkAddress(base: string, token: string): string {
  const address = `${base.replace(/\/fhir$/, '')}${HEALTH_LINK_PATH}/${token}`;
  if (address.length <= MOST_ADDRESS) return address;
  throw new FhirError(
    'unprocessable',
    `The address of a SMART Health Link has ${MOST_ADDRESS} characters at most: deliver another way, or give the server a shorter CHARTROOM_BASE_URL.`,
    { expression: 'Parameters.parameter', detail: 'address-too-long' },
  );
}

export const healthLinkRoutes: readonly OutsideRoute[] = [
  {
    ...common,
    path: `${HEALTH_LINK_PATH}/{token}`,
    methods: ['GET', 'POST'],
    maxBody: MOST_BODY,
    answer: call => (call.method === 'GET' ? directFile(call) : manifestOf(call)),
  },
  { ...common, path: `${FILES}/{ticket}`, methods: ['GET'], answer: ticketFile },
];
