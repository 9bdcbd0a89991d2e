/**
 * What is wrong with a page, by its pixels: nothing on it, lines that are not level, or lines that stand upright. Lines of text make rows of ink with white between
 * them: of all ways to tilt a page the right one makes these rows sharpest (projection profiles: Postl, "Detection of linear oblique structures", 1986).
 * A page that is upside down cannot be told like that.
 */

/** Grey, a byte a pixel, from the upper left corner on. */
export interface GreyPage {
  readonly width: number;
  readonly height: number;
  readonly grey: Uint8Array;
}

export interface PageVerdict {
  readonly isBlank: boolean;
  /** Degrees, clockwise; 0 where nobody can tell. */
  readonly skew: number;
  /** Lines stand upright. */
  readonly isTurned: boolean;
}

/** How much ink stands out. */
const CONTRAST = 64;
/** Of a page: what is ink and no specks wherever it is; what is a picture, and no text; edges, where scanners leave shadows. */
const SPECKS = 0.001;
const PICTURE = 0.3;
const EDGE = 0.03;
/** Pixels of the side of a square, and how much ink in one of them is a word and no speck. */
const SQUARE = 16;
const WORD = 10;
/** Pixels of ink by which the direction of lines can be told. */
const LEAST_INK = 400;
/** Pixels of ink that are looked at. */
const MOST_INK = 30_000;
/** Degrees of a tilt that are tried. */
const MOST_SKEW = 10;
const STEP = 0.5;
/** How much sharper rows are than they are the other way, where that is no chance. */
const SURE = 1.15;
const SURE_TURN = 1.6;
/** Rows of ink with white between them that make a page of text. */
const LEAST_LINES = 6;

export function judgePage(page: GreyPage): PageVerdict {
  const { width, height } = page;
  const { xs, ys, share } = inkOf(page);
  if (share <= SPECKS && !hasWord(xs, ys, width)) return { isBlank: true, skew: 0, isTurned: false };
  if (xs.length < LEAST_INK || share > PICTURE) return { isBlank: false, skew: 0, isTurned: false };
  const [level, upright] = [bestTilt(xs, ys, width, height), bestTilt(ys, xs, height, width)];
  const isTurned = upright.sharpness > level.sharpness * SURE_TURN && upright.lines >= LEAST_LINES;
  const { tilt, sharpness, flat, lines } = isTurned ? upright : level;
  const isSkewed = sharpness > flat * SURE && lines >= LEAST_LINES;
  return { isBlank: false, skew: isSkewed ? tilt : 0, isTurned };
}

/** Whether ink stands together somewhere. */
function hasWord(xs: Float64Array, ys: Float64Array, width: number): boolean {
  const across = Math.ceil(width / SQUARE);
  const counts = new Map<number, number>();
  for (let n = 0; n < xs.length; n++) {
    const square = Math.floor(ys[n]! / SQUARE) * across + Math.floor(xs[n]! / SQUARE);
    const count = (counts.get(square) ?? 0) + 1;
    if (count >= WORD) return true;
    counts.set(square, count);
  }
  return false;
}

interface Ink {
  readonly xs: Float64Array;
  readonly ys: Float64Array;
  /** Of the pixels that are looked at. */
  readonly share: number;
}

/** Pixels that stand out from what most of the page is like, without its edges. */
function inkOf({ width, height, grey }: GreyPage): Ink {
  const counts = new Uint32Array(256);
  for (const value of grey) counts[value]! += 1;
  const ground = counts.indexOf(Math.max(...counts));
  const [left, top] = [Math.floor(width * EDGE), Math.floor(height * EDGE)];
  const [right, bottom] = [width - left, height - top];
  const isInk = (x: number, y: number): boolean => Math.abs(grey[y * width + x]! - ground) > CONTRAST;
  let count = 0;
  for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) if (isInk(x, y)) count++;
  const every = Math.max(1, Math.ceil(count / MOST_INK));
  const size = Math.ceil(count / every);
  const [xs, ys] = [new Float64Array(size), new Float64Array(size)];
  let seen = 0;
  for (let y = top; y < bottom; y++)
    for (let x = left; x < right; x++)
      if (isInk(x, y) && seen++ % every === 0) {
        const at = Math.floor((seen - 1) / every);
        xs[at] = x;
        ys[at] = y;
      }
  return { xs, ys, share: count / Math.max(1, (right - left) * (bottom - top)) };
}

interface Tilt {
  readonly tilt: number;
  readonly sharpness: number;
  /** Without a tilt. */
  readonly flat: number;
  /** Rows of ink at that tilt, with white between them. */
  readonly lines: number;
}

/** The tilt at which rows are sharpest. */
function bestTilt(xs: Float64Array, ys: Float64Array, width: number, height: number): Tilt {
  const rows = new Float64Array(Math.ceil(height + width) + 2);
  const project = (degrees: number): void => {
    rows.fill(0);
    const slope = Math.tan((degrees * Math.PI) / 180);
    const lift = slope > 0 ? slope * width : 0;
    for (let n = 0; n < xs.length; n++) rows[Math.round(ys[n]! - slope * xs[n]! + lift)]! += 1;
  };
  const sharpnessAt = (degrees: number): number => {
    project(degrees);
    let sum = 0;
    for (let at = 1; at < rows.length; at++) sum += (rows[at]! - rows[at - 1]!) ** 2;
    return sum;
  };
  const flat = sharpnessAt(0);
  let [tilt, sharpness] = [0, flat];
  for (let degrees = -MOST_SKEW; degrees <= MOST_SKEW; degrees += STEP) {
    const found = sharpnessAt(degrees);
    if (found > sharpness) [tilt, sharpness] = [degrees, found];
  }
  project(tilt);
  return { tilt, sharpness, flat, lines: linesIn(rows) };
}

/** How often ink rises above what is usual where there is some, and falls far below it again. */
function linesIn(rows: Float64Array): number {
  const inked = rows.filter(count => count > 0);
  const usual = inked.reduce((sum, count) => sum + count, 0) / Math.max(1, inked.length);
  let lines = 0;
  let isIn = false;
  for (const count of rows) {
    if (!isIn && count > usual) lines++;
    if (count > usual) isIn = true;
    else if (count < usual / 4) isIn = false;
  }
  return lines;
}
