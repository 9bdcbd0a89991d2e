/**
 * The errors of terminology. All of them are a 400: the client named a value set, a code system or a filter that is not
 * known or not supported here. `detail` is a stable code that clients may branch on.
 * Messages name canonicals alone, and those only if they have the form of one.
 */
import { FhirError } from '../fhir/error.js';

const MAX_CANONICAL_SHOWN = 200;
const CANONICAL = /^(?:https?:\/\/|urn:(?:oid|uuid|iso|ietf|hl7ii):)[\x21-\x7e]+$/i;

/** A canonical with a blank before it, without what follows a `?`; empty for a text that is no canonical. */
export function canonicalForMessage(canonical: string | undefined): string {
  const bare = canonical?.split('?')[0] ?? '';
  if (!CANONICAL.test(bare)) return '';
  return ` ${bare.length > MAX_CANONICAL_SHOWN ? `${bare.slice(0, MAX_CANONICAL_SHOWN)}…` : bare}`;
}

/** The status is that of an invalid request (the address itself exists); the issue code is `not-found`. */
const notFound = (message: string, detail: string): FhirError =>
  new FhirError('invalid', message, { issues: [{ severity: 'error', code: 'not-found', text: message, detail }] });

export const unknownValueSet = (canonical?: string): FhirError =>
  notFound(
    `The value set${canonicalForMessage(canonical)} is not known here. Store it as a ValueSet with this url, or name one that is known.`,
    'unknown-value-set',
  );

export const unknownCodeSystem = (url?: string): FhirError =>
  notFound(
    `The concepts of the code system${canonicalForMessage(url)} are not known here. Store it as a CodeSystem with this url and its concepts (content complete or fragment).`,
    'unknown-code-system',
  );

export const unknownCode = (url?: string): FhirError =>
  notFound(
    `The code is not in the code system${canonicalForMessage(url)}. Check the code, or store a newer CodeSystem.`,
    'unknown-code',
  );

/** A code system that is known by rule. */
export const notListed = (url: string | undefined): FhirError =>
  expansionTooCostly(
    `The codes of the code system${canonicalForMessage(url)} follow a rule, and nobody can list them. Ask whether a code is in the value set: $validate-code.`,
  );

/** A hierarchy that does not mean is-a. */
export const noSubsumption = (url: string | undefined, meaning: string): FhirError =>
  new FhirError(
    'invalid',
    `The hierarchy of the code system${canonicalForMessage(url)} means ${meaning}, not is-a: no code of it subsumes another.`,
    { detail: 'no-subsumption' },
  );

export const badValueSet = (url: string | undefined, fault: string): FhirError =>
  new FhirError('invalid', `The value set${canonicalForMessage(url)} cannot be expanded: ${fault}.`, {
    detail: 'invalid-value-set',
  });

export const badFilter = (url: string | undefined, fault: string): FhirError =>
  new FhirError(
    'not-supported',
    `A filter on the code system${canonicalForMessage(url)} cannot be followed: ${fault}.`,
    {
      detail: 'unsupported-filter',
    },
  );

export const expansionTooCostly = (message: string, expression?: string): FhirError =>
  new FhirError('too-costly', message, {
    detail: 'expansion-too-costly',
    ...(expression === undefined ? {} : { expression }),
  });
