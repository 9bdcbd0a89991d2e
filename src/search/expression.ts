/**
 * The part of FHIRPath that search parameters are written in, as a tree: paths, unions, `as`, `ofType`, `where`,
 * `exists`, `extension`, an index, comparison with a literal, `and` and `or`, `resolve() is Type`.
 * https://hl7.org/fhir/R4/searchparameter-definitions.html#SearchParameter.expression, http://hl7.org/fhirpath/N1/
 *
 * `select` makes a text of each text, by what text-expression.ts knows.
 *
 * Anything else is a SyntaxError, which sends the whole expression to the complete engine (path.ts).
 */
import {
  acceptToken,
  expectToken,
  type ExpressionReader,
  literalToken,
  nextToken,
  syntaxError,
  expressionTokens,
} from './expression-tokens.js';
import { readTextFunction, type TextFunction } from './text-expression.js';

export type PathStep =
  | { readonly is: 'property'; readonly name: string }
  | { readonly is: 'as'; readonly type: string }
  | { readonly is: 'where'; readonly condition: Condition }
  | { readonly is: 'index'; readonly at: number }
  | { readonly is: 'extension'; readonly url: string }
  /** A text that is made of the text at the focus. */
  | { readonly is: 'made'; readonly make: TextFunction };

export interface Path {
  /** Where it starts: the focus, or the resource (`%resource`). */
  readonly from: 'focus' | 'resource';
  readonly steps: readonly PathStep[];
}

export type Condition =
  | { readonly is: 'and' | 'or'; readonly left: Condition; readonly right: Condition }
  | { readonly is: 'not'; readonly of: Condition }
  | { readonly is: 'equal'; readonly paths: readonly Path[]; readonly value: string | number | boolean }
  | { readonly is: 'exists'; readonly paths: readonly Path[] }
  /** The reference at the focus points at a resource of this type. */
  | { readonly is: 'resolves'; readonly type: string }
  /** The boolean that the paths lead to. */
  | { readonly is: 'true'; readonly paths: readonly Path[] };

/** The values of paths, or one boolean. */
export type PathExpression =
  | { readonly is: 'paths'; readonly paths: readonly Path[] }
  | { readonly is: 'condition'; readonly condition: Condition };

type ParsedNode =
  | PathExpression
  | { readonly is: 'literal'; readonly value: string | number | boolean }
  /** `resolve()` on the focus; only `is` can follow. */
  | { readonly is: 'resolved' };

/** Throws SyntaxError for what lies outside the subset. */
export function parseExpression(text: string): PathExpression {
  const reader: ExpressionReader = { tokens: expressionTokens(text.trimEnd()), at: 0 };
  const node = readDisjunction(reader);
  if (reader.at < reader.tokens.length) return syntaxError('Something follows the expression.');
  return node.is === 'paths' || node.is === 'condition' ? node : syntaxError('A literal is no path.');
}

function readDisjunction(reader: ExpressionReader): ParsedNode {
  let node = readConjunction(reader);
  while (acceptToken(reader, 'or')) node = junction('or', node, readConjunction(reader));
  return node;
}

function readConjunction(reader: ExpressionReader): ParsedNode {
  let node = readEquality(reader);
  while (acceptToken(reader, 'and')) node = junction('and', node, readEquality(reader));
  return node;
}

function readEquality(reader: ExpressionReader): ParsedNode {
  const left = readUnion(reader);
  const operator = acceptToken(reader, '=') ? '=' : acceptToken(reader, '!=') ? '!=' : undefined;
  if (!operator) return left;
  const right = readUnion(reader);
  if (right.is !== 'literal') return syntaxError('Only a literal can be compared with.');
  const equal: Condition = { is: 'equal', paths: needPaths(left), value: right.value };
  return { is: 'condition', condition: operator === '=' ? equal : { is: 'not', of: equal } };
}

function readUnion(reader: ExpressionReader): ParsedNode {
  let node = readTyped(reader);
  while (acceptToken(reader, '|')) node = { is: 'paths', paths: [...needPaths(node), ...needPaths(readTyped(reader))] };
  return node;
}

