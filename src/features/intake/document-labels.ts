/**
 * Security labels of a document that comes in anew: equal bytes are as confidential as they were, whoever brings them and whatever became of the document that
 * had them. https://hl7.org/fhir/R4/security-labels.html
 */
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';

/** As a document has them, in both of their places. */
export interface DocumentLabels {
  /** Of `meta.security`. */
  readonly security: readonly Json[];
  /** Of `securityLabel`. */
  readonly securityLabel: readonly Json[];
}

export const NO_LABELS: DocumentLabels = { security: [], securityLabel: [] };

/** All labels of some documents, each once. */
export function labelsOfDocuments(documents: readonly Resource[]): DocumentLabels {
  const security = documents.flatMap(({ meta }) => (isObject(meta) ? itemsOf(meta['security']) : []));
  return { security: each(security), securityLabel: each(documents.flatMap(one => itemsOf(one['securityLabel']))) };
}

/** All of some labels, each once. */
export const joinedLabels = (all: readonly DocumentLabels[]): DocumentLabels => ({
  security: each(all.flatMap(({ security }) => security)),
  securityLabel: each(all.flatMap(({ securityLabel }) => securityLabel)),
});

const each = (labels: readonly Json[]): Json[] => [
  ...new Map(labels.map(label => [JSON.stringify(label), label] as const)).values(),
];

/** The document with more labels; it is given back as it is where it has them all. */
export function withDocumentLabels(document: Resource, labels: DocumentLabels): Resource {
  const own = labelsOfDocuments([document]);
  const security = each([...own.security, ...labels.security]);
  const securityLabel = each([...own.securityLabel, ...labels.securityLabel]);
  if (security.length === own.security.length && securityLabel.length === own.securityLabel.length) return document;
  const meta: JsonObject = isObject(document['meta']) ? document['meta'] : {};
  return {
    ...document,
    ...(security.length > 0 ? { meta: { ...meta, security } } : {}),
    ...(securityLabel.length > 0 ? { securityLabel } : {}),
  };
}
