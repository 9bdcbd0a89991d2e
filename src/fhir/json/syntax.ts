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
interface GrammarWalk {
  readonly text: string;
  at: number;
  /** Brackets that are open. */
  readonly open: string[];
}

/** What may come next. `first`: right after an opening bracket, which may close at once. */
type Want = 'value' | 'first' | 'key' | 'after';

function offsetOfBreak(text: string): number {
  const walk: GrammarWalk = { text, at: 0, open: [] };
  let want: Want | undefined = 'value';
  while (want !== undefined) {
    moveOver(walk, BLANKS);
    want = walk.at < text.length ? moveOn(walk, want) : undefined;
  }
  return walk.at;
}

/** Moves over what is wanted, and says what may come behind it; undefined, at the fault, where it is something else. */
function moveOn(walk: GrammarWalk, want: Want): Want | undefined {
  const char = walk.text[walk.at]!;
  const inside = walk.open.at(-1);
  if (want === 'after' || (want === 'first' && (char === '}' || char === ']'))) return moveAfterValue(walk, want);
  if (want === 'key' || (want === 'first' && inside === '{')) return moveOverKey(walk);
  if (char === '{' || char === '[') {
    walk.open.push(char);
    walk.at++;
    return 'first';
  }
  return (char === '"' ? moveOverString(walk) : moveOver(walk, SCALAR)) ? 'after' : undefined;
}

function moveAfterValue(walk: GrammarWalk, want: Want): Want | undefined {
  const char = walk.text[walk.at];
  const inside = walk.open.at(-1);
  if (inside === undefined) return undefined;
  if (char === (inside === '{' ? '}' : ']')) {
    walk.open.pop();
    walk.at++;
    return 'after';
  }
  if (char !== ',' || want !== 'after') return undefined;
  walk.at++;
  return inside === '{' ? 'key' : 'value';
}

function moveOverKey(walk: GrammarWalk): Want | undefined {
  if (!moveOverString(walk)) return undefined;
  moveOver(walk, BLANKS);
  if (walk.text[walk.at] !== ':') return undefined;
  walk.at++;
  return 'value';
}

/** Moves over a match; false if there is none. */
function moveOver(walk: GrammarWalk, pattern: RegExp): boolean {
  pattern.lastIndex = walk.at;
  const matched = pattern.exec(walk.text);
  walk.at += matched?.[0].length ?? 0;
  return matched !== null;
}

/** Moves over a string; false at the fault. */
function moveOverString(walk: GrammarWalk): boolean {
  if (walk.text[walk.at] !== '"') return false;
  walk.at++;
  do moveOver(walk, PLAIN);
  while (moveOver(walk, ESCAPE));
  if (walk.text[walk.at] !== '"') return false;
  walk.at++;
  return true;
}
