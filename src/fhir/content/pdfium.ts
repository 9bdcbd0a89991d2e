/**
 * pdfium in WebAssembly, for threads: it reads whatever people call a PDF, and writes it anew in the plainest form. Its memory is its own,
 * and bounded: the limit of a thread does not count it. https://pdfium.googlesource.com/pdfium/
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { init, type WrappedPdfiumModule } from '@embedpdf/pdfium';

/** Bytes of WebAssembly memory. */
const MOST_MEMORY = 192 * 1024 * 1024;
/** Of one that is used again. */
const KEPT_MEMORY = 64 * 1024 * 1024;
const PAGE = 65_536;

let loaded: Promise<WrappedPdfiumModule> | undefined;

/** The one of this thread. */
export function pdfium(): Promise<WrappedPdfiumModule> {
  return (loaded ??= load());
}

/** It has nothing to say that is not told by what it answers. */
const quiet = (): void => {};

/** Whether it was refused memory. The next one is a new one. */
export function endPdfium(): boolean {
  loaded = undefined;
  const was = isRefused;
  isRefused = false;
  return was;
}

let isRefused = false;

async function load(): Promise<WrappedPdfiumModule> {
  limitMemory();
  const wasm = await readFile(createRequire(import.meta.url).resolve('@embedpdf/pdfium/pdfium.wasm'));
  const module = await init({ wasmBinary: new Uint8Array(wasm).buffer, print: quiet, printErr: quiet });
  module.PDFiumExt_Init();
  return module;
}

/** As WebAssembly has it; the types of Node leave it out. */
interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow: (this: WasmMemory, pages: number) => number;
}

/** Its memory, which is another object after it has grown; the package leaves it out of its types. */
const heapOf = (module: WrappedPdfiumModule): Uint8Array<ArrayBuffer> =>
  (module.pdfium as unknown as { readonly HEAPU8: Uint8Array<ArrayBuffer> }).HEAPU8;

let isLimited = false;

/** From now on no memory of this thread grows beyond the limit: who asks for more is told that there is none. */
function limitMemory(): void {
  if (isLimited) return;
  isLimited = true;
  const { prototype } = (globalThis as unknown as { WebAssembly: { Memory: { prototype: WasmMemory } } }).WebAssembly
    .Memory;
  const grow = prototype.grow;
  prototype.grow = function (this: WasmMemory, pages: number): number {
    if (this.buffer.byteLength + pages * PAGE > MOST_MEMORY) {
      isRefused = true;
      throw new RangeError('There is no more memory.');
    }
    return grow.call(this, pages);
  };
}

export interface OpenPdf {
  readonly pdfium: WrappedPdfiumModule;
  readonly document: number;
  readonly pages: number;
  close(): void;
}

/** Codes of FPDF_GetLastError. */
const PASSWORD = 4;

export async function openPdf(bytes: Uint8Array): Promise<OpenPdf | 'encrypted' | 'damaged'> {
  const module = await pdfium();
  const at = intoMemory(module, bytes);
  const document = module.FPDF_LoadMemDocument(at, bytes.length, '');
  const close = (): void => {
    if (document !== 0) module.FPDF_CloseDocument(document);
    module.pdfium.wasmExports.free(at);
    // Its memory never becomes less.
    if (heapOf(module).length > KEPT_MEMORY) loaded = undefined;
  };
  if (document === 0) {
    const reason = module.FPDF_GetLastError() === PASSWORD ? 'encrypted' : 'damaged';
    close();
    return reason;
  }
  if (module.FPDF_GetSecurityHandlerRevision(document) !== -1) {
    close();
    return 'encrypted';
  }
  return { pdfium: module, document, pages: module.FPDF_GetPageCount(document), close };
}

function intoMemory(module: WrappedPdfiumModule, bytes: Uint8Array): number {
  const at = module.pdfium.wasmExports.malloc(bytes.length);
  if (at === 0) throw new RangeError('There is no more memory.');
  heapOf(module).set(bytes, at);
  return at;
}

/** The document as it is now, with all its objects, and a cross-reference table. */
export function savedPdf({ pdfium: module, document }: OpenPdf): Buffer {
  const writer = module.PDFiumExt_OpenFileWriter();
  if (module.PDFiumExt_SaveAsCopy(document, writer) === 0) throw new Error('The document cannot be written.');
  const size = module.PDFiumExt_GetFileWriterSize(writer);
  const at = module.pdfium.wasmExports.malloc(size);
  if (at === 0) throw new RangeError('There is no more memory.');
  module.PDFiumExt_GetFileWriterData(writer, at, size);
  const saved = Buffer.from(heapOf(module).slice(at, at + size).buffer);
  module.pdfium.wasmExports.free(at);
  module.PDFiumExt_CloseFileWriter(writer);
  return saved;
}

