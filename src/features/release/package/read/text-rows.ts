/** Files that are text, as rows to lay out. Undefined where a file is none. */
import type { TextRow } from '../text/lay-out.js';
import { htmlAsText } from './html-text.js';
import { ITEM_LIMITS, TooCostly } from './limits.js';
import { rtfText } from './rtf.js';

/** Points. */
const PLAIN_SIZE = 9;
const PROSE_SIZE = 10;

export interface TextFile {
  readonly rows: readonly TextRow[];
  /** False where the file has something that no text shows. */
  readonly complete: boolean;
}

/** `width`: points of a line. */
export function textFile(kind: 'text' | 'rtf' | 'html', bytes: Buffer, width: number): TextFile | undefined {
  if (kind === 'html') {
    const source = plainText(bytes);
    if (source === undefined) return undefined;
    const { text, pictures, complete } = htmlAsText(source);
    return { rows: rowsOf(text, width, { size: PROSE_SIZE, above: 2 }), complete: complete && pictures === 0 };
  }
  if (kind === 'rtf') {
    const { text, complete } = rtfText(bytes);
    return { rows: rowsOf(text, width, { size: PROSE_SIZE }), complete };
  }
  const text = plainText(bytes);
  if (text === undefined) return undefined;
  return { rows: rowsOf(text, width, { size: PLAIN_SIZE, fixed: true }), complete: true };
}

function rowsOf(text: string, width: number, form: Omit<TextRow, 'cells'>): TextRow[] {
  if (text.length > ITEM_LIMITS.characters) throw new TooCostly('The text is too long.');
  // A form feed begins a page.
  return text.split('\f').flatMap((sheet, n) =>
    sheet.split(/\r\n|[\n\r]/).map((line, at) => ({
      ...form,
      breaks: n > 0 && at === 0,
      cells: [{ text: printed(line), x: 0, width }],
    })),
  );
}

/** Control characters have no glyph: what printers are told stands in their place as a dot. */
const printed = (line: string): string => line.replaceAll(/[\0-\x08\x0b\x0e-\x1f\x7f]/g, '·');

/** In UTF-8, UTF-16 with its mark, or Windows-1252. */
function plainText(bytes: Buffer): string | undefined {
  const mark = bytes.length < 2 ? 0 : bytes.readUInt16BE(0);
  if (mark === 0xfffe || mark === 0xfeff)
    return new TextDecoder(mark === 0xfffe ? 'utf-16le' : 'utf-16be').decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return bytes.includes(0) ? undefined : new TextDecoder('windows-1252').decode(bytes);
  }
}
