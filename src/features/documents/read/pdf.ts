/**
 * What a PDF says of itself: pages, title, date, language (ISO 32000-1 §14.3.3; https://www.iso.org/standard/51502.html). The pages are
 * counted by the catalog and never opened. An encrypted file is left alone, also where it opens without a password.
 *
 * pdf.js is 1.6 MB of code: it is loaded when the first PDF comes, in the thread that reads it, and never on the event loop.
 */
import { type DocumentMetadata, givenOnly } from './document-metadata.js';
import { dateTimeOf, languageTag } from './plain-values.js';

/** Undefined, or any error, where it cannot be read. `bytes` are gone afterwards. */
export async function readPdf(bytes: Uint8Array): Promise<DocumentMetadata | undefined> {
  const { getDocumentProxy } = await import('unpdf');
  const document = await getDocumentProxy(bytes, {
    verbosity: 0,
    isEvalSupported: false,
    useSystemFonts: false,
    enableXfa: false,
    disableAutoFetch: true,
    stopAtErrors: true,
  });
  const info = new Map<string, unknown>(Object.entries((await document.getMetadata()).info));
  if (typeof info.get('EncryptFilterName') === 'string') return undefined;
  return givenOnly<DocumentMetadata>({
    kind: 'pdf',
    contentType: 'application/pdf',
    title: pdfText(info.get('Title')),
    creation: pdfDate(info.get('CreationDate')) ?? pdfDate(info.get('ModDate')),
    language: languageTag(pdfText(info.get('Language'))),
    pages: document.numPages,
  });
}

const pdfText = (value: unknown): string | undefined => {
  const text = typeof value === 'string' ? value.replaceAll(/[\0-\x20\x7f]+/g, ' ').trim() : '';
  return text === '' ? undefined : text;
};

/** `D:20141020132741-05'00'` → dateTime. */
const pdfDate = (value: unknown): string | undefined =>
  typeof value === 'string' && value.length < 40
    ? dateTimeOf(
        value
          .replace(/^D:/, '')
          .replaceAll("'", '')
          .replace(/Z(?:0000)?$/, '+0000'),
      )
    : undefined;
