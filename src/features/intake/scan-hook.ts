/**
 * What becomes of a scan when the Task about it goes on (profiles/work/processes/scan-quality.json), whoever writes the Task and by whatever way, in the same
 * commit: indexed it waits for a second person or is final; found right by somebody else than the indexer it is final; rejected it is taken back.
 * What the server itself says on such a Task (who has indexed, whether a second person is asked for, what was found) stays.
 */
import { FhirError, type Issue } from '../../fhir/error.js';
import { isRejectReason, QC_SYSTEM, REJECT_REASONS, type RejectReason } from '../../fhir/content/document-errors.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type Json, type Resource } from '../../fhir/resource.js';
import { isSamePerson, personOf } from '../../interactions/person.js';
import type { FeatureHook, HookedWrite, Preparation } from '../../interactions/write/hooks.js';
import { type IndexRules, judgeFields } from './index-fields.js';
import { subjectsOf } from './patient-facts.js';
import { type CopiedTogether, retractionOf } from './retract-scan.js';
import { scanAfter, type StoredScan } from './scan-after.js';
import { type SamplePolicy, secondPersonFor } from './second-person.js';
import {
  extensionValue,
  INDEX_ERROR_URL,
  INDEXER_URL,
  isFaulty,
  isFindingInput,
  isScanTask,
  issueOfFinding,
  scanStateOf,
  SECOND_PERSON_URL,
} from './vocabulary.js';

/** Documents with the index fields that they are about to have, where `$index` asks for both at once: by the commit and the id of the Task. */
export type IndexedTogether = WeakMap<object, Map<string, Resource>>;

/** Versions of documents as they were when their pages were arranged: by the commit and the id of the Task. */
export type ArrangedTogether = WeakMap<object, ReadonlyMap<string, string>>;

