/**
 * Texts that are made of texts, as `select` of a search parameter does: `$this`, literals, `length()`, `substring(start, length)`, `+`, `-`,
 * and `iif(a > b, then, else)`. http://hl7.org/fhirpath/N1/#string-manipulation
 *
 * Types are known while it is read; anything else is a SyntaxError, as in expression.ts.
 */
import {
  acceptToken,
  expectToken,
  type ExpressionReader,
  literalToken,
  nextToken,
  syntaxError,
} from './expression-tokens.js';

/** What a text makes; undefined: nothing, the empty collection. */
export type TextFunction = (focus: string) => string | undefined;
type NumberFunction = (focus: string) => number | undefined;

type TextTerm =
  | { readonly of: 'text'; readonly run: TextFunction }
  | { readonly of: 'number'; readonly run: NumberFunction };

/** Throws SyntaxError for what lies outside of the subset. */
export const readTextFunction = (reader: ExpressionReader): TextFunction => madeText(readSum(reader));

const madeText = (term: TextTerm): TextFunction => (term.of === 'text' ? term.run : syntaxError('A text is expected.'));
const madeNumber = (term: TextTerm): NumberFunction =>
  term.of === 'number' ? term.run : syntaxError('A number is expected.');

function readSum(reader: ExpressionReader): TextTerm {
  let left = readTextPostfix(reader);
  for (;;) {
    if (acceptToken(reader, '-')) left = difference(madeNumber(left), madeNumber(readTextPostfix(reader)));
    else if (acceptToken(reader, '+')) left = sum(left, readTextPostfix(reader));
    else return left;
  }
}

function sum(left: TextTerm, right: TextTerm): TextTerm {
  if (left.of === 'text') return { of: 'text', run: both(left.run, madeText(right), (a, b) => a + b) };
  return { of: 'number', run: both(left.run, madeNumber(right), (a, b) => a + b) };
}

const difference = (left: NumberFunction, right: NumberFunction): TextTerm => ({
  of: 'number',
  run: both(left, right, (a, b) => a - b),
});

/** Of nothing and anything comes nothing. */
const both =
  <T, R>(
    left: (focus: string) => T | undefined,
    right: (focus: string) => T | undefined,
    join: (a: T, b: T) => R,
  ): ((focus: string) => R | undefined) =>
  focus => {
    const a = left(focus);
    const b = right(focus);
    return a === undefined || b === undefined ? undefined : join(a, b);
  };

function readTextPostfix(reader: ExpressionReader): TextTerm {
  let term = readTextPrimary(reader);
  while (acceptToken(reader, '.')) {
    const name = nextToken(reader);
    expectToken(reader, '(');
    const text = madeText(term);
    if (name === 'length') term = { of: 'number', run: focus => text(focus)?.length };
    else if (name === 'substring') term = { of: 'text', run: readSubstring(reader, text) };
    else return syntaxError('A function outside the subset of texts.');
    expectToken(reader, ')');
  }
  return term;
}

/** What begins outside of the text is nothing. */
function readSubstring(reader: ExpressionReader, text: TextFunction): TextFunction {
  const start = madeNumber(readSum(reader));
  const length = acceptToken(reader, ',') ? madeNumber(readSum(reader)) : undefined;
  return focus => {
    const whole = text(focus);
    const from = start(focus);
    if (whole === undefined || from === undefined || from < 0 || from >= whole.length) return undefined;
    const size = length?.(focus);
    return size === undefined ? whole.slice(from) : whole.slice(from, from + Math.max(0, size));
  };
}

function readTextPrimary(reader: ExpressionReader): TextTerm {
  if (acceptToken(reader, '$this')) return { of: 'text', run: focus => focus };
  if (acceptToken(reader, 'iif')) return { of: 'text', run: readChoice(reader) };
  const token = nextToken(reader);
  if (!/^['\d]/.test(token)) return syntaxError('A text outside the subset.');
  const value = literalToken(token);
  if (typeof value === 'string') return { of: 'text', run: () => value };
  return { of: 'number', run: () => Number(value) };
}

function readChoice(reader: ExpressionReader): TextFunction {
  expectToken(reader, '(');
  const left = madeNumber(readSum(reader));
  expectToken(reader, '>');
  const isGreater = both(left, madeNumber(readSum(reader)), (a, b) => a > b);
  expectToken(reader, ',');
  const yes = readTextFunction(reader);
  expectToken(reader, ',');
  const no = readTextFunction(reader);
  expectToken(reader, ')');
  return focus => (isGreater(focus) === true ? yes(focus) : no(focus));
}
