/**
 * What a request gives out now: its documents by the rules of selection.ts, and what permits it, as whoever asks sees them. The same when a release is
 * looked at beforehand, when documents are chosen, and when they are released.
 */
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import type { Resource } from '../../fhir/resource.js';
import type { Context } from '../../interactions/engine.js';
import { jsonText } from '../../interactions/operations/operation.js';
import { findSought, readCriteria } from '../../interactions/write/conditional.js';
import { breathe } from '../../platform/pieces.js';
import { type CheckGround, consentThatHolds } from './check-operation.js';
import { referenceKey } from './coverage.js';
import type { RequesterClass } from './requester-classes.js';
import { inputsOfKind } from './request-task.js';
import { type SelectedDocument, selectDocuments, staffDecisions } from './selection.js';

const MOST_DOCUMENTS = 2000;

/** A request of a class that nobody knows has no right of its own. */
const UNKNOWN_CLASS: RequesterClass = {
  ...{ display: 'Unknown', paragraph: '164.508', needs: 'authorization', minimumNecessary: true, accounted: true },
  secondLook: 100,
  withoutConsent: [],
};

export const classOfRequest = ({ classes }: Pick<CheckGround, 'classes'>, task: Resource): RequesterClass =>
  classes.get(jsonText(inputsOfKind(task, 'requester-class')[0]?.['valueCode'])) ?? UNKNOWN_CLASS;

export interface SelectionNow {
  readonly selected: readonly SelectedDocument[];
  /** What the request names, where every element of it holds. */
  readonly consent: Resource | undefined;
  /** `Patient/[id]`. */
  readonly patient: string;
}

/** Throws `unprocessable` where it is not known whose records are asked for, and `too-costly`. */
export async function selectionNow(ground: CheckGround, context: Context, task: Resource): Promise<SelectionNow> {
  const { bases } = ground;
  const patient = referenceKey(task['for'], bases);
  if (!patient?.startsWith('Patient/'))
    throw new FhirError('unprocessable', 'It is not known yet whose records are asked for.', {
      ...{ expression: 'Task.for', detail: 'no-patient' },
    });
  const documents = await documentsSeen(context, patient, task, bases);
  const consent = await consentThatHolds(ground, task, context.view);
  const of = classOfRequest(ground, task);
  return { selected: selectDocuments({ of, task, consent, documents, bases }), consent, patient };
}

/** What is to be seen of the patient, and what was decided of besides. Throws `too-costly`. */
async function documentsSeen(
  context: Context,
  patient: string,
  task: Resource,
  bases: readonly string[],
): Promise<Resource[]> {
  const sought = await readCriteria(context, 'DocumentReference', [['patient', patient]]);
  const rows = await findSought(context, sought, MOST_DOCUMENTS + 1);
  if (rows.length > MOST_DOCUMENTS)
    throw new FhirError('too-costly', `A release is chosen from ${MOST_DOCUMENTS} documents at most.`, {
      detail: 'release-too-large',
    });
  const texts = new Map(rows.map(({ id, text }) => [id, text!]));
  for (const key of staffDecisions(task, bases).keys()) {
    const id = key.slice('DocumentReference/'.length);
    const row = texts.has(id) ? undefined : await context.view.read('DocumentReference', id);
    if (row?.text) texts.set(id, row.text);
  }
  const documents: Resource[] = [];
  for (const text of texts.values()) {
    await breathe();
    documents.push(parseJson(text, STORED_JSON).resource);
  }
  return documents;
}
