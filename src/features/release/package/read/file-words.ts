/** The words that a file has as text: of PDFs what stands on their pages, of texts all of it. Letters in pictures are not recognised. */
import { fileKind } from './file-kind.js';
import { ITEM_LIMITS } from './limits.js';
import type { PageAnswer, ReadWords } from './page-task.js';
import { type OpenPdf, openPdf } from '../../../../fhir/content/pdfium.js';
import { textFile } from './text-rows.js';

export async function fileWords({ bytes, contentType }: ReadWords): Promise<PageAnswer> {
  const file = Buffer.from(bytes.buffer);
  const kind = fileKind(file, contentType);
  if (kind === 'structured') return { kind: 'structured' };
  if (kind === 'pdf') return pdfWords(bytes);
  const found = kind === 'text' || kind === 'rtf' || kind === 'html' ? textFile(kind, file, ANY_WIDTH) : undefined;
  if (!found) return { kind: 'none', reason: 'not-printable' };
  return { kind: 'words', text: found.rows.map(({ cells }) => cells.map(({ text }) => text).join(' ')).join('\n') };
}

/** Points: nothing is laid out. */
const ANY_WIDTH = 500;

async function pdfWords(bytes: Uint8Array): Promise<PageAnswer> {
  const open = await openPdf(bytes);
  if (typeof open === 'string') return { kind: 'none', reason: open };
  try {
    const parts: string[] = [];
    let left: number = ITEM_LIMITS.characters;
    for (let page = 0; page < open.pages && left > 0; page++) {
      const text = pageWords(open, page, left);
      parts.push(text);
      left -= text.length;
    }
    const text = parts.join('\n');
    return text.trim() === '' ? { kind: 'none', reason: 'no-pages' } : { kind: 'words', text };
  } finally {
    open.close();
  }
}

/** `most` characters at most. */
function pageWords({ pdfium: module, document }: OpenPdf, index: number, most: number): string {
  const page = module.FPDF_LoadPage(document, index);
  if (page === 0) return '';
  const text = module.FPDFText_LoadPage(page);
  const count = text === 0 ? 0 : Math.min(module.FPDFText_CountChars(text), most);
  let words = '';
  if (count > 0) {
    // UTF-16 with a zero behind it.
    const at = module.pdfium.wasmExports.malloc(2 * (count + 1));
    if (at !== 0) {
      module.FPDFText_GetText(text, 0, count, at);
      words = (module.pdfium.UTF16ToString as (from: number, bytes: number) => string)(at, 2 * (count + 1));
      module.pdfium.wasmExports.free(at);
    }
  }
  if (text !== 0) module.FPDFText_ClosePage(text);
  module.FPDF_ClosePage(page);
  return words;
}
