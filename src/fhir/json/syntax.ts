/**
 * Where a text leaves the grammar of JSON. Node names no position before version 22 and quotes the text instead, which
 * must not reach a client or a log; so after a failed parse this looks for the place. https://www.rfc-editor.org/rfc/rfc8259
 */

const BLANKS = /[ \t\r\n]*/y;
const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** Characters that are looked at: the look takes many times as long as the parse. */
const MOST = 256 * 1024;

/**
 * Line and column, from 1, of the first character that cannot stand where it stands (or of the end of the text);
 * undefined where that is not near the beginning of a long text.
 */
export function whereBroken(text: string): { line: number; column: number } | undefined {
  const start = text.slice(0, MOST);
  const offset = offsetOfBreak(start);
  if (offset === MOST) return undefined;
  const before = start.slice(0, offset);
  const lineStart = Math.max(before.lastIndexOf('\n'), before.lastIndexOf('\r')) + 1;
  return { line: before.split(/\r\n|[\r\n]/).length, column: before.length - lineStart + 1 };
}

function offsetOfBreak(text: string): number {
  let at = 0;
  /** Moves over a match; false if there is none. */
  const skip = (pattern: RegExp) => {
    pattern.lastIndex = at;
    const matched = pattern.exec(text);
    at += matched?.[0].length ?? 0;
    return matched !== null;
  };
  /** Moves over a string; false with `at` at the fault. */
  const skipString = () => {
    if (text[at] !== '"') return false;
    at++;
    do skip(PLAIN);
    while (skip(ESCAPE));
    if (text[at] !== '"') return false;
    at++;
    return true;
  };
  const open: string[] = [];
  // What may come next. `first`: right after an opening bracket, which may close at once.
  let want: 'value' | 'first' | 'key' | 'after' = 'value';
  for (;;) {
    skip(BLANKS);
    const char = text[at];
    const inside = open.at(-1);
    if (char === undefined) return at;
    if (want === 'after' || (want === 'first' && (char === '}' || char === ']'))) {
      if (inside !== undefined && char === (inside === '{' ? '}' : ']')) {
        open.pop();
        want = 'after';
      } else if (inside !== undefined && char === ',' && want === 'after') want = inside === '{' ? 'key' : 'value';
      else return at;
      at++;
    } else if (want === 'key' || (want === 'first' && inside === '{')) {
      if (!skipString()) return at;
      skip(BLANKS);
      if (text[at] !== ':') return at;
      at++;
      want = 'value';
    } else if (char === '{' || char === '[') {
      open.push(char);
      at++;
      want = 'first';
    } else {
      if (char === '"' ? !skipString() : !skip(SCALAR)) return at;
      want = 'after';
    }
  }
}
