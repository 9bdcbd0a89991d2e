/** What a thread does with a file that it has to print. It may take as long as it likes, and throw anything. */
import { createHash } from 'node:crypto';
import type { PageForm, FragmentStart, PdfFragment } from '../pdf/fragment.js';
import { fragmentWriter } from '../pdf/fragment.js';
import { standalonePdf } from '../pdf/standalone.js';
import { glyphFonts } from '../text/glyph-fonts.js';
import { layOut, type Sheet, type TextRow } from '../text/lay-out.js';
import { createShaper, type Shaper } from '../text/shape.js';
import { type DrawnRange, drawnPages } from './drawn-pages.js';
import { type FileKind, fileKind } from './file-kind.js';
import { fileWords } from './file-words.js';
import { jpegPage } from './jpeg-page.js';
import { ITEM_LIMITS } from './limits.js';
import type { DrawPages, MeasurePages, PageAnswer, PageTask, ReadPages } from './page-task.js';
import { oddlyTurnedPages, pdfPages } from './pdf-pages.js';
import { flatten, type OpenPdf, openPdf, pageSizes } from '../../../../fhir/content/pdfium.js';
import type { Paper } from './picture.js';
import { pngPage } from './png-page.js';
import { textForm } from './text-form.js';
import { textFile } from './text-rows.js';
import { tiffForms } from './tiff-pages.js';

let shaper: Shaper | undefined;
const theShaper = (): Shaper => (shaper ??= createShaper());

export async function answerPages(task: PageTask): Promise<PageAnswer> {
  if (task.do === 'lay-out') return { kind: 'laid-out', text: layOut(theShaper(), task.documents) };
  if (task.do === 'pages') return readPages(task);
  if (task.do === 'words') return fileWords(task);
  return task.do === 'draw' ? drawPages(task) : measurePages(task);
}

async function readPages({ bytes, contentType, paper, start }: ReadPages): Promise<PageAnswer> {
  const file = Buffer.from(bytes.buffer);
  const kind = fileKind(file, contentType);
  if (kind === undefined) return none('not-printable');
  if (kind === 'structured') return { kind: 'structured' };
  if (kind === 'pdf') {
    const found = await pdfPages(bytes, start);
    if (found === 'layers') return { kind: 'layers' };
    return typeof found === 'string' ? none(found) : { kind: 'pages', ...found, total: found.fragment.pages.length };
  }
  if (kind === 'rtf' || kind === 'html' || kind === 'text') {
    const sheet = textSheet(paper);
    const found = textFile(kind, file, sheet.width - sheet.left - sheet.right);
    if (!found) return none('damaged');
    const { fragment, missing } = await textFragment(found.rows, sheet, start);
    return { kind: 'pages', fragment, complete: found.complete && !missing, total: fragment.pages.length };
  }
  const fragment = pictureFragment(kind, file, paper, start);
  return fragment ? { kind: 'pages', fragment, complete: true, total: fragment.pages.length } : none('damaged');
}

const none = (reason: Extract<PageAnswer, { kind: 'none' }>['reason']): PageAnswer => ({ kind: 'none', reason });

/** Points. */
const MARGIN = 54;
const textSheet = ({ width, height }: Paper): Sheet => ({
  ...{ width, height, left: MARGIN, right: MARGIN, top: MARGIN, bottom: MARGIN },
});

function pictureFragment(
  kind: 'jpeg' | 'png' | 'tiff',
  file: Buffer,
  paper: Paper,
  start: FragmentStart,
): PdfFragment | undefined {
  const writer = fragmentWriter(start);
  const pages: (PageForm | undefined)[] | undefined =
    kind === 'tiff'
      ? tiffForms(writer, file, paper)?.slice()
      : [(kind === 'jpeg' ? jpegPage : pngPage)(writer, file, paper)];
  return pages?.every(page => page !== undefined) ? writer.end(pages) : undefined;
}

const drawPages = (task: DrawPages): Promise<PageAnswer> =>
  withPdf(task, (open, file) => {
    // Fields of forms are drawn when they are part of their page.
    const flat = flatten(open, task.from, task.count);
    const complete = file.complete && flat.complete;
    const marks = file.kind === 'pdf' ? placedMarks(open, task.marks) : task.marks;
    return { kind: 'pages', fragment: drawnPages(open, { ...task, marks }, task.start), complete, total: open.pages };
  });

/** Of a page whose areas might be anywhere everything is withheld. */
function placedMarks(open: OpenPdf, marks: DrawnRange['marks']): DrawnRange['marks'] {
  if (Object.values(marks).every(areas => areas === 'all')) return marks;
  const odd = oddlyTurnedPages(open);
  return Object.fromEntries(
    Object.entries(marks).map(([page, areas]) => [page, odd.has(Number(page) - 1) ? 'all' : areas]),
  );
}

const measurePages = (task: MeasurePages): Promise<PageAnswer> =>
  withPdf(task, (open, { bytes, kind }) => {
    const pages = pageSizes(open);
    // A picture stands where its page, which is measured, lets it.
    const made = kind === 'text' || kind === 'html' || kind === 'rtf' ? bytes : task.isShown ? task.bytes : undefined;
    if (!made) return { kind: 'measured', pages };
    return { kind: 'measured', pages, rendering: createHash('sha256').update(made).digest('hex') };
  });

interface FileAsPdf {
  readonly bytes: Uint8Array;
  readonly kind: FileKind | undefined;
  readonly complete: boolean;
}

async function withPdf(
  task: DrawPages | MeasurePages,
  use: (open: OpenPdf, file: FileAsPdf) => PageAnswer,
): Promise<PageAnswer> {
  const file = await asPdf(task);
  if (!('bytes' in file)) return file;
  const open = await openPdf(file.bytes);
  if (typeof open === 'string') return none(open);
  try {
    if (open.pages === 0) return none('no-pages');
    return open.pages > ITEM_LIMITS.pages ? none('too-large') : use(open, file);
  } finally {
    open.close();
  }
}

/** The file as a PDF that can be drawn: itself, or one made of what would be printed of it. */
async function asPdf({ bytes, contentType, paper }: DrawPages | MeasurePages): Promise<FileAsPdf | PageAnswer> {
  const kind = fileKind(Buffer.from(bytes.buffer), contentType);
  if (kind === 'pdf') return { bytes, kind, complete: true };
  const read = await readPages({ do: 'pages', bytes, contentType, paper, start: { first: 1 } });
  return read.kind === 'pages' ? { bytes: standalonePdf(read.fragment), kind, complete: read.complete } : read;
}

/** With fonts of its own: one with what its pages use is small. */
async function textFragment(
  rows: readonly TextRow[],
  sheet: Sheet,
  start: FragmentStart,
): Promise<{ readonly fragment: PdfFragment; readonly missing: boolean }> {
  const writer = fragmentWriter(start);
  const glyphs = glyphFonts();
  const fonts = writer.reserve();
  const { outlines, pages, missing } = layOut(theShaper(), [{ rows, sheet }]);
  const { width, height } = sheet;
  const forms = pages.map(runs => ({
    form: writer.add(textForm(runs, sheet, { glyphs, outlines, fonts })),
    ...{ width, height },
  }));
  writer.write(fonts, await glyphs.resources(writer.add));
  return { fragment: writer.end(forms), missing };
}
