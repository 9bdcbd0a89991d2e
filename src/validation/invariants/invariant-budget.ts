/**
 * What a step of the FHIRPath engine costs, so that an invariant that takes too long ends: resources are anybody's, and so are the
 * profiles that are stored. The engine tells of every node of the expression when it has been evaluated; what costs more than its
 * result shows is counted before it happens: functions that compare every item with every other one, or walk all that lies below.
 */
import { isObject } from '../../fhir/resource.js';
import { dataOf } from './invariant-evaluation.js';

/** A node of the engine's syntax tree. */
export interface SyntaxNode {
  readonly type: string;
  readonly text?: string;
  readonly start?: { readonly line: number; readonly column: number };
  readonly children?: readonly SyntaxNode[];
}

export interface Meter {
  /** Steps of a node that was evaluated. Throws RangeError where it gave a text that is too long. */
  stepsOf(focus: unknown, result: unknown, node: unknown): number;
}

/** Texts that an expression makes may have so many characters. */
export const MAX_MADE_TEXT = 1024 * 1024;
/** Characters of a text that count as one step. */
const CHARACTERS_OF_A_STEP = 64;

/** These compare each item with each other one. */
const PAIRWISE_FUNCTIONS: ReadonlySet<string> = new Set(['intersect', 'exclude', 'subsetOf', 'supersetOf', 'union']);
/** These look at all that lies below the items. */
const DEEP_FUNCTIONS: ReadonlySet<string> = new Set([
  'children',
  'descendants',
  'distinct',
  'isDistinct',
  'sort',
  'repeat',
]);
const COMPARING_OPERATORS: ReadonlySet<string> = new Set(['=', '!=', '~', '!~', 'in', 'contains']);

type Weighing = 'pairwise' | 'deep';

/** `tree`: the expression as the engine parses it. */
export function createMeter(tree: SyntaxNode): Meter {
  const operands = new Map<string, Weighing>();
  findOperands(tree, operands);
  const weighings = new WeakMap<object, Weighing | 'plain'>();
  const weighingOf = (node: SyntaxNode): Weighing | 'plain' => {
    const known = weighings.get(node);
    if (known) return known;
    const found = operands.get(tokenOf(node)) ?? 'plain';
    weighings.set(node, found);
    return found;
  };
  return {
    stepsOf(focus, result, given) {
      const node = given as SyntaxNode;
      if (!Array.isArray(result)) return 1;
      if (node.type === 'Functn') return 1 + costOfCall(String(result[0]), focus);
      const weighing = weighingOf(node);
      let steps = 1 + result.length;
      if (weighing !== 'plain') steps += weigh(result) * (weighing === 'pairwise' ? 2 * result.length : 1);
      const only: unknown = result.length === 1 ? result[0] : undefined;
      if (typeof only === 'string') {
        if (only.length > MAX_MADE_TEXT) throw new RangeError('A text becomes too long.');
        steps += Math.ceil(only.length / CHARACTERS_OF_A_STEP);
      }
      return steps;
    },
  };
}

function costOfCall(name: string, focus: unknown): number {
  if (!Array.isArray(focus)) return 0;
  if (PAIRWISE_FUNCTIONS.has(name)) return 2 * focus.length * weigh(focus);
  return DEEP_FUNCTIONS.has(name) ? weigh(focus) : 0;
}

/**
 * Notes by their places the operands of operators that compare. The engine parses the expression for itself, so that its nodes
 * are others than those that can be looked at beforehand.
 */
function findOperands(node: SyntaxNode, found: Map<string, Weighing>): void {
  const { type, text = '', children = [] } = node;
  const note = (operand: SyntaxNode, weighing: Weighing): void => void found.set(tokenOf(operand), weighing);
  if (type === 'UnionExpression') for (const operand of children) note(operand, 'pairwise');
  else if (type.endsWith('Expression') && COMPARING_OPERATORS.has(text))
    for (const operand of children) note(operand, 'deep');
  else if (type === 'FunctionInvocation' && PAIRWISE_FUNCTIONS.has(text))
    for (const operand of children[0]?.children?.[1]?.children ?? []) note(operand, 'pairwise');
  for (const child of children) findOperands(child, found);
}

/** Two nodes that begin with the same token lie inside each other: what tells them apart is how deep it lies. */
function tokenOf(node: SyntaxNode): string {
  let depth = 0;
  let first: SyntaxNode = node;
  for (let next = first.children?.[0]; next; next = next.children?.[0]) {
    first = next;
    depth += 1;
  }
  return `${first.start?.line}:${first.start?.column}:${depth}`;
}

const weights = new WeakMap<object, number>();

/** The values in these items, all together. */
export const weigh = (items: readonly unknown[]): number => {
  let weight = 0;
  for (const item of items) weight += weightOf(dataOf(item));
  return weight;
};

function weightOf(value: unknown): number {
  if (typeof value === 'string') return 1 + Math.floor(value.length / CHARACTERS_OF_A_STEP);
  // Dates and quantities of the engine's own hold its context.
  if (!isObject(value) && !Array.isArray(value)) return 1;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return 1;
  const known = weights.get(value);
  if (known !== undefined) return known;
  let weight = 1;
  for (const member of Object.values(value)) weight += weightOf(member);
  weights.set(value, weight);
  return weight;
}
