/**
 * Looks at a value set before codes are checked against it: all that it imports must be known, without a circle, and its filters
 * must be complete. https://hl7.org/fhir/R4/valueset.html#compositions
 */
import { breathe } from '../platform/pieces.js';
import { type Budget, MAX_VALUE_SET_DEPTH } from './budget.js';
import type { Sources } from './canonical-resources.js';
import { importCanonical } from './code-check.js';
import { containedSet, refuseEmptyFilters } from './expand.js';
import { badValueSet } from './refuse.js';
import { canonicalOf, type ValueSet } from './resources.js';
import { circularValueSet, valueSetNotFound } from './tx-issue.js';
import { pinVersion, type VersionRule } from './versions.js';

/** What it imports, directly or by way of others, by the canonical that it is named with. Throws FhirError. */
export async function prepareSet(
  set: ValueSet,
  sources: Sources,
  rules: readonly VersionRule[],
  budget: Budget,
): Promise<ReadonlyMap<string, ValueSet>> {
  const imports = new Map<string, ValueSet>();
  await prepareImports({ sources, rules, budget, imports, done: new Set() }, set, [canonicalOf(set)]);
  return imports;
}

interface SetPreparation {
  readonly sources: Sources;
  readonly rules: readonly VersionRule[];
  readonly budget: Budget;
  readonly imports: Map<string, ValueSet>;
  /** Canonicals of sets that were looked at. */
  readonly done: Set<string>;
}

async function prepareImports(preparation: SetPreparation, set: ValueSet, path: readonly string[]): Promise<void> {
  const { sources, rules, budget, imports, done } = preparation;
  budget.openValueSet(set);
  if (path.length > MAX_VALUE_SET_DEPTH)
    throw badValueSet(set.url, `more than ${MAX_VALUE_SET_DEPTH} value sets lie inside each other`);
  for (const kind of ['include', 'exclude'] as const)
    for (const [at, part] of (set.compose?.[kind] ?? []).entries()) {
      await breathe();
      if (part.filter && part.system !== undefined) {
        const { version } = pinVersion(rules, part.system, part.version);
        if (await sources.concepts(part.system, version)) refuseEmptyFilters(part, `ValueSet.compose.${kind}[${at}]`);
      } else if (part.system !== undefined)
        // So that supplements are seen to be used.
        await sources.concepts(part.system, pinVersion(rules, part.system, part.version).version);
      for (const named of part.valueSet ?? []) {
        if (typeof named !== 'string') continue;
        const contained = named.startsWith('#');
        const other = contained ? containedSet(set, named) : await sources.valueSet(importCanonical(rules, named));
        if (!other) throw valueSetNotFound(named);
        const canonical = contained ? `${path.at(-1)}${named}` : canonicalOf(other);
        if (path.includes(canonical)) throw circularValueSet(path, canonical);
        if (!contained) imports.set(named, other);
        if (done.has(canonical)) continue;
        done.add(canonical);
        await prepareImports(preparation, other, [...path, canonical]);
      }
    }
}
