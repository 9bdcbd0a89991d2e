/**
 * Pages as pictures with what must be withheld burnt into them. A black box over a page leaves what is below it in the file, and parts of a
 * page that nobody sees (texts of a recogniser, layers, the rest of a cropped picture) cannot be told from what is to be kept: of an item
 * with marks every page becomes a picture, and nothing else of the file goes in.
 */
import { deflateSync } from 'node:zlib';
import type { RedactedArea } from '../order.js';
import { fragmentWriter, type PageForm, type FragmentStart, type PdfFragment } from '../pdf/fragment.js';
import { pdfName } from '../../../../fhir/content/pdf-values.js';
import { drawnPage, type OpenPdf, type PagePicture } from '../../../../fhir/content/pdfium.js';
import { imageObject, picturePage, wholePicture } from './picture.js';

/** An inch. */
const DOTS = 200;
/** Of a page: that of a sheet of A3 at 200 dots. */
const PIXELS = 8_000_000;
const POINTS = 72;

export interface DrawnRange {
  readonly from: number;
  readonly count: number;
  readonly marks: Readonly<Record<number, readonly RedactedArea[] | 'all'>>;
}

export function drawnPages(open: OpenPdf, { from, count, marks }: DrawnRange, start: FragmentStart): PdfFragment {
  const writer = fragmentWriter(start);
  const pages: PageForm[] = [];
  for (let index = from; index < Math.min(open.pages, from + count); index++) {
    const picture = drawnPage(open, index, DOTS, PIXELS);
    burn(picture, marks[index + 1] ?? []);
    const { width, height, rgb, pageWidth, pageHeight } = picture;
    const grey = greyOf(rgb);
    const image = writer.add(
      imageObject({
        ...{ width, height, bits: 8, colours: pdfName(grey ? 'DeviceGray' : 'DeviceRGB'), filter: 'FlateDecode' },
        data: deflateSync(grey ?? rgb, { level: 4 }),
      }),
    );
    const dots: readonly [number, number] = [(width / pageWidth) * POINTS, (height / pageHeight) * POINTS];
    pages.push(
      picturePage(
        writer,
        { width, height, dots, parts: wholePicture(image) },
        { width: pageWidth, height: pageHeight },
      ),
    );
  }
  return writer.end(pages);
}

/** Pixels on each side of an area that go, too: letters are as wide as their shades. */
const SHADE = 2;

function burn({ width, height, rgb }: PagePicture, areas: readonly RedactedArea[] | 'all'): void {
  for (const area of areas === 'all' ? [{ x: 0, y: 0, width: 1, height: 1 }] : areas) {
    const left = Math.max(0, Math.floor(area.x * width) - SHADE);
    const right = Math.min(width, Math.ceil((area.x + area.width) * width) + SHADE);
    const top = Math.max(0, Math.floor(area.y * height) - SHADE);
    const bottom = Math.min(height, Math.ceil((area.y + area.height) * height) + SHADE);
    for (let y = top; y < bottom; y++) rgb.fill(0, 3 * (y * width + left), 3 * (y * width + Math.max(left, right)));
  }
}

/** One byte a pixel, where all of them are grey. */
function greyOf(rgb: Buffer): Buffer | undefined {
  const grey = Buffer.alloc(rgb.length / 3);
  for (let from = 0, to = 0; from < rgb.length; from += 3, to++) {
    if (rgb[from] !== rgb[from + 1] || rgb[from] !== rgb[from + 2]) return undefined;
    grey[to] = rgb[from]!;
  }
  return grey;
}
