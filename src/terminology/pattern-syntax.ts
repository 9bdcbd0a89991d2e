/**
 * Parses the regular expressions of value set filters to a tree: characters, classes, `. \d \w \s`, groups, alternatives,
 * counts and the anchors. Back references, look-arounds and named groups are refused.
 * https://hl7.org/fhir/R4/valueset.html#compose, filter operator `regex`
 */
import { FhirError } from '../fhir/error.js';

export type CharTest = (char: number) => boolean;

export type PatternNode =
  | { readonly kind: 'char'; readonly test: CharTest }
  | { readonly kind: 'sequence' | 'choice'; readonly of: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly of: PatternNode; readonly min: number; readonly max: number }
  | { readonly kind: 'start' | 'end' };

const MAX_PATTERN_CHARACTERS = 500;
const MAX_GROUP_DEPTH = 30;

interface PatternReader {
  /** Code points, so that no character is taken apart. */
  readonly chars: readonly string[];
  at: number;
}

/** Throws FhirError `not-supported` for what is no pattern, is too long or is not understood. */
export function parsePattern(source: string): PatternNode {
  if (source.length > MAX_PATTERN_CHARACTERS)
    unsupportedPattern(`it has more than ${MAX_PATTERN_CHARACTERS} characters`);
  const reader: PatternReader = { chars: Array.from(source), at: 0 };
  const node = readChoice(reader, 0);
  if (reader.at < reader.chars.length) unsupportedPattern('a group is closed that was not opened');
  return node;
}

/** The text of the error is free of the pattern. */
export function unsupportedPattern(fault: string): never {
  throw new FhirError('not-supported', `A regular expression in the value set cannot be used: ${fault}.`, {
    detail: 'unsupported-pattern',
  });
}

const range =
  (low: number, high: number): CharTest =>
  char =>
    char >= low && char <= high;
const not =
  (test: CharTest): CharTest =>
  char =>
    !test(char);
const either =
  (tests: readonly CharTest[]): CharTest =>
  char =>
    tests.some(test => test(char));
const codePoint = (text: string): number => text.codePointAt(0)!;

const asciiDigit = range(codePoint('0'), codePoint('9'));
const asciiWord = either([
  asciiDigit,
  range(codePoint('a'), codePoint('z')),
  range(codePoint('A'), codePoint('Z')),
  range(codePoint('_'), codePoint('_')),
]);
const whitespace: CharTest = char => /\s/.test(String.fromCodePoint(char));
/** By the letter behind the backslash. */
const CLASSES: Readonly<Record<string, CharTest>> = {
  d: asciiDigit,
  D: not(asciiDigit),
  w: asciiWord,
  W: not(asciiWord),
  s: whitespace,
  S: not(whitespace),
};
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v' };

function readChoice(reader: PatternReader, depth: number): PatternNode {
  if (depth > MAX_GROUP_DEPTH) unsupportedPattern('its groups are nested too deeply');
  const of = [readSequence(reader, depth)];
  while (reader.chars[reader.at] === '|') {
    reader.at += 1;
    of.push(readSequence(reader, depth));
  }
  return of.length === 1 ? of[0]! : { kind: 'choice', of };
}

function readSequence(reader: PatternReader, depth: number): PatternNode {
  const of: PatternNode[] = [];
  for (let char = reader.chars[reader.at]; char !== undefined && char !== '|' && char !== ')'; ) {
    of.push(readCount(reader, readPatternAtom(reader, depth)));
    char = reader.chars[reader.at];
  }
  return { kind: 'sequence', of };
}

function readPatternAtom(reader: PatternReader, depth: number): PatternNode {
  const char = reader.chars[reader.at++]!;
  switch (char) {
    case '(':
      return readGroup(reader, depth);
    case '[':
      return { kind: 'char', test: readClass(reader) };
    case '.':
      return { kind: 'char', test: each => each !== 10 && each !== 13 };
    case '^':
      return { kind: 'start' };
    case '$':
      return { kind: 'end' };
    case '*':
    case '+':
    case '?':
    case '{':
      return unsupportedPattern('a count has nothing before it');
    case '\\': {
      const escaped = readEscape(reader);
      return { kind: 'char', test: typeof escaped === 'number' ? range(escaped, escaped) : escaped };
    }
    default:
      return { kind: 'char', test: range(codePoint(char), codePoint(char)) };
  }
}

function readGroup(reader: PatternReader, depth: number): PatternNode {
  if (reader.chars[reader.at] === '?') {
    if (reader.chars[reader.at + 1] !== ':') unsupportedPattern('it looks around or names a group');
    reader.at += 2;
  }
  const inner = readChoice(reader, depth + 1);
  if (reader.chars[reader.at++] !== ')') unsupportedPattern('a group is not closed');
  return inner;
}

/** What follows a backslash: one character, or a class of them. */
function readEscape(reader: PatternReader): number | CharTest {
  const char = reader.chars[reader.at++] ?? unsupportedPattern('it ends in a backslash');
  const known = CLASSES[char];
  if (known) return known;
  const control = CONTROLS[char];
  if (control) return codePoint(control);
  if (/[A-Za-z0-9]/.test(char)) unsupportedPattern('it uses an escape that is not understood');
  return codePoint(char);
}

function readClass(reader: PatternReader): CharTest {
  const { chars } = reader;
  const negated = chars[reader.at] === '^';
  if (negated) reader.at += 1;
  const tests: CharTest[] = [];
  while (chars[reader.at] !== ']') {
    const low = readClassMember(reader);
    if (chars[reader.at] === '-' && chars[reader.at + 1] !== undefined && chars[reader.at + 1] !== ']') {
      reader.at += 1;
      const high = readClassMember(reader);
      if (typeof low !== 'number' || typeof high !== 'number' || low > high)
        return unsupportedPattern('a range is out of order');
      tests.push(range(low, high));
    } else tests.push(typeof low === 'number' ? range(low, low) : low);
  }
  reader.at += 1;
  return negated ? not(either(tests)) : either(tests);
}

function readClassMember(reader: PatternReader): number | CharTest {
  const char = reader.chars[reader.at++] ?? unsupportedPattern('a class is not closed');
  return char === '\\' ? readEscape(reader) : codePoint(char);
}

const COUNTS: Readonly<Record<string, readonly [min: number, max: number]>> = {
  '*': [0, Infinity],
  '+': [1, Infinity],
  '?': [0, 1],
};

/** The count behind an atom. A `?` behind a count (as few as possible) changes nothing where the whole text must match. */
function readCount(reader: PatternReader, of: PatternNode): PatternNode {
  const char = reader.chars[reader.at] ?? '';
  const count = char === '{' ? readBraces(reader) : COUNTS[char];
  if (!count) return of;
  if (char !== '{') reader.at += 1;
  if (reader.chars[reader.at] === '?') reader.at += 1;
  if ('*+?{'.includes(reader.chars[reader.at] ?? ' ')) unsupportedPattern('a count follows a count');
  return { kind: 'repeat', of, min: count[0], max: count[1] };
}

function readBraces(reader: PatternReader): readonly [min: number, max: number] {
  const ahead = reader.chars.slice(reader.at, reader.at + 12).join('');
  const [whole, low, comma, high] = /^\{(\d{1,4})(,(\d{1,4})?)?\}/.exec(ahead) ?? [];
  if (whole === undefined) return unsupportedPattern('a count in braces is not understood');
  reader.at += whole.length;
  const min = Number(low);
  const max = comma === undefined ? min : high === undefined ? Infinity : Number(high);
  return min > max ? unsupportedPattern('a count in braces is out of order') : [min, max];
}
