/** Bundles of requests for tests. */
import assert from 'node:assert/strict';
import type { AuditEvent, Bundle, BundleEntry, BundleEntryRequest, FhirResource, OperationOutcome } from 'fhir/r4.js';
import type { Headers, Reply, Talk } from './talk.js';

export const uuid = (n: number): string => `urn:uuid:00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

export const entry = (
  method: BundleEntryRequest['method'],
  url: string,
  resource?: FhirResource,
  more: Partial<BundleEntryRequest> & { readonly fullUrl?: string } = {},
): BundleEntry => {
  const { fullUrl, ...request } = more;
  return {
    ...(fullUrl === undefined ? {} : { fullUrl }),
    ...(resource ? { resource } : {}),
    request: { method, url, ...request },
  };
};

export const post = (resource: FhirResource, more: Parameters<typeof entry>[3] = {}): BundleEntry =>
  entry('POST', resource.resourceType, resource, more);
export const put = (resource: FhirResource, more: Parameters<typeof entry>[3] = {}): BundleEntry =>
  entry('PUT', `${resource.resourceType}/${resource.id}`, resource, more);

export const send = <T = Bundle>(
  talk: Talk,
  type: 'batch' | 'transaction',
  entries: readonly BundleEntry[],
  headers: Headers = {},
): Promise<Reply<T>> =>
  talk.send<T>('POST', '', {
    headers: { 'content-type': 'application/fhir+json', ...headers },
    body: JSON.stringify({ resourceType: 'Bundle', type, ...(entries.length > 0 ? { entry: entries } : {}) }),
  });

/** The answers of a Bundle that went well. */
export async function done(reply: Promise<Reply<Bundle>>): Promise<readonly BundleEntry[]> {
  const { status, text, body } = await reply;
  assert.equal(status, 200, text);
  return body.entry ?? [];
}

export const statuses = (answers: readonly BundleEntry[]): string[] =>
  answers.map(({ response }) => response?.status.slice(0, 3) ?? '');

/** `Type/id` of an answer. */
export const named = (answer: BundleEntry | undefined): string =>
  answer?.response?.location?.replace(/\/_history\/.*$/, '') ?? '';

/** Status, stable code and place of a refusal. */
export function refused(reply: Reply<unknown>): { status: number; detail: string | undefined; at: string | undefined } {
  const { issue } = reply.body as OperationOutcome;
  assert.ok(issue, reply.text);
  return { status: reply.status, detail: issue[0]?.details?.coding?.[0]?.code, at: issue[0]?.expression?.[0] };
}

/** Code of the interaction and outcome of the newest audit events, those of one request, sorted. */
export async function audited(talk: Talk, requestId: string): Promise<string[]> {
  const { entry: events = [] } = await talk.search<AuditEvent>('AuditEvent?_sort=-_lastUpdated&_count=50');
  return events
    .flatMap(({ resource }) => (resource ? [resource] : []))
    .filter(({ entity }) => entity?.some(({ what }) => what?.identifier?.value === requestId))
    .map(({ subtype, outcome }) => `${subtype?.[0]?.code} ${outcome}`)
    .toSorted();
}
