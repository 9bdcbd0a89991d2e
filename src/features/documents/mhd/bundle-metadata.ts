/** What a FHIR document says of itself, by its Composition. https://hl7.org/fhir/R4/documents.html, https://hl7.org/fhir/R4/composition.html */
import { print } from '../../../fhir/json/print.js';
import { type Decimals, isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../../fhir/resource.js';
import type { DocumentMetadata, Identifier } from '../read/document-metadata.js';
import type { DescribedDocument } from './from-metadata.js';
import { referenceIn } from './submission.js';

/** Undefined: it is no document, or its patient is not in it. */
export function bundleMetadata(bundle: Resource, decimals: Decimals | undefined): DescribedDocument | undefined {
  const entries = itemsOf(bundle['entry']).filter(isObject);
  const composition = entries[0]?.['resource'];
  if (bundle['type'] !== 'document' || !isObject(composition) || composition['resourceType'] !== 'Composition')
    return undefined;
  const at = resourcesIn(entries);
  const patient = at(composition['subject']);
  const { title, date, type, language, confidentiality } = composition;
  const { identifier } = bundle;
  const period = itemsOf(composition['event']).find(isObject)?.['period'];
  const known = {
    masterIdentifier: isObject(identifier) && typeof identifier['value'] === 'string' ? identifier : undefined,
    type: isObject(type) ? type : undefined,
    title: typeof title === 'string' ? title : undefined,
    creation: typeof date === 'string' ? date : undefined,
    language: typeof language === 'string' ? language : undefined,
    securityLabel:
      typeof confidentiality === 'string'
        ? [{ coding: [{ system: CONFIDENTIALITY, code: confidentiality }] }]
        : undefined,
    patient: patient && { identifier: identifiersIn(patient) },
    author: itemsOf(composition['author']).flatMap(author => partyAt(at(author))),
    context: isObject(period) ? { period } : undefined,
  };
  const metadata = Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined));
  const data = Buffer.from(print(bundle, decimals)).toString('base64');
  return {
    metadata: { contentType: CONTENT_TYPE, ...metadata },
    contentType: CONTENT_TYPE,
    data,
  };
}

const CONTENT_TYPE = 'application/fhir+json';
const CONFIDENTIALITY = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';

/** By the fullUrl, or below the base of the Composition that refers to it. https://hl7.org/fhir/R4/bundle.html#references */
function resourcesIn(entries: readonly JsonObject[]): (value: Json | undefined) => JsonObject | undefined {
  const byFullUrl = new Map(entries.map(entry => [entry['fullUrl'], entry['resource']]));
  const from = entries[0]?.['fullUrl'];
  const base = typeof from === 'string' ? /^(https?:\/\/.+)\/[A-Z]\w+\/[^/]+$/.exec(from)?.[1] : undefined;
  return value => {
    const reference = referenceIn(value);
    if (reference === undefined) return undefined;
    const resource = byFullUrl.get(reference) ?? byFullUrl.get(`${base}/${reference}`);
    return isObject(resource) ? resource : undefined;
  };
}

function identifiersIn({ identifier }: JsonObject): readonly Identifier[] {
  return itemsOf(identifier).flatMap(one => {
    if (!isObject(one) || typeof one['value'] !== 'string') return [];
    const { system, value } = one;
    return [typeof system === 'string' ? { system, value } : { value }];
  });
}

function partyAt(resource: JsonObject | undefined): NonNullable<DocumentMetadata['author']> {
  if (!resource) return [];
  const { resourceType, name } = resource;
  const identifier = identifiersIn(resource);
  if (resourceType === 'Organization')
    return [
      { kind: 'organization', identifier, organization: { identifier, ...(typeof name === 'string' ? { name } : {}) } },
    ];
  if (resourceType === 'Device') return [{ kind: 'device', identifier }];
  const [first] = itemsOf(name);
  return [{ kind: 'person', identifier, ...(isObject(first) ? { name: first } : {}) }];
}
