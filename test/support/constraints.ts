/** The constraints of published definitions: those of R4 and of the packages of `../shared`. */
import type { Constraint, StructureHead } from '../../src/fhir/structure-definition.js';
import { readArchive } from './shared.js';

export interface PublishedConstraint {
  readonly constraint: Constraint;
  /** Of the ElementDefinition. */
  readonly path: string;
  /** Types of the elements, as a check sees them: of a backbone element its path. */
  readonly types: readonly string[];
}

/** One for each expression and path. `bases`: those of types alone, not of profiles. */
export function constraintsOf(archive: string, bases = false): PublishedConstraint[] {
  const found = new Map<string, PublishedConstraint>();
  for (const { name, text } of readArchive(archive)) {
    if (!/^package\/StructureDefinition-[^/]*\.json$/.test(name)) continue;
    const head = JSON.parse(text) as StructureHead;
    if (head.kind === 'logical' || (bases && head.derivation === 'constraint')) continue;
    for (const { path, type = [], constraint = [] } of [
      ...(head.snapshot?.element ?? []),
      ...(head.differential?.element ?? []),
    ])
      for (const each of constraint) {
        const codes = path.includes('.') ? type.map(({ code }) => code) : [path];
        const types = codes.map(code => (/^(Backbone)?Element$/.test(code) && path.includes('.') ? path : code));
        found.set(`${each.expression} ${path}`, { constraint: each, path, types });
      }
  }
  return [...found.values()];
}
