/** What the threads behind arranged.ts run: pages of several files, in another order and turned, become PDFs of their own, coded as they were. */
import { endPdfium, type OpenPdf, openPdf, savedPdf } from '../../../fhir/content/pdfium.js';
import { answerTasks } from '../../../platform/pool.js';
import { SharedResources, withOwnResources } from '../pages/own-resources.js';
import { picturePdf } from '../pages/picture-pdf.js';

export interface ArrangedPage {
  /** Which of the files it is of, from 0; its number, from 1. */
  readonly file: number;
  readonly number: number;
  /** Degrees by which it is turned clockwise. */
  readonly turn: number;
}

export interface PagesToArrange {
  readonly files: readonly { readonly contentType: string; readonly bytes: Uint8Array<ArrayBuffer> }[];
  /** Of each document. */
  readonly documents: readonly (readonly ArrangedPage[])[];
  /** Pages of a file, and bytes of all documents, at most. */
  readonly mostPages: number;
  readonly mostBytes: number;
}

export interface ArrangedPages {
  /** Pages of each file. */
  readonly counts: readonly number[];
  /** Undefined: a page is not there, a file has too many pages, or they have too many bytes. */
  readonly documents?: readonly Uint8Array<ArrayBuffer>[] | undefined;
  readonly isTooLarge?: true;
  /** Nobody can tell what pages use of what they share with others. */
  readonly isShared?: true;
}

answerTasks<PagesToArrange, ArrangedPages | number | undefined>(async task => {
  try {
    const answer = await arranged(task);
    const made = typeof answer === 'object' ? (answer.documents ?? []) : [];
    return { answer, moving: made.map(({ buffer }) => buffer) };
  } catch {
    // Files of others make readers throw whatever they like.
    endPdfium();
    return { answer: undefined };
  }
});

/** The place of a file that cannot be read. */
async function arranged({ files, documents, mostPages, mostBytes }: PagesToArrange): Promise<ArrangedPages | number> {
  const opened: OpenPdf[] = [];
  const counts: number[] = [];
  try {
    for (const [at, { contentType, bytes }] of files.entries()) {
      const picture =
        contentType === 'application/pdf' ? undefined : picturePdf(Buffer.from(bytes), contentType, mostPages);
      if (contentType !== 'application/pdf' && !picture) return at;
      const open = await openPdf(picture?.pdf ?? bytes);
      if (typeof open === 'string') return at;
      opened.push(open);
      counts.push(picture?.total ?? open.pages);
    }
    if (counts.some(count => count > mostPages)) return { counts };
    if (documents.flat().some(({ file, number }) => number > (counts[file] ?? 0))) return { counts };
    const made: Uint8Array<ArrayBuffer>[] = [];
    let sum = 0;
    for (const pages of documents) {
      const bytes = await withOwnResources(madeDocument(opened, pages));
      sum += bytes.length;
      if (sum > mostBytes) return { counts, isTooLarge: true };
      made.push(bytes);
    }
    return { counts, documents: made };
  } catch (error) {
    if (error instanceof SharedResources) return { counts, isShared: true };
    throw error;
  } finally {
    for (const open of opened) open.close();
  }
}

/** Of FPDFPage_SetRotation. */
const QUARTER = 90;

function madeDocument(opened: readonly OpenPdf[], pages: readonly ArrangedPage[]): Buffer {
  const { pdfium: module } = opened[0]!;
  const document = module.FPDF_CreateNewDocument();
  try {
    for (const [at, { file, number, turn }] of pages.entries()) {
      const open = opened[file]!;
      if (!module.FPDF_ImportPages(document, open.document, String(number), at))
        throw new Error('A page cannot be taken out.');
      if (turn === 0) continue;
      const page = module.FPDF_LoadPage(document, at);
      module.FPDFPage_SetRotation(page, (module.FPDFPage_GetRotation(page) + turn / QUARTER) % 4);
      module.FPDF_ClosePage(page);
    }
    return savedPdf({ ...opened[0]!, document });
  } finally {
    module.FPDF_CloseDocument(document);
  }
}
