/**
 * Full text: what a word is, what a query of `_text` and `_content` may be, and what it means.
 * https://hl7.org/fhir/R4/search.html#text leaves the language to the server. This one is:
 *
 *   heart failure      both words           "heart failure"   one after the other, within one value
 *   bone or liver      (also OR, |, comma)  heart*            words that begin so (at least 2 characters)
 *   not cancer         (also -cancer)       (bone or liver) and metastases
 *
 * A comma is the outermost OR, as everywhere in FHIR; `\,` and `\|` are punctuation. Punctuation inside a word makes a
 * phrase of it: COVID-19 is "covid 19".
 *
 * Choices: a word is a maximal run of letters and digits after normalise.ts, cut at 64 characters. In scripts that put
 * no blanks between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) each letter is a word, and several of them
 * in a query are a phrase. No stemming and no stop words: both need to know the language, and a chart mixes several.
 */
import { FhirError } from '../fhir/error.js';
import { normalise } from './normalise.js';
import type { Words } from './query.js';
import { invalidValue } from './scope.js';
import { splitValue } from './split.js';

/** The words of a resource in their order, with a VALUE_BOUNDARY between two values. `content` begins with all of `text`. */
export interface ResourceText {
  /** The words of the narrative. */
  readonly text: readonly string[];
  /** Those of everything. */
  readonly content: readonly string[];
}

export type Among = keyof ResourceText;

/** Stands between two values, so that no phrase goes across. No letter: never a word. */
export const VALUE_BOUNDARY = '\u00b7';

/** Characters of a word that count. */
export const MAX_WORD = 64;
/** Words of a query. */
export const MAX_WORDS_ASKED = 32;
/** Parentheses in one another. */
const MAX_NESTED = 16;

const UNSPACED = String.raw`\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}`;
const WORDS_IN_TEXT = new RegExp(String.raw`[[${UNSPACED}]&&[\p{L}\p{N}]]|[[\p{L}\p{N}]--[${UNSPACED}]]+`, 'gv');
const ASCII_WORD = /[a-z0-9]+/g;
// oxlint-disable-next-line no-control-regex -- all of ASCII is meant
const ASCII = /^[\u0000-\u007f]*$/;
/** Soft hyphens and joiners are no part of a word and do not end it. */
const INVISIBLE = /\u00ad|\u200c|\u200d|\u2060/g;
/** Marks that compatibility would make letters of, and glue to the word before. */
const TRADE_MARKS = /[\u2120\u2122]/g;

/** The words of a text, in their order. */
export function wordsIn(text: string): string[] {
  const found = ASCII.test(text)
    ? text.toLowerCase().match(ASCII_WORD)
    : normalise(text.replace(INVISIBLE, '').replace(TRADE_MARKS, ' ')).match(WORDS_IN_TEXT);
  if (!found) return [];
  for (let i = 0; i < found.length; i++) if (found[i]!.length > MAX_WORD) found[i] = cutWord(found[i]!);
  return found;
}

/** Not in the middle of a character. */
const cutWord = (word: string): string => word.slice(0, MAX_WORD).replace(/[\ud800-\udbff]$/, '');

/**
 * True where a sequence of ResourceText satisfies the query: this defines what a query means. A query that the empty
 * sequence satisfies consists of negations, and no index can look it up.
 */
export function containsWords(words: Words, sequence: readonly string[]): boolean {
  switch (words.kind) {
    case 'and':
      return words.of.every(each => containsWords(each, sequence));
    case 'or':
      return words.of.some(each => containsWords(each, sequence));
    case 'not':
      return !containsWords(words.of, sequence);
    case 'word':
      return words.starts ? sequence.some(word => word.startsWith(words.word)) : sequence.includes(words.word);
    case 'phrase':
      return hasPhrase(words.words, sequence);
  }
}

function hasPhrase(phrase: readonly string[], sequence: readonly string[]): boolean {
  const last = sequence.length - phrase.length;
  for (let at = sequence.indexOf(phrase[0]!); at >= 0 && at <= last; at = sequence.indexOf(phrase[0]!, at + 1))
    if (phrase.every((word, i) => sequence[at + i] === word)) return true;
  return false;
}

/** A search value as a query. `name`: the parameter, for errors. Throws FhirError `invalid`, `too-costly` (limits). */
export function parseWords(name: string, value: string): Words {
  const alternatives = splitValue(value, ',').map(part => parseQuery(name, queryTokens(name, part)));
  const words = joinWords('or', alternatives);
  if (countWords(words) > MAX_WORDS_ASKED) throw tooMuch(name, `may have ${MAX_WORDS_ASKED} words at most.`);
  return words;
}

