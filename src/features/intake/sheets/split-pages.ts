/** A file that was scanned with separator sheets between its documents, as these: each is a PDF of the same pages, coded as they were. For threads: it may throw anything. */
import { createHash } from 'node:crypto';
import { type OpenPdf, savedPdf } from '../../../fhir/content/pdfium.js';
import type { SeparatorSheet } from './sheet-text.js';

/** Of a page; undefined: it is no separator sheet. */
export type SheetSeen = SeparatorSheet | 'unreadable' | undefined;

export interface SplitPart {
  /** The sheet before it; undefined: there was none. */
  readonly sheet: SheetSeen;
  /** Its first page, from 0, and how many there are: a sheet that cannot be read is one of them, since it may be none. */
  readonly first: number;
  readonly pages: number;
  /** Such a page ends it: what follows may be its own. */
  readonly isCut: boolean;
  /** Of its pages; of the sheet, where there are none. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of the bytes, in hexadecimal digits. */
  readonly sha256: string;
}

/**
 * `sheets`: of each page. Where there is none of them, the file is one part. Undefined: the parts have more than `most` bytes together.
 */
export function splitPages(
  open: OpenPdf,
  sheets: readonly SheetSeen[],
  most: number,
): readonly SplitPart[] | undefined {
  const parts: { sheet: SheetSeen; first: number; pages: number }[] = [];
  for (const [at, sheet] of sheets.entries()) {
    if (sheet === 'unreadable') parts.push({ sheet, first: at, pages: 1 });
    else if (sheet !== undefined) parts.push({ sheet, first: at + 1, pages: 0 });
    else if (parts.length === 0) parts.push({ sheet, first: at, pages: 1 });
    else parts.at(-1)!.pages++;
  }
  const made: SplitPart[] = [];
  let sum = 0;
  for (const [at, part] of parts.entries()) {
    const bytes = pagesAlone(open, part);
    sum += bytes.length;
    if (sum > most) return undefined;
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    made.push({ ...part, isCut: parts[at + 1]?.sheet === 'unreadable', bytes, sha256 });
  }
  return made;
}

function pagesAlone(open: OpenPdf, { first, pages }: Pick<SplitPart, 'first' | 'pages'>): Uint8Array<ArrayBuffer> {
  const { pdfium: module, document } = open;
  const part = module.FPDF_CreateNewDocument();
  try {
    const range = pages === 0 ? String(first) : `${first + 1}-${first + pages}`;
    if (!module.FPDF_ImportPages(part, document, range, 0)) throw new Error('Pages cannot be taken out.');
    return new Uint8Array(timeless(savedPdf({ ...open, document: part })));
  } finally {
    module.FPDF_CloseDocument(part);
  }
}

/** Bytes of the start and end of a file that pdfium has written, in which it says when that was, and gives it an id. */
const [HEAD, TAIL] = [600, 300];

/** The same with spaces for these two, which nothing needs: equal pages are equal bytes, whenever they come in. In place. */
export function timeless(pdf: Buffer): Buffer {
  blank(pdf, pdf.toString('latin1', 0, HEAD).match(/\/CreationDate\(D:\d+\)/), 0);
  const from = Math.max(0, pdf.length - TAIL);
  blank(pdf, pdf.toString('latin1', from).match(/\/ID\[<[0-9A-F]*><[0-9A-F]*>\]/), from);
  return pdf;
}

function blank(pdf: Buffer, found: RegExpMatchArray | null, from: number): void {
  if (found?.index !== undefined) pdf.fill(' ', from + found.index, from + found.index + found[0].length);
}
