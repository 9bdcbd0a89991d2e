/** What a CDA document holds instead of sections: `nonXMLBody`, a file of any type (CDA R2 §4.3.1). */
import { type CdaElement, childAt, decodeXml, readCdaXml, type Wanted } from '../read/cda-xml.js';
import type { ReadLimits } from '../read/document-metadata.js';
import { fromBase64 } from './embedded-image.js';

export interface UnstructuredBody {
  /** As the document says, whatever that is; `text/plain` where it says nothing. */
  readonly contentType: string;
  readonly bytes: Buffer;
}

const TO_BODY = ['ClinicalDocument', 'component', 'nonXMLBody', 'text', 'reference'];
const wantedForBody = (path: readonly string[]): Wanted =>
  path.every((name, at) => name === TO_BODY[at]) ? 'keep' : 'skip';

/** Undefined where the document has none, only names a file elsewhere, or has packed it. */
export function unstructuredBody(root: CdaElement): UnstructuredBody | undefined {
  const text = childAt(root, 'component', 'nonXMLBody', 'text');
  if (!text || childAt(text, 'reference') || text.attributes.has('compression')) return undefined;
  const contentType = text.attributes.get('mediaType') ?? 'text/plain';
  const written = text.children.filter(child => typeof child === 'string').join('');
  if (text.attributes.get('representation') !== 'B64') return { contentType, bytes: Buffer.from(written) };
  const bytes = fromBase64(written);
  return bytes && { contentType, bytes };
}

/** The body of a whole document. Throws UnreadableXml. */
export const bodyInCda = (bytes: Uint8Array, limits: ReadLimits): UnstructuredBody | undefined =>
  unstructuredBody(readCdaXml(decodeXml(bytes), limits, wantedForBody));
