/**
 * Reads the FHIRPath that invariants are written in to a tree, without the engine. http://hl7.org/fhirpath/N1/grammar.html
 *
 * Dates, quantities and division are left out: a SyntaxError sends the expression to the engine
 * (invariant-engine.ts), which knows all of the language.
 */

export type InvariantTree =
  | { readonly is: 'literal'; readonly value: string | number | boolean }
  | { readonly is: 'nothing' }
  | { readonly is: 'this' }
  | { readonly is: 'variable'; readonly name: string }
  /** `of` is absent where the path begins at the focus. */
  | { readonly is: 'member'; readonly of?: InvariantTree; readonly name: string }
  | {
      readonly is: 'call';
      readonly of?: InvariantTree;
      readonly name: string;
      readonly given: readonly InvariantTree[];
    }
  | { readonly is: 'index'; readonly of: InvariantTree; readonly at: InvariantTree }
  | {
      readonly is: 'operator';
      readonly operator: string;
      readonly left: InvariantTree;
      readonly right: InvariantTree;
    };

const MAX_NESTING = 60;
const TOKEN =
  /\s*(?:('(?:[^'\\]|\\.)*')|(\d+(?:\.\d+)?(?![\d.]*L))|([%$]?[A-Za-z_]\w*|%?`[^`\\]+`|%'[^'\\]+')|(!=|<=|>=|[-.()[\]|=<>,+*&{}]))/y;

/** Binary operators from the loosest to the tightest. */
const LEVELS: readonly (readonly string[])[] = [
  ['implies'],
  ['or', 'xor'],
  ['and'],
  ['in', 'contains'],
  ['=', '!='],
  ['<=', '<', '>', '>='],
  ['|'],
  ['is', 'as'],
  ['+', '-', '&'],
  ['*', 'mod'],
];

interface TreeReader {
  readonly tokens: readonly string[];
  at: number;
  depth: number;
}

/** Throws SyntaxError for what is none, or lies outside of the part of the language that is read here. */
export function readInvariant(text: string): InvariantTree {
  const reader: TreeReader = { tokens: tokensOf(text.trimEnd()), at: 0, depth: 0 };
  const tree = readLevel(reader, 0);
  if (reader.at < reader.tokens.length) throw new SyntaxError('Something follows the expression.');
  return tree;
}

function tokensOf(source: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const token = TOKEN.exec(source);
    if (!token) throw new SyntaxError('A character is not understood here.');
    tokens.push(token[1] ?? token[2] ?? token[3] ?? token[4]!);
  }
  return tokens;
}

function takeToken(reader: TreeReader, token: string): boolean {
  if (reader.tokens[reader.at] !== token) return false;
  reader.at += 1;
  return true;
}

function needToken(reader: TreeReader, token: string): void {
  if (!takeToken(reader, token)) throw new SyntaxError('A sign is missing.');
}

function readLevel(reader: TreeReader, level: number): InvariantTree {
  const operators = LEVELS[level];
  if (!operators) return readTerm(reader);
  let left = readLevel(reader, level + 1);
  for (;;) {
    const operator = reader.tokens[reader.at];
    if (operator === undefined || !operators.includes(operator)) return left;
    reader.at += 1;
    left = { is: 'operator', operator, left, right: readLevel(reader, level + 1) };
  }
}

function readTerm(reader: TreeReader): InvariantTree {
  let tree = readStart(reader);
  for (;;) {
    if (takeToken(reader, '.')) tree = readStep(reader, tree);
    else if (takeToken(reader, '[')) {
      tree = { is: 'index', of: tree, at: readInner(reader) };
      needToken(reader, ']');
    } else return tree;
  }
}

function readInner(reader: TreeReader): InvariantTree {
  reader.depth += 1;
  if (reader.depth > MAX_NESTING) throw new SyntaxError('The expression is nested too deeply.');
  const tree = readLevel(reader, 0);
  reader.depth -= 1;
  return tree;
}

function readStart(reader: TreeReader): InvariantTree {
  if (takeToken(reader, '(')) {
    const tree = readInner(reader);
    needToken(reader, ')');
    return tree;
  }
  if (takeToken(reader, '{')) {
    needToken(reader, '}');
    return { is: 'nothing' };
  }
  const token = reader.tokens[reader.at] ?? '';
  if (/^['\d]/.test(token) || token === 'true' || token === 'false') {
    reader.at += 1;
    return { is: 'literal', value: literalOf(token) };
  }
  if (token === '$this') {
    reader.at += 1;
    return { is: 'this' };
  }
  if (token.startsWith('%')) {
    reader.at += 1;
    return { is: 'variable', name: token.slice(1).replaceAll(/[`']/g, '') };
  }
  return readStep(reader, undefined);
}

function readStep(reader: TreeReader, of: InvariantTree | undefined): InvariantTree {
  const token = reader.tokens[reader.at++] ?? '';
  if (!/^[A-Za-z_`]/.test(token)) throw new SyntaxError('A name is expected.');
  const name = token.replaceAll('`', '');
  const from = of ? { of } : {};
  if (token.startsWith('`') || !takeToken(reader, '(')) return { is: 'member', ...from, name };
  const given: InvariantTree[] = [];
  while (!takeToken(reader, ')')) {
    if (given.length > 0) needToken(reader, ',');
    given.push(readInner(reader));
  }
  return { is: 'call', ...from, name, given };
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f' };

function literalOf(token: string): string | number | boolean {
  if (token === 'true' || token === 'false') return token === 'true';
  if (!token.startsWith("'")) return Number(token);
  return token
    .slice(1, -1)
    .replaceAll(/\\(u[0-9a-fA-F]{4}|.)/gs, (_, escaped: string) =>
      escaped.length > 1 ? String.fromCodePoint(Number.parseInt(escaped.slice(1), 16)) : (ESCAPES[escaped] ?? escaped),
    );
}
