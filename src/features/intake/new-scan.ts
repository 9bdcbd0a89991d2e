/** A scan as it comes in: a preliminary document that waits to be indexed, and the Task about it, which go with whatever brings them. */
import { isObject, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { Companion } from '../../interactions/interaction.js';
import { personOf } from '../../interactions/person.js';
import type { HookedWrite } from '../../interactions/write/hooks.js';
import { type DocumentLabels, NO_LABELS, withDocumentLabels } from './document-labels.js';
import { type DqFinding, findingInput, INTAKE_TAGS, SCAN_STATUS, SCAN_TASK, scanStateConcept } from './vocabulary.js';

const START = 'pending-index';

export interface NewScan {
  /** Of the document, and of the Task. */
  readonly id: string;
  readonly task: string;
  /** Its contents: with their bytes, or an address of a Binary here. */
  readonly content: readonly JsonObject[];
  /** Index fields that are known, as elements of the document. */
  readonly fields: JsonObject;
  readonly findings: readonly DqFinding[];
  /** Of whatever had its bytes before. */
  readonly labels?: DocumentLabels;
  /** FHIR instant. */
  readonly at: string;
  readonly by: HookedWrite['principal'];
  /** The List of its batch. */
  readonly batch?: string;
}

export const scanDocument = ({
  fields,
  content,
  labels = NO_LABELS,
  at,
}: Pick<NewScan, 'fields' | 'content' | 'labels' | 'at'>): Resource =>
  withDocumentLabels(
    {
      resourceType: 'DocumentReference',
      meta: { tag: [{ system: INTAKE_TAGS, code: START }] },
      status: 'current',
      docStatus: 'preliminary',
      date: at,
      ...fields,
      content: [...content],
    },
    labels,
  );

export function newScan(scan: NewScan): readonly Companion[] {
  const { id, task, fields, findings, at, by, batch } = scan;
  const { subject } = fields;
  const patient = isObject(subject) ? subject['reference'] : undefined;
  const document = scanDocument(scan);
  const work: Resource = {
    resourceType: 'Task',
    status: SCAN_STATUS[START],
    businessStatus: scanStateConcept(START),
    intent: 'order',
    code: { coding: [{ ...SCAN_TASK }] },
    focus: { reference: `DocumentReference/${id}` },
    ...(batch === undefined ? {} : { basedOn: [{ reference: `List/${batch}` }] }),
    ...(patient === undefined ? {} : { for: { reference: patient } }),
    authoredOn: at,
    requester: personOf(by),
    ...(findings.length > 0 ? { input: findings.map(findingInput) } : {}),
  };
  return [
    { kind: 'create', type: 'DocumentReference', id, body: { resource: document, decimals: undefined } },
    { kind: 'create', own: true, type: 'Task', id: task, body: { resource: work, decimals: undefined } },
  ];
}
