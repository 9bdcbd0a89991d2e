/**
 * The functions that an invariant may call, with the number of their arguments: the engine would write to the console, and go on,
 * where that number is wrong. http://hl7.org/fhirpath/N1/#functions, https://hl7.org/fhir/R4/fhirpath.html#functions
 */
import type { SyntaxNode } from './invariant-budget.js';

const named = (names: string, ...counts: number[]): [string, readonly number[]][] =>
  names.split(' ').map(name => [name, counts]);

const ARGUMENT_COUNTS: ReadonlyMap<string, readonly number[]> = new Map([
  ...named('empty not allTrue anyTrue allFalse anyFalse isDistinct distinct count single first last tail', 0),
  ...named('sum min max avg type children descendants now today timeOfDay trim toChars upper lower length', 0),
  ...named('toInteger toLong toDecimal toString toDate toDateTime toTime toBoolean hasValue getValue', 0),
  ...named('convertsToBoolean convertsToInteger convertsToLong convertsToDecimal convertsToString', 0),
  ...named('convertsToDate convertsToDateTime convertsToTime convertsToQuantity', 0),
  ...named('abs ceiling exp floor ln sqrt truncate resolve htmlChecks htmlChecks2', 0),
  ...named('yearOf monthOf dayOf hourOf minuteOf secondOf millisecondOf timezoneOffsetOf dateOf timeOf', 0),
  ...named('exists join round lowBoundary highBoundary toQuantity', 0, 1),
  ...named('all subsetOf supersetOf where extension select ofType is as take skip combine union intersect', 1),
  ...named('exclude indexOf lastIndexOf startsWith endsWith contains split encode decode escape unescape', 1),
  ...named('log power repeat memberOf conformsTo comparable', 1),
  ...named('aggregate trace defineVariable substring matches matchesFull', 1, 2),
  ...named('replace replaceMatches', 2),
  ...named('iif', 2, 3),
  ...named('sort coalesce', 0, 1, 2, 3, 4),
]);

/** Throws TypeError for a call of something else. */
export function refuseCalls(node: SyntaxNode): void {
  const { type, text = '', children = [] } = node;
  if (type === 'FunctionInvocation') {
    const given = children[0]?.children?.[1]?.children?.length ?? 0;
    const counts = ARGUMENT_COUNTS.get(text);
    if (!counts?.includes(given)) throw new TypeError('A function is called that is not offered.');
  }
  for (const child of children) refuseCalls(child);
}
