/**
 * A scan that was put into the record of a wrong patient: it is taken back there, and the same bytes come in anew, of nobody yet, as a document that waits to be
 * indexed. Neither document names the other one: the link is a Provenance alone (a retraction tells nobody in one record of the other).
 */
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { Companion } from '../../interactions/interaction.js';
import { personOf } from '../../interactions/person.js';
import type { HookedWrite } from '../../interactions/write/hooks.js';
import { newScan } from './new-scan.js';

interface RetractionGround {
  readonly bases: readonly string[];
  readonly now: () => number;
  readonly newId: () => string;
}

interface TakenBack {
  readonly id: string;
  readonly resource: Resource;
}

/** What goes with the rejection of a document as that of a wrong patient. */
export async function retractionOf(
  { bases, now, newId }: RetractionGround,
  write: HookedWrite,
  { id: from, resource: document }: TakenBack,
): Promise<readonly Companion[]> {
  const [id, task] = [newId(), newId()];
  const content: JsonObject[] = [];
  for (const each of itemsOf(document['content'])) {
    const attachment = isObject(each) && isObject(each['attachment']) ? each['attachment'] : {};
    content.push({ attachment: await copiedAttachment(write, attachment, bases) });
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
    ...newScan({ id, task, content, fields: {}, findings: [], at, by: write.principal }),
    { kind: 'create', own: true, type: 'Provenance', body: { resource: provenance, decimals: undefined } },
  ];
}

/** https://hl7.org/fhir/R4/codesystem-iso-21089-lifecycle.html */
const LIFECYCLE_CODES = 'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle';

/** The same bytes, inline: they get a Binary of their own, which nobody sees by way of the wrong record. */
async function copiedAttachment(
  { binary }: HookedWrite,
  { contentType, title, language, url }: JsonObject,
  bases: readonly string[],
): Promise<JsonObject> {
  const target = typeof url === 'string' ? parseReference(url, bases) : undefined;
  const held = target?.kind === 'local' && target.type === 'Binary' ? await binary(target.id) : undefined;
  const parts: Buffer[] = [];
  for await (const part of held?.bytes ?? []) parts.push(part);
  const data: Json | undefined = held ? Buffer.concat(parts).toString('base64') : undefined;
  const said = Object.entries({ contentType, title, language, data }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(said) as JsonObject;
}
