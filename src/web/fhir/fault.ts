/** What a request came to that did not succeed: an OperationOutcome, or nothing that could be read. */
import type { OperationOutcome } from 'fhir/r4';

export interface FaultIssue {
  readonly text: string;
  readonly code: string;
  /** FHIRPath of the elements that it is about, without indexes of lists of one. */
  readonly expressions: readonly string[];
  readonly detail: string | undefined;
}

export class RequestFault extends Error {
  /** HTTP; 0: the server was not reached. */
  readonly status: number;
  readonly issues: readonly FaultIssue[];
  /** By which whoever runs the server finds it. */
  readonly requestId: string | undefined;

  constructor(status: number, issues: readonly FaultIssue[], requestId: string | undefined) {
    super(issues.map(({ text }) => text).join(' '));
    this.status = status;
    this.issues = issues;
    this.requestId = requestId;
  }
}

/** `said`: of the server, when it is an OperationOutcome. */
export function faultOf(status: number, said: unknown, requestId: string | undefined): RequestFault {
  const issues = isOutcome(said) ? said.issue.filter(({ severity }) => severity !== 'information').map(issueOf) : [];
  return new RequestFault(status, issues, requestId);
}

const isOutcome = (said: unknown): said is OperationOutcome =>
  typeof said === 'object' &&
  said !== null &&
  'resourceType' in said &&
  said.resourceType === 'OperationOutcome' &&
  'issue' in said &&
  Array.isArray(said.issue);

function issueOf(issue: OperationOutcome['issue'][number]): FaultIssue {
  return {
    text: issue.details?.text ?? issue.diagnostics ?? '',
    code: issue.code,
    expressions: issue.expression ?? [],
    detail: issue.details?.coding?.[0]?.code,
  };
}
