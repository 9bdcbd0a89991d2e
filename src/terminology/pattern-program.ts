/**
 * Compiles the tree of a pattern to the program of an automaton: every instruction goes on to the next one, a split to two.
 * The program of a repeat repeats the instructions of what it repeats, so that its size bounds what a match can cost.
 */
import { type CharTest, type PatternNode, unsupportedPattern } from './pattern-syntax.js';

export type Instruction =
  | { readonly kind: 'char'; readonly test: CharTest }
  | { readonly kind: 'split'; first: number; second: number }
  | { readonly kind: 'start' | 'end' | 'match' };

const MAX_INSTRUCTIONS = 2000;
/** Nodes that may be visited: a count of nothing makes no instruction, and counts of counts multiply. */
const MAX_VISITS = MAX_INSTRUCTIONS * 4;

interface Assembly {
  readonly program: Instruction[];
  visits: number;
}

/** Ends with `match`. Throws FhirError `not-supported` where the program would be too large. */
export function compileProgram(node: PatternNode): readonly Instruction[] {
  const assembly: Assembly = { program: [], visits: 0 };
  append(assembly, node);
  pushInstruction(assembly, { kind: 'match' });
  return assembly.program;
}

function pushInstruction<I extends Instruction>({ program }: Assembly, instruction: I): I {
  if (program.length >= MAX_INSTRUCTIONS) unsupportedPattern('it is too large');
  program.push(instruction);
  return instruction;
}

/** Goes on to the next instruction until its ends are set. */
function pushSplit(assembly: Assembly): { first: number; second: number } {
  const next = assembly.program.length + 1;
  return pushInstruction(assembly, { kind: 'split', first: next, second: next });
}

function append(assembly: Assembly, node: PatternNode): void {
  assembly.visits += 1;
  if (assembly.visits > MAX_VISITS) unsupportedPattern('it is too large');
  switch (node.kind) {
    case 'char':
    case 'start':
    case 'end':
      pushInstruction(assembly, node);
      return;
    case 'sequence':
      for (const each of node.of) append(assembly, each);
      return;
    case 'choice':
      return appendChoice(assembly, node.of);
    case 'repeat':
      return appendRepeat(assembly, node.of, node.min, node.max);
  }
}

function appendChoice(assembly: Assembly, options: readonly PatternNode[]): void {
  const { program } = assembly;
  const exits: { first: number; second: number }[] = [];
  options.forEach((option, index) => {
    const last = index === options.length - 1;
    const fork = last ? undefined : pushSplit(assembly);
    append(assembly, option);
    if (!last) exits.push(pushSplit(assembly));
    if (fork) fork.second = program.length;
  });
  for (const exit of exits) exit.first = exit.second = program.length;
}

function appendRepeat(assembly: Assembly, node: PatternNode, min: number, max: number): void {
  const { program } = assembly;
  for (let count = 0; count < min; count++) append(assembly, node);
  if (max === Infinity) {
    const start = program.length;
    const fork = pushSplit(assembly);
    append(assembly, node);
    pushInstruction(assembly, { kind: 'split', first: start, second: start });
    fork.second = program.length;
    return;
  }
  const forks = [];
  for (let count = min; count < max; count++) {
    forks.push(pushSplit(assembly));
    append(assembly, node);
  }
  for (const fork of forks) fork.second = program.length;
}
