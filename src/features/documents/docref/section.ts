/**
 * Sections of a summary of care as tables: which resources give which lines, for the narrative of both kinds of documents, and which entry
 * of C-CDA stands for them. https://hl7.org/fhir/us/ccda/, https://hl7.org/fhir/uv/ips/
 */
import type { Json, JsonObject } from '../../../fhir/resource.js';
import { cda, type CdaAttributes, type Template } from './ccd/element.js';
import type { PatientRecord, RecordItem } from './record.js';

export interface SummaryGround {
  readonly record: PatientRecord;
  /** UUID or OID below which ids of this server stand. */
  readonly root: string;
}

/** What one entry says. */
export interface SummaryRow {
  /** Resources that it is made of, the main one first. */
  readonly items: readonly RecordItem[];
  /** Lines of the table, with a cell for each column. */
  readonly lines: readonly (readonly (string | undefined)[])[];
  /** The entry of C-CDA. `words`: ids of its lines in the narrative. */
  entry(words: readonly string[]): string;
}

export interface SummarySection {
  /** Short name: begins the ids of its narrative. */
  readonly name: string;
  /** Of the section of C-CDA. */
  readonly template: Template;
  /** LOINC. */
  readonly code: string;
  readonly display: string;
  readonly title: string;
  readonly columns: readonly string[];
  /** A CCD must have it: where it is empty, it says so. */
  readonly required: boolean;
  /** Undefined for a resource that is none of its own: between two of them others may have their turn. */
  rows(ground: SummaryGround): Iterable<SummaryRow | undefined>;
}

/** The id of a resource, and which part of its entry has it. */
export const entryId = ({ root }: SummaryGround, { name }: RecordItem, part = ''): string =>
  cda('id', { root, extension: `${name}${part}` });

export const wordsAt = (id: string | undefined): string =>
  id === undefined ? '' : cda('text', {}, cda('reference', { value: `#${id}` }));

export const statusCode = (code: string): string => cda('statusCode', { code });

const LOINC: CdaAttributes = { codeSystem: '2.16.840.1.113883.6.1', codeSystemName: 'LOINC' };
export const loinc = (name: string, code: string, displayName: string): string =>
  cda(name, { code, displayName, ...LOINC });

const SNOMED: CdaAttributes = { codeSystem: '2.16.840.1.113883.6.96', codeSystemName: 'SNOMED CT' };
export const snomedCode = (code: string, displayName: string): CdaAttributes => ({ code, displayName, ...SNOMED });

/** `ASSERTION` of ActCode: the value says it all. */
export const ASSERTION = cda('code', { code: 'ASSERTION', codeSystem: '2.16.840.1.113883.5.4' });

/** Whether a resource says that it should not have been written. */
export const isInError = ({ status, verificationStatus }: JsonObject): boolean =>
  status === 'entered-in-error' || statusIn(verificationStatus) === 'entered-in-error';

/** Code of a status that is a CodeableConcept. */
export function statusIn(concept: Json | undefined): string | undefined {
  const { coding } = (concept ?? {}) as { readonly coding?: readonly { readonly code?: string }[] };
  return coding?.[0]?.code;
}
