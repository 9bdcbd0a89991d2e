/**
 * The grammar of `_filter`: text → tree, without knowing any parameter. https://hl7.org/fhir/R4/search_filter.html
 *
 *   filter    = paramExp / logExp / "not" "(" filter ")" / "(" filter ")"
 *   logExp    = filter (("and" / "or") filter)+
 *   paramExp  = paramPath SP compareOp SP compValue
 *   paramPath = paramName [["[" filter "]"] "." paramPath]
 *   compValue = a JSON string / any characters but blanks, ")" and "]"
 *
 * `and` and `or` have no precedence: they are read from left to right, as the specification says. So
 * `a or b and c` is `(a or b) and c`; parentheses say otherwise.
 *
 * Choices: words are lower case; several blanks are one; a name before a dot may have a type, `subject:Patient.name`,
 * as in other chains. Numbers, dates and booleans are not told apart here: what a value means is the parameter's matter.
 * Errors name the offset (from 0, in UTF-16 units) of what is not understood, never the text.
 */
import { FhirError } from '../fhir/error.js';

export const FILTER_OPERATORS = [
  'eq',
  'ne',
  'co',
  'sw',
  'ew',
  'gt',
  'lt',
  'ge',
  'le',
  'ap',
  'sa',
  'eb',
  'pr',
  'po',
  'ss',
  'sb',
  'in',
  'ni',
  're',
] as const;
export type Operator = (typeof FILTER_OPERATORS)[number];

export type FilterTree =
  | { readonly kind: 'and' | 'or'; readonly of: readonly FilterTree[] }
  | { readonly kind: 'not'; readonly of: FilterTree }
  | Comparison;

export interface Comparison {
  readonly kind: 'compare';
  /** At least one. */
  readonly path: readonly FilterStep[];
  readonly operator: Operator;
  /** Without quotes and JSON escapes. */
  readonly value: string;
  /** Offsets of the operator and the value. */
  readonly operatorAt: number;
  readonly valueAt: number;
}

export interface FilterStep {
  /** `name`, or `name:Type`. */
  readonly name: string;
  readonly at: number;
  /** What stands in brackets behind it. */
  readonly filter?: FilterTree;
}

/** Limits of one filter. The height is that of the tree; parentheses inside each other are limited alike. */
export const MAX_COMPARISONS = 200;
export const MAX_HEIGHT = 20;

/** An error of a filter, at an offset. */
export const invalidFilter = (at: number, wanted: string): FhirError =>
  new FhirError('invalid', `_filter is not understood at offset ${at}: it needs ${wanted} there.`, {
    detail: 'invalid-filter',
    expression: 'http._filter',
  });

/** What the syntax allows and this server does not decide. */
export const unsupportedFilter = (at: number, message: string, detail = 'unknown-operator'): FhirError =>
  new FhirError('not-supported', `${message} (Offset ${at} of _filter.)`, { detail, expression: 'http._filter' });

export const filterTooCostly = (message: string): FhirError =>
  new FhirError('too-costly', message, { expression: 'http._filter' });

const FILTER_NAME = /[A-Za-z_][\w-]*(?::[A-Za-z][\w-]*)?/y;
const FILTER_WORD = /[A-Za-z]+(?![\w:-])/y;
const FILTER_BLANKS = /\s*/y;
/** A time whose plus sign was not escaped in the address and became a blank, or any characters. */
const BARE_VALUE = /\d{4}-\d\d-\d\dT[\d:.]+ \d\d:\d\d(?![^\s)\]])|[^\s)\]]+/y;
const QUOTED_VALUE = /"(?:[^"\\]|\\[^])*"/y;
const NEGATION = /not\s*\(/y;
/** Half of a character, which JSON can write and nothing can store. */
const LONE_SURROGATE = /\p{Cs}/u;

interface Reader {
  readonly text: string;
  at: number;
  comparisons: number;
}

/** A part and how high its tree is. */
interface FilterPart {
  readonly filter: FilterTree;
  readonly height: number;
}

/** Throws FhirError `invalid` (`invalid-filter`), `too-costly`. */
export function readFilter(text: string): FilterTree {
  const reader: Reader = { text, at: 0, comparisons: 0 };
  const { filter } = readLogic(reader, 0);
  if (reader.at < text.length) throw invalidFilter(reader.at, 'and, or, or its end');
  return filter;
}

/** Takes what the pattern finds at the present place. */
function takeToken(reader: Reader, pattern: RegExp): string | undefined {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text)?.[0];
  if (found !== undefined) reader.at += found.length;
  return found;
}

