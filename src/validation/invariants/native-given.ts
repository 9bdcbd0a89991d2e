/** What the functions of compiled invariants share: how they are compiled, and how their arguments are read. */
import type { InvariantTree } from './native-syntax.js';
import type { ItemsOf, Native, NativeScope } from './native-values.js';

/** Throws SyntaxError for what is left to the engine. */
export type CompileCall = (base: Native, given: readonly InvariantTree[], scope: NativeScope) => Native;

export const leftToEngine = (): never => {
  throw new SyntaxError('A call that is left to the engine.');
};

/** The one argument. */
export const onlyGiven = (given: readonly InvariantTree[]): InvariantTree =>
  given.length === 1 ? given[0]! : leftToEngine();
export const noneGiven = (given: readonly InvariantTree[]): void => void (given.length === 0 || leftToEngine());

/** An argument that is evaluated where the call stands. */
export const constantText = (given: readonly InvariantTree[]): string => {
  const tree = onlyGiven(given);
  return tree.is === 'literal' && typeof tree.value === 'string' ? tree.value : leftToEngine();
};

export const asNumber = (items: ItemsOf): Native => ({ types: ['System.Integer'], kind: 'number', items });
