/**
 * What becomes of a document when the Task about it is done (quality.ts), in the same commit: completed, a preliminary document is `final`; failed
 * or rejected for a reason (`statusReason`), one of another patient is retracted, and for any other a Task asks for a new scan, which
 * replaces this one. Whoever sent the document does not check it.
 */
import { FhirError } from '../../../fhir/error.js';
import { isRejectReason, QC_SYSTEM, REJECT_REASONS } from '../../../fhir/content/document-errors.js';
import { parseReference } from '../../../fhir/reference.js';
import { isObject, itemsOf, type Json, type Resource } from '../../../fhir/resource.js';
import type { Companion } from '../../../interactions/interaction.js';
import type { HookedWrite, Preparation } from '../../../interactions/write/hooks.js';
import { earlier } from '../attachments.js';
import { ACCOUNT_TAG, qualityConcept, TASKS } from './vocabulary.js';

const REJECTED: ReadonlySet<Json | undefined> = new Set(['failed', 'rejected']);

/** `write`: of a Task. Throws `unprocessable` for a verdict that is none. */
export async function verdict(
  write: HookedWrite,
  bases: readonly string[],
  now: number,
): Promise<Preparation | undefined> {
  const { resource: task } = write;
  const before = earlier(write);
  if (!task || !before || codeOf(before['code']) !== 'document-qc' || before['status'] === task['status'])
    return undefined;
  const isRejected = REJECTED.has(task['status']);
  if (task['status'] !== 'completed' && !isRejected) return undefined;
  checkVerdict(write, before, task, isRejected);
  const document = await checkedBy(write, before, bases);
  if (!document) return undefined;
  if (!isRejected) return { companions: finalized(document) };
  const isOfOther = codeOf(task['statusReason']) === 'wrong-patient';
  return { companions: isOfOther ? [retracted(document)] : [rework(write, before, task, now)] };
}

/** By somebody else than the sender, and for a reason where it is a rejection. */
function checkVerdict(
  { principal }: HookedWrite,
  { requester }: Resource,
  { statusReason }: Resource,
  isRejected: boolean,
): void {
  const sender =
    isObject(requester) && isObject(requester['identifier']) ? requester['identifier']['value'] : undefined;
  if (sender !== undefined && sender === principal.name)
    throw refuse('same-person', 'Task.status', 'Somebody else than its sender checks a document.');
  const reason = codeOf(statusReason);
  if (isRejected && (reason === undefined || !isRejectReason(reason)))
    throw refuse(
      'no-reject-reason',
      'Task.statusReason',
      `A document is rejected for a reason of ${QC_SYSTEM}: ${Object.keys(REJECT_REASONS).join(', ')}.`,
    );
}

async function checkedBy(
  { view }: HookedWrite,
  { focus }: Resource,
  bases: readonly string[],
): Promise<Checked | undefined> {
  const reference = isObject(focus) && typeof focus['reference'] === 'string' ? focus['reference'] : '';
  const target = parseReference(reference, bases);
  const row = target?.kind === 'local' ? await view.read('DocumentReference', target.id) : undefined;
  if (!row?.text) return undefined;
  return { id: row.id, version: String(row.version), resource: JSON.parse(row.text.toString()) as Resource };
}

interface Checked {
  readonly id: string;
  readonly version: string;
  readonly resource: Resource;
}

const patched = ({ id, version }: Checked, elements: Readonly<Record<string, string>>): Companion => ({
  kind: 'patch',
  type: 'DocumentReference',
  id,
  ifMatch: [version],
  patch: {
    form: 'json',
    operations: Object.entries(elements).map(([name, value]) => ({ op: 'add', path: `/${name}`, value })),
  },
});

/** What waits for people who index it and check that is final when they say so. */
const finalized = (document: Checked): readonly Companion[] =>
  document.resource['docStatus'] === 'preliminary' && !isTakenIn(document.resource)
    ? [patched(document, { docStatus: 'final' })]
    : [];

const isTakenIn = ({ meta }: Resource): boolean =>
  (isObject(meta) ? itemsOf(meta['tag']) : []).some(tag => isObject(tag) && tag['system'] === 'urn:chartroom:intake');

const retracted = (document: Checked): Companion =>
  patched(document, {
    status: 'entered-in-error',
    ...(document.resource['docStatus'] === undefined ? {} : { docStatus: 'entered-in-error' }),
  });

function rework(
  { id }: HookedWrite,
  { focus, for: patient }: Resource,
  { statusReason }: Resource,
  now: number,
): Companion {
  const resource = {
    resourceType: 'Task',
    meta: { tag: [ACCOUNT_TAG] },
    partOf: [{ reference: `Task/${id}` }],
    status: 'requested',
    intent: 'order',
    code: qualityConcept(TASKS, 'document-rework'),
    focus: focus!,
    ...(patient === undefined ? {} : { for: patient }),
    authoredOn: new Date(now).toISOString(),
    reasonCode: statusReason!,
  };
  return { kind: 'create', own: true, type: 'Task', body: { resource, decimals: undefined } };
}

/** The code of ours. */
function codeOf(value: Json | undefined): string | undefined {
  const codings = isObject(value) ? itemsOf(value['coding']) : [];
  const own = codings.find(coding => isObject(coding) && coding['system'] === QC_SYSTEM);
  return isObject(own) && typeof own['code'] === 'string' ? own['code'] : undefined;
}

const refuse = (detail: string, expression: string, text: string): FhirError =>
  new FhirError('unprocessable', text, { detail, expression });
