/** One file of a batch: its bytes, what they are, and the index fields that come with it. */
import { createHash } from 'node:crypto';
import { contentTypeOf, HEAD_BYTES } from '../../fhir/content/content-type.js';
import { type Issue, issueOfKind } from '../../fhir/error.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type JsonObject } from '../../fhir/resource.js';
import { badParameter, type GivenParameter } from '../../interactions/operations/parameters.js';
import type { HookGround } from '../../interactions/write/hooks.js';
import { breathe } from '../../platform/pieces.js';
import { type IndexAsked, indexAsked } from './index-asked.js';

/** What is taken in: http://hl7.org/fhir/us/core/ (DocumentReference), and images of scanners. */
const TAKEN: ReadonlySet<string> = new Set([
  ...['application/pdf', 'image/tiff', 'image/jpeg', 'image/png', 'text/plain', 'text/html', 'application/rtf'],
  ...['text/rtf', 'application/xml', 'text/xml', 'application/dicom', 'application/hl7-v3'],
]);

/** A file that is taken in. */
export interface IntakeFile {
  /** Where it stands in the Parameters. */
  readonly at: string;
  /** Its attachment as the document is to have it. */
  readonly attachment: JsonObject;
  readonly asked: IndexAsked;
  /** Its pages, as somebody has counted them. */
  readonly pages: number | undefined;
  /** As contentTypeOf tells it. */
  readonly contentType: string;
  /** In hexadecimal digits. */
  readonly sha256: string;
  readonly bytes: Buffer;
}

/** Bytes of one file: more are stored as a Binary, and are not looked into. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Reads a parameter `file`. Gives an issue where its bytes are none that are taken in. Throws `invalid` for what is no file. */
export async function readIntakeFile(
  { binary }: Pick<HookGround, 'binary'>,
  { value, at }: GivenParameter,
  bases: readonly string[],
): Promise<IntakeFile | Issue> {
  const parts = (isObject(value) ? itemsOf(value['part']) : []).filter(isObject);
  const attachments = parts.filter(({ name }) => name === 'attachment');
  const [sent] = attachments.map(part => part['valueAttachment']);
  if (attachments.length !== 1 || !isObject(sent))
    throw badParameter('A file has one part attachment, which is an Attachment.', at);
  const asked = indexAsked(
    parts.filter(({ name }) => name !== 'attachment' && name !== 'pages'),
    at,
  );
  const pages = parts.find(({ name }) => name === 'pages')?.['valuePositiveInt'];
  const bytes = await bytesIn(sent, bases, binary);
  const refuse = (detail: string, text: string): Issue =>
    issueOfKind('unprocessable', { detail, text, expression: `${at}.part.where(name='attachment')` });
  if (!bytes) return refuse('no-bytes', 'A file has data, or the url of a Binary of this server, and is not empty.');
  if (bytes.length > MOST_BYTES) return refuse('file-too-large', 'A file has 64 MB at most.');
  const contentType = await contentTypeOf(bytes.subarray(0, HEAD_BYTES));
  if (contentType === undefined || !TAKEN.has(contentType))
    return refuse('type-not-taken', `Files are taken in of these types: ${[...TAKEN].join(', ')}.`);
  await breathe();
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const attachment = { ...sent, contentType: sent['contentType'] ?? contentType };
  return { at, attachment, asked, pages: typeof pages === 'number' ? pages : undefined, contentType, sha256, bytes };
}

async function bytesIn(
  { data, url }: JsonObject,
  bases: readonly string[],
  binary: HookGround['binary'],
): Promise<Buffer | undefined> {
  if (typeof data === 'string') return nonEmpty(Buffer.from(data, 'base64'));
  const target = typeof url === 'string' ? parseReference(url, bases) : undefined;
  const held = target?.kind === 'local' && target.type === 'Binary' ? await binary(target.id) : undefined;
  if (!held) return undefined;
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of held.bytes) {
    parts.push(part);
    size += part.length;
    if (size > MOST_BYTES) break;
  }
  return nonEmpty(Buffer.concat(parts));
}

const nonEmpty = (bytes: Buffer): Buffer | undefined => (bytes.length > 0 ? bytes : undefined);

export const isIssue = (given: IntakeFile | Issue): given is Issue => 'severity' in given;
