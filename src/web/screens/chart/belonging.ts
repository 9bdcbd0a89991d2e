/**
 * Whose a resource is, as it says itself. A chart shows what is its patient's, and nothing else: what says of nobody that it is theirs is not.
 * https://hl7.org/fhir/R4/compartmentdefinition-patient.html
 */
import type { FhirResource, Reference } from 'fhir/r4';
import { pathBelow } from '../../fhir/client.js';

export type Belonging = 'ours' | 'another' | 'unknown';

type Anything = Readonly<Record<string, unknown>>;
/** Elements that name whom a resource is about; some of them are lists. */
const SUBJECTS = ['subject', 'patient', 'beneficiary', 'for', 'individual', 'candidate'];

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);

/** Ids of patients of this server among references. */
const patientsIn = (references: readonly unknown[]): readonly string[] =>
  references.flatMap(each => {
    const { reference } = (each ?? {}) as Reference;
    const path = reference === undefined ? undefined : pathBelow(reference);
    return /^Patient\/([^/]+)(?:\/_history\/[^/]+)?$/.exec(path ?? '')?.[1] ?? [];
  });

/** Where it has a subject, that counts; else those who take part. */
export function belongingOf(resource: FhirResource, patient: string): Belonging {
  if (resource.resourceType === 'Patient') return resource.id === patient ? 'ours' : 'another';
  const said = resource as unknown as Anything;
  const subjects = SUBJECTS.flatMap(name => listOf(said[name])).filter(each => each !== undefined);
  const actors = listOf(said['participant']).map(each => ((each ?? {}) as Anything)['actor']);
  const patients = patientsIn(subjects.length > 0 ? subjects : [...actors, ...listOf(said['actor'])]);
  return patients.includes(patient) ? 'ours' : patients.length > 0 ? 'another' : 'unknown';
}
