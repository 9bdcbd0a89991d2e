/** A file that was scanned with separator sheets between its documents, as these: each is a PDF of the same pages, coded as they were. For threads: it may throw anything. */
import { type OpenPdf, savedPdf } from '../../../fhir/content/pdfium.js';
import type { SeparatorSheet } from './sheet-text.js';

/** Of a page; undefined: it is no separator sheet. */
export type SheetSeen = SeparatorSheet | 'unreadable' | undefined;

export interface SplitPart {
  /** The sheet before it; undefined: there was none. */
  readonly sheet: SheetSeen;
  /** The first page after the sheet, from 0, and how many there are. */
  readonly first: number;
  readonly pages: number;
  /** Of its pages; of the sheet, where there are none. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** `sheets`: of each page. Where there is none of them, the file is one part. */
export function splitPages(open: OpenPdf, sheets: readonly SheetSeen[]): readonly SplitPart[] {
  const parts: { sheet: SheetSeen; first: number; pages: number }[] = [];
  for (const [at, sheet] of sheets.entries()) {
    if (sheet !== undefined) parts.push({ sheet, first: at + 1, pages: 0 });
    else if (parts.length === 0) parts.push({ sheet, first: at, pages: 1 });
    else parts.at(-1)!.pages++;
  }
  return parts.map(part => ({ ...part, bytes: pagesAlone(open, part) }));
}

function pagesAlone(open: OpenPdf, { first, pages }: Pick<SplitPart, 'first' | 'pages'>): Uint8Array<ArrayBuffer> {
  const { pdfium: module, document } = open;
  const part = module.FPDF_CreateNewDocument();
  try {
    const range = pages === 0 ? String(first) : `${first + 1}-${first + pages}`;
    if (!module.FPDF_ImportPages(part, document, range, 0)) throw new Error('Pages cannot be taken out.');
    return new Uint8Array(savedPdf({ ...open, document: part }));
  } finally {
    module.FPDF_CloseDocument(part);
  }
}
