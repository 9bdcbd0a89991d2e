/**
 * Regular expressions of value set filters, matched in time that grows with pattern × text and never faster: all places
 * of an automaton where the text can be are followed at once, nothing is ever tried again. (The engine of JavaScript takes exponential
 * time for some patterns, and anybody who may store a ValueSet could write one.)
 * https://hl7.org/fhir/R4/valueset.html#compose, filter operator `regex`
 *
 * Choices: the whole text must match, as in XML Schema and as the standard's own `[0-9]{3}` intends. Characters, classes,
 * `. \d \w \s`, groups, alternatives, counts and the anchors are understood; what remembers or looks around is refused.
 */
import { FhirError } from '../fhir/error.js';
import type { Budget } from './budget.js';

type CharTest = (char: number) => boolean;
type PatternNode =
  | { readonly kind: 'char'; readonly test: CharTest }
  | { readonly kind: 'sequence' | 'choice'; readonly of: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly of: PatternNode; readonly min: number; readonly max: number }
  | { readonly kind: 'start' | 'end' };

type Instruction =
  | { readonly kind: 'char'; readonly test: CharTest }
  | { readonly kind: 'split'; first: number; second: number }
  | { readonly kind: 'start' | 'end' | 'match' };

const MAX_PATTERN_CHARACTERS = 500;
const MAX_PROGRAM_STEPS = 2000;
const MAX_GROUP_DEPTH = 30;

/** True where the pattern matches the whole text. */
export type PatternTest = (text: string, budget: Budget) => boolean;

/** Throws FhirError `not-supported` for what is no pattern, is too long or is not understood. */
export function compilePattern(source: string): PatternTest {
  if (source.length > MAX_PATTERN_CHARACTERS)
    unsupportedPattern(`it has more than ${MAX_PATTERN_CHARACTERS} characters`);
  return createMatcher(compileProgram(parse(source)));
}

function unsupportedPattern(fault: string): never {
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
const code = (text: string): number => text.codePointAt(0)!;

const asciiDigit = range(code('0'), code('9'));
const asciiWord = either([
  asciiDigit,
  range(code('a'), code('z')),
  range(code('A'), code('Z')),
  range(code('_'), code('_')),
]);
const whitespace: CharTest = char => /\s/.test(String.fromCodePoint(char));
const CLASSES: Readonly<Record<string, CharTest>> = {
  d: asciiDigit,
  D: not(asciiDigit),
  w: asciiWord,
  W: not(asciiWord),
  s: whitespace,
  S: not(whitespace),
};
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v' };

function parse(source: string): PatternNode {
  const chars = Array.from(source);
  let at = 0;

  function choice(depth: number): PatternNode {
    if (depth > MAX_GROUP_DEPTH) unsupportedPattern('its groups are nested too deeply');
    const of = [sequence(depth)];
    while (chars[at] === '|') {
      at += 1;
      of.push(sequence(depth));
    }
    return of.length === 1 ? of[0]! : { kind: 'choice', of };
  }

  function sequence(depth: number): PatternNode {
    const of: PatternNode[] = [];
    while (at < chars.length && chars[at] !== '|' && chars[at] !== ')') of.push(counted(atom(depth)));
    return { kind: 'sequence', of };
  }

  function atom(depth: number): PatternNode {
    const char = chars[at++]!;
    switch (char) {
      case '(': {
        if (chars[at] === '?') {
          if (chars[at + 1] !== ':') unsupportedPattern('it looks around or names a group');
          at += 2;
        }
        const inner = choice(depth + 1);
        if (chars[at++] !== ')') unsupportedPattern('a group is not closed');
        return inner;
      }
      case '[':
        return { kind: 'char', test: set() };
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
        const escaped = escape();
        return { kind: 'char', test: typeof escaped === 'number' ? range(escaped, escaped) : escaped };
      }
      default:
        return { kind: 'char', test: range(code(char), code(char)) };
    }
  }

  /** What follows a backslash: one character, or a class of them. */
  function escape(): number | CharTest {
    const char = chars[at++] ?? unsupportedPattern('it ends in a backslash');
    const known = CLASSES[char];
    if (known) return known;
    const control = CONTROLS[char];
    if (control) return code(control);
    if (/[A-Za-z0-9]/.test(char)) unsupportedPattern('it uses an escape that is not understood');
    return code(char);
  }

  function set(): CharTest {
    const negated = chars[at] === '^';
    if (negated) at += 1;
    const tests: CharTest[] = [];
    while (chars[at] !== ']') {
      const low = member();
      if (chars[at] === '-' && chars[at + 1] !== undefined && chars[at + 1] !== ']') {
        at += 1;
        const high = member();
        if (typeof low !== 'number' || typeof high !== 'number' || low > high)
          return unsupportedPattern('a range is out of order');
        tests.push(range(low, high));
      } else tests.push(typeof low === 'number' ? range(low, low) : low);
    }
    at += 1;
    return negated ? not(either(tests)) : either(tests);
  }

  function member(): number | CharTest {
    const char = chars[at++] ?? unsupportedPattern('a class is not closed');
    return char === '\\' ? escape() : code(char);
  }

  /** The counts behind an atom. A `?` behind a count (as few as possible) changes nothing where the whole must match. */
  function counted(node: PatternNode): PatternNode {
    const char = chars[at];
    const [min, max] =
      char === '*'
        ? [0, Infinity]
        : char === '+'
          ? [1, Infinity]
          : char === '?'
            ? [0, 1]
            : char === '{'
              ? braces()
              : [];
    if (min === undefined || max === undefined) return node;
    if (char !== '{') at += 1;
    if (chars[at] === '?') at += 1;
    if ('*+?{'.includes(chars[at] ?? ' ')) unsupportedPattern('a count follows a count');
    return { kind: 'repeat', of: node, min, max };
  }

  function braces(): [number, number] {
    const [whole, low, comma, high] = /^\{(\d{1,4})(,(\d{1,4})?)?\}/.exec(chars.slice(at, at + 12).join('')) ?? [];
    if (whole === undefined) return unsupportedPattern('a count in braces is not understood');
    at += whole.length;
    const min = Number(low);
    const max = comma === undefined ? min : high === undefined ? Infinity : Number(high);
    return min > max ? unsupportedPattern('a count in braces is out of order') : [min, max];
  }

  const all = choice(0);
  if (at < chars.length) unsupportedPattern('a group is closed that was not opened');
  return all;
}

