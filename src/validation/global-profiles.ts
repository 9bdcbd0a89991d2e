/**
 * Profiles that an ImplementationGuide asks of every resource of a type: https://hl7.org/fhir/R4/implementationguide-definitions.html#ImplementationGuide.global
 *
 * They are asked of whoever wants to know what is wrong with a resource. They refuse no write: which profiles those must conform to is said
 * by resources (meta.profile) and by whoever runs the server (policy.ts), and an ImplementationGuide may be anybody's.
 */
import { isObject, itemsOf } from '../fhir/resource.js';
import type { FoundDefinition, Origin } from '../fhir/structure-definition.js';

export interface GlobalProfile {
  readonly canonical: string;
  /** The guide, from where the canonical is meant. */
  readonly from: Origin;
}

/** By the type of the resource. */
export type GlobalProfiles = ReadonlyMap<string, readonly GlobalProfile[]>;

/** Profiles of one type that are asked. */
const MAX_GLOBALS = 20;

/** What these guides ask for, each profile once. */
export function globalProfilesOf(guides: readonly FoundDefinition[]): GlobalProfiles {
  const byType = new Map<string, GlobalProfile[]>();
  for (const { resource, origin } of guides)
    for (const global of itemsOf(resource['global'])) {
      if (!isObject(global)) continue;
      const { type, profile } = global;
      if (typeof type !== 'string' || typeof profile !== 'string') continue;
      const known = byType.get(type) ?? [];
      byType.set(type, known);
      if (known.length < MAX_GLOBALS && !known.some(each => each.canonical === profile && each.from === origin))
        known.push({ canonical: profile, from: origin });
    }
  return byType;
}
