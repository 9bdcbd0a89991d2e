/** What a thread does with a scan: each page of it is drawn, and judged. It may take as long as it likes, and throw anything. */
import { PNG } from 'pngjs';
import { drawnPage, type OpenPdf, openPdf } from '../../../fhir/content/pdfium.js';
import { mostOfParts } from '../sheets/parts-room.js';
import { readSheet } from '../sheets/read-sheet.js';
import { type SheetSeen, type SplitPart, splitPages } from '../sheets/split-pages.js';
import { type GreyPage, judgePage, type PageVerdict } from './judge-page.js';
import { type Dots, picturePdf, plausible } from './picture-pdf.js';

export interface ScanToSee {
  readonly contentType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Separator sheets stand between its documents. */
  readonly separated?: boolean;
}

/** A page as it was found. */
export interface SeenPage extends PageVerdict {
  /** Dots an inch, the lower one of across and down; undefined: it is no picture. */
  readonly dots: number | undefined;
}

export interface SeenPages {
  /** All that there are; those beyond MOST_SEEN are not looked at. */
  readonly total: number;
  readonly pages: readonly SeenPage[];
  /** Of a separated file; undefined: it has too many pages, or its parts too many bytes. */
  readonly parts?: readonly SplitPart[];
}

const MOST_SEEN = 50;
const MOST_SEPARATED = 200;
/** Pixels of a page that is looked at, and of a picture that is decoded. */
const DRAWN = 800_000;
const DRAWN_DOTS = 72;
const MOST_PIXELS = 40_000_000;
/** Pixels of the shorter side of a picture whose lines can be told. */
const SMALLEST = 400;
const LEVEL = { skew: 0, isTurned: false } as const;
/** Inches: the shorter side of a sheet of A4. */
const SHEET = 8.27;

/** Undefined where it cannot be read. */
export async function lookAtPages({
  contentType,
  bytes,
  separated = false,
}: ScanToSee): Promise<SeenPages | undefined> {
  if (contentType === 'image/png') return pngSeen(Buffer.from(bytes));
  const most = separated ? MOST_SEPARATED : MOST_SEEN;
  // One more than is looked at shows that there are more: no page may be lost where a file is taken apart.
  const drawn = separated ? most + 1 : most;
  const file = contentType === 'application/pdf' ? undefined : picturePdf(Buffer.from(bytes), contentType, drawn);
  if (contentType !== 'application/pdf' && !file) return undefined;
  const open = await openPdf(file?.pdf ?? bytes);
  if (typeof open === 'string') return undefined;
  try {
    return await pagesSeen(open, { file, most, separated, size: bytes.length });
  } finally {
    open.close();
  }
}

interface Looking {
  readonly file: ReturnType<typeof picturePdf>;
  /** Pages. */
  readonly most: number;
  readonly separated: boolean;
  /** Bytes of what came in. */
  readonly size: number;
}

async function pagesSeen(open: OpenPdf, { file, most, separated, size }: Looking): Promise<SeenPages | undefined> {
  const pages: SeenPage[] = [];
  const sheets: SheetSeen[] = [];
  // A file of more pages stays whole, whatever stands on them: to look for sheets takes longer than all the rest.
  const isParted = separated && open.pages <= most;
  for (let at = 0; at < Math.min(open.pages, most); at++) {
    const said = file?.pages[at];
    const picture = drawnPage(open, at, DRAWN_DOTS, DRAWN);
    const grey = greyOfPage(picture);
    if (isParted) sheets.push(await readSheet(picture, grey.grey));
    const judged = judgePage(grey);
    const verdict = said && Math.min(said.width, said.height) < SMALLEST ? { ...judged, ...LEVEL } : judged;
    pages.push({ ...verdict, dots: said ? lowerDots(said.dots, said.width, said.height) : dotsOfPage(open, at) });
  }
  if (open.pages === 0) return undefined;
  const parts = isParted ? await splitPages(open, sheets, mostOfParts(size)) : undefined;
  return { total: file?.total ?? open.pages, pages, ...(parts ? { parts } : {}) };
}

