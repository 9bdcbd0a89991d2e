/**
 * The quality of what comes in (domain of health information management: a second person looks at what was scanned). A scan that is
 * published by ITI-105 is `preliminary` until the Task about it is completed; then it is `final`. Blank pages, bytes that are here
 * already and a header that names another patient stand in the Task, and are told to the sender as warnings.
 */
import type { Issue } from '../../../fhir/error.js';
import type { JsonObject, Resource } from '../../../fhir/resource.js';
import type { Companion } from '../../../interactions/interaction.js';
import type { HookedWrite } from '../../../interactions/write/hooks.js';
import { ACCOUNT_TAG, qualityConcept, type QualityFinding, FINDINGS, TASKS } from './vocabulary.js';

export interface Noticed {
  readonly finding: QualityFinding;
  /** What the input of the Task has. */
  readonly value: JsonObject;
  /** For the sender. */
  readonly text: string;
  readonly expression: string;
}

const SCANS: ReadonlySet<string> = new Set(['application/pdf', 'image/tiff', 'image/jpeg', 'image/png']);

/** Whether bytes are pages that somebody has scanned, or may have. */
export const isScan = (contentType: string | undefined): boolean => contentType !== undefined && SCANS.has(contentType);

/** Whether a scan is one of those that a second person looks at: the same one always, of all `percent` of a hundred. */
export const isSampled = (sha256: string, percent: number): boolean =>
  Number.parseInt(sha256.slice(0, 8), 16) % 100 < percent;

export const warningOf = ({ finding, text, expression }: Noticed): Issue => ({
  severity: 'warning',
  code: 'business-rule',
  detail: finding,
  text,
  expression,
});

/** Who checks the document, for whom, and what was noticed. `now`: ms. */
export function qualityTask(
  { type, id, principal: { name } }: HookedWrite,
  { subject }: Resource,
  noticed: readonly Noticed[],
  now: number,
): Companion {
  const resource = {
    resourceType: 'Task',
    meta: { tag: [ACCOUNT_TAG] },
    status: 'requested',
    intent: 'order',
    code: qualityConcept(TASKS, 'document-qc'),
    focus: { reference: `${type}/${id}` },
    ...(subject === undefined ? {} : { for: subject }),
    authoredOn: new Date(now).toISOString(),
    ...(name === undefined ? {} : { requester: { identifier: { value: name } } }),
    ...(noticed.length > 0
      ? { input: noticed.map(({ finding, value }) => ({ type: qualityConcept(FINDINGS, finding), ...value })) }
      : {}),
  };
  return { kind: 'create', own: true, type: 'Task', body: { resource, decimals: undefined } };
}