type Token = '(' | ')' | 'and' | 'or' | 'not' | Words;

const wrong = (name: string, message: string): FhirError => invalidValue(name, `The value of ${name} ${message}`);
const tooMuch = (name: string, message: string): FhirError =>
  new FhirError('too-costly', `The value of ${name} ${message}`, { expression: `http.${name}` });

/** A blank, a parenthesis, a bar, a minus before something; a text in quotes; anything else up to one of them. */
const QUERY_TOKEN = /\s+|[()|]|(-)(?=[^\s)|])|"([^"]*)"|"|(?:\\[,|$\\]|[^\s()|"])+/gy;

function queryTokens(name: string, text: string): Token[] {
  const tokens: Token[] = [];
  // Every character begins one of the pieces.
  for (const [piece, minus, quoted] of text.matchAll(QUERY_TOKEN)) {
    const lower = piece.toLowerCase();
    if (piece.trim() === '') continue;
    if (lower === '(' || lower === ')' || lower === 'and' || lower === 'or' || lower === 'not') tokens.push(lower);
    else if (piece === '|') tokens.push('or');
    else if (minus !== undefined) tokens.push('not');
    else if (piece === '"')
      throw wrong(name, String.raw`has a quotation mark without its other half; a comma in quotes is written \,.`);
    else if (quoted !== undefined) tokens.push(queryWords(name, quoted, false));
    else if (piece.endsWith('*')) tokens.push(queryWords(name, piece.slice(0, -1), true));
    else tokens.push(queryWords(name, piece, false));
  }
  return tokens;
}

function queryWords(name: string, text: string, starts: boolean): Words {
  if (text.includes('*')) throw wrong(name, 'may have * at the end of a word alone.');
  const words = wordsIn(text);
  const [word, another] = words;
  if (word === undefined)
    throw wrong(name, 'has a part without letters and digits. Leave punctuation out, or write it inside a word.');
  if (!starts) return another === undefined ? { kind: 'word', word } : { kind: 'phrase', words };
  if (another !== undefined) throw wrong(name, 'may have * at the end of a word alone, not of several.');
  if (Array.from(word).length < 2) throw wrong(name, 'needs at least 2 letters or digits before *.');
  return { kind: 'word', word, starts: true };
}

/** The tokens of one alternative as a tree. */
function parseQuery(name: string, tokens: readonly Token[]): Words {
  let at = 0;
  const disjunction = (depth: number): Words => {
    if (depth > MAX_NESTED) throw tooMuch(name, `may have ${MAX_NESTED} parentheses in one another.`);
    const of = [conjunction(depth)];
    while (tokens[at] === 'or') {
      at++;
      of.push(conjunction(depth));
    }
    return joinWords('or', of);
  };
  const conjunction = (depth: number): Words => {
    const of = [operand(depth)];
    for (;;) {
      const next = tokens[at];
      if (next === undefined || next === ')' || next === 'or') return joinWords('and', of);
      if (next === 'and') at++;
      of.push(operand(depth));
    }
  };
  const operand = (depth: number): Words => {
    let negative = false;
    for (; tokens[at] === 'not'; at++) negative = !negative;
    const token = tokens[at++];
    if (token === '(') {
      const inner = disjunction(depth + 1);
      if (tokens[at++] !== ')')
        throw wrong(name, String.raw`has a parenthesis that is not closed; a comma inside is written OR.`);
      return negative ? { kind: 'not', of: inner } : inner;
    }
    if (token === ')') throw wrong(name, 'has a parenthesis where a word must be, or one that was not opened.');
    if (token === undefined || typeof token === 'string')
      throw wrong(
        name,
        'lacks a word beside and, or, not, a comma or a parenthesis. Words like these are searched in quotes.',
      );
    return negative ? { kind: 'not', of: token } : token;
  };
  const whole = disjunction(0);
  if (at < tokens.length) throw wrong(name, 'has a parenthesis that was not opened.');
  return whole;
}

/** Without needless nesting. */
function joinWords(kind: 'and' | 'or', of: readonly Words[]): Words {
  const flat = of.flatMap(each => (each.kind === kind ? each.of : [each]));
  return flat.length === 1 ? flat[0]! : { kind, of: flat };
}

function countWords(words: Words): number {
  switch (words.kind) {
    case 'and':
    case 'or':
      return words.of.reduce((sum, each) => sum + countWords(each), 0);
    case 'not':
      return countWords(words.of);
    case 'word':
      return 1;
    case 'phrase':
      return words.words.length;
  }
}
