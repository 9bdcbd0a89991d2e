/**
 * Words of IHE MHD 4.2.3: https://profiles.ihe.net/ITI/MHD/4.2.3/. Its profiles are claims of the whole submission; the codes of errors are
 * those of XDS (ITI TF-3 4.2.4.1), for which no code system is published.
 */

import type { Json } from '../../../fhir/resource.js';

const PROFILE = 'https://profiles.ihe.net/ITI/MHD/StructureDefinition/';

/** How much must be said of documents. */
export type MetadataLevel = 'minimal' | 'uncontained' | 'comprehensive';

const LEVELS: Readonly<Record<string, MetadataLevel>> = {
  [`${PROFILE}IHE.MHD.Minimal.ProvideBundle`]: 'minimal',
  [`${PROFILE}IHE.MHD.UnContained.Comprehensive.ProvideBundle`]: 'uncontained',
  [`${PROFILE}IHE.MHD.Comprehensive.ProvideBundle`]: 'comprehensive',
};

/** The level that a Bundle claims by Bundle.meta.profile, the strictest where it claims several; undefined: it is no submission. */
export function claimedLevel(profiles: readonly string[]): MetadataLevel | undefined {
  const levels = new Set(profiles.map(profile => LEVELS[profile.split('|')[0]!]));
  return (['comprehensive', 'uncontained', 'minimal'] as const).find(level => levels.has(level));
}

export const SIMPLIFIED_PUBLISH = `${PROFILE}IHE.MHD.SimplifiedPublish.DocumentReference`;

/** Whether a profile is that of ITI-105. */
export const isSimplifiedPublish = (profile: Json): boolean =>
  typeof profile === 'string' && profile.split('|')[0] === SIMPLIFIED_PUBLISH;

export const LIST_TYPES = 'https://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes';
export const SOURCE_ID = `${PROFILE}ihe-sourceId`;
export const DESIGNATION_TYPE = `${PROFILE}ihe-designationType`;
/** 4.2.4 tells identifiers apart by type, 4.2.3 by use. */
export const IDENTIFIER_TYPE = 'https://profiles.ihe.net/ITI/MHD/CodeSystem/IHE.MHD.MHDIdentifierType';

/** Where the codes of errors come from. */
export const ERROR_SYSTEM = 'urn:ihe:iti:mhd:error';

export type MhdErrorCode =
  | 'FHIRDocumentNotSupported'
  | 'InvalidDocumentContent'
  | 'XDSDuplicateUniqueIdInRegistry'
  | 'XDSMissingDocument'
  | 'XDSMissingDocumentMetadata'
  | 'XDSNonIdenticalHash'
  | 'XDSNonIdenticalSize'
  | 'XDSPatientIdDoesNotMatch'
  | 'XDSRegistryDuplicateUniqueIdInMessage'
  | 'XDSRegistryMetadataError'
  | 'XDSReplaceFailed'
  | 'XDSRepositoryMetadataError'
  | 'XDSUnknownPatientId'
  | 'UnresolvedReferenceException';
