/** What both stores need to know of the bytes that changes refer to. */
import { FhirError } from '../fhir/error.js';
import type { Change } from './store.js';

/** Hashes that the version before does not refer to, each once: only of these can the bytes have been erased meanwhile. */
export function newHashes({ blobs = [], replaces }: Change): readonly string[] {
  const before = new Set(replaces?.blobs?.map(({ hash }) => hash));
  return [...new Set(blobs.map(({ hash }) => hash))].filter(hash => !before.has(hash));
}

export const erasedMeanwhile = (): FhirError =>
  new FhirError('conflict', 'Bytes that this refers to were erased meanwhile. Send it again.');

/** Bytes that are to be kept are not there. */
export const nothingToKeep = (): FhirError =>
  new FhirError('conflict', 'Bytes that were to be kept were erased meanwhile. They must be stored again.');

/** Bytes are missing, or are not those that were stored. `what`: for the log alone. */
export const damagedBlob = (hash: string, what: string): FhirError =>
  new FhirError('blob-damaged', 'Stored bytes of this resource are damaged or missing, and are not given out.', {
    cause: new Error(`blob ${hash}: ${what}`),
  });
