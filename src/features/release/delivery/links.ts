/**
 * Links to what was released, as records of the store. A link is a token of 256 random bits, of which the hash alone is kept; it has a passcode, an end, and so
 * many tries and downloads, which are counted before anything is looked at, so that two who ask at once cannot both have the last one.
 */
import { createHash, randomBytes } from 'node:crypto';
import { FhirError } from '../../../fhir/error.js';
import { isObject, type Json } from '../../../fhir/resource.js';
import type { LinkRecords, HandedBytes } from '../../../interactions/handing-out.js';
import { realNow } from '../../../platform/real-time.js';
import { isPasscode } from './passcode.js';

const LINK_KIND = 'release-link';
const DAY = 86_400_000;

/** Where a link leads: to the page that asks for its passcode, to the manifest of a SMART Health Link, or to its one file. */
export type LinkForm = 'page' | 'manifest' | 'direct';

export interface ReleaseLink extends HandedBytes {
  readonly form: LinkForm;
  /** Hash of the passcode; undefined: there is none, as SMART Health Links may be. */
  readonly passcode?: string | undefined;
  readonly contentType: string;
  readonly fileName: string;
  /** Ids: of the DocumentReference of the package, of the patient, of the Communication. */
  readonly document: string;
  readonly patient: string;
  readonly delivery: string;
  /** ms since 1970, by the clock that users see. */
  readonly expires: number;
  readonly mostTries: number;
  /** What is left. */
  readonly tries: number;
  readonly downloads: number;
}

const idOfToken = (token: string): string => createHash('sha256').update(token).digest('hex');
const groupOfDelivery = (delivery: string): string => `release-delivery-${delivery}`;
const isLink = (value: Json): boolean => isObject(value) && typeof value['expires'] === 'number';

const recordOf = (id: string, link: ReleaseLink, now: number) => ({
  ...{ kind: LINK_KIND, id, value: JSON.stringify(link), group: groupOfDelivery(link.delivery) },
  // A clock that is set back later has it no longer than a day.
  expires: realNow() + Math.max(0, link.expires - now) + DAY,
});

/** Of 256 random bits. */
export const anyToken = (): string => randomBytes(32).toString('base64url');

/** The token, which is told to whoever asked for the link, and kept nowhere. */
export async function keepLink(records: LinkRecords, link: ReleaseLink, now: number): Promise<string> {
  const token = anyToken();
  if ((await records.put(recordOf(idOfToken(token), link, now), null)) !== undefined) return token;
  throw new FhirError('unavailable', 'The link could not be kept: try again.');
}

/** Nobody gets anything by the links of a delivery from now on. */
export const revokeLinks = (records: LinkRecords, delivery: string): Promise<number> =>
  records.remove(groupOfDelivery(delivery));

interface FoundLink {
  readonly id: string;
  readonly link: ReleaseLink;
  readonly revision: string;
}

interface LinkMeant {
  readonly id: string;
  readonly form: LinkForm;
  readonly now: number;
}

/** A link that is neither over nor used up; undefined: there is none. */
async function liveLink(records: LinkRecords, { id, form, now }: LinkMeant): Promise<FoundLink | undefined> {
  const record = await records.get(LINK_KIND, id);
  if (!record) return undefined;
  const value = JSON.parse(record.value) as Json;
  if (!isLink(value)) return undefined;
  const link = value as unknown as ReleaseLink;
  return link.form === form && link.expires > now && link.downloads > 0
    ? { id, link, revision: record.revision }
    : undefined;
}

/** Of those who change a link at once one is first: the others look again. */
const MOST_TURNS = 50;

/** `change`: undefined leaves it. Undefined: the link is not there any more, or was left. */
async function changeLink(
  records: LinkRecords,
  meant: LinkMeant,
  change: (link: ReleaseLink) => ReleaseLink | undefined,
): Promise<ReleaseLink | undefined> {
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    const found = await liveLink(records, meant);
    const changed = found && change(found.link);
    if (!changed) return undefined;
    if ((await records.put(recordOf(meant.id, changed, meant.now), found.revision)) !== undefined) return changed;
  }
  throw new FhirError('throttled', 'This link is used too often just now: try again.', { retryAfter: 5 });
}

