/** What can be shown as a page, by the type that `contentTypeOf` finds: CDA and FHIR documents, text, and PNG, JPEG and GIF images. For threads. */
import { READ_LIMITS, type ReadLimits } from '../read/document-metadata.js';
import { cdaPage } from './cda-page.js';
import { imageUrl } from './embedded-image.js';
import { fhirJsonPage, fhirXmlPage } from './fhir-page.js';
import { htmlText } from '../../../platform/html.js';
import { htmlPage } from '../../../interactions/response/shown-page.js';

type PageWriter = (bytes: Buffer, limits: ReadLimits) => string | undefined;

const imagePage: PageWriter = bytes => {
  const url = imageUrl(bytes, bytes.length);
  return url && htmlPage('Image', `<img alt="" src="${url}"/>`);
};

const PAGE_WRITERS: Readonly<Record<string, PageWriter>> = {
  'application/xml': cdaPage,
  'application/fhir+xml': fhirXmlPage,
  'text/plain': (bytes, limits) => {
    const text = decodeText(bytes);
    return fhirJsonPage(text, limits) ?? htmlPage('Text', `<pre>${htmlText(text)}</pre>`);
  },
  'image/png': imagePage,
  'image/jpeg': imagePage,
  'image/gif': imagePage,
};

export const isShowable = (contentType: string | undefined): contentType is string =>
  contentType !== undefined && Object.hasOwn(PAGE_WRITERS, contentType);

/** Undefined where there is no page of it. Throws whatever stops its reader. */
export const shownPage = (bytes: Buffer, contentType: string, limits: ReadLimits = READ_LIMITS): string | undefined =>
  PAGE_WRITERS[contentType]?.(bytes, limits);

/** In UTF-8, or UTF-16 with its mark: what `contentTypeOf` takes for text. */
function decodeText(bytes: Buffer): string {
  const mark = bytes.length < 2 ? 0 : bytes.readUInt16BE(0);
  const encoding = mark === 0xfffe ? 'utf-16le' : mark === 0xfeff ? 'utf-16be' : 'utf-8';
  return new TextDecoder(encoding).decode(bytes);
}