/** Terms joined from left to right, up to the end, `)` or `]`. */
function readLogic(reader: Reader, depth: number): FilterPart {
  let left = readFilterTerm(reader, depth);
  for (;;) {
    takeToken(reader, FILTER_BLANKS);
    const at = reader.at;
    const word = takeToken(reader, FILTER_WORD);
    if (word !== 'and' && word !== 'or') {
      reader.at = at;
      return left;
    }
    left = joinParts(left, word, readFilterTerm(reader, depth));
  }
}

function joinParts(left: FilterPart, kind: 'and' | 'or', right: FilterPart): FilterPart {
  if (left.filter.kind === kind)
    return {
      filter: { kind, of: [...left.filter.of, right.filter] },
      height: limited(Math.max(left.height, right.height + 1)),
    };
  return {
    filter: { kind, of: [left.filter, right.filter] },
    height: limited(Math.max(left.height, right.height) + 1),
  };
}

function limited(height: number): number {
  if (height > MAX_HEIGHT)
    throw filterTooCostly(
      `A _filter may be nested ${MAX_HEIGHT} deep; and beside or without parentheses nests as well.`,
    );
  return height;
}

function readFilterTerm(reader: Reader, depth: number): FilterPart {
  takeToken(reader, FILTER_BLANKS);
  const negated = takeToken(reader, NEGATION) !== undefined;
  if (!negated && reader.text[reader.at] !== '(') return readComparison(reader, depth);
  if (!negated) reader.at++;
  const inner = readInner(reader, ')', depth);
  return negated ? { filter: { kind: 'not', of: inner.filter }, height: limited(inner.height + 1) } : inner;
}

/** A filter between parentheses or brackets, of which the first is read already. */
function readInner(reader: Reader, end: ')' | ']', depth: number): FilterPart {
  const part = readLogic(reader, limited(depth + 1));
  if (reader.text[reader.at] !== end) throw invalidFilter(reader.at, `and, or, or ${end}`);
  reader.at++;
  return part;
}

function readComparison(reader: Reader, depth: number): FilterPart {
  if (++reader.comparisons > MAX_COMPARISONS)
    throw filterTooCostly(`A _filter may have ${MAX_COMPARISONS} comparisons at most.`);
  const { path, height } = readFilterPath(reader, depth);
  needBlank(reader, 'a blank and an operator');
  const operatorAt = reader.at;
  const word = takeToken(reader, FILTER_WORD);
  const operator = FILTER_OPERATORS.find(candidate => candidate === word);
  if (!operator) throw invalidFilter(operatorAt, `one of the operators ${FILTER_OPERATORS.join(', ')}`);
  needBlank(reader, 'a blank and a value');
  const valueAt = reader.at;
  const value = readFilterValue(reader);
  return { filter: { kind: 'compare', path, operator, value, operatorAt, valueAt }, height };
}

function readFilterPath(reader: Reader, depth: number): { path: readonly FilterStep[]; height: number } {
  const path: FilterStep[] = [];
  let height = 0;
  for (;;) {
    const at = reader.at;
    const name = takeToken(reader, FILTER_NAME);
    if (name === undefined) throw invalidFilter(at, 'the name of a search parameter');
    const open = reader.text[reader.at] === '[';
    if (open) {
      reader.at++;
      const part = readInner(reader, ']', depth);
      height = limited(Math.max(height, part.height + 1));
      path.push({ name, at, filter: part.filter });
    } else path.push({ name, at });
    if (reader.text[reader.at] !== '.') {
      if (open) throw invalidFilter(reader.at, 'a dot and another name, as in name[filter].name');
      return { path, height };
    }
    reader.at++;
  }
}

function needBlank(reader: Reader, wanted: string): void {
  if (takeToken(reader, FILTER_BLANKS) === '') throw invalidFilter(reader.at, wanted);
}

function readFilterValue(reader: Reader): string {
  const at = reader.at;
  if (reader.text[at] !== '"')
    return (
      takeToken(reader, BARE_VALUE) ?? failMisread(at, 'a value (in quotes where it is empty or has blanks, ) or ])')
    );
  const quoted = takeToken(reader, QUOTED_VALUE) ?? failMisread(at, 'a string with a quote at its end');
  let value: unknown;
  try {
    value = JSON.parse(quoted);
  } catch {
    throw invalidFilter(at, 'a string as JSON writes it');
  }
  return typeof value === 'string' && !LONE_SURROGATE.test(value)
    ? value
    : failMisread(at, 'a string of whole characters');
}

function failMisread(at: number, wanted: string): never {
  throw invalidFilter(at, wanted);
}