function greyOfPage({ width, height, rgb }: ReturnType<typeof drawnPage>): GreyPage {
  const grey = new Uint8Array(width * height);
  for (let at = 0; at < grey.length; at++) grey[at] = (rgb[3 * at]! + rgb[3 * at + 1]! + rgb[3 * at + 2]!) / 3;
  return { width, height, grey };
}

/** As the file says, else as it would be on a sheet of paper. */
const lowerDots = (dots: Dots, width: number, height: number): number =>
  Math.round(dots ? Math.min(...dots) : Math.min(width, height) / SHEET);

/** Of FPDFPageObj_GetType. */
const IMAGE = 3;
const POINTS = 72;

/** A page that is one picture is a scan. */
function dotsOfPage({ pdfium: module, document }: OpenPdf, at: number): number | undefined {
  const page = module.FPDF_LoadPage(document, at);
  if (page === 0) return undefined;
  const object = module.FPDFPage_CountObjects(page) === 1 ? module.FPDFPage_GetObject(page, 0) : 0;
  let dots: number | undefined;
  if (object !== 0 && module.FPDFPageObj_GetType(object) === IMAGE) {
    const size = module.pdfium.wasmExports.malloc(8);
    if (size !== 0 && module.FPDFImageObj_GetImagePixelSize(object, size, size + 4)) {
      const [width, height] = [module.pdfium.getValue(size, 'i32'), module.pdfium.getValue(size + 4, 'i32')];
      const [wide, high] = [module.FPDF_GetPageWidthF(page), module.FPDF_GetPageHeightF(page)];
      const isAlong = width > height === wide > high;
      const [across, down] = isAlong ? [wide, high] : [high, wide];
      dots = Math.round(Math.min((width / across) * POINTS, (height / down) * POINTS));
    }
    if (size !== 0) module.pdfium.wasmExports.free(size);
  }
  module.FPDF_ClosePage(page);
  return dots;
}

const INCH = 0.0254;

function pngSeen(bytes: Buffer): SeenPages | undefined {
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  if (width * height > MOST_PIXELS || !isWholePng(bytes)) return undefined;
  const { data } = PNG.sync.read(bytes);
  const dots = pngDots(bytes);
  return {
    total: 1,
    pages: [{ ...judgePage(smaller(data, width, height)), dots: lowerDots(dots, width, height) }],
  };
}

/** The picture on white, with so few pixels as are looked at: each the mean of those that it stands for. */
function smaller(rgba: Uint8Array, width: number, height: number): GreyPage {
  const step = Math.max(1, Math.ceil(Math.sqrt((width * height) / DRAWN)));
  const [wide, high] = [Math.max(1, Math.floor(width / step)), Math.max(1, Math.floor(height / step))];
  const grey = new Uint8Array(wide * high);
  for (let y = 0; y < high; y++)
    for (let x = 0; x < wide; x++) {
      let sum = 0;
      for (let down = 0; down < step; down++)
        for (let across = 0; across < step; across++) {
          const at = 4 * ((y * step + down) * width + x * step + across);
          const alpha = rgba[at + 3]! / 255;
          sum += ((rgba[at]! + rgba[at + 1]! + rgba[at + 2]!) / 3) * alpha + 255 * (1 - alpha);
        }
      grey[y * wide + x] = sum / (step * step);
    }
  return { width: wide, height: high, grey };
}

/** Whether it has an end: its reader makes up what is cut off. */
function isWholePng(bytes: Buffer): boolean {
  for (let at = 8; at + 12 <= bytes.length; at += 12 + bytes.readUInt32BE(at))
    if (bytes.toString('latin1', at + 4, at + 8) === 'IEND') return true;
  return false;
}

function pngDots(bytes: Buffer): Dots {
  for (let at = 8; at + 21 <= bytes.length; at += 12 + bytes.readUInt32BE(at)) {
    const name = bytes.toString('latin1', at + 4, at + 8);
    if (name === 'IDAT') return undefined;
    if (name === 'pHYs' && bytes[at + 16] === 1)
      return plausible(bytes.readUInt32BE(at + 8) * INCH, bytes.readUInt32BE(at + 12) * INCH);
  }
  return undefined;
}
