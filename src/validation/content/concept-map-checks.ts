/**
 * The codes of a ConceptMap against the value sets that it maps between, where those are at hand: https://hl7.org/fhir/R4/conceptmap.html
 * ("Identifier for the source value set that contains the concepts that are being mapped").
 */
import { STORED } from '../../fhir/find-definition.js';
import { isObject, type Json, type JsonObject } from '../../fhir/resource.js';
import type { CheckedElement, CheckRun, ElementPlace } from '../run.js';
import { placeBelow, eachObject, reportRule } from './definition-rule.js';

export function checkMappedCodes({ value, place }: CheckedElement, run: CheckRun): void {
  if (!isObject(value)) return;
  const source = valueSetOf(value, 'source');
  const target = valueSetOf(value, 'target');
  if (source === undefined && target === undefined) return;
  for (const { item: group, place: inGroup } of eachObject(value, 'group', place))
    for (const { item: element, place: inElement } of eachObject(group, 'element', inGroup)) {
      checkMappedCode(element, group['source'], source, 'source', inElement, run);
      for (const { item, place: inTarget } of eachObject(element, 'target', inElement))
        checkMappedCode(item, group['target'], target, 'target', inTarget, run);
    }
}

function valueSetOf(map: JsonObject, side: 'source' | 'target'): string | undefined {
  const canonical = map[`${side}Canonical`] ?? map[`${side}Uri`];
  return typeof canonical === 'string' ? canonical : undefined;
}

function checkMappedCode(
  { code }: JsonObject,
  system: Json | undefined,
  valueSet: string | undefined,
  side: 'source' | 'target',
  at: ElementPlace,
  run: CheckRun,
): void {
  if (valueSet === undefined || typeof code !== 'string' || typeof system !== 'string') return;
  run.spend(1);
  if (run.isMember({ system, code }, valueSet, STORED) === false)
    reportRule(
      placeBelow(at, 'code'),
      side === 'source' ? 'source-code' : 'target-code',
      `The code is not in the ${side} value set of the map.`,
      run,
    );
}
