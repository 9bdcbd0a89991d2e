/** OperationOutcome from issues: https://hl7.org/fhir/R4/operationoutcome.html */
import type { Issue } from './error.js';
import type { Resource } from './resource.js';

/** Where the stable codes of `issue.details` come from. */
export const DETAIL_SYSTEM = 'urn:chartroom:outcome-detail';

export function outcome(issues: readonly Issue[]): Resource {
  return {
    resourceType: 'OperationOutcome',
    issue: issues.map(({ severity, code, text, expression, detail }) => ({
      severity,
      code,
      details: { ...(detail === undefined ? {} : { coding: [{ system: DETAIL_SYSTEM, code: detail }] }), text },
      ...(expression === undefined ? {} : { expression: [expression] }),
    })),
  };
}

export const outcomeText = (issues: readonly Issue[]): Buffer => Buffer.from(JSON.stringify(outcome(issues)));
