/** What is noticed about a document that comes in: what it says of itself, and what is wrong with its pages. */
import { nameOfBytes } from '../../../fhir/content/bytes-name.js';
import { itemsOf, isObject, type Resource } from '../../../fhir/resource.js';
import type { HookedWrite } from '../../../interactions/write/hooks.js';
import { breathe } from '../../../platform/pieces.js';
import { attachmentPlace } from '../attachment-url.js';
import { attachmentsOf, type ReceivedBytes } from '../attachments.js';
import type { DocumentMetadata } from '../read/document-metadata.js';
import { blankPages, documentMetadata, wantedBytes } from '../read/read-document.js';
import { contradictsSubject } from './identity.js';
import type { Noticed } from './quality.js';

/** Documents with the same bytes that are named. */
const MOST_DUPLICATES = 10;

/** What the bytes say of themselves; undefined: nothing that can be read. */
export async function readReceived(
  write: HookedWrite,
  document: Resource,
  received: ReceivedBytes,
  bases: readonly string[],
): Promise<DocumentMetadata | undefined> {
  const { found, size } = received.bytes;
  const wanted = wantedBytes(found, size);
  if (wanted === 0) return undefined;
  return documentMetadata(await firstBytes(write, document, received, { wanted, bases }), found);
}

async function firstBytes(
  { binary }: HookedWrite,
  document: Resource,
  { at, data, parts: made }: ReceivedBytes,
  { wanted, bases }: { readonly wanted: number; readonly bases: readonly string[] },
): Promise<Buffer> {
  if (data !== undefined) return Buffer.from(data, 'base64').subarray(0, wanted);
  const { url } = attachmentsOf(document)[at] ?? {};
  const place = typeof url === 'string' && !made ? attachmentPlace(url, bases) : undefined;
  const held = place?.kind === 'own' ? await binary(place.id) : undefined;
  const first = Buffer.alloc(wanted);
  let size = 0;
  for await (const part of made ?? held?.bytes ?? []) {
    part.copy(first, size);
    size += part.length;
    if (size >= wanted) break;
    await breathe();
  }
  return first.subarray(0, size);
}

/** Whether the header names somebody else than the subject. */
export async function noticedPatient(
  write: HookedWrite,
  document: Resource,
  metadata: DocumentMetadata | undefined,
  bases: readonly string[],
): Promise<readonly Noticed[]> {
  if (!metadata || !(await contradictsSubject(write, document, metadata, bases))) return [];
  const text = 'The document names a patient by other identifiers than those of its subject.';
  return [
    { finding: 'patient-contradicts', value: { valueBoolean: true }, text, expression: 'DocumentReference.subject' },
  ];
}

/** Blank pages of a scan, and documents here that have the same bytes (as far as their Provenance says so). */
export async function noticedPages(
  write: HookedWrite,
  document: Resource,
  received: ReceivedBytes,
  bases: readonly string[],
): Promise<readonly Noticed[]> {
  const { found = '', size, sha256 } = received.bytes;
  const expression = `DocumentReference.content[${received.at}].attachment`;
  const pages = await blankPages(await firstBytes(write, document, received, { wanted: size, bases }), found);
  const blank = pages.map((number): Noticed => {
    const text = `Page ${number} is blank.`;
    return { finding: 'blank-page', value: { valuePositiveInt: number }, text, expression };
  });
  const others = (await documentsWith(write, sha256)).map((reference): Noticed => {
    const text = `The same bytes are here as ${reference}.`;
    return { finding: 'duplicate-document', value: { valueReference: { reference } }, text, expression };
  });
  return [...blank, ...others];
}

/** Those that whoever writes sees: what is told of a document may be seen where the document is not. */
async function documentsWith({ find, view, id }: HookedWrite, sha256: string): Promise<readonly string[]> {
  const criteria = [['entity:identifier', `urn:ietf:rfc:3986|${nameOfBytes(sha256)}`]] as const;
  const rows = await find('Provenance', criteria, MOST_DUPLICATES);
  const targets = rows.flatMap(({ text }) =>
    text ? itemsOf((JSON.parse(text.toString()) as Resource)['target']) : [],
  );
  const names = targets.flatMap(target =>
    isObject(target) && typeof target['reference'] === 'string' ? [target['reference'].split('/_history/')[0]!] : [],
  );
  const others = [...new Set(names)].filter(name => name !== `DocumentReference/${id}`);
  const seen: string[] = [];
  for (const name of others) {
    const [type, of] = name.split('/');
    if (await view.read(type!, of!)) seen.push(name);
  }
  return seen;
}
