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
import { labelsOfDocuments } from './document-labels.js';
import { bytesHeld } from './intake-file.js';
import { newScan } from './new-scan.js';
import { type DqFinding, findingsOf } from './vocabulary.js';

interface RetractionGround {
  readonly bases: readonly string[];
  readonly now: () => number;
  readonly newId: () => string;
  readonly copied: CopiedTogether;
}

/** Bytes that come in anew, by the commit. */
export type CopiedTogether = WeakMap<object, CopiedBytes>;

interface CopiedBytes {
  readonly sum: number;
  /** For so many there is room; undefined: for so few nobody asks. */
  readonly room: number | undefined;
}

interface TakenBack {
  /** The Task by which it is rejected: what was found of the bytes is found of them still. */
  readonly task: Resource;
  readonly id: string;
  readonly resource: Resource;
}

/** What goes with the rejection of a document as that of a wrong patient. */
export async function retractionOf(
  { bases, now, newId, copied }: RetractionGround,
  write: HookedWrite,
  { task: rejected, id: from, resource: document }: TakenBack,
): Promise<readonly Companion[]> {
  const [id, task] = [newId(), newId()];
  const findings = [...findingsOf(rejected).filter(({ code }) => code !== ANEW.code), ANEW];
  const copies: (readonly [attachment: JsonObject, held: HeldBinary | undefined])[] = [];
  for (const each of itemsOf(document['content'])) {
    const attachment = isObject(each) && isObject(each['attachment']) ? each['attachment'] : {};
    copies.push([attachment, await heldOf(write, attachment, bases)]);
  }
  const bytes = copies.reduce((sum, [, held]) => sum + (held?.size ?? 0), 0);
  await roomForCopy(write, copied, bytes);
  const content: JsonObject[] = [];
  for (const [attachment, held] of copies) content.push({ attachment: await copiedAttachment(attachment, held) });
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
    // What it says it says still, whoever reads it: it is as confidential as it was.
    ...newScan({
      id,
      task,
      content,
      fields: {},
      findings,
      labels: labelsOfDocuments([document]),
      at,
      by: write.principal,
    }),
    { kind: 'create', own: true, type: 'Provenance', body: { resource: provenance, decimals: undefined } },
  ];
}

/** Whoever was wrong once does not put it into a record alone: a second person looks at what was noticed. */
const ANEW: DqFinding = { code: 'DQ-came-in-anew', expression: 'DocumentReference' };

/** https://hl7.org/fhir/R4/codesystem-iso-21089-lifecycle.html */
const LIFECYCLE_CODES = 'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle';

/** Bytes that are copied, of all contents of all documents of one commit. */
const MOST_COPIED = 64 * 1024 * 1024;

/** Bytes, and their base64. */
const COPIES = 3;

/** Waits for room once, since nobody waits twice for a request. Throws `unprocessable`, `throttled`. */
async function roomForCopy({ room, commit }: HookedWrite, copied: CopiedTogether, bytes: number): Promise<void> {
  const before = copied.get(commit) ?? { sum: 0, room: undefined };
  const sum = before.sum + bytes;
  if (bytes > MOST_COPIED)
    throw refusedCopy(
      'too-large-to-come-in-anew',
      'This document has more than 64 MB, which do not come in anew by themselves: reject it for another reason, and take it in by hand.',
    );
  const granted = before.room ?? (sum <= FREE ? undefined : before.sum === 0 ? bytes : MOST_COPIED);
  if (sum > (granted ?? FREE))
    throw refusedCopy(
      'too-large-together',
      'These documents have too many bytes to come in anew together: reject the large ones one by one.',
    );
  copied.set(commit, { sum, room: granted });
  if (granted !== undefined && before.room === undefined) await room(COPIES * granted);
}

const refusedCopy = (detail: string, text: string, cause?: unknown): FhirError =>
  new FhirError('unprocessable', text, { detail, expression: 'Task.statusReason', cause });

const unreadable = (cause?: unknown): FhirError =>
  refusedCopy(
    'bytes-unreadable',
    'Bytes of this document are damaged or missing, so that it does not come in anew: reject it for another reason, and scan the paper again.',
    cause,
  );

/** The Binary whose bytes an attachment has; undefined: it names none of this server. Throws `unprocessable` where that is not there. */
async function heldOf(
  { binary }: HookedWrite,
  { url }: JsonObject,
  bases: readonly string[],
): Promise<HeldBinary | undefined> {
  const target = typeof url === 'string' ? parseReference(url, bases) : undefined;
  if (target?.kind !== 'local' || target.type !== 'Binary') return undefined;
  const held = await binary(target.id);
  if (!held) throw unreadable();
  return held;
}

/** The same bytes, inline: they get a Binary of their own, which nobody sees by way of the wrong record. What is elsewhere stays there. */
async function copiedAttachment(
  { contentType, title, language, url, data: inline }: JsonObject,
  held: HeldBinary | undefined,
): Promise<JsonObject> {
  const data = held ? (await readHeld(held)).toString('base64') : inline;
  const said = { contentType, title, language, data, url: held ? undefined : url };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)) as JsonObject;
}

async function readHeld(held: HeldBinary): Promise<Buffer> {
  try {
    return await bytesHeld(held);
  } catch (error) {
    if (error instanceof FhirError && error.kind === 'blob-damaged') throw unreadable(error);
    throw error;
  }
}
