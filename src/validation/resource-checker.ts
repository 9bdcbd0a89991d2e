/**
 * The parts of the checker: what R4 says of a resource, and what profiles say.
 */
import type { Definitions } from '../fhir/definitions.js';
import type { FindDefinition } from '../fhir/structure-definition.js';
import type { Bindings } from './binding.js';
import type { ProfileChecker, ProfileCheckerParts } from './check-profiles.js';
import { coreTypeOf } from './profiles/compile-context.js';
import { createConstraintCompiler } from './invariants/invariant.js';
import type { CheckProfiles } from './judge.js';
import { createResourceChecks } from './content/resource-checks.js';
import { generateSnapshot } from './snapshots/snapshot.js';

export interface ResourceCheckerParts {
  readonly find: FindDefinition;
  readonly definitions: Definitions;
  readonly bindings: Bindings;
  /** Changes when definitions do. */
  readonly generation: () => number;
  readonly globals: ProfileCheckerParts['globals'];
}

export function checkerParts({
  find,
  definitions,
  bindings,
  generation,
  globals,
}: ResourceCheckerParts): ProfileCheckerParts {
  return {
    find,
    definitions,
    generation,
    globals,
    compileConstraint: createConstraintCompiler(definitions),
    generateSnapshot,
    checksOf: createResourceChecks({ find, definitions, lookAtSystem: bindings.lookAtSystem }),
    ...bindings,
  };
}

/** As the judge asks: the definition of the resource's type among the profiles means what R4 says of it. */
export const profileCheck =
  (checker: ProfileChecker, definitions: Definitions): CheckProfiles =>
  (parsed, { profiles: asked, claims, globals = false }, options) => {
    const { resourceType } = parsed.resource;
    const isBase = (canonical: string) => coreTypeOf(canonical, definitions) === resourceType;
    const profiles = asked.filter(({ canonical }) => !isBase(canonical));
    return checker.check(parsed, { base: profiles.length < asked.length, profiles, claims, globals }, options);
  };
