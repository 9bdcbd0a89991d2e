/**
 * What is found out about a code while it is validated: issues, each once, and the texts that the answer sums up as its message.
 * Texts and ids of messages are those of HL7's terminology servers, so that clients may branch on them.
 */
import type { Issue } from '../fhir/error.js';
import type { Concepts } from './code-system.js';
import type { DoubtfulStatus } from './resource-status.js';
import { canonicalOf, type Coding, type ResourceHead, type ValueSet } from './resources.js';
import { type TxIssue, txIssue, unknownSystemText, versionCheckText } from './tx-issue.js';
import { codingText } from './versions.js';

export interface CodeIssues {
  /** `told`: its text belongs to the message though it is no error. */
  add(issue: TxIssue, told?: 'told'): void;
  readonly hasErrors: boolean;
  /** In the order in which they are told. */
  sorted(): readonly TxIssue[];
  /** The texts of errors and of what is told, in order. */
  message(): string;
}

export function createCodeIssues(): CodeIssues {
  const issues = new Map<string, TxIssue>();
  const told = new Set<string>();
  const order = ({ severity, code, terminology, text, expression }: TxIssue): string =>
    JSON.stringify([severity, code, terminology.type ?? '', text, expression ?? '']);
  return {
    add(issue, tell) {
      issues.set(order(issue), issue);
      if (tell ?? issue.severity === 'error') told.add(issue.text);
    },
    get hasErrors() {
      return [...issues.values()].some(({ severity }) => severity === 'error');
    },
    sorted: () => [...issues.keys()].toSorted().map(key => issues.get(key)!),
    message: () => [...told].toSorted().join('; '),
  };
}

/** `path.element`; of a code alone the element. */
export const issueElement = (path: string, element: string): string => (path === '' ? element : `${path}.${element}`);

const codeInvalid = (issue: Omit<Parameters<typeof txIssue>[0], 'code'>): TxIssue =>
  txIssue({ code: 'code-invalid', ...issue });
const businessRule = (issue: Omit<Parameters<typeof txIssue>[0], 'code'>): TxIssue =>
  txIssue({ code: 'business-rule', ...issue });
const invalid = (issue: Omit<Parameters<typeof txIssue>[0], 'code'>): TxIssue => txIssue({ code: 'invalid', ...issue });

export const noSystem = (path: string): TxIssue =>
  invalid({
    severity: 'warning',
    type: 'invalid-data',
    message: 'Coding_has_no_system__cannot_validate',
    text: 'Coding has no system. A code with no system has no defined meaning, and it cannot be validated. A system should be provided',
    expression: path,
  });

export const noCode = (path: string): TxIssue =>
  invalid({
    severity: 'warning',
    type: 'invalid-data',
    message: 'Coding_has_no_code__cannot_validate',
    text: 'Coding has no code and cannot be validated',
    expression: path,
  });

export function unknownSystem(
  path: string,
  url: string,
  version: string | undefined,
  versions: readonly string[],
): TxIssue {
  const { message, text } = unknownSystemText(url, version, versions, 'the code cannot be validated');
  return txIssue({ code: 'not-found', type: 'not-found', message, text, expression: issueElement(path, 'system') });
}

export const relativeSystem = (path: string): TxIssue =>
  invalid({
    type: 'invalid-data',
    message: 'Terminology_TX_System_Relative',
    text: 'Coding.system must be an absolute reference, not a local reference',
    expression: issueElement(path, 'system'),
  });

export const systemIsValueSet = (path: string, system: string): TxIssue =>
  invalid({
    type: 'invalid-data',
    message: 'Terminology_TX_System_ValueSet2',
    text: `The Coding references a value set, not a code system ('${system}')`,
    expression: issueElement(path, 'system'),
  });

export const systemIsSupplement = (path: string, supplement: ResourceHead): TxIssue =>
  invalid({
    type: 'invalid-data',
    message: 'CODESYSTEM_CS_NO_SUPPLEMENT',
    text: `CodeSystem ${canonicalOf(supplement)} is a supplement, so can't be used as a value in Coding.system`,
    expression: issueElement(path, 'system'),
  });

export const versionForbidden = (path: string, url: string, version: string | undefined, required: string): TxIssue =>
  txIssue({
    code: 'exception',
    type: 'version-error',
    message: 'VALUESET_VERSION_CHECK',
    text: versionCheckText(url, version, required),
    expression: issueElement(path, 'version'),
  });

/** `said`: by the value set; `meant`: what parameters make of it; `used`: where neither says a version. */
export function versionMismatch(
  path: string,
  { system = '', version = '' }: Coding,
  {
    said,
    meant,
    used,
  }: { readonly said?: string | undefined; readonly meant?: string | undefined; readonly used?: string | undefined },
): TxIssue {
  const value = `is different to the one in the value ('${version}')`;
  const shared = { type: 'vs-invalid', expression: issueElement(path, 'version') } as const;
  if (meant === undefined)
    return invalid({
      ...shared,
      severity: 'warning',
      message: 'VALUESET_VALUE_MISMATCH_DEFAULT',
      text: `The code system '${system}' version '${used ?? ''}' for the versionless include in the ValueSet include ${value}`,
    });
  return meant === said
    ? invalid({
        ...shared,
        message: 'VALUESET_VALUE_MISMATCH',
        text: `The code system '${system}' version '${said}' in the ValueSet include ${value}`,
      })
    : invalid({
        ...shared,
        message: 'VALUESET_VALUE_MISMATCH_CHANGED',
        text: `The code system '${system}' version '${meant}' resulting from the version '${said ?? ''}' in the ValueSet include ${value}`,
      });
}

