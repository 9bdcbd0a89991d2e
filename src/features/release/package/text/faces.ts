/**
 * Which font has a character: Noto, whose packages hold each font in slices with the ranges of characters that each is for. A slice is read
 * when something is first written with it. For threads: reading one takes a tenth of a second.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { create, type Font } from 'fontkit';

export interface Face {
  /** Its name, the same in every process. */
  readonly key: string;
  /** Thousandths of an em that its outlines are thickened by: these slices are drawn in the lightest weight. */
  readonly thicker: number;
  has(code: number): boolean;
  font(): Font;
}

const require = createRequire(import.meta.url);

interface Family {
  readonly name: string;
  /** Slices by name; default all that are numbered. */
  readonly slices?: readonly string[];
  readonly thicker?: number;
}

const LATIN = ['latin', 'latin-ext', 'vietnamese', 'cyrillic', 'cyrillic-ext', 'greek', 'greek-ext'];
/** The first that has a character writes it. */
const FAMILIES: readonly Family[] = [
  { name: 'noto-sans', slices: [...LATIN, 'devanagari'] },
  { name: 'noto-sans-arabic', slices: ['arabic', 'symbols', 'math'] },
  { name: 'noto-sans-hebrew', slices: ['hebrew'], thicker: 36 },
  { name: 'noto-sans-sc', thicker: 36 },
  { name: 'noto-sans-kr', thicker: 36 },
];
const FIXED: Family = { name: 'noto-sans-mono', slices: LATIN };

/** All faces in the order in which they are asked. */
export function openFaces(): { readonly proportional: readonly Face[]; readonly fixed: readonly Face[] } {
  const proportional = FAMILIES.flatMap(facesOf);
  return { proportional, fixed: [...facesOf(FIXED), ...proportional] };
}

function facesOf({ name, slices, thicker = 0 }: Family): Face[] {
  const folder = dirname(require.resolve(`@fontsource-variable/${name}/package.json`));
  const ranges = JSON.parse(readFileSync(join(folder, 'unicode.json'), 'utf8')) as Record<string, string>;
  const wanted = slices ?? Object.keys(ranges).filter(slice => slice.startsWith('['));
  return wanted.flatMap(slice => {
    const text = ranges[slice];
    if (text === undefined) return [];
    const key = `${name}-${slice.replace(/[[\]]/g, '')}`;
    const bounds = parseRanges(text);
    let font: Font | undefined;
    const open = (): Font =>
      (font ??= told(create(readFileSync(join(folder, 'files', `${key}-wght-normal.woff2`))) as Font));
    return {
      key,
      thicker,
      // Ranges say more than fonts have.
      has: code => bounds.some(([from, to]) => code >= from && code <= to) && open().hasGlyphForCodePoint(code),
      font: open,
    };
  });
}

/** fontkit remembers each glyph with the characters that it stood for at first: here each has those that it stands for now. */
function told(font: Font): Font {
  const getGlyph = font.getGlyph.bind(font);
  font.getGlyph = (id, codePoints = []) =>
    Object.create(getGlyph(id, codePoints), { codePoints: { value: codePoints } }) as ReturnType<Font['getGlyph']>;
  return font;
}

/** `U+0-FF,U+131` */
const parseRanges = (text: string): readonly (readonly [from: number, to: number])[] =>
  text.split(',').map(range => {
    const [from = '', to = from] = range.trim().replace(/^U\+/i, '').split('-');
    return [Number.parseInt(from, 16), Number.parseInt(to, 16)];
  });
