/**
 * Text → glyphs in their places, by script: characters that belong together (https://unicode.org/reports/tr29/) get one font, and fontkit joins
 * and orders them as the script wants. For threads.
 */
import { type Face, openFaces } from './faces.js';

/** Glyphs of one font, in the order in which they are drawn, from left to right. Lengths are thousandths of an em. */
export interface ShapedPiece {
  readonly face: string;
  readonly glyphs: readonly ShapedGlyph[];
  readonly width: number;
  /** What is written, where that cannot be told glyph by glyph. */
  readonly actual?: string;
  /** No font has all of its characters: boxes stand for them. */
  readonly missing?: true;
}

export interface ShapedGlyph {
  /** What it is drawn of: glyphs of the font, each at its place, `12` or `12@0,0+40@310,-20`. */
  readonly drawing: string;
  /** The characters that it stands for. */
  readonly text: string;
  readonly advance: number;
}

/** How a glyph is drawn: operators of a PDF path in thousandths of an em, with its box. */
export interface GlyphOutline {
  readonly width: number;
  readonly box: readonly [left: number, bottom: number, right: number, top: number];
  readonly path: string;
  readonly thicker: number;
}

export interface Shaper {
  /** A word, or part of one, in one direction. */
  shape(text: string, way: TextWay): readonly ShapedPiece[];
  outline(face: string, drawing: string): GlyphOutline;
}

export interface TextWay {
  readonly fixed: boolean;
  readonly rightToLeft: boolean;
}

/**
 * Scripts that put glyphs in another order than characters: what is read out of the file is said beside them. Not of scripts from right to
 * left: readers turn those round themselves, and what is said beside them, too.
 */
const REORDERED = /[\u0900-\u0DFF\u0E00-\u0EFF\u1000-\u109F\u1780-\u17FF]/;
/** What no font has to have: joiners, variation selectors, directions. */
const UNSEEN = /^(?:\p{Cf}|\p{Variation_Selector})$/u;
const REPLACEMENT = '\u25A1';
/** Number 0 of a font. */
const NO_GLYPH = /(?:^|\+)0(?:@|\+|$)/;
/** Words that are remembered with their glyphs. */
const REMEMBERED = 20_000;

export function createShaper(): Shaper {
  const { proportional, fixed } = openFaces();
  const faces = new Map([...fixed, ...proportional].map(face => [face.key, face]));
  const clusters = new Intl.Segmenter('und', { granularity: 'grapheme' });
  const known = new Map<string, readonly ShapedPiece[]>();

  const faceOf = (cluster: string, among: readonly Face[], before: Face | undefined): Face | undefined => {
    const codes = Array.from(cluster)
      .filter(char => !UNSEEN.test(char))
      .map(char => char.codePointAt(0)!);
    const hasAll = (face: Face): boolean => codes.every(one => face.has(one));
    if (before && codes.length > 0 && hasAll(before) && /\p{M}|\p{N}|\p{P}/u.test(cluster)) return before;
    return among.find(hasAll) ?? among.find(face => codes.length > 0 && face.has(codes[0]!));
  };

  const pieces = (text: string, { fixed: isFixed, rightToLeft }: TextWay): readonly ShapedPiece[] => {
    const parts: { face: Face; text: string; unwritten?: string }[] = [];
    const among = isFixed ? fixed : proportional;
    for (const { segment } of clusters.segment(text.normalize('NFC'))) {
      const last = parts.at(-1);
      if (last && Array.from(segment).every(char => UNSEEN.test(char))) {
        last.text += segment;
        continue;
      }
      const face = faceOf(segment, among, last?.face);
      const written = face ? segment : REPLACEMENT;
      const chosen = face ?? faceOf(REPLACEMENT, among, undefined) ?? among[0]!;
      if (!face && last?.unwritten !== undefined) {
        last.text += written;
        last.unwritten += segment;
      } else if (!face) parts.push({ face: chosen, text: written, unwritten: segment });
      else if (last?.face === chosen && last.unwritten === undefined) last.text += written;
      else parts.push({ face: chosen, text: written });
    }
    const shaped = parts.map(({ face, text: written, unwritten }): ShapedPiece => {
      const piece = shapePart(face, written, rightToLeft);
      const isMissing = unwritten !== undefined || piece.glyphs.some(({ drawing }) => NO_GLYPH.test(drawing));
      return isMissing ? { ...piece, actual: unwritten ?? written, missing: true } : piece;
    });
    return rightToLeft ? shaped.toReversed() : shaped;
  };

  return {
    shape(text, way) {
      const key = `${way.fixed ? 'f' : 'p'}${way.rightToLeft ? 'r' : 'l'}${text}`;
      let found = known.get(key);
      if (!found) {
        if (known.size > REMEMBERED) known.clear();
        found = pieces(text, way);
        known.set(key, found);
      }
      return found;
    },
    outline: (face, drawing) => outlineOf(faces.get(face)!, drawing),
  };
}

