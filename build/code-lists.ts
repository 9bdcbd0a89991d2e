/**
 * Codes of a value set, as far as code systems at hand tell them: enumerated concepts, whole code systems, `is-a` and
 * `descendent-of` over nested concepts, included value sets, exclusions. https://hl7.org/fhir/R4/valueset.html#compositions
 */
import type { CodeList } from '../src/fhir/definitions.js';

interface Concept {
  readonly code: string;
  readonly property?: readonly { readonly code: string; readonly valueBoolean?: boolean }[];
  readonly concept?: readonly Concept[];
}

export interface CodeSystem {
  readonly resourceType: 'CodeSystem';
  readonly url: string;
  readonly content: string;
  readonly concept?: readonly Concept[];
}

interface Include {
  readonly system?: string;
  readonly concept?: readonly Concept[];
  readonly filter?: readonly { readonly property: string; readonly op: string; readonly value: string }[];
  readonly valueSet?: readonly string[];
}

export interface ValueSet {
  readonly resourceType: 'ValueSet';
  readonly url: string;
  readonly compose?: { readonly include: readonly Include[]; readonly exclude?: readonly Include[] };
}

/** Concepts that only group others may not be used as codes. */
const isAbstract = (concept: Concept): boolean =>
  concept.property?.some(property => property.code === 'notSelectable' && property.valueBoolean === true) ?? false;

const withDescendants = (concepts: readonly Concept[]): string[] =>
  concepts.flatMap(concept => [
    ...(isAbstract(concept) ? [] : [concept.code]),
    ...withDescendants(concept.concept ?? []),
  ]);

function findConcept(concepts: readonly Concept[], code: string): Concept | undefined {
  for (const concept of concepts) {
    const found = concept.code === code ? concept : findConcept(concept.concept ?? [], code);
    if (found) return found;
  }
  return undefined;
}

/** Expands value sets by canonical; undefined where something needed is not at hand. */
export function codeListsFrom(systems: readonly CodeSystem[], sets: readonly ValueSet[]) {
  const systemOf = new Map(systems.map(system => [system.url, system]));
  const setOf = new Map(sets.map(set => [set.url, set]));

  /** `system|code` of one include or exclude. */
  function expandInclude(include: Include, depth: number): Set<string> | undefined {
    let codes: Set<string> | undefined;
    const { system } = include;
    if (system !== undefined) {
      const list = codesOf(system, include);
      if (!list) return undefined;
      codes = new Set(list.map(code => `${system}|${code}`));
    }
    for (const canonical of include.valueSet ?? []) {
      const other = expand(canonical, depth + 1);
      if (!other) return undefined;
      const before: Set<string> | undefined = codes;
      codes = before ? new Set([...before].filter(code => other.has(code))) : other;
    }
    return codes;
  }

  function codesOf(system: string, include: Include): string[] | undefined {
    if (include.concept) return include.concept.map(concept => concept.code);
    const published = systemOf.get(system);
    if (!published?.concept || published.content !== 'complete') return undefined;
    let roots = published.concept;
    for (const { property, op, value } of include.filter ?? []) {
      const found = findConcept(roots, value);
      if (property !== 'concept' || !found) return undefined;
      if (op === 'is-a') roots = [found];
      else if (op === 'descendent-of') roots = found.concept ?? [];
      else return undefined;
    }
    return withDescendants(roots);
  }

  function expand(canonical: string, depth = 0): Set<string> | undefined {
    const compose = setOf.get(canonical.split('|')[0]!)?.compose;
    if (!compose || depth > 5) return undefined;
    const all = new Set<string>();
    for (const include of compose.include) {
      const codes = expandInclude(include, depth);
      if (!codes) return undefined;
      for (const code of codes) all.add(code);
    }
    for (const exclude of compose.exclude ?? []) {
      const codes = expandInclude(exclude, depth);
      if (!codes) return undefined;
      for (const code of codes) all.delete(code);
    }
    return all;
  }

  return (canonical: string): CodeList | undefined => {
    const all = expand(canonical);
    if (!all?.size) return undefined;
    const pairs = [...all].map(key => [key.slice(0, key.indexOf('|')), key.slice(key.indexOf('|') + 1)] as const);
    const used = new Set(pairs.map(([system]) => system));
    const codes = [...new Set(pairs.map(([, code]) => code))];
    return used.size === 1 ? { system: pairs[0]![0], codes } : { codes };
  };
}
