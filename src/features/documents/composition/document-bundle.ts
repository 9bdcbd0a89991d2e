/**
 * A FHIR document as bytes: a Bundle of type document around the texts of its resources, which are copied as they are stored.
 * https://hl7.org/fhir/R4/documents.html, https://hl7.org/fhir/R4/bundle.html (bdl-9, bdl-10, bdl-11)
 */
import { createHash } from 'node:crypto';
import { URI_SYSTEM } from '../../../fhir/content/bytes-name.js';
import { escapeString } from '../../../fhir/json/print.js';
import { join } from '../../../fhir/content/holes.js';

export interface DocumentEntry {
  readonly fullUrl: string;
  /** JSON of the resource, whole. */
  readonly text: Buffer;
}

export interface DocumentHead {
  /** URI that no other document has. */
  readonly identifier: string;
  /** ms: when it was put together. */
  readonly timestamp: number;
  readonly profile?: string;
}

/** The Composition comes first. */
export const documentBundle = (head: DocumentHead, entries: readonly DocumentEntry[]): Buffer =>
  join([...documentPieces(head, entries)]).text;

/** The same, piece by piece. */
export function* documentPieces(
  { identifier, timestamp, profile }: DocumentHead,
  entries: readonly DocumentEntry[],
): Generator<string | Buffer> {
  const head = {
    resourceType: 'Bundle',
    ...(profile === undefined ? {} : { meta: { profile: [profile] } }),
    identifier: { system: URI_SYSTEM, value: identifier },
    type: 'document',
    timestamp: new Date(timestamp).toISOString(),
  };
  let between = `${JSON.stringify(head).slice(0, -1)},"entry":[`;
  for (const { fullUrl, text } of entries) {
    yield `${between}{"fullUrl":"${escapeString(fullUrl)}","resource":`;
    yield text;
    between = '},';
  }
  yield '}]}';
}

/**
 * Name of a document that is made of these versions (`Type/id/version`): the same for the same ones, whatever their order, and no other
 * has it. `made`: how it is made, so that what is made otherwise has another name.
 */
export function digestOfVersions(made: string, versions: readonly string[]): string {
  const hash = createHash('sha256').update(made);
  for (const version of versions.toSorted()) hash.update('\n').update(version);
  return hash.digest('hex');
}

/** Version 8 of https://www.rfc-editor.org/rfc/rfc9562: bits of a digest. */
export function uuidOfDigest(digest: string): string {
  const variant = ((Number.parseInt(digest[16]!, 16) & 3) | 8).toString(16);
  const parts = [
    digest.slice(0, 8),
    digest.slice(8, 12),
    `8${digest.slice(13, 16)}`,
    variant + digest.slice(17, 20),
    digest.slice(20, 32),
  ];
  return `urn:uuid:${parts.join('-')}`;
}