function readTyped(reader: ExpressionReader): ParsedNode {
  const node = readPostfix(reader);
  if (acceptToken(reader, 'as')) return withStep(node, { is: 'as', type: nextToken(reader) });
  if (!acceptToken(reader, 'is')) return node;
  if (node.is !== 'resolved') return syntaxError('`is` is known after resolve() alone.');
  return { is: 'condition', condition: { is: 'resolves', type: nextToken(reader) } };
}

function readPostfix(reader: ExpressionReader): ParsedNode {
  let node = readPrimary(reader);
  for (;;) {
    if (acceptToken(reader, '.')) node = readMemberStep(reader, node);
    else if (acceptToken(reader, '[')) {
      node = withStep(node, { is: 'index', at: Number(nextToken(reader)) });
      expectToken(reader, ']');
    } else return node;
  }
}

function readPrimary(reader: ExpressionReader): ParsedNode {
  if (acceptToken(reader, '(')) {
    const node = readDisjunction(reader);
    expectToken(reader, ')');
    return node;
  }
  const token = reader.tokens[reader.at] ?? '';
  if (/^['\d]/.test(token) || token === 'true' || token === 'false')
    return { is: 'literal', value: literalToken(nextToken(reader)) };
  if (token === '%resource' || token === '%context' || token === '$this') {
    reader.at += 1;
    return { is: 'paths', paths: [{ from: token === '%resource' ? 'resource' : 'focus', steps: [] }] };
  }
  return readMemberStep(reader, { is: 'paths', paths: [{ from: 'focus', steps: [] }] });
}

function readMemberStep(reader: ExpressionReader, node: ParsedNode): ParsedNode {
  const name = nextToken(reader);
  if (!/^[A-Za-z_`]/.test(name)) return syntaxError('A name is expected.');
  if (!acceptToken(reader, '(')) return withStep(node, { is: 'property', name: name.replaceAll('`', '') });
  const result = readInvocation(reader, node, name);
  expectToken(reader, ')');
  return result;
}

/** The arguments of a function, up to the closing parenthesis. */
function readInvocation(reader: ExpressionReader, node: ParsedNode, name: string): ParsedNode {
  switch (name) {
    case 'as':
    case 'ofType': {
      const type = nextToken(reader);
      return withStep(node, { is: 'as', type: type === 'FHIR' && acceptToken(reader, '.') ? nextToken(reader) : type });
    }
    case 'where':
      return withStep(node, { is: 'where', condition: needCondition(readDisjunction(reader)) });
    case 'select':
      return withStep(node, { is: 'made', make: readTextFunction(reader) });
    case 'extension':
      return withStep(node, { is: 'extension', url: String(literalToken(nextToken(reader))) });
    case 'exists': {
      const filtered =
        reader.tokens[reader.at] === ')'
          ? node
          : withStep(node, { is: 'where', condition: needCondition(readDisjunction(reader)) });
      return { is: 'condition', condition: { is: 'exists', paths: needPaths(filtered) } };
    }
    case 'empty':
      return { is: 'condition', condition: { is: 'not', of: { is: 'exists', paths: needPaths(node) } } };
    case 'not':
      return { is: 'condition', condition: { is: 'not', of: needCondition(node) } };
    case 'resolve':
      return needPaths(node).every(path => path.steps.length === 0)
        ? { is: 'resolved' }
        : syntaxError('resolve() after a path.');
    default:
      return syntaxError('A function outside the subset of FHIRPath.');
  }
}

const needPaths = (node: ParsedNode): readonly Path[] =>
  node.is === 'paths' ? node.paths : syntaxError('A path is expected.');

const needCondition = (node: ParsedNode): Condition => {
  if (node.is === 'condition') return node.condition;
  return { is: 'true', paths: needPaths(node) };
};

const withStep = (node: ParsedNode, step: PathStep): ParsedNode => ({
  is: 'paths',
  paths: needPaths(node).map(path => ({ from: path.from, steps: [...path.steps, step] })),
});

const junction = (is: 'and' | 'or', left: ParsedNode, right: ParsedNode): ParsedNode => ({
  is: 'condition',
  condition: { is, left: needCondition(left), right: needCondition(right) },
});
