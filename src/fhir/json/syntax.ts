/**
 * Where a text leaves the grammar of JSON. Node names no position before version 22 and quotes the text instead, which
 * must not reach a client or a log; so after a failed parse this looks for the place. https://www.rfc-editor.org/rfc/rfc8259
 */

const BLANKS = /[ \t\r\n]*/y;
const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** Characters that are looked at: the look takes many times as long as the parse. */
const MOST_SEARCHED = 256 * 1024;

/**
 * Line and column, from 1, of the first character that cannot stand where it stands (or of the end of the text);
 * undefined where that is not near the beginning of a long text.
 */
export function whereBroken(text: string): { line: number; column: number } | undefined {
  const start = text.slice(0, MOST_SEARCHED);
  const offset = offsetOfBreak(start);
  if (offset === MOST_SEARCHED) return undefined;
  const before = start.slice(0, offset);
  const lineStart = Math.max(before.lastIndexOf('\n'), before.lastIndexOf('\r')) + 1;
  return { line: before.split(/\r\n|[\r\n]/).length, column: before.length - lineStart + 1 };
}

/** A text with the place up to which it keeps to the grammar. */
interface Progress {
  readonly text: string;
  at: number;
  /** Brackets that are open. */
  readonly open: string[];
}

/** What may come next. `first`: right after an opening bracket, which may close at once. */
type Want = 'value' | 'first' | 'key' | 'after';

function offsetOfBreak(text: string): number {
  const progress: Progress = { text, at: 0, open: [] };
  let want: Want | undefined = 'value';
  while (want !== undefined) {
    moveOver(progress, BLANKS);
    want = progress.at < text.length ? moveOn(progress, want) : undefined;
  }
  return progress.at;
}

/** Moves over what is wanted, and says what may come behind it; undefined, at the fault, where it is something else. */
function moveOn(progress: Progress, want: Want): Want | undefined {
  const char = progress.text[progress.at]!;
  const inside = progress.open.at(-1);
  if (want === 'after' || (want === 'first' && (char === '}' || char === ']'))) return moveAfterValue(progress, want);
  if (want === 'key' || (want === 'first' && inside === '{')) return moveOverKey(progress);
  if (char === '{' || char === '[') {
    progress.open.push(char);
    progress.at++;
    return 'first';
  }
  return (char === '"' ? moveOverString(progress) : moveOver(progress, SCALAR)) ? 'after' : undefined;
}

function moveAfterValue(progress: Progress, want: Want): Want | undefined {
  const char = progress.text[progress.at];
  const inside = progress.open.at(-1);
  if (inside === undefined) return undefined;
  if (char === (inside === '{' ? '}' : ']')) {
    progress.open.pop();
    progress.at++;
    return 'after';
  }
  if (char !== ',' || want !== 'after') return undefined;
  progress.at++;
  return inside === '{' ? 'key' : 'value';
}

function moveOverKey(progress: Progress): Want | undefined {
  if (!moveOverString(progress)) return undefined;
  moveOver(progress, BLANKS);
  if (progress.text[progress.at] !== ':') return undefined;
  progress.at++;
  return 'value';
}

/** Moves over a match; false if there is none. */
function moveOver(progress: Progress, pattern: RegExp): boolean {
  pattern.lastIndex = progress.at;
  const matched = pattern.exec(progress.text);
  progress.at += matched?.[0].length ?? 0;
  return matched !== null;
}

/** Moves over a string; false at the fault. */
function moveOverString(progress: Progress): boolean {
  if (progress.text[progress.at] !== '"') return false;
  progress.at++;
  do moveOver(progress, PLAIN);
  while (moveOver(progress, ESCAPE));
  if (progress.text[progress.at] !== '"') return false;
  progress.at++;
  return true;
}
