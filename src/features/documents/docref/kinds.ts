/** The documents that are made on demand: https://hl7.org/fhir/us/core/OperationDefinition-docref.html */
import type { Coding } from '../../../terminology/resources.js';
import { makeCcd } from './ccd/ccd.js';
import { IPS_BUNDLE, type IpsHead, makeIps } from './ips/ips.js';

/** What a document is made with. */
export type MakingGround = Omit<IpsHead, 'title'>;

export interface DocumentKind {
  /** With its generation: what is made otherwise than before is another document. */
  readonly name: string;
  readonly title: string;
  /** LOINC. */
  readonly type: Coding & { readonly code: string };
  readonly format: Coding & { readonly code: string };
  readonly contentType: string;
  /** Canonicals that ask for it. */
  readonly profiles: readonly string[];
  make(ground: MakingGround): Promise<readonly Buffer[]>;
}

const LOINC = 'http://loinc.org';

export const CCD: DocumentKind = {
  name: 'ccd-1',
  title: 'Continuity of Care Document',
  type: { system: LOINC, code: '34133-9', display: 'Summary of episode note' },
  format: {
    system: 'http://terminology.hl7.org/CodeSystem/v3-HL7DocumentFormatCodes',
    code: 'urn:hl7-org:sdwg:ccda-structuredBody:2.1',
  },
  contentType: 'application/xml',
  profiles: [
    'http://hl7.org/cda/us/ccda/StructureDefinition/ContinuityofCareDocumentCCD',
    'http://hl7.org/cda/us/ccda/StructureDefinition/2.16.840.1.113883.10.20.22.1.2',
  ],
  make: ground => makeCcd({ ...ground, title: CCD.title }),
};

export const IPS: DocumentKind = {
  name: 'ips-1',
  title: 'International Patient Summary',
  type: { system: LOINC, code: '60591-5', display: 'Patient summary Document' },
  // https://profiles.ihe.net/fhir/ihe.formatcode.fhir/ValueSet-formatcode.html
  format: { system: 'urn:ietf:rfc:3986', code: IPS_BUNDLE },
  contentType: 'application/fhir+json',
  profiles: [IPS_BUNDLE, 'http://hl7.org/fhir/uv/ips/StructureDefinition/Composition-uv-ips'],
  make: ground => makeIps({ ...ground, title: IPS.title }),
};

export const DOCUMENT_KINDS: readonly DocumentKind[] = [CCD, IPS];
