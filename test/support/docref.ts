/** Asking `$docref`, and reading what it gives. */
import type { Bundle, DocumentReference, OperationOutcome, Parameters, Patient } from 'fhir/r4.js';
import type { Talk } from './talk.js';

export const FHIR_JSON = { 'content-type': 'application/fhir+json' };
export const LOINC = 'http://loinc.org';
export type GivenParameters = NonNullable<Parameters['parameter']>;
export type FoundDocuments = Omit<Bundle<DocumentReference>, 'resourceType'> & Pick<OperationOutcome, 'issue'>;

export const askDocref = (talk: Talk) => ({
  get: (query: string) => talk.get<FoundDocuments>(`DocumentReference/$docref?${query}`),
  post: (...parameter: GivenParameters) =>
    talk.send<FoundDocuments>('POST', 'DocumentReference/$docref', {
      headers: FHIR_JSON,
      body: JSON.stringify({ resourceType: 'Parameters', parameter }),
    }),
});
export const documentsIn = ({ entry = [] }: Pick<FoundDocuments, 'entry'>): readonly DocumentReference[] =>
  entry.filter(({ search }) => search?.mode === 'match').map(({ resource }) => resource!);
export const warningsIn = ({ entry = [] }: Pick<FoundDocuments, 'entry'>): readonly (string | undefined)[] =>
  entry
    .filter(({ search }) => search?.mode === 'outcome')
    .flatMap(({ resource }) => (resource as unknown as OperationOutcome).issue)
    .map(({ details }) => details?.coding?.[0]?.code);

export const patientOf = (id: string): Patient => ({ resourceType: 'Patient', id, birthDate: '1980-01-02' });
