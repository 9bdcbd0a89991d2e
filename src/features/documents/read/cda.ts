/**
 * The header of a CDA document: what MHD's ITI-106 takes out of it (https://profiles.ihe.net/ITI/MHD/ITI-106.html), after the mapping of
 * IHE PCC TF-2 §4.1 and https://hl7.org/fhir/us/ccda/. The header ends where the body begins: what follows is not read.
 */
import {
  conceptOf,
  dateOf,
  humanNameOf,
  cdaIdentifier,
  cdaIdentifiers,
  languageOf,
  periodOf,
  momentOf,
} from './cda-types.js';
import { formatOf } from './cda-formats.js';
import { type CdaElement, childAt, childrenNamed, decodeXml, textWithin, readCdaXml, type Wanted } from './cda-xml.js';
import {
  type DocumentMetadata,
  type DocumentOrganization,
  type DocumentParty,
  type DocumentPatient,
  givenOnly,
  type ReadLimits,
  unlessEmpty,
} from './document-metadata.js';

const BODIES = new Set(['structuredBody', 'nonXMLBody']);

/** The header, up to the tag that opens a body of sections, or to the type of one that is not XML. */
function inHeader(path: readonly string[]): Wanted {
  if (path.length === 1) return path[0] === 'ClinicalDocument' ? 'keep' : 'skip';
  const [, child, body, inside] = path;
  if (child !== 'component' || path.length === 2) return 'keep';
  if (body === 'nonXMLBody') return inside === 'text' ? 'last' : 'keep';
  return 'last';
}

/** Undefined where it is no CDA document, or its header cannot be read. */
export function readCda(bytes: Uint8Array, limits: ReadLimits): DocumentMetadata | undefined {
  const partial = bytes.length > limits.header;
  const text = decodeXml(partial ? bytes.subarray(0, limits.header) : bytes, partial);
  return cdaMetadata(readCdaXml(text, limits, inHeader));
}

/** Of a tree that holds at least the header. */
export function cdaMetadata(root: CdaElement): DocumentMetadata {
  const component = childAt(root, 'component');
  const body = component?.children.find(child => typeof child !== 'string' && BODIES.has(child.name)) as
    | CdaElement
    | undefined;
  const kind = body?.name as DocumentMetadata['body'];
  const contentType = childAt(body, 'text')?.attributes.get('mediaType');
  const confidentiality = conceptOf(childAt(root, 'confidentialityCode'));
  const targets = childrenNamed(root, 'recordTarget');
  const [patient, ...otherPatients] = targets.flatMap(target => patientOf(childAt(target, 'patientRole')) ?? []);
  return givenOnly<DocumentMetadata>({
    kind: 'cda',
    contentType: 'text/xml',
    masterIdentifier: cdaIdentifier(childAt(root, 'id')),
    type: conceptOf(childAt(root, 'code')),
    title: textWithin(childAt(root, 'title')),
    creation: momentOf(childAt(root, 'effectiveTime')),
    securityLabel: confidentiality && [confidentiality],
    language: languageOf(childAt(root, 'languageCode')),
    format: kind && formatOf(childrenNamed(root, 'templateId'), { kind, contentType }),
    patient,
    otherPatients: unlessEmpty(otherPatients),
    author: unlessEmpty(childrenNamed(root, 'author').flatMap(author => partyOf(author, 'assignedAuthor') ?? [])),
    authenticator: partyOf(childAt(root, 'legalAuthenticator'), 'assignedEntity'),
    custodian: organizationOf(childAt(root, 'custodian', 'assignedCustodian', 'representedCustodianOrganization')),
    relatesTo: unlessEmpty(childrenNamed(root, 'relatedDocument').flatMap(relationOf)),
    context: contextOf(root),
    body: kind,
  });
}

const GENDERS: Readonly<Record<string, string>> = { F: 'female', M: 'male', UN: 'other' };

function patientOf(role: CdaElement | undefined): DocumentPatient | undefined {
  if (!role) return undefined;
  const patient = childAt(role, 'patient');
  return givenOnly<DocumentPatient>({
    identifier: cdaIdentifiers(role),
    name: unlessEmpty(childrenNamed(patient, 'name').flatMap(name => humanNameOf(name) ?? [])),
    birthDate: dateOf(childAt(patient, 'birthTime')),
    gender: GENDERS[childAt(patient, 'administrativeGenderCode')?.attributes.get('code') ?? ''],
  });
}

function organizationOf(element: CdaElement | undefined): DocumentOrganization | undefined {
  if (!element) return undefined;
  const [identifier, name] = [cdaIdentifiers(element), textWithin(childAt(element, 'name'))];
  return identifier.length === 0 && name === undefined
    ? undefined
    : givenOnly<DocumentOrganization>({ identifier, name });
}

/** `role`: the element that holds the person, device and organization of a participation. */
function partyOf(participation: CdaElement | undefined, role: string): DocumentParty | undefined {
  const entity = childAt(participation, role);
  if (!entity) return undefined;
  const device = childAt(entity, 'assignedAuthoringDevice');
  const person = childAt(entity, 'assignedPerson');
  return givenOnly<DocumentParty>({
    kind: device ? 'device' : person ? 'person' : 'organization',
    identifier: cdaIdentifiers(entity),
    name: humanNameOf(childAt(person, 'name')),
    display: textWithin(childAt(device, 'manufacturerModelName')) ?? textWithin(childAt(device, 'softwareName')),
    organization: organizationOf(childAt(entity, 'representedOrganization')),
    time: momentOf(childAt(participation, 'time')),
  });
}

/** https://hl7.org/fhir/R4/valueset-document-relationship-type.html */
const RELATIONS: Readonly<Record<string, string>> = { RPLC: 'replaces', APND: 'appends', XFRM: 'transforms' };

function relationOf(
  element: CdaElement,
): { code: string; identifier: NonNullable<DocumentMetadata['masterIdentifier']> }[] {
  const code = RELATIONS[element.attributes.get('typeCode') ?? ''];
  const identifier = cdaIdentifier(childAt(element, 'parentDocument', 'id'));
  return code === undefined || !identifier ? [] : [{ code, identifier }];
}

function contextOf(root: CdaElement): DocumentMetadata['context'] {
  const services = childrenNamed(root, 'documentationOf').flatMap(one => childAt(one, 'serviceEvent') ?? []);
  const encounter = childAt(root, 'componentOf', 'encompassingEncounter');
  const context = givenOnly<NonNullable<DocumentMetadata['context']>>({
    event: unlessEmpty(services.flatMap(service => conceptOf(childAt(service, 'code')) ?? [])),
    period:
      services.map(service => periodOf(childAt(service, 'effectiveTime'))).find(period => period !== undefined) ??
      periodOf(childAt(encounter, 'effectiveTime')),
    encounter: unlessEmpty(cdaIdentifiers(encounter)),
    facilityType: conceptOf(childAt(encounter, 'location', 'healthCareFacility', 'code')),
  });
  return Object.keys(context).length > 0 ? context : undefined;
}
