/** The profiles that resources say they conform to. https://hl7.org/fhir/R4/resource-definitions.html#Meta.profile */
import { isObject, itemsOf, type Resource } from '../fhir/resource.js';

/** Claims of one resource that are looked at; the checks say of the others that they are not checked. */
export const MAX_CLAIMS = 100;

/** Each canonical of meta.profile once, in the order given. */
export function claimedCanonicals({ meta }: Resource): readonly string[] {
  if (!isObject(meta)) return NO_CLAIMS;
  const claims = itemsOf(meta['profile']);
  return claims.length === 0 ? NO_CLAIMS : [...new Set(claims.filter(claim => typeof claim === 'string'))];
}
const NO_CLAIMS: readonly string[] = [];
