/**
 * What a document says of itself, in the words of FHIR (https://hl7.org/fhir/R4/documentreference.html), whatever it is written in. Nothing
 * in it is checked against the record: it says what its sender wrote.
 *
 * A reader is `(bytes, limits) → DocumentMetadata | undefined`: pure, for hostile bytes, and run in a thread (read-document.ts). Undefined
 * means that nothing can be told; a file never costs more than its metadata.
 */
import type { Coding } from '../../../terminology/resources.js';

/** https://hl7.org/fhir/R4/datatypes.html#Identifier */
export interface Identifier {
  readonly system?: string;
  readonly value: string;
}

/** https://hl7.org/fhir/R4/datatypes.html#CodeableConcept */
export interface CodeableConcept {
  readonly coding?: readonly Coding[];
  readonly text?: string;
}

/** https://hl7.org/fhir/R4/datatypes.html#HumanName */
export interface HumanName {
  readonly use?: string;
  readonly text?: string;
  readonly family?: string;
  readonly given?: readonly string[];
  readonly prefix?: readonly string[];
  readonly suffix?: readonly string[];
}

export interface DocumentPatient {
  readonly identifier: readonly Identifier[];
  readonly name?: readonly HumanName[];
  /** FHIR date, as exact as it was written. */
  readonly birthDate?: string;
  /** https://hl7.org/fhir/R4/valueset-administrative-gender.html */
  readonly gender?: string;
}

export interface DocumentOrganization {
  readonly identifier: readonly Identifier[];
  readonly name?: string;
}

/** Who wrote or signed a document: a person, a device, or an organization where no person is named. */
export interface DocumentParty {
  readonly kind: 'person' | 'device' | 'organization';
  readonly identifier: readonly Identifier[];
  readonly name?: HumanName;
  /** Of a device: what it is called. */
  readonly display?: string;
  readonly organization?: DocumentOrganization;
  /** FHIR dateTime. */
  readonly time?: string;
}

/** https://hl7.org/fhir/R4/datatypes.html#Period */
export interface DocumentPeriod {
  readonly start?: string;
  readonly end?: string;
}

export interface DocumentMetadata {
  readonly kind: 'cda' | 'pdf' | 'dicom' | 'jpeg' | 'png' | 'tiff';
  readonly contentType: string;
  readonly masterIdentifier?: Identifier;
  readonly type?: CodeableConcept;
  readonly title?: string;
  /** FHIR dateTime: when the document was made. */
  readonly creation?: string;
  readonly securityLabel?: readonly CodeableConcept[];
  /** BCP 47. */
  readonly language?: string;
  readonly format?: Coding;
  readonly patient?: DocumentPatient;
  /** Whom it is about beside the first. */
  readonly otherPatients?: readonly DocumentPatient[];
  readonly author?: readonly DocumentParty[];
  readonly authenticator?: DocumentParty;
  readonly custodian?: DocumentOrganization;
  readonly relatesTo?: readonly { readonly code: string; readonly identifier: Identifier }[];
  readonly context?: {
    readonly event?: readonly CodeableConcept[];
    readonly period?: DocumentPeriod;
    readonly encounter?: readonly Identifier[];
    readonly facilityType?: CodeableConcept;
  };
  readonly pages?: number;
  /** Pixels of an image, of its first page. */
  readonly width?: number;
  readonly height?: number;
  /** Of a CDA document: a body of sections, or bytes of something else. */
  readonly body?: 'structuredBody' | 'nonXMLBody';
  /** Of a DICOM file. */
  readonly imaging?: {
    readonly studyInstanceUid?: string;
    readonly seriesInstanceUid?: string;
    readonly sopInstanceUid?: string;
    readonly sopClassUid?: string;
    readonly modality?: string;
    readonly accessionNumber?: string;
    readonly transferSyntaxUid?: string;
    readonly frames?: number;
  };
}

export interface ReadLimits {
  /** Bytes of the largest file that is looked at. */
  readonly bytes: number;
  /** Bytes from the beginning in which the header of a CDA document must end. */
  readonly header: number;
  /** Elements of XML within each other. */
  readonly depth: number;
  /** Elements and texts of XML that are kept. */
  readonly nodes: number;
  /** Bytes that a compressed part may become, and of the largest buffer that a reader may ask for. */
  readonly inflated: number;
  /** Pages of a TIFF file that are counted. */
  readonly pages: number;
}

export const READ_LIMITS: ReadLimits = {
  bytes: 64 * 1024 * 1024,
  header: 4 * 1024 * 1024,
  depth: 100,
  nodes: 200_000,
  inflated: 64 * 1024 * 1024,
  pages: 10_000,
};

/** The same without the members that are undefined, which `exactOptionalPropertyTypes` does not allow. */
export function givenOnly<T extends object>(members: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T;
}

/** The list, or undefined where it is empty. */
export const unlessEmpty = <T>(list: readonly T[]): readonly T[] | undefined => (list.length > 0 ? list : undefined);