export function unknownCodeIn(path: string, code: string, { head, url = '', version }: Concepts): TxIssue {
  const place = `the CodeSystem '${url}'${version === undefined ? '' : ` version '${version}'`}`;
  const shared = { type: 'invalid-code', expression: issueElement(path, 'code') } as const;
  return head.content === 'fragment'
    ? codeInvalid({
        ...shared,
        severity: 'warning',
        message: 'UNKNOWN_CODE_IN_FRAGMENT',
        text: `Unknown Code '${code}' in ${place} - note that the code system is labeled as a fragment, so the code may be valid in some other fragment`,
      })
    : codeInvalid({
        ...shared,
        message: version === undefined ? 'Unknown_Code_in' : 'Unknown_Code_in_Version',
        text: `Unknown code '${code}' in ${place}`,
      });
}

/** `one`: of several codings, of which another may do. */
export const notInValueSet = (path: string, coding: Coding, set: ValueSet, one?: 'one'): TxIssue =>
  codeInvalid({
    severity: one ? 'information' : 'error',
    type: one ? 'this-code-not-in-vs' : 'not-in-vs',
    message: 'None_of_the_provided_codes_are_in_the_value_set_one',
    text: `The provided code '${codingText(coding)}' was not found in the value set '${canonicalOf(set)}'`,
    expression: issueElement(path, 'code'),
  });

export const noneInValueSet = (set: ValueSet): TxIssue =>
  codeInvalid({
    type: 'not-in-vs',
    message: 'TX_GENERAL_CC_ERROR_MESSAGE',
    text: `No valid coding was found for the value set '${canonicalOf(set)}'`,
  });

export const otherCase = (path: string, code: string, right: string, { url, version }: Concepts): TxIssue =>
  businessRule({
    severity: 'information',
    type: 'code-rule',
    message: 'CODE_CASE_DIFFERENCE',
    text: `The code '${code}' differs from the correct code '${right}' by case. Although the code system '${canonicalOf({ url, version })}' is case insensitive, implementers are strongly encouraged to use the correct case anyway`,
    expression: issueElement(path, 'code'),
  });

export const abstractCode = (path: string, code: string, { url = '' }: Concepts): TxIssue =>
  businessRule({
    type: 'code-rule',
    message: 'ABSTRACT_CODE_NOT_ALLOWED',
    text: `Code '${url}#${code}' is abstract, and not allowed in this context`,
    expression: issueElement(path, 'code'),
  });

export const inactiveCode = (path: string, code: string): TxIssue =>
  businessRule({
    type: 'code-rule',
    message: 'STATUS_CODE_WARNING_CODE',
    text: `The concept '${code}' is valid but is not active`,
    expression: issueElement(path, 'code'),
  });

/** `status`: as the code system says it. */
export const inactiveConcept = (path: string, code: string, status: string): TxIssue =>
  businessRule({
    severity: 'warning',
    type: 'code-comment',
    message: 'INACTIVE_CONCEPT_FOUND',
    text: `The concept '${code}' has a status of ${status === 'inactive' ? status : `${status} and inactive`} and its use should be reviewed`,
    expression: path === '' ? 'code' : path,
  });

export const deprecatedConcept = (path: string, code: string): TxIssue =>
  businessRule({
    severity: 'warning',
    type: 'code-comment',
    message: 'DEPRECATED_CONCEPT_FOUND',
    text: `The concept '${code}' has a status of deprecated and its use should be reviewed`,
    expression: path === '' ? 'code' : path,
  });

export const deprecatedInValueSet = (path: string, coding: Coding, status: string, set: ValueSet): TxIssue =>
  businessRule({
    severity: 'warning',
    type: 'code-comment',
    message: 'CONCEPT_DEPRECATED_IN_VALUESET',
    text: `The presence of the concept '${coding.code}' in the system '${coding.system}' in the value set ${canonicalOf(set)} is marked with a status of ${status} and its use should be reviewed`,
    expression: issueElement(path, 'code'),
  });

export const doubtfulReference = (
  status: DoubtfulStatus,
  type: 'CodeSystem' | 'ValueSet',
  head: ResourceHead,
): TxIssue =>
  businessRule({
    severity: 'information',
    type: 'status-check',
    message: `MSG_${status.toUpperCase()}`,
    text: `Reference to ${status} ${type} ${canonicalOf(head)}`,
  });

export const cannotInfer = (code: string, set: ValueSet, systems: readonly string[]): TxIssue => {
  const text = `The System URI could not be determined for the code '${code}' in the ValueSet '${canonicalOf(set)}'`;
  return txIssue({
    code: 'not-found',
    type: 'cannot-infer',
    ...(systems.length > 1
      ? {
          message: 'Unable_to_resolve_system__value_set_has_multiple_matches',
          text: `${text}: value set expansion has multiple matches: ${systems.join(',')}`,
        }
      : { message: 'UNABLE_TO_INFER_CODESYSTEM', text }),
    expression: 'code',
  });
};

export const displayIssue = (
  path: string,
  severity: Issue['severity'],
  message: string,
  text: string,
  type: 'invalid-display' | 'display-comment' = 'invalid-display',
): TxIssue => invalid({ severity, type, message, text, expression: issueElement(path, 'display') });
