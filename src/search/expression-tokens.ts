/** The tokens of the subset of FHIRPath (expression.ts), and what its readers do with them. */

const EXPRESSION_TOKEN = /\s*(?:('(?:[^'\\]|\\.)*')|(\d+(?:\.\d+)?)|([%$]?[A-Za-z_]\w*|`[^`]+`)|(!=|[.,()[\]|=+>-]))/y;

export interface ExpressionReader {
  readonly tokens: readonly string[];
  at: number;
}

export function expressionTokens(source: string): readonly string[] {
  const tokens: string[] = [];
  EXPRESSION_TOKEN.lastIndex = 0;
  while (EXPRESSION_TOKEN.lastIndex < source.length) {
    const token = EXPRESSION_TOKEN.exec(source);
    if (!token) throw new SyntaxError('A character outside the subset of FHIRPath.');
    tokens.push(token[1] ?? token[2] ?? token[3] ?? token[4]!);
  }
  return tokens;
}

export function acceptToken(reader: ExpressionReader, token: string): boolean {
  if (reader.tokens[reader.at] !== token) return false;
  reader.at += 1;
  return true;
}

export function expectToken(reader: ExpressionReader, token: string): void {
  if (!acceptToken(reader, token)) syntaxError(`Expected ${token}.`);
}

export const nextToken = (reader: ExpressionReader): string =>
  reader.tokens[reader.at++] ?? syntaxError('The expression ends too early.');

export function syntaxError(message: string): never {
  throw new SyntaxError(message);
}

export const literalToken = (token: string): string | number | boolean => {
  if (token === 'true' || token === 'false') return token === 'true';
  if (!token.startsWith("'")) return Number(token);
  return token.slice(1, -1).replace(/\\(.)/g, '$1');
};
