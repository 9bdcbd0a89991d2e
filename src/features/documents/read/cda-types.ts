/**
 * Data types of HL7 v3 in FHIR's: https://hl7.org/fhir/us/ccda/mappingGuidance.html, https://hl7.org/fhir/R4/terminologies-systems.html
 *
 * A null flavor is no value.
 */
import type { Coding } from '../../../terminology/resources.js';
import { type CdaElement, childAt, childrenNamed, textWithin } from './cda-xml.js';
import {
  type CodeableConcept,
  type DocumentPeriod,
  type HumanName,
  type Identifier,
  givenOnly,
  unlessEmpty,
} from './document-metadata.js';
import { dateTimeOf, languageTag } from './plain-values.js';

/** Code systems that have a name of their own in FHIR, by OID. */
export const CODE_SYSTEMS: Readonly<Record<string, string>> = {
  '2.16.840.1.113883.6.1': 'http://loinc.org',
  '2.16.840.1.113883.6.96': 'http://snomed.info/sct',
  '2.16.840.1.113883.6.88': 'http://www.nlm.nih.gov/research/umls/rxnorm',
  '2.16.840.1.113883.6.90': 'http://hl7.org/fhir/sid/icd-10-cm',
  '2.16.840.1.113883.6.3': 'http://hl7.org/fhir/sid/icd-10',
  '2.16.840.1.113883.6.103': 'http://hl7.org/fhir/sid/icd-9-cm',
  '2.16.840.1.113883.6.12': 'http://www.ama-assn.org/go/cpt',
  '2.16.840.1.113883.6.101': 'http://nucc.org/provider-taxonomy',
  '2.16.840.1.113883.6.259': 'https://www.cdc.gov/nhsn/cdaportal/terminology/codesystem/hsloc.html',
  '2.16.840.1.113883.5.4': 'http://terminology.hl7.org/CodeSystem/v3-ActCode',
  '2.16.840.1.113883.5.25': 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality',
  '2.16.840.1.113883.5.111': 'http://terminology.hl7.org/CodeSystem/v3-RoleCode',
  '2.16.840.1.113883.5.2': 'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus',
  '2.16.840.1.113883.5.83': 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation',
  '2.16.840.1.113883.6.4': 'http://www.cms.gov/Medicare/Coding/ICD10',
  '2.16.840.1.113883.6.13': 'http://www.ada.org/cdt',
  '2.16.840.1.113883.6.69': 'http://hl7.org/fhir/sid/ndc',
  '2.16.840.1.113883.12.292': 'http://hl7.org/fhir/sid/cvx',
  '2.16.840.1.113883.4.9': 'http://fdasis.nlm.nih.gov',
};

/** Namespaces of identifiers that have a name of their own in FHIR: https://hl7.org/fhir/R4/identifier-registry.html */
const IDENTIFIER_SYSTEMS: Readonly<Record<string, string>> = {
  '2.16.840.1.113883.4.1': 'http://hl7.org/fhir/sid/us-ssn',
  '2.16.840.1.113883.4.6': 'http://hl7.org/fhir/sid/us-npi',
  '2.16.840.1.113883.4.572': 'http://hl7.org/fhir/sid/us-medicare',
};

const OID = /^[0-2](?:\.(?:0|[1-9]\d*))+$/;
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

const attribute = (element: CdaElement | undefined, name: string): string | undefined => {
  const value = element?.attributes.get(name)?.trim();
  return value === undefined || value === '' ? undefined : value;
};

/** An OID or UUID as a URI; undefined for anything else. */
function uriOf(root: string | undefined): string | undefined {
  if (root === undefined || root.length > 128) return undefined;
  if (OID.test(root)) return `urn:oid:${root}`;
  return UUID.test(root) ? `urn:uuid:${root.toLowerCase()}` : undefined;
}

/** II → Identifier: a root alone is a URI of its own; with an extension it is the system. */
export function cdaIdentifier(element: CdaElement | undefined): Identifier | undefined {
  const [root, extension] = [attribute(element, 'root'), attribute(element, 'extension')];
  const uri = uriOf(root);
  if (extension === undefined) return uri === undefined ? undefined : { system: 'urn:ietf:rfc:3986', value: uri };
  const system = IDENTIFIER_SYSTEMS[root ?? ''] ?? uri;
  return system === undefined ? undefined : { system, value: extension };
}

/** Of all `id` of an element. */
export const cdaIdentifiers = (element: CdaElement | undefined): readonly Identifier[] =>
  childrenNamed(element, 'id').flatMap(id => cdaIdentifier(id) ?? []);

function codingOf(element: CdaElement): Coding | undefined {
  const code = attribute(element, 'code');
  if (code === undefined) return undefined;
  const oid = attribute(element, 'codeSystem');
  return givenOnly<Coding>({
    system: CODE_SYSTEMS[oid ?? ''] ?? uriOf(oid),
    code,
    display: attribute(element, 'displayName'),
  });
}

/** CD, CE, CV → CodeableConcept, with its translations. */
export function conceptOf(element: CdaElement | undefined): CodeableConcept | undefined {
  if (!element) return undefined;
  const coding = unlessEmpty([element, ...childrenNamed(element, 'translation')].flatMap(one => codingOf(one) ?? []));
  const text = textWithin(childAt(element, 'originalText'));
  return coding || text !== undefined ? givenOnly<CodeableConcept>({ coding, text }) : undefined;
}

/** The time of an element with a `value`. */
export const momentOf = (element: CdaElement | undefined): string | undefined =>
  dateTimeOf(attribute(element, 'value'));

/** TS → date. */
export const dateOf = (element: CdaElement | undefined): string | undefined => momentOf(element)?.slice(0, 10);

/** IVL_TS → Period; a point in time is a period that begins and ends with it. One that ends before it begins is none (per-1). */
export function periodOf(element: CdaElement | undefined): DocumentPeriod | undefined {
  const point = momentOf(element);
  const [start, end] = [momentOf(childAt(element, 'low')) ?? point, momentOf(childAt(element, 'high')) ?? point];
  if (start === undefined && end === undefined) return undefined;
  if (start !== undefined && end !== undefined && Date.parse(start) > Date.parse(end)) return undefined;
  return givenOnly<DocumentPeriod>({ start, end });
}

const NAME_USES: Readonly<Record<string, string>> = { L: 'usual', C: 'official', P: 'nickname', A: 'anonymous' };

/** PN → HumanName. */
export function humanNameOf(element: CdaElement | undefined): HumanName | undefined {
  if (!element || element.attributes.has('nullFlavor')) return undefined;
  const parts = (name: string) => unlessEmpty(childrenNamed(element, name).flatMap(part => textWithin(part) ?? []));
  const [family, given] = [parts('family')?.join(' '), parts('given')];
  const name = givenOnly<HumanName>({
    use: NAME_USES[attribute(element, 'use') ?? ''],
    text: family === undefined && given === undefined ? textWithin(element) : undefined,
    family,
    given,
    prefix: parts('prefix'),
    suffix: parts('suffix'),
  });
  return (name.family ?? name.given ?? name.text) ? name : undefined;
}

/** CS of a language → BCP 47. */
export const languageOf = (element: CdaElement | undefined): string | undefined =>
  languageTag(attribute(element, 'code'));