/** The tree as a program: every step goes on to the next one, a split to two. */
function compileProgram(node: PatternNode): readonly Instruction[] {
  const steps: Instruction[] = [];
  const push = <S extends Instruction>(step: S): S => {
    if (steps.length >= MAX_PROGRAM_STEPS) unsupportedPattern('it is too large');
    steps.push(step);
    return step;
  };
  const split = () => push({ kind: 'split', first: steps.length + 1, second: steps.length + 1 });

  // Counted too, because a count of nothing makes no steps, and counts of counts multiply.
  let visits = 0;
  function add(each: PatternNode): void {
    visits += 1;
    if (visits > MAX_PROGRAM_STEPS * 4) unsupportedPattern('it is too large');
    switch (each.kind) {
      case 'char':
      case 'start':
      case 'end':
        push(each);
        return;
      case 'sequence':
        each.of.forEach(add);
        return;
      case 'choice': {
        const exits: { first: number; second: number }[] = [];
        each.of.forEach((option, index) => {
          const last = index === each.of.length - 1;
          const fork = last ? undefined : split();
          add(option);
          if (!last) exits.push(split());
          if (fork) fork.second = steps.length;
        });
        for (const exit of exits) exit.first = exit.second = steps.length;
        return;
      }
      case 'repeat': {
        for (let count = 0; count < each.min; count++) add(each.of);
        if (each.max === Infinity) {
          const start = steps.length;
          const fork = split();
          add(each.of);
          push({ kind: 'split', first: start, second: start });
          fork.second = steps.length;
        } else {
          const forks = [];
          for (let count = each.min; count < each.max; count++) {
            forks.push(split());
            add(each.of);
          }
          for (const fork of forks) fork.second = steps.length;
        }
      }
    }
  }
  add(node);
  push({ kind: 'match' });
  return steps;
}

/** Where the automaton can be after some characters, all at once. */
interface AutomatonState {
  readonly steps: ReadonlySet<number>;
  /** The text may end here. */
  readonly accepts: boolean;
  readonly next: Map<number, AutomatonState>;
}

/** Places that are kept; a pattern that has more of them starts anew. */
const MAX_STATES = 500;
/** What it costs to make a place, against following a known one. */
const STEPS_OF_A_STATE = 20;

/** Places are made when a text first leads there, so that most texts are read by looking up one character after the other. */
function createMatcher(steps: readonly Instruction[]): PatternTest {
  const last = steps.length - 1;
  const places = new Map<string, AutomatonState>();

  /** Steps and all that they lead to without a character, where these anchors hold. */
  function reach(first: Iterable<number>, anchors: readonly ('start' | 'end')[]): Set<number> {
    const reached = new Set<number>();
    const waiting = [...first];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      if (reached.has(at)) continue;
      reached.add(at);
      const step = steps[at]!;
      if (step.kind === 'split') waiting.push(step.first, step.second);
      else if (anchors.some(anchor => anchor === step.kind)) waiting.push(at + 1);
    }
    return reached;
  }

  function place(reached: ReadonlySet<number>, budget: Budget): AutomatonState {
    budget.steps(STEPS_OF_A_STATE * (reached.size + 1));
    const key = [...reached].toSorted((a, b) => a - b).join();
    const known = places.get(key);
    if (known) return known;
    if (places.size >= MAX_STATES) {
      for (const each of places.values()) each.next.clear();
      places.clear();
    }
    const made = {
      steps: reached,
      accepts: reach(reached, ['end']).has(last),
      next: new Map<number, AutomatonState>(),
    };
    places.set(key, made);
    return made;
  }

  function follow(from: AutomatonState, char: number, budget: Budget): AutomatonState {
    const onwards: number[] = [];
    for (const at of from.steps) {
      const step = steps[at]!;
      if (step.kind === 'char' && step.test(char)) onwards.push(at + 1);
    }
    const to = place(reach(onwards, []), budget);
    from.next.set(char, to);
    return to;
  }

  const start = reach([0], ['start']);
  const acceptsNothing = reach([0], ['start', 'end']).has(last);
  let first: AutomatonState | undefined;
  return (text, budget) => {
    if (text === '') return acceptsNothing;
    budget.steps(text.length);
    let at = (first ??= place(start, budget));
    for (const char of text) {
      const point = code(char);
      at = at.next.get(point) ?? follow(at, point, budget);
      if (at.steps.size === 0) return false;
    }
    return at.accepts;
  };
}
