/**
 * Matches the regular expressions of value set filters in time that grows with pattern × text at most, and counts the
 * steps, so that an expansion ends when its budget is spent. All states that the automaton can be in are followed at once;
 * nothing is tried again. https://hl7.org/fhir/R4/valueset.html#compose, filter operator `regex`
 *
 * Why not JavaScript's engine: it takes exponential time for some patterns, and anybody who may store a ValueSet could write
 * one. Why not re2js, which is linear, too: it counts no steps, so that neither a match nor its compiler can be stopped (500
 * characters of nested counts make 196,000 instructions and take seconds), and it reads several patterns differently.
 *
 * Choice: the whole text must match, as in XML Schema and as the standard's own `[0-9]{3}` intends.
 */
import type { Budget } from './budget.js';
import { compileProgram, type Instruction } from './pattern-program.js';
import { parsePattern } from './pattern-syntax.js';

/** True where the pattern matches the whole text. Throws FhirError `too-costly` where the budget is spent. */
export type PatternTest = (text: string, budget: Budget) => boolean;

/** Throws FhirError `not-supported` for what is no pattern, is too long or is not understood. */
export const compilePattern = (source: string): PatternTest => createMatcher(compileProgram(parsePattern(source)));

/** The instructions at which the automaton can be after some characters, all together. */
interface AutomatonState {
  readonly reached: ReadonlySet<number>;
  /** The text may end here. */
  readonly accepts: boolean;
  readonly next: Map<number, AutomatonState>;
}

/** States that are kept; a pattern that has more of them starts anew. */
const MAX_STATES = 500;
/** The cost of making a state, for each of its instructions, against that of following a known one. */
const STEPS_OF_A_STATE = 20;

/** States are made when a text first leads to them, so that most texts are read by one look-up for each character. */
function createMatcher(program: readonly Instruction[]): PatternTest {
  const last = program.length - 1;
  const states = new Map<string, AutomatonState>();

  /** Instructions, and all that they lead to without a character where these anchors hold. */
  function reach(first: Iterable<number>, anchors: readonly ('start' | 'end')[]): Set<number> {
    const reached = new Set<number>();
    const waiting = [...first];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      if (reached.has(at)) continue;
      reached.add(at);
      const step = program[at]!;
      if (step.kind === 'split') waiting.push(step.first, step.second);
      else if (anchors.some(anchor => anchor === step.kind)) waiting.push(at + 1);
    }
    return reached;
  }

  function stateOf(reached: ReadonlySet<number>, budget: Budget): AutomatonState {
    budget.countSteps(STEPS_OF_A_STATE * (reached.size + 1));
    const key = [...reached].toSorted((a, b) => a - b).join();
    const known = states.get(key);
    if (known) return known;
    if (states.size >= MAX_STATES) {
      for (const each of states.values()) each.next.clear();
      states.clear();
    }
    const made = {
      reached,
      accepts: reach(reached, ['end']).has(last),
      next: new Map<number, AutomatonState>(),
    };
    states.set(key, made);
    return made;
  }

  function follow(from: AutomatonState, char: number, budget: Budget): AutomatonState {
    const onwards: number[] = [];
    for (const at of from.reached) {
      const step = program[at]!;
      if (step.kind === 'char' && step.test(char)) onwards.push(at + 1);
    }
    const to = stateOf(reach(onwards, []), budget);
    from.next.set(char, to);
    return to;
  }

  const start = reach([0], ['start']);
  const acceptsNothing = reach([0], ['start', 'end']).has(last);
  let first: AutomatonState | undefined;
  return (text, budget) => {
    if (text === '') return acceptsNothing;
    budget.countSteps(text.length);
    let at = (first ??= stateOf(start, budget));
    for (const char of text) {
      const point = char.codePointAt(0)!;
      at = at.next.get(point) ?? follow(at, point, budget);
      if (at.reached.size === 0) return false;
    }
    return at.accepts;
  };
}
