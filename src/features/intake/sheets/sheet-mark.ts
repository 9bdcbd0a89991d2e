/**
 * Whether a drawn page is laid out like a separator sheet (sheet-pdf.ts), whatever is left of its codes: dark bars and the squares of its codes are where they are on no other
 * page. Dark is measured in coarse cells and correlated with the layout, a little turned, moved and smaller, so that streaks, toner and skew take little of it (template
 * matching by normalized cross-correlation: Lewis, "Fast Normalized Cross-Correlation", 1995). It tells that a sheet was there, never whose.
 */
import { SHEET_LAYOUT } from './sheet-layout.js';

/** Grey, a byte a pixel, from the upper left corner on. */
interface DrawnGrey {
  readonly width: number;
  readonly height: number;
  readonly grey: Uint8Array;
}

/** Cells of the shorter side of a page. */
const CELLS = 24;
/** Degrees of a skew, parts of the size, and cells by which it may be moved, either way. */
const SKEWS = [-9, -6, -3, 0, 3, 6, 9];
const SIZES = [0.75, 0.85, 0.93, 1];
const MOVES = [-1, 0, 1];
/** Of the correlation; 1 is the sheet itself. Pages of text have 0.4, two or four pictures 0.6, streaked sheets 0.75 and more. */
const LIKE = 0.66;

export const looksLikeSheet = (page: DrawnGrey): boolean => sheetLikeness(page) >= LIKE;

/** The best correlation, from -1 to 1. */
export function sheetLikeness(page: DrawnGrey): number {
  const { wide, high, dark } = darkCells(page);
  if (!levelled(dark)) return 0;
  let best = -1;
  for (const layout of layoutsFor(wide, high)) {
    let sum = 0;
    for (let at = 0; at < dark.length; at++) sum += dark[at]! * layout[at]!;
    best = Math.max(best, sum);
  }
  return best;
}

/** Makes its mean 0, and its length 1; false for a page of one colour. */
function levelled(dark: Float64Array): boolean {
  const mean = dark.reduce((sum, each) => sum + each, 0) / dark.length;
  const length = Math.sqrt(dark.reduce((sum, each) => sum + (each - mean) ** 2, 0));
  if (length < 1e-6) return false;
  for (let at = 0; at < dark.length; at++) dark[at] = (dark[at]! - mean) / length;
  return true;
}

interface Cells {
  readonly wide: number;
  readonly high: number;
  /** How dark each is. */
  readonly dark: Float64Array;
}

function darkCells({ width, height, grey }: DrawnGrey): Cells {
  const side = Math.max(1, Math.min(width, height) / CELLS);
  const [wide, high] = [Math.max(1, Math.round(width / side)), Math.max(1, Math.round(height / side))];
  const dark = new Float64Array(wide * high);
  const counts = new Float64Array(wide * high);
  for (let y = 0, from = 0; y < height; y++) {
    const row = Math.min(high - 1, Math.floor((y * high) / height)) * wide;
    for (let x = 0; x < width; x++, from++) {
      const at = row + Math.min(wide - 1, Math.floor((x * wide) / width));
      dark[at]! += 255 - grey[from]!;
      counts[at]! += 1;
    }
  }
  for (let at = 0; at < dark.length; at++) dark[at]! /= Math.max(1, counts[at]!);
  return { wide, high, dark };
}

const layouts = new Map<string, readonly Float64Array[]>();
/** Sizes of pages whose layouts are kept. */
const MOST_KEPT = 6;

/** The layout on a page of so many cells, upright and on its side, in each of the ways that are tried. */
function layoutsFor(wide: number, high: number): readonly Float64Array[] {
  const name = `${wide} ${high}`;
  const known = layouts.get(name);
  if (known) return known;
  const ways = [0, 90].flatMap(turn =>
    SKEWS.flatMap(skew =>
      SIZES.flatMap(size =>
        MOVES.flatMap(right => MOVES.map(down => ({ degrees: turn + skew, size, right, down }) satisfies TriedLayout)),
      ),
    ),
  );
  const made = ways.map(way => layoutCells(wide, high, way)).filter(levelled);
  if (layouts.size >= MOST_KEPT) layouts.clear();
  layouts.set(name, made);
  return made;
}

interface TriedLayout {
  readonly degrees: number;
  readonly size: number;
  /** Cells. */
  readonly right: number;
  readonly down: number;
}

/** Places of a cell's side that are asked. */
const ASKED = 2;

function layoutCells(wide: number, high: number, { degrees, size, right, down }: TriedLayout): Float64Array {
  const dark = new Float64Array(wide * high);
  const { width, height } = SHEET_LAYOUT;
  const [sin, cos] = [Math.sin, Math.cos].map(of => of((degrees * Math.PI) / 180)) as [number, number];
  // As large as fits, when it lies as it does.
  const isUpright = degrees < 45;
  const scale = Math.max((isUpright ? width : height) / wide, (isUpright ? height : width) / high) / size;
  for (let y = 0; y < high * ASKED; y++)
    for (let x = 0; x < wide * ASKED; x++) {
      const left = ((x + 0.5) / ASKED - wide / 2 - right) * scale;
      const top = ((y + 0.5) / ASKED - high / 2 - down) * scale;
      dark[Math.floor(y / ASKED) * wide + Math.floor(x / ASKED)]! += darkAt(
        cos * left + sin * top + width / 2,
        cos * top - sin * left + height / 2,
      );
    }
  return dark;
}

function darkAt(x: number, y: number): number {
  for (const { left, bottom, wide, high, dark } of SHEET_LAYOUT.boxes)
    if (x >= left && x < left + wide && y >= bottom && y < bottom + high) return dark;
  return 0;
}
