/** A file that was scanned with separator sheets between its documents, as these: each is a PDF of the same pages, coded as they were. For threads: it may throw anything. */
import { createHash } from 'node:crypto';
import { type OpenPdf, savedPdf } from '../../../fhir/content/pdfium.js';
import { SharedResources, withOwnResources } from '../pages/own-resources.js';
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
 * `sheets`: of each page. Where there is none of them, the file is one part. Undefined: the parts have more than `most` bytes together, or nobody can tell what their pages use of what they share.
 */
export async function splitPages(
  open: OpenPdf,
  sheets: readonly SheetSeen[],
  most: number,
): Promise<readonly SplitPart[] | undefined> {
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
    const bytes = await partAlone(open, part);
    if (!bytes) return undefined;
    sum += bytes.length;
    if (sum > most) return undefined;
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    made.push({ ...part, isCut: parts[at + 1]?.sheet === 'unreadable', bytes, sha256 });
  }
  return made;
}

async function partAlone(
  open: OpenPdf,
  part: Pick<SplitPart, 'first' | 'pages'>,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return await withOwnResources(pagesAlone(open, part));
  } catch (error) {
    if (error instanceof SharedResources) return undefined;
    throw error;
  }
}

function pagesAlone(open: OpenPdf, { first, pages }: Pick<SplitPart, 'first' | 'pages'>): Buffer {
  const { pdfium: module, document } = open;
  const part = module.FPDF_CreateNewDocument();
  try {
    const range = pages === 0 ? String(first) : `${first + 1}-${first + pages}`;
    if (!module.FPDF_ImportPages(part, document, range, 0)) throw new Error('Pages cannot be taken out.');
    return savedPdf({ ...open, document: part });
  } finally {
    module.FPDF_CloseDocument(part);
  }
}
