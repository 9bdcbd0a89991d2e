/**
 * A scan that was put into the record of a wrong patient: it is taken back there, and the same bytes come in anew, of nobody yet, as a document that waits to be
 * indexed. Neither document names the other one: the link is a Provenance alone (a retraction tells nobody in one record of the other).
 */
import { FhirError } from '../../fhir/error.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { Companion } from '../../interactions/interaction.js';
import { personOf } from '../../interactions/person.js';
import { FREE } from '../../interactions/response/allowance.js';
import type { HeldBinary, HookedWrite } from '../../interactions/write/hooks.js';
import { bytesHeld } from './intake-file.js';
import { newScan } from './new-scan.js';
import { type DqFinding, findingsOf } from './vocabulary.js';

interface RetractionGround {
  readonly bases: readonly string[];
  readonly now: () => number;
  readonly newId: () => string;
}

interface TakenBack {
  /** The Task by which it is rejected: what was found of the bytes is found of them still. */
  readonly task: Resource;
  readonly id: string;
  readonly resource: Resource;
}

/** What goes with the rejection of a document as that of a wrong patient. */
export async function retractionOf(
  { bases, now, newId }: RetractionGround,
  write: HookedWrite,
  { task: rejected, id: from, resource: document }: TakenBack,
): Promise<readonly Companion[]> {
  const [id, task] = [newId(), newId()];
  const findings = [...findingsOf(rejected).filter(({ code }) => code !== ANEW.code), ANEW];
  const content: JsonObject[] = [];
  let left = MOST_COPIED;
  for (const each of itemsOf(document['content'])) {
    const attachment = isObject(each) && isObject(each['attachment']) ? each['attachment'] : {};
    const held = await heldOf(write, attachment, bases);
    left -= held?.size ?? 0;
    if (left < 0) throw tooLargeToCopy();
    content.push({ attachment: await copiedAttachment(write, attachment, held) });
  }
  const at = new Date(now()).toISOString();
  const provenance: Resource = {
    resourceType: 'Provenance',
    target: [{ reference: `DocumentReference/${id}` }],
    recorded: at,
    activity: { coding: [{ system: LIFECYCLE_CODES, code: 'reactivate' }] },
    reason: [{ coding: [{ system: 'urn:chartroom:document-qc', code: 'wrong-patient', display: 'Wrong patient' }] }],
    agent: [{ who: personOf(write.principal) }],
    entity: [{ role: 'source', what: { reference: `DocumentReference/${from}` } }],
  };
  return [
    ...newScan({ id, task, content, fields: {}, findings, at, by: write.principal }),
    { kind: 'create', own: true, type: 'Provenance', body: { resource: provenance, decimals: undefined } },
  ];
}

/** Whoever was wrong once does not put it into a record alone: a second person looks at what was noticed. */
const ANEW: DqFinding = { code: 'DQ-came-in-anew', expression: 'DocumentReference' };

/** https://hl7.org/fhir/R4/codesystem-iso-21089-lifecycle.html */
const LIFECYCLE_CODES = 'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle';

/** Bytes that are copied, of all contents of a document. */
const MOST_COPIED = 64 * 1024 * 1024;

const tooLargeToCopy = (): FhirError =>
  new FhirError(
    'unprocessable',
    'This document has more than 64 MB, which do not come in anew by themselves: reject it for another reason, and take it in by hand.',
    { detail: 'too-large-to-come-in-anew', expression: 'Task.statusReason' },
  );

/** The Binary whose bytes an attachment has; undefined: none of this server. */
async function heldOf(
  { binary }: HookedWrite,
  { url }: JsonObject,
  bases: readonly string[],
): Promise<HeldBinary | undefined> {
  const target = typeof url === 'string' ? parseReference(url, bases) : undefined;
  return target?.kind === 'local' && target.type === 'Binary' ? binary(target.id) : undefined;
}

/** The same bytes, inline: they get a Binary of their own, which nobody sees by way of the wrong record. */
async function copiedAttachment(
  { room }: HookedWrite,
  { contentType, title, language }: JsonObject,
  held: HeldBinary | undefined,
): Promise<JsonObject> {
  // The bytes, and their base64.
  if (held && held.size > FREE) await room(3 * held.size);
  const data = held ? (await bytesHeld(held)).toString('base64') : undefined;
  const said = Object.entries({ contentType, title, language, data }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(said) as JsonObject;
}
