/**
 * Why a document is rejected by whoever checks it: AHIMA, "Quality Control of Scanned Documents"; codes of their own, because nobody has published any.
 */

export const QC_SYSTEM = 'urn:chartroom:document-qc';

/** Why a document is rejected. One of another patient is retracted; any other is to be scanned or indexed anew. */
export const REJECT_REASONS = {
  'wrong-patient': 'Wrong patient',
  'wrong-encounter': 'Wrong encounter',
  'wrong-type': 'Wrong document type',
  'wrong-date': 'Wrong date of service',
  illegible: 'Illegible',
  'missing-page': 'A page is missing',
  orientation: 'Turned or upside down',
  duplicate: 'A duplicate',
} as const;

export type RejectReason = keyof typeof REJECT_REASONS;

/** A code of the table. */
export const isRejectReason = (code: string): code is RejectReason => Object.hasOwn(REJECT_REASONS, code);
