/** RTF as its text: https://interoperability.blob.core.windows.net/files/Archive_References/[MSFT-RTF].pdf. Groups that are no text are left out. */

/** Groups whose contents are not shown. */
const SILENT: ReadonlySet<string> = new Set([
  ...['colortbl', 'stylesheet', 'info', 'pict', 'object', 'header', 'footer', 'generator', 'themedata'],
  ...['datastore', 'listtable', 'listoverridetable', 'rsidtbl', 'xmlnstbl', 'latentstyles'],
]);
const SIGNS: Readonly<Record<string, string>> = {
  ...{ par: '\n', line: '\n', tab: '\t', cell: '\t', row: '\n', sect: '\n', page: '\n', emdash: '—', endash: '–' },
  ...{ bullet: '•', lquote: '‘', rquote: '’', ldblquote: '“', rdblquote: '”' },
};
/** A control word with its number, a character by its byte, another control, a brace, a line's end, bytes beyond ASCII, or text. */
const TOKEN =
  /\\([a-z]+)(-?\d+)? ?|\\'([0-9a-f]{2})|\\([^a-z])|([{}])|[\r\n]+|([\u0080-\u00ff]+)|([^\\{}\r\n\u0080-\u00ff]+)/giy;

/** Encodings by code page, where they are not called `windows-` and its number. */
const PAGES: ReadonlyMap<number, string> = new Map<number, string>([
  ...([
    [932, 'shift_jis'],
    [936, 'gbk'],
    [949, 'euc-kr'],
    [950, 'big5'],
    [866, 'ibm866'],
  ] as const),
  ...([
    [10_000, 'macintosh'],
    [20_866, 'koi8-r'],
    [65_001, 'utf-8'],
  ] as const),
]);
/** Code pages by `\\fcharset`: https://learn.microsoft.com/openspecs/windows_protocols/ms-wmf/0d0b32ac-a836-4bd2-a112-b6000a1b4fc9 */
const CHARSETS: ReadonlyMap<number, number> = new Map([
  ...([
    [0, 1252],
    [77, 10_000],
    [128, 932],
    [129, 949],
    [134, 936],
    [136, 950],
    [161, 1253],
    [162, 1254],
    [163, 1258],
  ] as const),
  ...([
    [177, 1255],
    [178, 1256],
    [186, 1257],
    [204, 1251],
    [222, 874],
    [238, 1250],
  ] as const),
]);

/** Of one that is not known: Western Europe. */
function decoderOf(page: number): TextDecoder {
  try {
    return new TextDecoder(PAGES.get(page) ?? `windows-${page}`);
  } catch {
    return new TextDecoder('windows-1252');
  }
}

const plainOfSign = (sign: string): string => (sign === '~' ? '\u00a0' : sign === '_' ? '-' : sign);

interface Group {
  silent: boolean;
  hidden: boolean;
  /** Among the fonts, where nothing is text. */
  fonts: boolean;
  font: number | undefined;
  /** Bytes that stand in for a character. */
  stand: number;
}

export interface RtfText {
  readonly text: string;
  /** Some of it is marked as hidden (`\\v`) and left out, as in print. */
  readonly hasHidden: boolean;
}

/** `rtf`: a character for each byte. */
export function plainOfRtf(rtf: string): RtfText {
  const groups: Group[] = [{ silent: false, hidden: false, fonts: false, font: undefined, stand: 1 }];
  const pages = new Map<number, number>();
  const decoders = new Map<number, TextDecoder>();
  let [text, hasHidden, skip, own] = ['', false, 0, 1252];
  let first: number | undefined;
  const group = (): Group => groups.at(-1)!;
  const decoder = (): TextDecoder => {
    const page = pages.get(group().font ?? first ?? -1) ?? own;
    const made = decoders.get(page) ?? decoderOf(page);
    decoders.set(page, made);
    return made;
  };
  const say = (said: string): void => {
    const rest = said.slice(skip);
    skip = Math.max(0, skip - said.length);
    const { silent, hidden, fonts } = group();
    if (silent || fonts) return;
    if (hidden) hasHidden ||= rest.trim() !== '';
    else text += rest;
  };
  const sayBytes = (bytes: readonly number[]): void => {
    const rest = bytes.slice(skip);
    skip -= bytes.length - rest.length;
    if (rest.length > 0) say(decoder().decode(new Uint8Array(rest), { stream: true }));
  };
  const WORDS: Readonly<Record<string, (value: number | undefined) => void>> = {
    u: value => {
      say(String.fromCharCode(((value ?? 0) + 65_536) % 65_536));
      skip = group().stand;
    },
    uc: value => void (group().stand = value ?? 1),
    v: value => void (group().hidden = value !== 0),
    ansicpg: value => void (own = value ?? 1252),
    plain: () => void (group().hidden = false),
    fonttbl: () => void (group().fonts = true),
    deff: value => void (first = value),
    f: value => void (group().font = value),
    fcharset: value => {
      const [{ fonts, font }, page] = [group(), CHARSETS.get(value ?? 0)];
      if (fonts && font !== undefined && page !== undefined) pages.set(font, page);
    },
  };
  TOKEN.lastIndex = 0;
  for (let found = TOKEN.exec(rtf); found; found = TOKEN.exec(rtf)) {
    const [, word, number, byte, sign, brace, beyond, plain] = found;
    const value = number === undefined ? undefined : Number(number);
    if (brace === '{') groups.push({ ...group() });
    else if (brace === '}') {
      if (groups.length > 1) groups.pop();
    } else if (plain !== undefined) say(plain);
    else if (beyond !== undefined) sayBytes(Array.from(beyond, each => each.charCodeAt(0)));
    else if (byte !== undefined) sayBytes([Number.parseInt(byte, 16)]);
    else if (sign === '*') group().silent = true;
    else if (sign !== undefined) say(plainOfSign(sign));
    else if (word === 'bin') TOKEN.lastIndex += Math.max(0, value ?? 0);
    else if (word !== undefined && SILENT.has(word)) group().silent = true;
    else if (word !== undefined && Object.hasOwn(SIGNS, word)) say(SIGNS[word]!);
    else if (word !== undefined && Object.hasOwn(WORDS, word)) WORDS[word]!(value);
  }
  return { text: text.trim(), hasHidden };
}