function shapePart(face: Face, text: string, rightToLeft: boolean): ShapedPiece {
  const font = face.font();
  const scale = 1000 / font.unitsPerEm;
  const run = font.layout(text, undefined, undefined, undefined, rightToLeft ? 'rtl' : 'ltr');
  const parts = run.glyphs.map(({ id, codePoints }, at): GlyphPart => {
    const { xAdvance, xOffset, yOffset } = run.positions[at]!;
    const place = { right: xOffset * scale, up: yOffset * scale };
    return { id, text: String.fromCodePoint(...codePoints), advance: xAdvance * scale, ...place };
  });
  const glyphs = clustersOf(parts, rightToLeft).map(drawnTogether);
  const width = glyphs.reduce((sum, { advance }) => sum + advance, 0);
  return { face: face.key, glyphs, width, ...(REORDERED.test(text) ? { actual: text } : {}) };
}

interface GlyphPart {
  readonly id: number;
  readonly text: string;
  readonly advance: number;
  readonly right: number;
  readonly up: number;
}

/** Strokes and dots that stand for no character of their own, with the letter before them, which is right of them in some scripts. */
function clustersOf(parts: readonly GlyphPart[], rightToLeft: boolean): readonly GlyphPart[][] {
  const clusters: GlyphPart[][] = [];
  let loose: GlyphPart[] = [];
  for (const part of parts) {
    if (part.text !== '') {
      clusters.push([...loose, part]);
      loose = [];
    } else if (rightToLeft || clusters.length === 0) loose.push(part);
    else clusters.at(-1)!.push(part);
  }
  if (loose.length > 0) clusters.push(loose);
  return clusters;
}

function drawnTogether(parts: readonly GlyphPart[]): ShapedGlyph {
  let advance = 0;
  const drawn: string[] = [];
  for (const part of parts) {
    const [x, y] = [Math.round(advance + part.right), Math.round(part.up)];
    drawn.push(parts.length === 1 && x === 0 && y === 0 ? String(part.id) : `${part.id}@${x},${y}`);
    advance += part.advance;
  }
  return { drawing: drawn.join('+'), text: parts.map(({ text }) => text).join(''), advance };
}

function outlineOf(face: Face, drawing: string): GlyphOutline {
  const parts = drawing.split('+').map(part => {
    const [id = '', place = '0,0'] = part.split('@');
    const [right = 0, up = 0] = place.split(',').map(Number);
    return { id: Number(id), right, up };
  });
  const box: GlyphBox = [0, 0, 0, 0];
  const paths = parts.map(({ id, right, up }) => glyphPath(face, id, [right, up], box));
  const [left, bottom, right, top] = box.map(Math.round) as [number, number, number, number];
  const font = face.font();
  const width = parts.length === 1 ? (font.getGlyph(parts[0]!.id).advanceWidth * 1000) / font.unitsPerEm : right;
  const path = paths.filter(one => one !== '').join('\n');
  return { width: Math.round(width), box: [left, bottom, right, top], path, thicker: face.thicker };
}

type GlyphBox = [left: number, bottom: number, right: number, top: number];

const OPERATORS: Readonly<Record<string, string>> = { moveTo: 'm', lineTo: 'l', bezierCurveTo: 'c', closePath: 'h' };

/** Operators that draw a glyph at its place; `box` grows by what it covers. */
function glyphPath(face: Face, id: number, [right, up]: readonly [number, number], box: GlyphBox): string {
  const font = face.font();
  const scale = 1000 / font.unitsPerEm;
  const scaled = (values: readonly number[]): number[] =>
    values.map((value, at) => value * scale + (at % 2 === 0 ? right : up));
  const text = (values: readonly number[]): string => values.map(value => Math.round(value)).join(' ');
  const parts: string[] = [];
  let [x, y] = [0, 0];
  for (const { command, args } of font.getGlyph(id).path.commands) {
    const points = scaled(args);
    if (command === 'quadraticCurveTo') {
      const [cx = 0, cy = 0, ex = 0, ey = 0] = points;
      const near = (from: number, to: number): number => from + (2 / 3) * (to - from);
      parts.push(`${text([near(x, cx), near(y, cy), near(ex, cx), near(ey, cy), ex, ey])} c`);
    } else parts.push(`${points.length > 0 ? `${text(points)} ` : ''}${OPERATORS[command]!}`);
    for (let at = 0; at + 1 < points.length; at += 2) {
      box[0] = Math.min(box[0], points[at]! - face.thicker);
      box[1] = Math.min(box[1], points[at + 1]! - face.thicker);
      box[2] = Math.max(box[2], points[at]! + face.thicker);
      box[3] = Math.max(box[3], points[at + 1]! + face.thicker);
    }
    if (points.length >= 2) [x, y] = [points.at(-2)!, points.at(-1)!];
  }
  return parts.join('\n');
}
