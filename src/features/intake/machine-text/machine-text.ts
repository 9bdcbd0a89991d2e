/**
 * The text of a scan as a machine has read it: a document of its own, which `transforms` the scan (https://hl7.org/fhir/R4/valueset-document-relationship-type.html),
 * says that nobody has checked it, and is about whom the scan is about, as confidential and as far as the scan is. There is one for each scan, whose id follows
 * from that of the scan, so that it is made once, whatever is killed.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { MACHINE_TEXT_TAGS, TEXT_TAG } from '../../../fhir/content/machine-read.js';
import { parseReference } from '../../../fhir/reference.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../../fhir/resource.js';
import { firstAttachment } from './scan-kinds.js';

/** `wanted`: it is to be read. `failed`: it could not be. `none`: nothing is written on it. */
export type ReadingTag = 'wanted' | 'failed' | 'none';

/** Characters of the narrative, in which words are found: https://hl7.org/fhir/R4/search.html#text */
const MOST_FOUND = 200_000;

/** Whether a document has other bytes than before, as its first attachment says. */
export function hasOtherBytes(former: Resource, document: Resource, bases: readonly string[]): boolean {
  const [had, has] = [firstAttachment(former), firstAttachment(document)];
  const isOther = (name: string): boolean =>
    had[name] !== undefined && has[name] !== undefined && had[name] !== has[name];
  if (isOther('hash') || isOther('size') || isOther('data')) return true;
  // Bytes that stand in the document are shown by an address: whoever sends that back means the same.
  const isInOne = (had['data'] === undefined) !== (has['data'] === undefined);
  if (isInOne) return had['hash'] === undefined || had['hash'] !== has['hash'];
  return placeOfBytes(had['url'], bases) !== placeOfBytes(has['url'], bases);
}

/** The same of every way in which this server may be named. */
function placeOfBytes(url: Json | undefined, bases: readonly string[]): Json | undefined {
  const place = typeof url === 'string' ? parseReference(url, bases) : undefined;
  return place?.kind === 'local' ? `${place.type}/${place.id}/${place.version ?? ''}` : url;
}

export const isTagged = (document: Resource): boolean => tagsIn(document).some(isOurs);

const isOurs = (tag: Json): tag is JsonObject => isObject(tag) && tag['system'] === MACHINE_TEXT_TAGS;
const tagsIn = ({ meta }: Resource): readonly Json[] => (isObject(meta) ? itemsOf(meta['tag']) : []);

export const isWanted = (document: Resource): boolean =>
  tagsIn(document).some(tag => isOurs(tag) && tag['code'] === 'wanted');

/** The id of the text of a scan. */
export const textIdOf = (scan: string): string =>
  `machine-text-${createHash('sha256').update(scan).digest('hex').slice(0, 40)}`;

/** Tags of a scan with another one of ours; undefined: with none. */
export const tagsWith = (scan: Resource, code: ReadingTag | undefined): readonly Json[] => [
  ...tagsIn(scan).filter(tag => !isOurs(tag)),
  ...(code === undefined ? [] : [{ system: MACHINE_TEXT_TAGS, code }]),
];

/** What a text says as its scan does. */
const FOLLOWED = ['status', 'docStatus', 'type', 'category', 'subject', 'securityLabel', 'context'] as const;
/** Of the context: who confirmed the patient, and what else there is of the paper, the scan says. */
const OF_CONTEXT = ['encounter', 'event', 'period', 'facilityType', 'practiceSetting'] as const;

const isContained = (value: Json | undefined): boolean =>
  isObject(value) && typeof value['reference'] === 'string' && value['reference'].startsWith('#');

/** `meta.security` and the elements that a text has as its scan has them; what the scan does not say is undefined. */
export function followedOf(scan: Resource): Readonly<Record<string, Json | undefined>> {
  const { meta, context, subject } = scan;
  const said: JsonObject = isObject(context) ? context : {};
  const kept = OF_CONTEXT.flatMap(name => (said[name] === undefined ? [] : [[name, said[name]] as const]));
  return {
    ...Object.fromEntries(FOLLOWED.map(name => [name, scan[name]])),
    subject: isContained(subject) ? undefined : subject,
    context: kept.length > 0 ? Object.fromEntries(kept) : undefined,
    security: isObject(meta) ? meta['security'] : undefined,
  };
}

/** Operations of a JSON Patch after which the text follows its scan as it is now; none: it does. */
export function followingPatch(text: Resource, scan: Resource): JsonObject[] {
  const [has, wanted] = [followedOf(text), followedOf(scan)];
  return Object.entries(wanted).flatMap(([name, value]): JsonObject[] => {
    if (isDeepStrictEqual(has[name], value)) return [];
    const path = name === 'security' ? '/meta/security' : `/${name}`;
    return value === undefined ? [{ op: 'remove', path }] : [{ op: 'add', path, value }];
  });
}

/** Operations after which a scan has another tag of ours; undefined: none. */
export function taggingPatch(scan: Resource, code: ReadingTag | undefined): JsonObject[] {
  const value = [...tagsWith(scan, code)];
  return [value.length > 0 ? { op: 'add', path: '/meta/tag', value } : { op: 'remove', path: '/meta/tag' }];
}

/** The text, following its scan. */
export function followingText(text: Resource, scan: Resource): Resource {
  const { security, ...elements } = followedOf(scan);
  const made: Resource = { ...text, meta: { tag: [{ ...TEXT_TAG }] } };
  if (security !== undefined) (made['meta'] as JsonObject)['security'] = security;
  for (const [name, value] of Object.entries(elements))
    if (value === undefined) delete made[name];
    else made[name] = value;
  return made;
}

export interface MachineText {
  /** The id of the scan, and the version that was read. */
  readonly scan: string;
  readonly version: string;
  readonly text: string;
  /** The program that has read it. */
  readonly reader: string;
  /** FHIR instant. */
  readonly at: string;
}

const inMarkup = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('\f', '\n');

/** No half of a character. */
const beginningOf = (text: string): string => text.slice(0, MOST_FOUND).replace(/[\uD800-\uDBFF]$/, '');

/** The version of the scan that was read, as a text says it that does not follow it yet. */
export const versionRead = (text: Resource): Json | undefined => tagsIn(text).find(isOurs)?.['version'];

/** Before it follows its scan. The words stand in its narrative as well, so that it is found by them. */
export const machineTextOf = ({ scan, version, text, reader, at }: MachineText): Resource => ({
  resourceType: 'DocumentReference',
  id: textIdOf(scan),
  meta: { tag: [{ ...TEXT_TAG, version }] },
  text: {
    status: 'additional',
    div: `<div xmlns="http://www.w3.org/1999/xhtml"><pre>${inMarkup(beginningOf(text))}</pre></div>`,
  },
  contained: [
    {
      resourceType: 'Device',
      id: 'reader',
      deviceName: [{ name: reader, type: 'user-friendly-name' }],
      type: { text: 'Optical character recognition' },
    },
  ],
  status: 'current',
  date: at,
  author: [{ reference: '#reader' }],
  description: 'Text of a scan as a machine has read it; nobody has checked it.',
  relatesTo: [{ code: 'transforms', target: { reference: `DocumentReference/${scan}` } }],
  content: [
    {
      attachment: {
        contentType: 'text/plain; charset=utf-8',
        title: 'Machine-read text',
        data: Buffer.from(text).toString('base64'),
      },
    },
  ],
});
