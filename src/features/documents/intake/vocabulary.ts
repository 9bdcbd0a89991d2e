/**
 * Words of ours about documents that come in, in one table; those of others stand where they are used. What is checked of scans: AHIMA, "Quality
 * Control of Scanned Documents"; codes of their own, because nobody has published any.
 */
import { QC_SYSTEM } from '../../../fhir/content/document-errors.js';

/** What the server writes about a document beside it, which goes with it when it is deleted. */
export const ACCOUNT_TAG = { system: 'urn:chartroom:documents', code: 'account' } as const;

/** What a Task is for. */
export const TASKS = { 'document-qc': 'Check a document', 'document-rework': 'Scan or index a document anew' } as const;

/** What the server has noticed: inputs of the Task. */
export const FINDINGS = {
  'blank-page': 'A page is blank',
  'duplicate-document': 'The same bytes are here already',
  'patient-contradicts': 'The document names another patient',
} as const;

export type QualityFinding = keyof typeof FINDINGS;

/** As a CodeableConcept. */
export const qualityConcept = <T extends Readonly<Record<string, string>>>(table: T, code: keyof T & string) => ({
  coding: [{ system: QC_SYSTEM, code, display: table[code]! }],
});