export type LinkUse =
  /** `id`: of its record. */
  | { readonly may: true; readonly id: string; readonly link: ReleaseLink }
  /** `link`: the one that was tried, where there is one. */
  | { readonly may: false; readonly why: 'unknown' | 'wrong-passcode' | 'no-tries'; readonly link?: ReleaseLink };

interface LinkAsked {
  readonly token: string;
  readonly passcode: string;
  readonly form: LinkForm;
  /** ms since 1970. */
  readonly now: number;
}

/**
 * Somebody tries a link; it has a download less then. Of a link with a passcode that is unknown, over, used up or revoked the answer takes as long as of one whose
 * passcode is another one. Throws `throttled`.
 */
export async function tryLink(records: LinkRecords, { token, passcode, form, now }: LinkAsked): Promise<LinkUse> {
  const meant = { id: idOfToken(token), form, now };
  const found = await liveLink(records, meant);
  const isOpen = form !== 'page' && (form === 'direct' || (found !== undefined && found.link.passcode === undefined));
  if (!isOpen) {
    const refused = await tryPasscode(records, meant, { found: found?.link, passcode });
    if (refused) return refused;
  }
  const link = await changeLink(records, meant, ({ downloads, mostTries, tries, ...rest }) => ({
    ...{ ...rest, mostTries, downloads: downloads - 1 },
    // Of a SMART Health Link all wrong passcodes of its life count; this one was right.
    tries: form === 'page' ? mostTries : isOpen ? tries : Math.min(mostTries, tries + 1),
  }));
  return link ? { may: true, id: meant.id, link } : { may: false, why: 'unknown' };
}

/** Undefined: it is the right one, and a try was taken for it, as for each. */
async function tryPasscode(
  records: LinkRecords,
  meant: LinkMeant,
  { found, passcode }: { readonly found: ReleaseLink | undefined; readonly passcode: string },
): Promise<LinkUse | undefined> {
  if (found && found.tries <= 0) return { may: false, why: 'no-tries', link: found };
  const tried = await changeLink(records, meant, link =>
    link.tries > 0 ? { ...link, tries: link.tries - 1 } : undefined,
  );
  const isRight = await isPasscode(tried?.passcode, passcode).catch(async (error: unknown) => {
    // It was not looked at.
    if (tried) await changeLink(records, meant, link => ({ ...link, tries: Math.min(link.mostTries, link.tries + 1) }));
    throw error;
  });
  if (isRight) return undefined;
  return tried ? { may: false, why: 'wrong-passcode', link: tried } : { may: false, why: 'unknown' };
}

const TICKET_KIND = 'release-link-file';
/** ms. */
const TICKET_LASTS = 5 * 60_000;

/** For one use, some minutes long, while the link is there. */
export async function keepTicket(
  records: LinkRecords,
  ticket: string,
  { id, link }: Pick<Extract<LinkUse, { may: true }>, 'id' | 'link'>,
): Promise<void> {
  const value = JSON.stringify({ id, link } satisfies KeptTicket);
  const group = groupOfDelivery(link.delivery);
  await records.put({ kind: TICKET_KIND, id: idOfToken(ticket), value, group, expires: realNow() + TICKET_LASTS });
}

interface KeptTicket {
  /** Of the link. */
  readonly id: string;
  readonly link: ReleaseLink;
}

/** Undefined: there is none, or no more. A ticket that was kept while its link was revoked is none either. */
export async function takeTicket(records: LinkRecords, ticket: string, now: number): Promise<ReleaseLink | undefined> {
  const record = await records.take(TICKET_KIND, idOfToken(ticket));
  if (!record) return undefined;
  const { id, link } = JSON.parse(record.value) as Partial<KeptTicket>;
  if (id === undefined || !link || link.expires <= now) return undefined;
  return (await records.get(LINK_KIND, id)) ? link : undefined;
}