/** FLAT_PRINT: what is printed of annotations becomes part of the page. */
const FLATTEN_FOR_PRINT = 1;
const FLATTEN_FAILED = 0;
/** FPDF_ANNOT_… */
const LINK = 2;
const POPUP = 16;
const WIDGET = 20;
/** Bits of F: Hidden, Print, NoView. */
const [HIDDEN, PRINT, NO_VIEW] = [2, 4, 32];

/**
 * Makes annotations and fields of forms part of their pages, `count` of them from `from` on (from 0). `complete`: false where one of them is
 * seen on screens and not in print, or has no appearance to be drawn.
 */
export function flatten(open: OpenPdf, from = 0, count = open.pages): { readonly complete: boolean } {
  const { pdfium: module, document, pages } = open;
  let complete = true;
  for (let n = from; n < Math.min(pages, from + count); n++) {
    const page = module.FPDF_LoadPage(document, n);
    if (page === 0) continue;
    const annotations = module.FPDFPage_GetAnnotCount(page);
    for (let at = 0; at < annotations; at++) complete &&= isDrawn(module, page, at);
    if (annotations > 0 && module.FPDFPage_Flatten(page, FLATTEN_FOR_PRINT) === FLATTEN_FAILED) complete = false;
    module.FPDF_ClosePage(page);
  }
  return { complete };
}

function isDrawn(module: WrappedPdfiumModule, page: number, at: number): boolean {
  const annotation = module.FPDFPage_GetAnnot(page, at);
  const subtype = module.FPDFAnnot_GetSubtype(annotation);
  const flags = module.FPDFAnnot_GetFlags(annotation);
  const has = (key: string): boolean => module.FPDFAnnot_HasKey(annotation, key);
  const isPrinted = (flags & PRINT) !== 0;
  const isNothing =
    subtype === LINK || subtype === POPUP || (flags & HIDDEN) !== 0 || (!isPrinted && (flags & NO_VIEW) !== 0);
  // A field may have its value from the one above it.
  const isFilled = subtype === WIDGET && (has('V') || has('Parent'));
  const says = has('AP') || has('Contents') || isFilled;
  const drawn = isNothing || !says || (isPrinted && has('AP'));
  module.FPDFPage_CloseAnnot(annotation);
  return drawn;
}

/** Points, of each page as it is shown. */
export const pageSizes = ({
  pdfium: module,
  document,
  pages,
}: OpenPdf): readonly Pick<PagePicture, 'width' | 'height'>[] =>
  Array.from({ length: pages }, (_, n) => {
    const page = module.FPDF_LoadPage(document, n);
    if (page === 0) throw new Error('The page cannot be read.');
    const size = { width: module.FPDF_GetPageWidthF(page), height: module.FPDF_GetPageHeightF(page) };
    module.FPDF_ClosePage(page);
    return size;
  });

/** A page as pixels, from the upper left corner on. */
export interface PagePicture {
  /** Points. */
  readonly pageWidth: number;
  readonly pageHeight: number;
  readonly width: number;
  readonly height: number;
  /** Three bytes each. */
  readonly rgb: Buffer;
}

/** Points an inch. */
const POINTS = 72;
/** Annotations are drawn. */
const RENDER_ANNOTATIONS = 1;
const RENDER_FOR_PRINT = 0x800;
const WHITE = 0xff_ff_ff_ff;

/** `dots` an inch, or fewer where the picture had more than `most` pixels. */
export function drawnPage(
  { pdfium: module, document }: OpenPdf,
  index: number,
  dots: number,
  most: number,
): PagePicture {
  const page = module.FPDF_LoadPage(document, index);
  if (page === 0) throw new Error('The page cannot be read.');
  const pageWidth = module.FPDF_GetPageWidthF(page);
  const pageHeight = module.FPDF_GetPageHeightF(page);
  const scale = Math.min(dots / POINTS, Math.sqrt(most / Math.max(pageWidth * pageHeight, 1)));
  const width = Math.max(1, Math.round(pageWidth * scale));
  const height = Math.max(1, Math.round(pageHeight * scale));
  const bitmap = module.FPDFBitmap_Create(width, height, 0);
  if (bitmap === 0) throw new RangeError('There is no more memory.');
  module.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, WHITE);
  module.FPDF_RenderPageBitmap(bitmap, page, 0, 0, width, height, 0, RENDER_ANNOTATIONS | RENDER_FOR_PRINT);
  const stride = module.FPDFBitmap_GetStride(bitmap);
  const from = module.FPDFBitmap_GetBuffer(bitmap);
  const rgb = Buffer.alloc(width * height * 3);
  const heap = heapOf(module);
  for (let y = 0, to = 0; y < height; y++)
    for (let x = 0, at = from + y * stride; x < width; x++, at += 4) {
      rgb[to++] = heap[at + 2]!;
      rgb[to++] = heap[at + 1]!;
      rgb[to++] = heap[at]!;
    }
  module.FPDFBitmap_Destroy(bitmap);
  module.FPDF_ClosePage(page);
  return { pageWidth, pageHeight, width, height, rgb };
}
