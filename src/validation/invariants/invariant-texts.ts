/**
 * Functions of FHIRPath that match and make texts, bounded: patterns are matched in linear time (terminology/pattern.ts), what is
 * made has at most a million characters. http://hl7.org/fhirpath/N1/#string-manipulation
 *
 * Choice: `matches` looks for the pattern anywhere in the text, as HL7's own tools do; flags are refused.
 */
import { memoize } from '../../platform/memoize.js';
import type { Budget } from '../../terminology/budget.js';
import { compilePattern, type PatternTest } from '../../terminology/pattern.js';
import { MAX_MADE_TEXT } from './invariant-budget.js';
import { dataOf, type Evaluation, type Items, oneText } from './invariant-evaluation.js';
import type { CheckRun } from '../run.js';

/** Patterns are matched in linear time, and their steps are those of the resource. */
const budgetOf = (run: CheckRun): Budget => ({
  examineCodes: () => {},
  countSteps: count => run.spend(Math.ceil(count / PATTERN_STEPS_OF_A_STEP)),
  openValueSet: () => {},
});
const PATTERN_STEPS_OF_A_STEP = 8;

/** A dot is any character, the end of a line too: http://hl7.org/fhirpath/N1/#matchesregex-string-boolean, single line mode. */
const anyDot = (pattern: string): string =>
  pattern.replaceAll(/\\.|\[(?:\\.|[^\]\\])*\]|\./gs, part => (part === '.' ? String.raw`[\s\S]` : part));

const wholePattern = memoize({ results: 200 }, (pattern): PatternTest => compilePattern(anyDot(pattern)));
/** Somewhere in the text. */
const partPattern = memoize(
  { results: 200 },
  (pattern): PatternTest => compilePattern(String.raw`[\s\S]*(?:${anyDot(pattern)})[\s\S]*`),
);

function refuseFlags(flags: unknown): void {
  if (flags !== undefined && flags !== '') throw new TypeError('Flags of regular expressions are not offered.');
}

/** Undefined: without a text or a pattern there is no answer. */
export function matchesPart(text: string, pattern: string, run: CheckRun): boolean {
  return partPattern(pattern)(text, budgetOf(run));
}

/** Whether a pattern matches the whole text. Throws FhirError `not-supported` for what is no pattern. */
export function matchesWhole(text: string, pattern: string, run: CheckRun): boolean {
  return wholePattern(pattern)(text, budgetOf(run));
}

export function matchesFn(evaluation: Evaluation, input: Items, pattern: string | Items, flags?: string): unknown {
  const text = oneText(input);
  refuseFlags(flags);
  if (text === undefined || typeof pattern !== 'string') return [];
  return matchesPart(text, pattern, evaluation.run);
}

export function matchesFullFn(evaluation: Evaluation, input: Items, pattern: string | Items, flags?: string): unknown {
  const text = oneText(input);
  refuseFlags(flags);
  if (text === undefined || typeof pattern !== 'string') return [];
  return matchesWhole(text, pattern, evaluation.run);
}

/** Texts in which matches are replaced are names and paths: every beginning is tried with every end. */
const MAX_REPLACED_TEXT = 1000;

export function replaceMatchesFn(
  evaluation: Evaluation,
  input: Items,
  pattern: string | Items,
  by: string | Items,
): unknown {
  const text = oneText(input);
  if (text === undefined || typeof pattern !== 'string' || typeof by !== 'string') return [];
  if (text.length > MAX_REPLACED_TEXT || by.includes('$'))
    throw new RangeError('Matches of such a text cannot be replaced.');
  const test = wholePattern(pattern);
  const budget = budgetOf(evaluation.run);
  let made = '';
  for (let at = 0; at < text.length; ) {
    let end = text.length;
    while (end > at && !test(text.slice(at, end), budget)) end -= 1;
    made += end > at ? by : text[at];
    at = end > at ? end : at + 1;
  }
  return made;
}

export function replaceFn(_: Evaluation, input: Items, wanted: string | Items, by: string | Items): unknown {
  const text = oneText(input);
  if (text === undefined || typeof wanted !== 'string' || typeof by !== 'string') return [];
  const parts = text.split(wanted);
  const length = text.length + (parts.length + 1) * by.length;
  if (length > MAX_MADE_TEXT) throw new RangeError('A text becomes too long.');
  // An empty pattern stands before, between and behind all characters.
  return wanted === '' ? by + parts.join(by) + (text === '' ? '' : by) : parts.join(by);
}

export function joinFn(_: Evaluation, input: Items, separator: string | Items = ''): unknown {
  const texts = input.map(dataOf).filter(text => text !== null && text !== undefined);
  if (!texts.every(text => typeof text === 'string')) throw new TypeError('Texts are expected.');
  if (texts.length === 0) return [];
  const between = typeof separator === 'string' ? separator : '';
  let length = 0;
  for (const text of texts) length += text.length + between.length;
  if (length > MAX_MADE_TEXT) throw new RangeError('A text becomes too long.');
  return texts.join(between);
}
