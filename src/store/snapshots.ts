/** What both adapters say of snapshots (Snapshots, store.ts). */
import { FhirError } from '../fhir/error.js';

export const noSuchSnapshot = (name: string): FhirError => new FhirError('not-found', `There is no snapshot ${name}.`);

export const ofAnotherStore = (name: string): FhirError =>
  new FhirError(
    'conflict',
    `Snapshot ${name} was made of another store, or by other settings or another version: make it anew.`,
  );
