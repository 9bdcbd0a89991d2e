/** One file of a batch: its bytes, what they are, and the index fields that come with it. */
import { createHash } from 'node:crypto';
import { contentTypeOf, HEAD_BYTES } from '../../fhir/content/content-type.js';
import { type Issue, issueOfKind } from '../../fhir/error.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type JsonObject } from '../../fhir/resource.js';
import { badParameter, type GivenParameter } from '../../interactions/operations/parameters.js';
import type { HeldBinary, HookGround } from '../../interactions/write/hooks.js';
import { breathe } from '../../platform/pieces.js';
import { type IndexAsked, indexAsked } from './index-asked.js';
import type { LookedPages, PagesAsked } from './pages/page-findings.js';

/** What is taken in: http://hl7.org/fhir/us/core/ (DocumentReference), and images of scanners. */
const TAKEN: ReadonlySet<string> = new Set([
  ...['application/pdf', 'image/tiff', 'image/jpeg', 'image/png', 'text/plain', 'text/html', 'application/rtf'],
  ...['text/rtf', 'application/xml', 'text/xml', 'application/dicom', 'application/hl7-v3'],
]);

/** A file as it is given: nothing of it is read yet. */
export interface FileGiven {
  /** Where it stands in the Parameters. */
  readonly at: string;
  readonly sent: JsonObject;
  readonly asked: IndexAsked;
  /** Its pages, as somebody has counted them. */
  readonly pages: number | undefined;
  /** Separator sheets stand between its documents. */
  readonly separated: boolean;
  /** Bytes. */
  readonly size: number;
  /** Once. */
  readonly read: () => Promise<Buffer>;
}

/** A file that is taken in, without its bytes: they are where they came from. */
export interface IntakeFile {
  readonly at: string;
  /** Its attachment as the document is to have it. */
  readonly attachment: JsonObject;
  readonly asked: IndexAsked;
  /** In hexadecimal digits. */
  readonly sha256: string;
  /** About its pages. */
  readonly looked: LookedPages;
}

/** Bytes of one file: more are stored as a Binary, and are not looked into. */
const MOST_BYTES = 64 * 1024 * 1024;

const refuseFile = (at: string, detail: string, text: string): Issue =>
  issueOfKind('unprocessable', { detail, text, expression: `${at}.part.where(name='attachment')` });

/** Parts of a file that are no index fields. */
const OWN_PARTS: ReadonlySet<unknown> = new Set(['attachment', 'pages', 'separated']);
/** Types of files that hold several documents. */
const SEPARATED: ReadonlySet<string> = new Set(['application/pdf', 'image/tiff']);

const tooLarge = (at: string): Issue => refuseFile(at, 'file-too-large', 'A file has 64 MB at most.');

/** A parameter `file`. Gives an issue where it has no bytes, or too many. Throws `invalid` for what is no file. */
export async function fileGiven(
  { binary }: Pick<HookGround, 'binary'>,
  { value, at }: GivenParameter,
  bases: readonly string[],
): Promise<FileGiven | Issue> {
  const parts = (isObject(value) ? itemsOf(value['part']) : []).filter(isObject);
  const attachments = parts.filter(({ name }) => name === 'attachment');
  const [sent] = attachments.map(part => part['valueAttachment']);
  if (attachments.length !== 1 || !isObject(sent))
    throw badParameter('A file has one part attachment, which is an Attachment.', at);
  const asked = indexAsked(
    parts.filter(({ name }) => !OWN_PARTS.has(name)),
    at,
  );
  const counted = parts.find(({ name }) => name === 'pages')?.['valuePositiveInt'];
  const pages = typeof counted === 'number' ? counted : undefined;
  const { data, url } = sent;
  const separated = parts.find(({ name }) => name === 'separated')?.['valueBoolean'] === true;
  const file = { at, sent, asked, pages, separated };
  if (typeof data === 'string') {
    const size = Buffer.byteLength(data, 'base64');
    if (size > MOST_BYTES) return tooLarge(at);
    if (size > 0) return { ...file, size, read: () => Promise.resolve(Buffer.from(data, 'base64')) };
  }
  const target = typeof url === 'string' && data === undefined ? parseReference(url, bases) : undefined;
  const held = target?.kind === 'local' && target.type === 'Binary' ? await binary(target.id) : undefined;
  if (!held || held.size === 0)
    return refuseFile(at, 'no-bytes', 'A file has data, or the url of a Binary of this server, and is not empty.');
  if (held.size > MOST_BYTES) return tooLarge(at);
  return { ...file, size: held.size, read: () => bytesHeld(held) };
}

/** All bytes that are held, in one piece with a buffer of its own: whoever asks has looked at how many they are. */
export async function bytesHeld({ bytes, size }: HeldBinary): Promise<Buffer<ArrayBuffer>> {
  const whole = new Uint8Array(size);
  let at = 0;
  for await (const part of bytes) {
    whole.set(part, at);
    at += part.length;
    await breathe();
  }
  return Buffer.from(whole.buffer, 0, at);
}

/** Reads a file, and has its pages looked at by `look`. Gives an issue where its bytes are none that are taken in. */
export async function readIntakeFile(
  { at, sent, asked, pages, separated, read }: FileGiven,
  look: (asked: PagesAsked, sha256: string) => Promise<LookedPages>,
): Promise<IntakeFile | Issue> {
  const bytes = await read();
  const contentType = await contentTypeOf(bytes.subarray(0, HEAD_BYTES));
  if (contentType === undefined || !TAKEN.has(contentType))
    return refuseFile(at, 'type-not-taken', `Files are taken in of these types: ${[...TAKEN].join(', ')}.`);
  if (separated && !SEPARATED.has(contentType))
    return refuseFile(at, 'type-not-separated', `Files are taken apart of these types: ${[...SEPARATED].join(', ')}.`);
  await breathe();
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const attachment = { ...sent, contentType: sent['contentType'] ?? contentType };
  return { at, attachment, asked, sha256, looked: await look({ bytes, contentType, pages, separated }, sha256) };
}

export const isIssue = (given: FileGiven | IntakeFile | Issue): given is Issue => 'severity' in given;
