/** `$deliver` by a link: whoever has it and the passcode, which goes another way, gets the package at an address of this server (link-route.ts). */
import { parseGivenDateTime } from '../../../fhir/datetime.js';
import { parseJson, STORED_JSON } from '../../../fhir/json/json.js';
import { isObject, itemsOf, type JsonObject, type Resource } from '../../../fhir/resource.js';
import type { Context } from '../../../interactions/engine.js';
import { bytesStored, linkRecords, type HandedBytes } from '../../../interactions/handing-out.js';
import { badParameter } from '../../../interactions/operations/parameters.js';
import type { DeliveryAsked, DeliveryWay } from './deliver-operation.js';
import { localTarget, refuseDelivery, type ReleasedPackage } from './delivery.js';
import { LINK_PATH } from './link-route.js';
import { keepLink, type ReleaseLink } from './links.js';
import { faultOfPasscode, hashOfPasscode } from './passcode.js';

const DAY = 86_400_000;
/** Days. */
const LASTS = { usually: 30, most: 90 };
const DOWNLOADS = { usually: 5, most: 20 };
const TRIES = { usually: 5, most: 10 };

const attachmentOf = ({ content }: Resource): JsonObject => {
  const [first] = itemsOf(content);
  const attachment = isObject(first) ? first['attachment'] : undefined;
  return isObject(attachment) ? attachment : {};
};

/** The bytes of a package as they were released: in its Binary, or in the document itself. Throws `unprocessable`. */
export async function bytesOfPackage(
  { view, engine }: Pick<Context, 'view' | 'engine'>,
  { id, sha256 }: ReleasedPackage,
): Promise<HandedBytes & { readonly contentType: string }> {
  const row = await view.read('DocumentReference', id);
  const attachment = row?.text ? attachmentOf(parseJson(row.text, STORED_JSON).resource) : {};
  const { url, contentType } = attachment;
  const target = localTarget(typeof url === 'string' ? { reference: url } : undefined, engine.settings.bases);
  const holder = target?.type === 'Binary' ? await view.read('Binary', target.id) : row;
  const bytes = holder && bytesStored(holder);
  if (bytes && bytes.hash !== sha256)
    throw refuseDelivery(
      'The bytes of the package are not those that were released: reopen the request, and release it anew.',
      'Task.output',
      'package-changed',
    );
  if (bytes)
    return { ...bytes, contentType: typeof contentType === 'string' ? contentType : 'application/octet-stream' };
  throw refuseDelivery('The package has no bytes on this server.', 'Task.output', 'no-package');
}

const EXTENSIONS: Readonly<Record<string, string>> = {
  'application/pdf': 'pdf',
  'application/zip': 'zip',
  'application/fhir+json': 'json',
  'text/plain': 'txt',
};
const fileNameFor = (contentType: string): string =>
  `records.${EXTENSIONS[contentType.split(';')[0]!.trim().toLowerCase()] ?? 'bin'}`;

/** Throws `invalid`. */
function countGiven(
  { text, at }: DeliveryAsked,
  name: string,
  { usually, most }: { usually: number; most: number },
): number {
  const value = Number(text(name) ?? usually);
  if (value >= 1 && value <= most) return value;
  throw badParameter(`${name} is ${most} at most.`, at(name));
}

/** ms since 1970. Throws `invalid`. */
function endGiven({ text, at, now }: DeliveryAsked): number {
  const given = text('expires');
  if (given === undefined) return now + LASTS.usually * DAY;
  const end = parseGivenDateTime(given)!.high;
  if (end > now && end <= now + LASTS.most * DAY) return end;
  throw badParameter(`expires is in the future, and within ${LASTS.most} days.`, at('expires'));
}

/** How long a link lasts and how often it may be used. Throws `invalid`. */
export function linkTerms(asked: DeliveryAsked): Pick<ReleaseLink, 'expires' | 'downloads' | 'tries' | 'mostTries'> {
  const [downloads, tries] = [countGiven(asked, 'downloads', DOWNLOADS), countGiven(asked, 'tries', TRIES)];
  return { expires: endGiven(asked), downloads, tries, mostTries: tries };
}

/** Throws `invalid` for what is no passcode, or stands in an address. */
export function passcodeGiven({ text, at }: DeliveryAsked): string | undefined {
  const passcode = text('passcode');
  if (passcode === undefined) return undefined;
  if (at('passcode').startsWith('http.'))
    throw badParameter('A passcode stands in the body, never in an address. Choose another one.', at('passcode'));
  const fault = faultOfPasscode(passcode);
  if (fault !== undefined) throw badParameter(fault, at('passcode'));
  return passcode;
}

export const LINK_WAY: DeliveryWay = {
  parameters: ['passcode', 'expires', 'downloads', 'tries'],
  async prepare(asked) {
    const { context, at, document, delivery, now, patient } = asked;
    const passcode = passcodeGiven(asked);
    if (passcode === undefined) throw badParameter('A link needs the parameter passcode.', at('passcode'));
    const terms = linkTerms(asked);
    const { hash, size, contentType } = await bytesOfPackage(context, document);
    const link: ReleaseLink = {
      ...{ form: 'page', hash, size, contentType, fileName: fileNameFor(contentType) },
      ...{ passcode: await hashOfPasscode(passcode), document: document.id, patient, delivery, ...terms },
    };
    const token = await keepLink(linkRecords(context.engine), link, now);
    const until = new Date(terms.expires).toISOString();
    const root = context.engine.settings.base.replace(/\/fhir$/, '');
    return {
      details: { expires: until, downloads: terms.downloads, tries: terms.tries },
      answer: [
        { name: 'link', valueUrl: `${root}${LINK_PATH}#${token}` },
        { name: 'expires', valueInstant: until },
      ],
    };
  },
};
