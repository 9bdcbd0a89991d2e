/** OperationOutcome from issues: https://hl7.org/fhir/R4/operationoutcome.html */
import type { Issue } from './error.js';
import type { JsonObject, Resource } from './resource.js';

/** Where the stable codes of `issue.details` come from. */
export const DETAIL_SYSTEM = 'urn:chartroom:outcome-detail';

/** What HL7's tools know messages about codes by. */
const MESSAGE_ID = 'http://hl7.org/fhir/StructureDefinition/operationoutcome-message-id';
const TX_ISSUE_TYPE = 'http://hl7.org/fhir/tools/CodeSystem/tx-issue-type';

export const outcome = (issues: readonly Issue[]): Resource => ({
  resourceType: 'OperationOutcome',
  issue: issues.map(issueOf),
});

/** https://hl7.org/fhir/extensions/StructureDefinition-operationoutcome-issue-col.html and its like: a line is an integer there, a column a string. */
const ISSUE_LINE = 'http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-line';
const ISSUE_COLUMN = 'http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-col';

function issueOf(issue: Issue): JsonObject {
  const { severity, code, text, expression, detail, diagnostics, terminology, position } = issue;
  const { message, type } = terminology ?? {};
  const extension = [
    ...(message === undefined ? [] : [{ url: MESSAGE_ID, valueString: message }]),
    ...(position
      ? [
          { url: ISSUE_LINE, valueInteger: position.line },
          { url: ISSUE_COLUMN, valueString: String(position.column) },
        ]
      : []),
  ];
  const own = terminology
    ? type && { system: TX_ISSUE_TYPE, code: type }
    : detail && { system: DETAIL_SYSTEM, code: detail };
  const coding = [...(own ? [own] : []), ...(issue.coding ? [issue.coding] : [])];
  return {
    ...(extension.length > 0 ? { extension } : {}),
    severity,
    code,
    details: { ...(coding.length > 0 ? { coding } : {}), text },
    ...(diagnostics === undefined ? {} : { diagnostics }),
    // Those tools read the place from the older element, too.
    ...(expression === undefined || !terminology ? {} : { location: [expression] }),
    ...(expression === undefined ? {} : { expression: [expression] }),
  };
}

export const outcomeText = (issues: readonly Issue[]): Buffer => Buffer.from(JSON.stringify(outcome(issues)));
