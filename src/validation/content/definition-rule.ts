/** What the checks of definitions share: the items of a member with their places, and the form of what they find. */
import { isObject, itemsOf, type JsonObject } from '../../fhir/resource.js';
import type { CheckRun, ElementPlace } from '../run.js';

export function reportRule(place: ElementPlace, detail: string, text: string, run: CheckRun): void {
  run.report(place, { severity: 'error', code: 'business-rule', detail, text });
}

/** An element in another one; `index` of one that repeats. */
export const placeBelow = (above: ElementPlace, name: string, index = -1): ElementPlace => ({ above, name, index });

/** Each item of a member that is an object, with its place. */
export function* eachObject(
  object: JsonObject,
  name: string,
  above: ElementPlace,
): Generator<{ readonly item: JsonObject; readonly place: ElementPlace }> {
  for (const [index, item] of itemsOf(object[name]).entries())
    if (isObject(item)) yield { item, place: { above, name, index } };
}
