/** `$deliver` by a link: whoever has it and the passcode, which goes another way, gets the package at an address of this server (link-route.ts). */
import { parseGivenDateTime } from '../../../fhir/datetime.js';
import { linkRecords } from '../../../interactions/handing-out.js';
import { badParameter } from '../../../interactions/operations/parameters.js';
import type { DeliveryAsked, DeliveryWay } from './deliver-operation.js';
import { LINK_PATH } from './link-route.js';
import { keepLink, type ReleaseLink } from './links.js';
import { faultOfPasscode, hashOfPasscode } from './passcode.js';

const DAY = 86_400_000;
/** Days. */
const LASTS = { usually: 30, most: 90 };
const DOWNLOADS = { usually: 5, most: 20 };
const TRIES = { usually: 5, most: 10 };

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
    const { hash, size, contentType } = document;
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
