/**
 * Audit events that clients send (https://hl7.org/fhir/R4/auditevent.html, ITI-20): they are what somebody else says, and must
 * never pass for what this server has seen. https://hl7.org/fhir/R4/security.html#audit
 *
 * Each of them carries a tag of ours, which no client can set or leave out, and says who sent it (meta.source, and an extension of meta in full); our own
 * events never have these. None may name this server as its source: then it would be no report of somebody else. What else it says, `recorded` too, is
 * its claim. A `meta.source` that it brings is kept in the extension.
 */
import { FhirError, type Issue } from '../../fhir/error.js';
import { type Json, type JsonObject, type Resource, isObject, itemsOf } from '../../fhir/resource.js';
import type { MetaGround } from './hooks.js';

export const RECEIVED = {
  system: 'urn:chartroom:audit-event',
  code: 'received',
  display: 'Sent by a client',
} as const;

/** Who sent an event: parts `name`, `client`, `issuer`, `subject`, `role`, `address`; `source` is what the event called its source. */
const SENDER_EXTENSION = 'urn:chartroom:audit-event:sender';
const SENDER = 'urn:chartroom:sender:';

const isOurs = (label: Json): boolean => isObject(label) && label['system'] === RECEIVED.system;

/** Whether a stored event is the server's own. Received before there was the mark, it is known by its observer. */
export const isOwnEvent = ({ meta, source }: Resource): boolean =>
  !(isObject(meta) && itemsOf(meta['tag']).some(isOurs)) &&
  isObject(source) &&
  isObject(source['observer']) &&
  source['observer']['display'] === 'Chartroom';

/** The meta of a received event, known to be valid, with the mark and its sender; labels and extensions of ours that it brings are dropped. */
export function markReceived(meta: Json | undefined, by: MetaGround): JsonObject {
  const { tag, security, source, extension, ...rest } = isObject(meta) ? meta : {};
  const others = itemsOf(extension).filter(each => !isObject(each) || each['url'] !== SENDER_EXTENSION);
  const left = itemsOf(security).filter(label => !isOurs(label));
  return {
    extension: [...others, senderOf(by, source)],
    ...rest,
    source: SENDER + encodeURIComponent(wellFormed(by.principal.client || by.principal.name || by.address)),
    ...(left.length > 0 ? { security: left } : {}),
    tag: [...itemsOf(tag).filter(label => !isOurs(label)), { ...RECEIVED }],
  };
}

/** What a token says may be any text: half of a surrogate pair has no place in an address, nor in UTF-8. */
const wellFormed = (text: string): string => text.replaceAll(/\p{Surrogate}/gu, '\uFFFD');

/** Their token, or the machine: whatever is known of it. */
function senderOf({ principal, address }: MetaGround, source: Json | undefined): JsonObject {
  const { name, client, issuer, subject, role } = principal;
  const parts = Object.entries({ name, client, subject, role, address }).flatMap(([url, valueString]) =>
    valueString ? [{ url, valueString: wellFormed(valueString) }] : [],
  );
  const addresses = Object.entries({ issuer, source }).flatMap(([url, valueUri]) =>
    typeof valueUri === 'string' && valueUri !== '' ? [{ url, valueUri }] : [],
  );
  return { url: SENDER_EXTENSION, extension: [...parts, ...addresses] };
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
