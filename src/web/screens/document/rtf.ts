/** RTF as its text: https://interoperability.blob.core.windows.net/files/Archive_References/[MSFT-RTF].pdf. Groups that are no text are left out. */

/** Groups whose contents are not shown. */
const SILENT: ReadonlySet<string> = new Set([
  ...['fonttbl', 'colortbl', 'stylesheet', 'info', 'pict', 'object', 'header', 'footer', 'generator', 'themedata'],
  ...['datastore', 'listtable', 'listoverridetable', 'rsidtbl', 'xmlnstbl', 'latentstyles'],
]);
const SIGNS: Readonly<Record<string, string>> = {
  ...{ par: '\n', line: '\n', tab: '\t', cell: '\t', row: '\n', sect: '\n', page: '\n', emdash: '—', endash: '–' },
  ...{ bullet: '•', lquote: '‘', rquote: '’', ldblquote: '“', rdblquote: '”' },
};
/** A control word with its number, a character by its byte, another control, a brace, a line's end, or text. */
const TOKENS = /\\([a-z]+)(-?\d+)? ?|\\'([0-9a-f]{2})|\\([^a-z])|([{}])|[\r\n]+|([^\\{}\r\n]+)/gi;

/** Of the code page that `\\ansicpg` names; of one that is not known, that of Western Europe. */
function decoderOf(page: number): TextDecoder {
  try {
    return new TextDecoder(NAMES.get(page) ?? `windows-${page}`);
  } catch {
    return new TextDecoder('windows-1252');
  }
}
const NAMES: ReadonlyMap<number, string> = new Map([
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

const plainOfSign = (sign: string): string => (sign === '~' ? '\u00a0' : sign === '_' ? '-' : sign);

export function plainOfRtf(rtf: string): string {
  let text = '';
  /** Of each open group: whether it is silent, and the bytes that stand in for a character. */
  const groups: { silent: boolean; stand: number }[] = [{ silent: false, stand: 1 }];
  let skip = 0;
  let decoder = decoderOf(1252);
  const say = (said: string): void => {
    const rest = said.slice(skip);
    skip = Math.max(0, skip - said.length);
    if (!groups.at(-1)!.silent) text += rest;
  };
  const sayByte = (byte: string): void => {
    if (skip > 0) skip--;
    else say(decoder.decode(new Uint8Array([Number.parseInt(byte, 16)]), { stream: true }));
  };
  for (const [, word, number, byte, sign, brace, plain] of rtf.matchAll(TOKENS)) {
    const group = groups.at(-1)!;
    if (brace === '{') groups.push({ ...group });
    else if (brace === '}') {
      if (groups.length > 1) groups.pop();
    } else if (plain !== undefined) say(plain);
    else if (byte !== undefined) sayByte(byte);
    else if (sign === '*') group.silent = true;
    else if (sign !== undefined) say(plainOfSign(sign));
    else if (word === 'u') {
      say(String.fromCharCode((Number(number) + 65_536) % 65_536));
      skip = group.stand;
    } else if (word === 'uc') group.stand = Number(number ?? 1);
    else if (word === 'ansicpg') decoder = decoderOf(Number(number));
    else if (word !== undefined && SILENT.has(word)) group.silent = true;
    else if (word !== undefined && Object.hasOwn(SIGNS, word)) say(SIGNS[word]!);
  }
  return text.trim();
}
