/** Batches and transactions as clients send them, and what comes back. */
import assert from 'node:assert/strict';
import type { AuditEvent, Bundle, BundleEntry, FhirResource, OperationOutcome } from 'fhir/r4.js';
import type { Headers, Reply, Talk } from './talk.js';

export type Kind = 'batch' | 'transaction';

/** `request`: `POST Patient`, `PUT Patient/1` …; `more`: the rest of the request. */
export const entry = (
  request: string,
  resource?: FhirResource,
  more: { readonly fullUrl?: string; readonly [header: string]: string | undefined } = {},
): BundleEntry => {
  const { fullUrl, ...headers } = more;
  const [method = '', url = ''] = request.split(/ (.*)/s);
  return {
    ...(fullUrl === undefined ? {} : { fullUrl }),
    ...(resource ? { resource } : {}),
    request: { method: method as 'POST', url, ...headers },
  };
};

export const send = (talk: Talk, type: Kind, entries: readonly BundleEntry[], headers: Headers = {}) =>
  talk.send<Bundle>('POST', '', {
    headers: { 'content-type': 'application/fhir+json', ...headers },
    body: JSON.stringify({
      resourceType: 'Bundle',
      type,
      ...(entries.length > 0 ? { entry: entries } : {}),
    }),
  });

/** The entries of an answer that must be a success. */
export function answered(reply: Reply<Bundle>): BundleEntry[] {
  assert.equal(reply.status, 200, reply.text);
  assert.equal(reply.body.resourceType, 'Bundle');
  return reply.body.entry ?? [];
}

export const statuses = (reply: Reply<Bundle>): (string | undefined)[] =>
  answered(reply).map(({ response }) => response?.status);

/** `Type/id` of what an entry wrote. */
export function nameOf(answer: BundleEntry | undefined): string {
  const found = /^([A-Z]\w+\/[A-Za-z0-9.-]{1,64})\/_history\/\d+$/.exec(answer?.response?.location ?? '');
  assert.ok(found, JSON.stringify(answer));
  return found[1]!;
}

/** Status, stable code and place of the first issue of a refusal. */
export function refused(reply: Reply<unknown>): readonly [number, string | undefined, string | undefined] {
  const outcome = reply.body as OperationOutcome;
  assert.equal(outcome.resourceType, 'OperationOutcome', reply.text);
  const [issue] = outcome.issue;
  return [reply.status, issue?.details?.coding?.[0]?.code, issue?.expression?.[0]];
}

/** Code of the interaction and outcome of the audit events of a request, sorted. */
export async function audited(talk: Talk, requestId: string): Promise<string[]> {
  const found = await talk.search<AuditEvent>('AuditEvent?_count=1000&_total=none');
  return (found.entry ?? [])
    .flatMap(({ resource }) => (resource ? [resource] : []))
    .filter(({ entity }) => entity?.some(({ what }) => what?.identifier?.value === requestId))
    .map(({ subtype, outcome }) => `${subtype?.[0]?.code} ${outcome}`)
    .toSorted();
}
