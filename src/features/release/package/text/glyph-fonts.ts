/**
 * The glyphs that a package uses, as fonts of Type 3: each is drawn once, by its outline, whatever font it is of, and says for which
 * characters it stands. ISO 32000-2 §9.6.4, §9.10.3
 */
import { deflateSync } from 'node:zlib';
import { breathe } from '../../../../platform/pieces.js';
import {
  type PdfDictionary,
  type PdfStream,
  type PdfValue,
  pdfDictionary,
  pdfName,
  pdfNumber,
  pdfReference,
} from '../../../../fhir/content/pdf-values.js';
import type { LaidOut, TextRun } from './lay-out.js';
import type { GlyphOutline, ShapedGlyph } from './shape.js';

/** Codes of a font. */
const CODES = 256;

interface UsedGlyph {
  readonly outline: GlyphOutline;
  readonly text: string;
}

export interface GlyphFonts {
  /** The operators that write the runs, with the fonts of `resources`. */
  written(runs: readonly TextRun[], outlines: LaidOut['outlines']): string;
  /** Once, at the end: writes all fonts by `add`, and gives the dictionary that names them. */
  resources(add: (value: PdfValue | PdfStream) => number): Promise<PdfDictionary>;
}

export function glyphFonts(): GlyphFonts {
  const used: UsedGlyph[] = [];
  const places = new Map<string, number>();

  const placeOf = (face: string, glyph: ShapedGlyph, outlines: LaidOut['outlines']): number => {
    const key = `${face}:${glyph.drawing}:${glyph.text}`;
    let place = places.get(key);
    if (place === undefined) {
      place = used.push({ outline: outlines[`${face}:${glyph.drawing}`]!, text: glyph.text }) - 1;
      places.set(key, place);
    }
    return place;
  };

  const writeRun = ({ x, y, size, pieces }: TextRun, outlines: LaidOut['outlines']): string => {
    const parts: string[] = [`BT 1 0 0 1 ${pdfNumber(x)} ${pdfNumber(y)} Tm`];
    const line = new TextLine(parts, size);
    for (const { face, glyphs, actual } of pieces) {
      if (actual !== undefined) {
        line.end();
        const text = Buffer.from(actual, 'utf16le').swap16().toString('hex');
        parts.push(`/Span <</ActualText <feff${text}>>> BDC`);
      }
      for (const glyph of glyphs) {
        const place = placeOf(face, glyph, outlines);
        line.show(place, used[place]!.outline.width, glyph);
      }
      if (actual !== undefined) {
        line.end();
        parts.push('EMC');
      }
    }
    line.end();
    parts.push('ET');
    return parts.join('\n');
  };

  return {
    written: (runs, outlines) => runs.map(run => writeRun(run, outlines)).join('\n'),
    async resources(add) {
      const fonts: Record<string, PdfValue> = {};
      for (let from = 0; from < used.length; from += CODES)
        fonts[`F${from / CODES}`] = pdfReference(add(await typeThree(used.slice(from, from + CODES), add)));
      return pdfDictionary(fonts);
    },
  };
}

/** Shows glyphs one after the other, with as few operators as that needs. */
class TextLine {
  readonly #parts: string[];
  readonly #size: number;
  #font = -1;
  #codes = '';
  #shown: string[] = [];
  /** What the next glyph stands further to the left, in thousandths of an em. */
  #back = 0;
  constructor(parts: string[], size: number) {
    this.#parts = parts;
    this.#size = size;
  }

  show(place: number, width: number, { advance }: ShapedGlyph): void {
    const font = Math.floor(place / CODES);
    if (font !== this.#font) {
      this.end();
      this.#parts.push(`/F${font} ${pdfNumber(this.#size)} Tf`);
      this.#font = font;
    }
    this.#codes += (place % CODES).toString(16).padStart(2, '0');
    const back = Math.round((width - advance) * 10) / 10;
    if (back === 0) return;
    this.#flush();
    this.#back = back;
  }

  #flush(): void {
    if (this.#codes === '') return;
    if (this.#back !== 0) this.#shown.push(pdfNumber(this.#back));
    this.#back = 0;
    this.#shown.push(`<${this.#codes}>`);
    this.#codes = '';
  }

  end(): void {
    this.#flush();
    if (this.#back !== 0 && (this.#shown.length > 0 || this.#font >= 0)) this.#shown.push(pdfNumber(this.#back));
    this.#back = 0;
    if (this.#shown.length > 0) this.#parts.push(`[${this.#shown.join(' ')}] TJ`);
    this.#shown = [];
  }
}

const HEX_LETTERS = 'abcdefghijklmnop';

async function typeThree(
  glyphs: readonly UsedGlyph[],
  add: (value: PdfValue | PdfStream) => number,
): Promise<PdfDictionary> {
  // Readers take numbers in names for codes of characters.
  const name = (at: number): string => `glyph${HEX_LETTERS[at >> 4]}${HEX_LETTERS[at & 15]}`;
  const procedures: Record<string, PdfValue> = {};
  for (const [at, { outline }] of glyphs.entries()) {
    procedures[name(at)] = pdfReference(add(filtered(procedure(outline))));
    await breathe();
  }
  const boxes = glyphs.map(({ outline }) => outline.box);
  const edge = (at: 0 | 1 | 2 | 3, of: (...values: number[]) => number): number => of(...boxes.map(box => box[at]));
  return pdfDictionary({
    ...{ Type: pdfName('Font'), Subtype: pdfName('Type3'), FontMatrix: [0.001, 0, 0, 0.001, 0, 0] },
    FontBBox: [edge(0, Math.min), edge(1, Math.min), edge(2, Math.max), edge(3, Math.max)],
    CharProcs: pdfDictionary(procedures),
    Encoding: pdfDictionary({
      Type: pdfName('Encoding'),
      Differences: [0, ...glyphs.map((_, at) => pdfName(name(at)))],
    }),
    ...{ FirstChar: 0, LastChar: glyphs.length - 1, Widths: glyphs.map(({ outline }) => outline.width) },
    ToUnicode: pdfReference(add(filtered(unicodeMap(glyphs)))),
    Resources: pdfDictionary({}),
  });
}

const procedure = ({ width, box, path, thicker }: GlyphOutline): string =>
  `${width} 0 ${box.join(' ')} d1\n${path === '' ? '' : `${path}\n${thicker > 0 ? `${thicker} w 1 j B` : 'f'}\n`}`;

function filtered(text: string): PdfStream {
  return {
    dictionary: pdfDictionary({ Filter: pdfName('FlateDecode') }),
    data: deflateSync(Buffer.from(text, 'latin1')),
  };
}

/** Blocks of a CMap hold so many at most. */
const BLOCK = 100;

function unicodeMap(glyphs: readonly UsedGlyph[]): string {
  const lines = glyphs.flatMap(({ text }, at) =>
    text === ''
      ? []
      : [`<${at.toString(16).padStart(2, '0')}> <${Buffer.from(text, 'utf16le').swap16().toString('hex')}>`],
  );
  const blocks = Array.from({ length: Math.ceil(lines.length / BLOCK) }, (_, n) => {
    const block = lines.slice(n * BLOCK, (n + 1) * BLOCK);
    return `${block.length} beginbfchar\n${block.join('\n')}\nendbfchar`;
  });
  return [
    '/CIDInit /ProcSet findresource begin 12 dict begin begincmap',
    '/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def /CMapName /Adobe-Identity-UCS def',
    '/CMapType 2 def 1 begincodespacerange <00> <ff> endcodespacerange',
    ...blocks,
    'endcmap CMapName currentdict /CMap defineresource pop end end',
  ].join('\n');
}
