/**
 * What a document says of itself as a DocumentReference, to be published by ITI-105. Who is named in it is contained: whether they are known
 * here is another question. https://profiles.ihe.net/ITI/MHD/4.2.3/32_fhir_maps.html
 */
import { randomUUID } from 'node:crypto';
import type { Json, JsonObject, Resource } from '../../../fhir/resource.js';
import type { DocumentMetadata, DocumentOrganization, DocumentParty } from '../read/document-metadata.js';
import { SIMPLIFIED_PUBLISH } from './vocabulary.js';

/** A document with what it says of itself. */
export interface DescribedDocument {
  readonly metadata: Omit<DocumentMetadata, 'kind'>;
  readonly contentType: string;
  /** The bytes, as base64. */
  readonly data: string;
}

/** `patient`: whom it is about, by id. */
export function documentOf({ metadata, contentType, data }: DescribedDocument, patient: string): Resource {
  const { attachment, format, masterIdentifier, ...elements } = describedElements(metadata, 'c');
  const { creation } = metadata;
  return plain({
    resourceType: 'DocumentReference',
    meta: { profile: [SIMPLIFIED_PUBLISH] },
    ...elements,
    masterIdentifier: masterIdentifier ?? newUniqueId(),
    status: 'current',
    subject: { reference: `Patient/${patient}` },
    date: creation !== undefined && creation.includes('T') ? creation : undefined,
    content: [plain({ attachment: { contentType, ...attachment, data }, format })],
  }) as Resource;
}

/** What a document has whose own it does not say. */
export const newUniqueId = (): JsonObject => ({ system: 'urn:ietf:rfc:3986', value: `urn:uuid:${randomUUID()}` });

/** Elements of a DocumentReference, and of its first content. */
export interface DescribedElements {
  readonly [element: string]: Json | undefined;
  readonly contained?: JsonObject[];
  readonly context?: JsonObject;
  readonly attachment: JsonObject;
  readonly format?: Json;
}

/** `prefix`: what the ids of what is contained begin with. */
export function describedElements(metadata: DescribedDocument['metadata'], prefix: string): DescribedElements {
  const { masterIdentifier, type, title, creation, securityLabel, language, format, author = [] } = metadata;
  const { authenticator, custodian, context, patient: source } = metadata;
  const contained: JsonObject[] = [];
  const contain = (resource: JsonObject): JsonObject => {
    const id = `${prefix}${contained.length + 1}`;
    contained.push({ ...resource, id });
    return { reference: `#${id}` };
  };
  const authors = author.map(party => contain(partyOf(party)));
  const signer = authenticator && contain(partyOf(authenticator));
  const keeper = custodian && contain(organizationOf(custodian));
  const sourcePatientInfo = source && contain(plain({ resourceType: 'Patient', ...source }));
  const { event, period, facilityType } = context ?? {};
  const around = plain({ event, period, facilityType, sourcePatientInfo });
  return {
    attachment: plain({ language, title, creation }),
    ...plain({
      contained: contained.length > 0 ? contained : undefined,
      masterIdentifier,
      type,
      author: authors.length > 0 ? authors : undefined,
      authenticator: signer,
      custodian: keeper,
      securityLabel,
      format,
      context: Object.keys(around).length > 0 ? around : undefined,
    }),
  };
}

function partyOf({ kind, identifier, name, display, organization }: DocumentParty): JsonObject {
  const identifiers = identifier.length > 0 ? identifier : undefined;
  if (kind === 'organization') return organizationOf(organization ?? { identifier });
  if (kind === 'device')
    return plain({
      resourceType: 'Device',
      identifier: identifiers,
      deviceName: display === undefined ? undefined : [{ name: display, type: 'user-friendly-name' }],
    });
  return plain({ resourceType: 'Practitioner', identifier: identifiers, name: name && [name] });
}

const organizationOf = ({ identifier, name }: DocumentOrganization): JsonObject =>
  plain({ resourceType: 'Organization', identifier: identifier.length > 0 ? identifier : undefined, name });

/** As JSON, without what is undefined. */
const plain = (value: Readonly<Record<string, unknown>>): JsonObject =>
  JSON.parse(JSON.stringify(value)) as Record<string, Json>;
