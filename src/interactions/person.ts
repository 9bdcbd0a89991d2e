/** Who somebody is, as a Reference of FHIR: what is done says by whom, and some of it is for somebody else. */
import { isDeepStrictEqual } from 'node:util';
import { isObject, type Json, type JsonObject } from '../fhir/resource.js';
import type { Principal } from '../identity/principal.js';
import { whoAsked } from './operations/glass-records.js';

/** By the resource that they are, else by their name as the audit trail has it. */
export const personOf = (principal: Principal): JsonObject => {
  const { fhirUser, name = 'anybody' } = principal;
  return fhirUser === undefined
    ? { identifier: principal.name === undefined ? { value: name } : whoAsked(principal), display: name }
    : { reference: fhirUser };
};

/** Whether a Reference names them. Of somebody without a name nobody can tell: they are nobody. */
export const isSamePerson = (reference: Json | undefined, principal: Principal): boolean =>
  isObject(reference) &&
  ((principal.fhirUser !== undefined && reference['reference'] === principal.fhirUser) ||
    (principal.name !== undefined && isDeepStrictEqual(reference['identifier'], whoAsked(principal))));
