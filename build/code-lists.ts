/**
 * The codes of value sets, every one listed: what src/terminology makes of them, with whole code systems written out.
 * https://hl7.org/fhir/R4/valueset.html#compositions
 */
import { FhirError } from '../src/fhir/error.js';
import type { CodeList } from '../src/fhir/definitions.js';
import { type Concepts, indexConcepts } from '../src/terminology/code-system.js';
import { createBudget } from '../src/terminology/budget.js';
import { expand } from '../src/terminology/expand.js';
import { atOnce } from '../src/platform/pieces.js';
import { filteringConcepts } from '../src/terminology/filter.js';
import type { CodeSystem, ValueSet } from '../src/terminology/resources.js';

/** Expands value sets by canonical; undefined where something needed is not at hand, or only in part. */
export function codeListsFrom(systems: readonly CodeSystem[], sets: readonly ValueSet[]) {
  const systemOf = new Map(systems.map(system => [system.url, system]));
  const setOf = new Map(sets.map(set => [set.url, set]));
  const find = (canonical: string): ValueSet | undefined => setOf.get(canonical.split('|')[0]);
  const conceptsOf = (url: string): Concepts | undefined => {
    const system = systemOf.get(url);
    return system?.content === 'complete' && system.concept ? indexConcepts(system) : undefined;
  };
  const sources = {
    valueSet: (canonical: string) => Promise.resolve(find(canonical)),
    concepts: (url: string) => Promise.resolve(conceptsOf(url)),
  };

  return async (canonical: string): Promise<CodeList | undefined> => {
    const set = find(canonical);
    if (!set) return undefined;
    try {
      const members = await expand(set, sources);
      const codes = new Set<string>();
      for (const { system, codes: some } of members.values()) {
        const concepts = some === 'all' ? conceptsOf(system) : undefined;
        if (some !== 'all') for (const code of some.keys()) codes.add(code);
        else if (!concepts) return undefined;
        else for (const code of atOnce(filteringConcepts(concepts, [], createBudget())).keys()) codes.add(code);
      }
      if (codes.size === 0) return undefined;
      const [only] = members.keys();
      return members.size === 1 ? { system: only!, codes: [...codes] } : { codes: [...codes] };
    } catch (error) {
      if (error instanceof FhirError) return undefined;
      throw error;
    }
  };
}
