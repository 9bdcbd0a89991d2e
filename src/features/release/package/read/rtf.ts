/**
 * RTF as text: what is written in it, without what it looks like. Rich Text Format (RTF) Specification 1.9.1,
 * https://www.loc.gov/preservation/digital/formats/fdd/fdd000473.shtml
 */

import { TooCostly } from './limits.js';

/** Groups that are not the text of the document. */
const DESTINATIONS = new Set(
  (
    'fonttbl colortbl stylesheet info pict object objdata themedata datastore listtable listoverridetable rsidtbl generator xmlnstbl ' +
    'latentstyles fldinst bkmkstart bkmkend filetbl revtbl mmathPr pgptbl template colorschememapping'
  ).split(' '),
);
const WORDS: Readonly<Record<string, string>> = {
  ...{ par: '\n', line: '\n', sect: '\n', page: '\n', row: '\n', tab: '\t', cell: '\t', nestcell: '\t', nestrow: '\n' },
  ...{
    emdash: '—',
    endash: '–',
    emspace: ' ',
    enspace: ' ',
    bullet: '•',
    lquote: '‘',
    rquote: '’',
    ldblquote: '“',
    rdblquote: '”',
  },
};
/** Code pages that have other names elsewhere. */
const ENCODINGS: Readonly<Record<number, string>> = {
  ...{
    10_000: 'macintosh',
    932: 'shift_jis',
    936: 'gbk',
    949: 'euc-kr',
    950: 'big5',
    874: 'windows-874',
    65_001: 'utf-8',
  },
  ...{ 437: 'windows-1252', 850: 'windows-1252' },
};
const DEEPEST = 500;

/** By `\\fcharset`. */
const CHARSETS: Readonly<Record<number, number>> = {
  ...{ 77: 10_000, 128: 932, 129: 949, 134: 936, 136: 950, 161: 1253, 162: 1254, 163: 1258, 177: 1255, 178: 1256 },
  ...{ 186: 1257, 204: 1251, 222: 874, 238: 1250 },
};
const SYMBOLS = 2;
/** Pictures, shapes, comments: what is not written, or not in its place. */
const UNWRITTEN = new Set(['pict', 'object', 'shp', 'do', 'annotation']);

interface RtfGroup {
  /** It is no text of the document. */
  readonly hidden: boolean;
  /** Its characters are not shown. */
  readonly invisible: boolean;
  readonly font: number;
  /** Characters that stand behind `\u` for readers that do not know it. */
  readonly spare: number;
}

export interface RtfText {
  readonly text: string;
  /** False where the file has something that is not in the text. */
  readonly complete: boolean;
}

/** `bytes` begin with `{\rtf`. */
export function rtfText(bytes: Buffer): RtfText {
  const source = bytes.toString('latin1');
  const reader = new RtfReader(source);
  return reader.read();
}

class RtfReader {
  readonly #source: string;
  readonly #parts: string[] = [];
  readonly #groups: RtfGroup[] = [];
  #group: RtfGroup = { hidden: false, invisible: false, font: -1, spare: 1 };
  #bytes: number[] = [];
  #encoding = 'windows-1252';
  #skip = 0;
  /** Of the bytes that wait. */
  #written = -1;
  #firstFont = -1;
  #complete = true;
  readonly #fonts = new Map<number, string>();
  constructor(source: string) {
    this.#source = source;
  }

