/**
 * Whether a coding that was chosen from a value set says what its code means. Who answers sees names, not codes: an answer whose display is
 * no name of its code was not chosen from what the question offers. https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.answerValueSet
 */
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { FindDefinition, Origin } from '../../fhir/structure-definition.js';
import type { LookAtSystem } from '../binding.js';
import type { CheckRun } from '../run.js';

/** Whether the display is a name of the code, in its code system or in the value set; undefined: that is not known (yet). */
export type IsAnswerNamed = (coding: Json, valueSet: string, from: Origin, run: CheckRun) => boolean | undefined;

const squeezed = (text: string): string => text.toLowerCase().replaceAll(/\s+/g, ' ').trim();

export function createAnswerNames(find: FindDefinition, lookAtSystem: LookAtSystem): IsAnswerNamed {
  /** What value sets call a coding, as long as it is there; undefined: one may call it anything. */
  const names = new WeakMap<object, ReadonlySet<string> | undefined>();
  return (coding, valueSet, from, run) => {
    if (!isObject(coding)) return undefined;
    const { system, version, code, display } = coding;
    if (typeof system !== 'string' || typeof code !== 'string' || typeof display !== 'string') return undefined;
    const known = lookAtSystem(system, typeof version === 'string' ? version : undefined, run);
    const concept = known?.locate(code);
    if (!known || concept === undefined) return undefined;
    const named = known.isNamed(concept, display);
    if (named === undefined) run.need(`names of answers ${known.canonical}`, () => known.readDetails());
    if (named !== false) return named;
    if (!names.has(coding)) {
      run.need(`names in ${valueSet} of ${system} ${code}`, async () => {
        const found = await find('ValueSet', valueSet, from);
        names.set(coding, found && namesIn(found.resource, system, code));
      });
      return undefined;
    }
    return names.get(coding)?.has(squeezed(display));
  };
}

/** What a value set calls a code of its own; undefined where another value set may. */
function namesIn({ compose, expansion }: Resource, system: string, code: string): ReadonlySet<string> | undefined {
  const names = new Set<string>();
  const add = ({ display, designation }: JsonObject): void => {
    for (const text of [display, ...objectsOf(designation).map(({ value }) => value)])
      if (typeof text === 'string') names.add(squeezed(text));
  };
  for (const include of objectsOf(isObject(compose) ? compose['include'] : undefined)) {
    if (include['valueSet'] !== undefined) return undefined;
    if (include['system'] === system)
      for (const concept of objectsOf(include['concept'])) if (concept['code'] === code) add(concept);
  }
  const inside = isObject(expansion) ? [...objectsOf(expansion['contains'])] : [];
  for (const each of inside) {
    if (each['system'] === system && each['code'] === code) add(each);
    inside.push(...objectsOf(each['contains']));
  }
  return names;
}

const objectsOf = (value: Json | undefined): JsonObject[] => itemsOf(value).filter(isObject);
