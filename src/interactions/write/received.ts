/**
 * Audit events that clients send (https://hl7.org/fhir/R4/auditevent.html, ITI-20): they are what somebody else says, and must
 * never pass for what this server has seen. https://hl7.org/fhir/R4/security.html#audit
 *
 * Each of them carries a tag of ours, which no client can set or leave out; our own events never have it. None may name
 * this server as its source: then it would be no report of somebody else. What else it says, `recorded` too, is its claim.
 */
import { FhirError, type Issue } from '../../fhir/error.js';
import { type Json, type JsonObject, type Resource, isObject, itemsOf } from '../../fhir/resource.js';

export const RECEIVED = {
  system: 'urn:chartroom:audit-event',
  code: 'received',
  display: 'Sent by a client',
} as const;

const isOurs = (label: Json): boolean => isObject(label) && label['system'] === RECEIVED.system;

/** Whether a stored event is the server's own. Received before there was the mark, it is known by its observer. */
export const isOwnEvent = ({ meta, source }: Resource): boolean =>
  !(isObject(meta) && itemsOf(meta['tag']).some(isOurs)) &&
  isObject(source) &&
  isObject(source['observer']) &&
  source['observer']['display'] === 'Chartroom';

/** The meta of a received event, known to be valid, with the mark; labels of ours that it brings are dropped. */
export function markReceived(meta: Json | undefined): JsonObject {
  const { tag, security, ...rest } = isObject(meta) ? meta : {};
  const left = itemsOf(security).filter(label => !isOurs(label));
  return {
    ...rest,
    ...(left.length > 0 ? { security: left } : {}),
    tag: [...itemsOf(tag).filter(label => !isOurs(label)), { ...RECEIVED }],
  };
}

/** `bases`: addresses of this server. Throws `unprocessable` where the event, known to be valid, names one of them as its source. */
export function checkSource(event: Resource, bases: readonly string[]): void {
  const own = new Set(bases.map(comparableAddress));
  const source = event['source'] as JsonObject;
  const observer = source['observer'] as JsonObject;
  const contained = itemsOf(event['contained']).find(
    inner => isObject(inner) && observer['reference'] === `#${inner['id'] as string}`,
  );
  const claims: readonly (readonly [expression: string, Json | undefined])[] = [
    ['AuditEvent.source.site', source['site']],
    ['AuditEvent.source.observer.reference', observer['reference']],
    ['AuditEvent.source.observer.identifier.value', identifierValue(observer['identifier'])],
    ...(isObject(contained)
      ? [contained['identifier'] ?? []]
          .flat()
          .map(each => ['AuditEvent.source.observer', identifierValue(each)] as const)
      : []),
  ];
  const issues = claims.flatMap(([expression, claim]): Issue[] =>
    typeof claim === 'string' && own.has(comparableAddress(claim)) ? [foreignSourceIssue(expression)] : [],
  );
  if (issues.length > 0) throw new FhirError('unprocessable', issues[0]!.text, { issues });
}

const identifierValue = (identifier: Json | undefined): Json | undefined =>
  isObject(identifier) ? identifier['value'] : undefined;

/** Addresses that differ in case and slashes at the end look the same to whoever reads them. */
const comparableAddress = (address: string): string => address.trim().replace(/\/+$/, '').toLowerCase();

const foreignSourceIssue = (expression: string): Issue => ({
  severity: 'error',
  code: 'business-rule',
  text: 'This server records its own events: name the system that observed this one as the source.',
  expression,
  detail: 'foreign-source',
});