  read(): RtfText {
    const token = /\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-f]{2})|\\([^a-z])|([{}])|[\r\n]+|([^\\{}\r\n]+)/giy;
    for (let found = token.exec(this.#source); found; found = token.exec(this.#source)) {
      const [, word, given, hex, symbol, brace, text] = found;
      if (hex !== undefined) this.#character(Number.parseInt(hex, 16));
      else if (text !== undefined) for (const char of text) this.#character(char.charCodeAt(0));
      else if (brace !== undefined) this.#brace(brace);
      else if (word === 'bin') token.lastIndex += Math.max(0, Number(given ?? 0));
      else if (word !== undefined) this.#word(word, given === undefined ? undefined : Number(given));
      else if (symbol !== undefined) this.#symbol(symbol);
    }
    this.#flush();
    return { text: this.#parts.join(''), complete: this.#complete };
  }

  #character(byte: number): void {
    if (this.#skip > 0) this.#skip--;
    else if (this.#isShown()) {
      const font = this.#group.font < 0 ? this.#firstFont : this.#group.font;
      if (font !== this.#written) this.#flush();
      this.#written = font;
      this.#bytes.push(byte);
    }
  }

  #flush(): void {
    if (this.#bytes.length === 0) return;
    const encoding = this.#fonts.get(this.#written) ?? this.#encoding;
    if (encoding === 'symbols') this.#complete = false;
    const decoder = new TextDecoder(encoding === 'symbols' ? 'windows-1252' : encoding);
    this.#parts.push(decoder.decode(Uint8Array.from(this.#bytes)));
    this.#bytes = [];
  }

  #isShown(): boolean {
    return !this.#group.hidden && !this.#group.invisible;
  }

  #write(text: string): void {
    if (!this.#isShown()) return;
    this.#flush();
    this.#parts.push(text);
  }

  #brace(brace: string): void {
    this.#skip = 0;
    if (brace === '{') {
      if (this.#groups.push(this.#group) > DEEPEST) throw new TooCostly('Groups are nested too deep.');
    } else this.#group = this.#groups.pop() ?? this.#group;
  }

  #symbol(symbol: string): void {
    if (symbol === '*') this.#group = { ...this.#group, hidden: true };
    else if (symbol === '~') this.#write('\u00A0');
    else if (symbol === '_') this.#write('\u2011');
    else if (symbol === '\n' || symbol === '\r') this.#write('\n');
    else if (symbol !== '-' && symbol !== '|' && symbol !== ':') this.#character(symbol.charCodeAt(0));
  }

  #fontWord(word: string, given: number | undefined): void {
    if (given === undefined) return;
    if (word === 'deff') this.#firstFont = given;
    else if (word === 'f') this.#group = { ...this.#group, font: given };
    else if (word === 'fcharset') this.#charset(given);
  }

  /** Of the font whose entry in the table this is. */
  #charset(charset: number): void {
    const page = CHARSETS[charset];
    if (charset === SYMBOLS) this.#fonts.set(this.#group.font, 'symbols');
    else if (page !== undefined) this.#fonts.set(this.#group.font, encodingOf(page));
  }

  #word(word: string, given: number | undefined): void {
    if (UNWRITTEN.has(word)) this.#complete = false;
    if (Object.hasOwn(WORDS, word)) this.#write(WORDS[word]!);
    else if (DESTINATIONS.has(word)) this.#group = { ...this.#group, hidden: true };
    else if (word === 'v') this.#group = { ...this.#group, invisible: given !== 0 };
    else if (word === 'plain') this.#group = { ...this.#group, invisible: false, font: -1 };
    else if (word === 'shptxt' || word === 'dptxbxtext') this.#group = { ...this.#group, hidden: false };
    else if (word === 'uc') this.#group = { ...this.#group, spare: given ?? 1 };
    else if (word === 'ansicpg' && given !== undefined) this.#encoding = encodingOf(given);
    else if (word === 'mac') this.#encoding = 'macintosh';
    else if (word === 'u' && given !== undefined) {
      this.#write(String.fromCharCode(given < 0 ? given + 65_536 : given));
      this.#skip = this.#group.spare;
    } else this.#fontWord(word, given);
  }
}

function encodingOf(page: number): string {
  const name = ENCODINGS[page] ?? `windows-${page}`;
  try {
    return new TextDecoder(name).encoding;
  } catch {
    return 'windows-1252';
  }
}
