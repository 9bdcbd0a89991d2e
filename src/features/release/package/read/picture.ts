/** A picture as a page: at its own size where it says one that a page has, and else within the margins of the paper. */
import type { PageForm, FragmentWriter } from '../pdf/fragment.js';
import {
  type PdfStream,
  type PdfValue,
  pdfDictionary,
  pdfName,
  pdfNumber,
  pdfReference,
} from '../../../../fhir/content/pdf-values.js';

/** Points. */
export interface Paper {
  readonly width: number;
  readonly height: number;
}

/** A part of a picture: fractions of it as it is stored, from its upper left corner. */
export interface PicturePart {
  readonly image: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Picture {
  /** Pixels, as they are stored. */
  readonly width: number;
  readonly height: number;
  /** Pixels an inch, across and down. */
  readonly dots?: readonly [number, number];
  /** As Exif and TIFF number it: where the first row and the first column are seen. */
  readonly orientation?: number;
  readonly parts: readonly PicturePart[];
}

const POINTS = 72;
const MARGIN = 18;
/** A picture that does not say how large it is. */
const USUAL_DOTS = 96;
/** Inches of a page that is as large as its picture. */
const SMALLEST = 4;
const LARGEST = 24;

/** Stored → seen, in the unit square, by orientation. */
const TURNS = [
  [1, 0, 0, 1, 0, 0],
  [-1, 0, 0, 1, 1, 0],
  [-1, 0, 0, -1, 1, 1],
  [1, 0, 0, -1, 0, 1],
  [0, -1, -1, 0, 1, 1],
  [0, -1, 1, 0, 0, 1],
  [0, 1, 1, 0, 0, 0],
  [0, 1, -1, 0, 1, 0],
] as const;

export function picturePage(writer: FragmentWriter, picture: Picture, paper: Paper): PageForm {
  const { orientation = 1 } = picture;
  const turn = TURNS[orientation - 1] ?? TURNS[0];
  const { page, size } = measured(picture, orientation >= 5, paper);
  const [x, y] = [(page.width - size.width) / 2, (page.height - size.height) / 2];
  const parts = picture.parts.map(
    (part, n) => `q ${numbers(part.width, 0, 0, part.height, part.x, 1 - part.y - part.height)} cm /I${n} Do Q`,
  );
  const content = `q ${numbers(size.width, 0, 0, size.height, x, y)} cm ${numbers(...turn)} cm 0 0 1 1 re W n\n${parts.join('\n')}\nQ\n`;
  const images = Object.fromEntries(picture.parts.map(({ image }, n) => [`I${n}`, pdfReference(image)]));
  const form = writer.add({
    dictionary: pdfDictionary({
      ...{ Type: pdfName('XObject'), Subtype: pdfName('Form'), BBox: [0, 0, page.width, page.height] },
      Resources: pdfDictionary({ XObject: pdfDictionary(images) }),
    }),
    data: Buffer.from(content),
  });
  return { form, ...page };
}

const numbers = (...values: readonly number[]): string => values.map(value => precise(value)).join(' ');
/** Parts of a picture are small fractions of it: more digits than a length has. */
const precise = (value: number): string =>
  Math.abs(value) < 1 ? value.toFixed(9).replace(/\.?0+$/, '') || '0' : pdfNumber(value);

function measured({ width, height, dots }: Picture, turned: boolean, paper: Paper) {
  const [across, down] = dots ?? [USUAL_DOTS, USUAL_DOTS];
  const natural = { width: (width / across) * POINTS, height: (height / down) * POINTS };
  const seen = turned ? { width: natural.height, height: natural.width } : natural;
  const [short, long] = [Math.min(seen.width, seen.height) / POINTS, Math.max(seen.width, seen.height) / POINTS];
  if (dots && short >= SMALLEST && long <= LARGEST) return { page: seen, size: seen };
  const page = seen.width > seen.height ? { width: paper.height, height: paper.width } : paper;
  const scale = Math.min((page.width - 2 * MARGIN) / seen.width, (page.height - 2 * MARGIN) / seen.height, 1);
  return { page, size: { width: seen.width * scale, height: seen.height * scale } };
}

/** An image that a page draws. `data` as `filter` says. */
export interface ImageForm {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly colours: PdfValue;
  readonly filter?: string;
  readonly parameters?: PdfValue;
  readonly decode?: readonly number[];
  readonly data: Uint8Array;
}

export const imageObject = ({
  width,
  height,
  bits,
  colours,
  filter,
  parameters,
  decode,
  data,
}: ImageForm): PdfStream => ({
  dictionary: pdfDictionary({
    ...{ Type: pdfName('XObject'), Subtype: pdfName('Image'), Width: width, Height: height },
    ...{ ColorSpace: colours, BitsPerComponent: bits, Decode: decode },
    ...{ Filter: filter === undefined ? undefined : pdfName(filter), DecodeParms: parameters },
  }),
  data,
});

export const wholePicture = (image: number): readonly PicturePart[] => [{ image, x: 0, y: 0, width: 1, height: 1 }];

/** Pixels an inch, where they are some that a scanner or a camera has. */
export const plausibleDots = (across: number, down: number): readonly [number, number] | undefined =>
  across >= 36 && across <= 4800 && down >= 36 && down <= 4800 ? [across, down] : undefined;
