/**
 * That a document was received: of each version that brings new bytes, who sent it, from where, in which transaction, and the hash of what
 * came. It is written in the commit of the document. https://hl7.org/fhir/R4/provenance.html, http://hl7.org/fhir/us/core/ "Basic Provenance"
 *
 * Choices: bytes are named by their SHA-256 as RFC 6920 does (`ni:///sha-256;…`), which says what they were whatever becomes of their
 * Binary: `Provenance?entity:identifier=…` finds who else has sent the same. Who wrote a document is an author as the document says it,
 * as far as it refers to somebody here or elsewhere; the client is the transmitter.
 */
import { nameOfBytes } from '../../../fhir/content/bytes-name.js';
import { isObject, itemsOf, type JsonObject, type Resource } from '../../../fhir/resource.js';
import type { Companion } from '../../../interactions/interaction.js';
import type { HookedWrite } from '../../../interactions/write/hooks.js';
import type { ReceivedBytes } from '../attachments.js';
import { ACCOUNT_TAG } from './vocabulary.js';

const LIFECYCLE = 'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle';
const DCM = 'http://dicom.nema.org/resources/ontology/DCM';
const PARTICIPANT = 'http://terminology.hl7.org/CodeSystem/provenance-participant-type';
const US_CORE_PARTICIPANT = 'http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type';

/** Authors of a document that are named. */
const MOST_AUTHORS = 20;

/** `now`: ms. */
export function receipt(
  write: HookedWrite,
  document: Resource,
  received: readonly ReceivedBytes[],
  { base, now }: { readonly base: string; readonly now: number },
): Companion {
  const { type, id, before, partOf, requestId } = write;
  const version = (before?.version ?? 0) + 1;
  const resource = {
    resourceType: 'Provenance',
    meta: { tag: [ACCOUNT_TAG] },
    target: [{ reference: `${type}/${id}/_history/${version}` }],
    recorded: new Date(now).toISOString(),
    activity: {
      coding: [
        { system: LIFECYCLE, code: 'receive', display: 'Receive/Retain Record Lifecycle Event' },
        ...(partOf ? [{ system: partOf.system, code: partOf.code, display: partOf.display }] : []),
      ],
    },
    agent: [...authorsOf(document), ...sendersOf(write, base)],
    entity: [
      ...received.map(({ bytes }) => source({ system: 'urn:ietf:rfc:3986', value: nameOfBytes(bytes.sha256) })),
      source({ system: `${base}#request`, value: requestId }),
    ],
  };
  return { kind: 'create', own: true, type: 'Provenance', body: { resource, decimals: undefined } };
}

const source = (identifier: JsonObject): JsonObject => ({ role: 'source', what: { identifier } });

const agent = (system: string, code: string, who: JsonObject): JsonObject => ({
  type: { coding: [{ system, code }] },
  who,
});

function authorsOf({ author }: Resource): JsonObject[] {
  const elsewhere = itemsOf(author).filter(
    (one): one is JsonObject =>
      isObject(one) && !(typeof one['reference'] === 'string' && one['reference'].startsWith('#')),
  );
  return elsewhere.slice(0, MOST_AUTHORS).map(who => agent(PARTICIPANT, 'author', who));
}

/** As the audit trail names them (BALP): the client, where it is, and this server. */
function sendersOf({ principal: { name }, address }: HookedWrite, base: string): JsonObject[] {
  const place = { identifier: { value: address } };
  return [
    agent(US_CORE_PARTICIPANT, 'transmitter', name === undefined ? place : { identifier: { value: name } }),
    agent(DCM, '110153', place),
    agent(DCM, '110152', { identifier: { system: 'urn:ietf:rfc:3986', value: base }, display: 'Chartroom' }),
  ];
}