export interface ScanGround {
  readonly rules: IndexRules;
  readonly sample: SamplePolicy;
  readonly bases: readonly string[];
  /** ms since 1970. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly together: IndexedTogether;
  readonly arranged: ArrangedTogether;
  readonly copied: CopiedTogether;
}

/** ms: bytes may have to be copied. */
const PATIENCE = 60_000;

export const scanHook = (ground: ScanGround): FeatureHook => ({
  types: ['Task'],
  patience: PATIENCE,
  prepare: write => prepareScan(ground, write),
});

export const refuseScan = (detail: string, expression: string, text: string): FhirError =>
  new FhirError('unprocessable', text, { detail, expression });

async function prepareScan(ground: ScanGround, write: HookedWrite): Promise<Preparation | undefined> {
  const { resource: task, before } = write;
  if (!isScanTask(task)) return undefined;
  const former = before?.text ? parseJson(before.text, STORED_JSON).resource : undefined;
  keepOwnWords(task, former);
  // The batch, its documents and their Tasks are written in one commit.
  if (!former && write.agent === 'intake') return undefined;
  const document = await scanOf(ground, write, task);
  if (!former) {
    if (document.resource['docStatus'] !== 'preliminary')
      throw refuseScan('not-preliminary', 'Task.focus', 'Only a document whose docStatus is preliminary is checked.');
    return { resource: task };
  }
  const [from, to] = [scanStateOf(former), scanStateOf(task)];
  if (from === to) return { resource: task };
  if (write.beside('DocumentReference', document.id))
    throw refuseScan(
      'document-beside',
      'Task.focus',
      'What becomes of the document is written with this step of its Task: write the document in a request before, or index it by $index.',
    );
  // Its pages are in other documents, which are made in this commit (arrange/) with the labels and the patient of the version that was read.
  if (to === 'rearranged') {
    const version = ground.arranged.get(write.commit)?.get(write.id) ?? document.version;
    return { resource: task, companions: [scanAfter({ ...document, version }, 'rearranged')] };
  }
  const step: ScanStep = { ground, write, task, document, from };
  if (to !== 'rejected' && document.resource['status'] !== 'current')
    throw refuseScan('document-not-current', 'Task.focus', 'The document is not current any more: reject it.');
  if (to === 'pending-qc' || (to === 'final' && from === 'pending-index')) return indexedScan(step, to);
  if (to === 'final') return passedScan(step);
  return to === 'rework' ? sentBack(step) : rejectedScan(step);
}

interface ScanStep {
  readonly ground: ScanGround;
  readonly write: HookedWrite;
  /** Changed in place. */
  readonly task: Resource;
  readonly document: StoredScan;
  readonly from: string;
}

const OWN_URLS: ReadonlySet<Json | undefined> = new Set([INDEXER_URL, SECOND_PERSON_URL, INDEX_ERROR_URL]);
const isOwnExtension = (each: Json): boolean => isObject(each) && OWN_URLS.has(each['url']);

/** What the server says on such a Task nobody else says, and it stays. */
function keepOwnWords(task: Resource, former: Resource | undefined): void {
  setList(task, 'extension', [
    ...itemsOf(task['extension']).filter(each => !isOwnExtension(each)),
    ...itemsOf(former?.['extension']).filter(isOwnExtension),
  ]);
  if (!former) return;
  setList(task, 'input', [
    ...itemsOf(former['input']).filter(isFindingInput),
    ...itemsOf(task['input']).filter(each => !isFindingInput(each)),
  ]);
}

function setList(task: Resource, name: string, list: Json[]): void {
  if (list.length > 0) task[name] = list;
  else delete task[name];
}

/** The document that a Task is about. Throws `unprocessable` where it is none of this server. */
async function scanOf({ bases }: ScanGround, { view }: HookedWrite, { focus }: Resource): Promise<StoredScan> {
  const reference = isObject(focus) && typeof focus['reference'] === 'string' ? focus['reference'] : '';
  const target = parseReference(reference, bases);
  const isDocument = target?.kind === 'local' && target.type === 'DocumentReference';
  const row = isDocument ? await view.read('DocumentReference', target.id) : undefined;
  if (!row?.text)
    throw refuseScan('no-such-document', 'Task.focus', 'The Task is about a DocumentReference of this server.');
  return { id: row.id, version: String(row.version), resource: parseJson(row.text, STORED_JSON).resource };
}

/** Indexed: its fields hold, and it waits for a second person where one is asked for. */
async function indexedScan(step: ScanStep, to: 'pending-qc' | 'final'): Promise<Preparation> {
  const { ground, write, task, document, from } = step;
  const { rules, bases, sample, together } = ground;
  const resource = together.get(write.commit)?.get(write.id) ?? document.resource;
  const found = await judgeFields({ rules, bases, view: write.view, now: ground.now() }, resource);
  const faults = found.filter(isFaulty).map(issueOfFinding);
  if (faults.length > 0) throw notIndexed(faults, subjectsOf([resource], bases));
  checkSubject(bases, task, resource);
  const indexed = { task, document: resource, isWarned: found.length > 0 || from === 'rework' };
  const second = await secondPersonFor(sample, write, indexed);
  if (to === 'final' && second !== 'not-asked')
    throw refuseScan(
      'second-person-asked',
      'Task.status',
      `A second person looks at this document first (${second}): index leads to pending-qc.`,
    );
  task['extension'] = [
    ...itemsOf(task['extension']).filter(
      each => !isOwnExtension(each) || (isObject(each) && each['url'] === INDEX_ERROR_URL),
    ),
    { url: INDEXER_URL, valueReference: personOf(write.principal) },
    { url: SECOND_PERSON_URL, valueCode: second },
  ];
  return { resource: task, companions: [scanAfter(document, to, resource)], warnings: found.map(issueOfFinding) };
}

/** `patients`: ids of those that the fields were judged by. */
export const notIndexed = (issues: readonly Issue[], patients: readonly string[]): FhirError =>
  new FhirError('unprocessable', 'The index fields do not hold.', { issues, patients });

/** Whom the Task is for is whom the document is about. */
function checkSubject(bases: readonly string[], { for: patient }: Resource, { subject }: Resource): void {
  const [one, other] = [patient, subject].map(each => {
    const text = isObject(each) && typeof each['reference'] === 'string' ? each['reference'] : '';
    const target = parseReference(text, bases);
    return target?.kind === 'local' ? `${target.type}/${target.id}` : undefined;
  });
  if (one === undefined || one !== other)
    throw refuseScan(
      'work-for-another',
      'Task.for',
      'The Task is for another patient than the document: reject it as that of a wrong patient.',
    );
}

/** Found right by a second person. */
function passedScan({ write: { principal }, task, document }: ScanStep): Preparation {
  const indexer = extensionValue(task, INDEXER_URL, 'valueReference');
  const isSecond = indexer !== undefined && principal.name !== undefined && !isSamePerson(indexer, principal);
  if (!isSecond)
    throw refuseScan('same-person', 'Task.status', 'Somebody else than the indexer finds a document right.');
  return { resource: task, companions: [scanAfter(document, 'final')] };
}

/** Sent back for a reason of the table; what is of another patient is rejected instead. */
function sentBack({ task, document, from }: ScanStep): Preparation {
  const reason = reasonOf(task);
  if (reason === 'wrong-patient')
    throw refuseScan(
      'wrong-patient-stays',
      'Task.statusReason',
      'A document of another patient is rejected, so that it leaves this record: it comes in anew by itself.',
    );
  noteError(task, from, reason);
  return { resource: task, companions: [scanAfter(document, 'rework')] };
}

/** Rejected: it is taken back, and what is of another patient comes in anew. */
async function rejectedScan({ ground, write, task, document, from }: ScanStep): Promise<Preparation> {
  const reason = reasonOf(task);
  const anew = reason === 'wrong-patient' ? await retractionOf(ground, write, { ...document, task }) : [];
  noteError(task, from, reason);
  return { resource: task, companions: [scanAfter(document, 'rejected'), ...anew] };
}

/** What is found wrong when a document is checked counts for whoever has indexed it. */
function noteError(task: Resource, from: string, reason: RejectReason): void {
  const indexer = extensionValue(task, INDEXER_URL, 'valueReference');
  if (from !== 'pending-qc' || indexer === undefined) return;
  const parts = [
    { url: 'reason', valueCode: reason },
    { url: 'indexer', valueReference: indexer },
  ];
  task['extension'] = [...itemsOf(task['extension']), { url: INDEX_ERROR_URL, extension: parts }];
}

/** The reason as a code of the table, which may be given as a text; it is completed in place. Throws `unprocessable`. */
function reasonOf(task: Resource): RejectReason {
  const { statusReason } = task;
  const concept = isObject(statusReason) ? statusReason : {};
  const coded = itemsOf(concept['coding']).find(each => isObject(each) && each['system'] === QC_SYSTEM);
  const said = isObject(coded) ? coded['code'] : concept['text'];
  if (typeof said !== 'string' || !isRejectReason(said))
    throw refuseScan(
      'no-reject-reason',
      'Task.statusReason',
      `The reason is a code of ${QC_SYSTEM}, or one as its text: ${Object.keys(REJECT_REASONS).join(', ')}.`,
    );
  if (!coded) {
    const coding = { system: QC_SYSTEM, code: said, display: REJECT_REASONS[said] };
    task['statusReason'] = { ...concept, coding: [...itemsOf(concept['coding']), coding] };
  }
  return said;
}
