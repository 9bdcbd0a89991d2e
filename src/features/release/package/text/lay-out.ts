/**
 * Rows of text → pages of runs in their places. A row has cells beside each other; their texts break at spaces, and between the characters of
 * scripts that have none. Directions follow https://unicode.org/reports/tr9/ For threads.
 */
import bidiFactory from 'bidi-js';
import { TooCostly } from '../read/limits.js';
import type { GlyphOutline, ShapedPiece, Shaper } from './shape.js';

export interface TextCell {
  readonly text: string;
  /** Points from the left margin. */
  readonly x: number;
  readonly width: number;
  readonly align?: 'left' | 'right' | 'center';
}

export interface TextRow {
  readonly cells: readonly TextCell[];
  /** Points. */
  readonly size: number;
  /** Points above the row, but at the head of a page. */
  readonly above?: number;
  /** In a font whose characters have one width, with all its spaces. */
  readonly fixed?: boolean;
  /** Rows from here on begin a page. */
  readonly breaks?: boolean;
}

/** Points. */
export interface Sheet {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Points from the lower left corner of the page. */
export interface TextRun {
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly pieces: readonly ShapedPiece[];
}

export interface LaidOut {
  readonly pages: readonly (readonly TextRun[])[];
  /** By `<face>:<drawing>`, as far as runs have them. */
  readonly outlines: Readonly<Record<string, GlyphOutline>>;
  /** Boxes stand for characters that no font has. */
  readonly missing: boolean;
}

/** More pages are TooCostly. */
const MOST_PAGES = 5000;
const LEADING = 1.32;

/** As its documentation says; its types say something else. */
interface Bidi {
  getEmbeddingLevels(text: string): {
    readonly levels: Uint8Array;
    readonly paragraphs: readonly { readonly level: number }[];
  };
}
const bidi = (bidiFactory as unknown as () => Bidi)();

interface Token {
  readonly text: string;
  readonly width: number;
  readonly level: number;
  readonly space: boolean;
}

/** Each document begins a page of its own. */
export function layOut(shaper: Shaper, documents: readonly { rows: readonly TextRow[]; sheet: Sheet }[]): LaidOut {
  const outlines: Record<string, GlyphOutline> = {};
  const pages = documents.flatMap(({ rows, sheet }) => pagesOf(shaper, rows, sheet));
  let missing = false;
  for (const { pieces } of pages.flat())
    for (const piece of pieces) {
      missing ||= piece.missing === true;
      for (const { drawing } of piece.glyphs)
        outlines[`${piece.face}:${drawing}`] ??= shaper.outline(piece.face, drawing);
    }
  return { pages, outlines, missing };
}

function pagesOf(shaper: Shaper, rows: readonly TextRow[], sheet: Sheet): TextRun[][] {
  const pages: TextRun[][] = [];
  let page: TextRun[] = [];
  let y = sheet.height - sheet.top;
  const begin = (): void => {
    if (pages.push((page = [])) > MOST_PAGES) throw new TooCostly('There are too many pages.');
    y = sheet.height - sheet.top;
  };
  begin();
  for (const row of rows) {
    const line = row.size * LEADING;
    const cells = row.cells.map(cell => ({ cell, lines: linesOf(shaper, row, cell) }));
    const most = Math.max(1, ...cells.map(({ lines }) => lines.length));
    if (row.breaks && page.length > 0) begin();
    if (page.length > 0) y -= row.above ?? 0;
    // A row stays together where a page has room for it.
    if (y - most * line < sheet.bottom && most * line <= sheet.height - sheet.top - sheet.bottom && page.length > 0)
      begin();
    for (let n = 0; n < most; n++) {
      if (y - line < sheet.bottom) begin();
      y -= line;
      for (const { cell, lines } of cells) {
        const found = lines[n];
        if (found && found.tokens.length > 0) page.push(runOf(shaper, row, { cell, ...found }, sheet.left, y));
      }
    }
  }
  return pages;
}

interface BrokenLine {
  readonly tokens: readonly Token[];
  readonly width: number;
  readonly rightToLeft: boolean;
}

function runOf(
  shaper: Shaper,
  row: TextRow,
  line: BrokenLine & { readonly cell: TextCell },
  left: number,
  y: number,
): TextRun {
  const { cell, tokens, width, rightToLeft } = line;
  const pieces = visualOrder(tokens).flatMap(({ text, level }) =>
    shaper.shape(text, { fixed: row.fixed ?? false, rightToLeft: level % 2 === 1 }),
  );
  const spare = cell.width - (width * row.size) / 1000;
  const align = cell.align ?? (rightToLeft ? 'right' : 'left');
  const shift = align === 'right' ? spare : align === 'center' ? spare / 2 : 0;
  return { x: left + cell.x + Math.max(shift, 0), y: y + row.size * 0.25, size: row.size, pieces };
}

/** Rule L2: from the highest level down, what has it is turned round. */
function visualOrder(tokens: readonly Token[]): readonly Token[] {
  const order = [...tokens];
  const highest = Math.max(0, ...order.map(({ level }) => level));
  for (let level = highest; level > 0; level--)
    for (let from = 0; from < order.length; from++) {
      if (order[from]!.level < level) continue;
      let to = from;
      while (to < order.length && order[to]!.level >= level) to++;
      order.splice(from, to - from, ...order.slice(from, to).toReversed());
      from = to;
    }
  return order;
}

function linesOf(shaper: Shaper, row: TextRow, cell: TextCell): BrokenLine[] {
  const most = (cell.width * 1000) / row.size;
  return cell.text.split(/\r\n|[\n\r\u2028\u2029]/).flatMap(paragraph => broken(shaper, row, paragraph, most));
}

/** Neither runs of letters nor of spaces are longer, so that one token cannot cost more than the page. */
const LONGEST = 200;
const TAB = 8;
/** Scripts that are written without spaces, character by character. */
const UNSPACED = '[\\u2E80-\\u9FFF\\uAC00-\\uD7AF\\uF900-\\uFAFF\\uFF00-\\uFFEF\\u{20000}-\\u{3FFFF}]';
const TOKENS = new RegExp(`${UNSPACED}|\\s+|(?:(?!${UNSPACED})\\S)+`, 'gu');

function broken(shaper: Shaper, row: TextRow, given: string, most: number): BrokenLine[] {
  const fixed = row.fixed ?? false;
  const text = fixed ? withoutTabs(given) : given.replaceAll(/\s+/g, ' ').trim();
  const { levels, paragraphs } = bidi.getEmbeddingLevels(text);
  const rightToLeft = (paragraphs[0]?.level ?? 0) % 2 === 1;
  const lines: BrokenLine[] = [];
  let tokens: Token[] = [];
  let width = 0;
  const end = (): void => {
    while (tokens.at(-1)?.space) width -= tokens.pop()!.width;
    lines.push({ tokens, width, rightToLeft });
    [tokens, width] = [[], 0];
  };
  for (const piece of tokensOf(text, levels)) {
    const measured = measure(shaper, piece, fixed);
    if (width + measured.width > most && !measured.space && tokens.length > 0) end();
    if (measured.width > most && !measured.space) {
      for (const part of cut(shaper, measured, most, fixed)) {
        if (width + part.width > most && tokens.length > 0) end();
        tokens.push(part);
        width += part.width;
      }
    } else if (!(measured.space && tokens.length === 0 && lines.length > 0)) {
      tokens.push(measured);
      width += measured.width;
    }
  }
  end();
  return lines;
}

function withoutTabs(text: string): string {
  if (!text.includes('\t')) return text;
  let line = '';
  for (const part of text.split(/(\t)/)) line += part === '\t' ? ' '.repeat(TAB - (line.length % TAB)) : part;
  return line;
}

type Unmeasured = Omit<Token, 'width'>;

/** Words, spaces and lone characters, none of which has two directions. */
function* tokensOf(text: string, levels: Uint8Array): Generator<Unmeasured> {
  for (const { 0: found, index } of text.matchAll(TOKENS)) {
    const space = found.trim() === '';
    for (let from = 0; from < found.length; ) {
      const level = levels[index + from]!;
      let to = from + 1;
      while (to < found.length && to - from < LONGEST && levels[index + to] === level) to++;
      if (to < found.length && /[\uDC00-\uDFFF]/.test(found[to]!)) to++;
      yield { text: found.slice(from, to), level, space };
      from = to;
    }
  }
}

const measure = (shaper: Shaper, token: Unmeasured, fixed: boolean): Token => ({
  ...token,
  width: shaper
    .shape(token.text, { fixed, rightToLeft: token.level % 2 === 1 })
    .reduce((sum, piece) => sum + piece.width, 0),
});

const clusters = new Intl.Segmenter('und', { granularity: 'grapheme' });

/** A word that no line has room for, in parts that each have. */
function* cut(shaper: Shaper, token: Token, most: number, fixed: boolean): Generator<Token> {
  let part = '';
  let last: Token | undefined;
  for (const { segment } of clusters.segment(token.text)) {
    const longer = measure(shaper, { ...token, text: part + segment }, fixed);
    if (longer.width > most && last) {
      yield last;
      part = segment;
      last = measure(shaper, { ...token, text: segment }, fixed);
    } else {
      part += segment;
      last = longer;
    }
  }
  if (last) yield last;
}
