/**
 * Issues of the terminology operations, as HL7's validator and publisher read them: a code of tx-issue-type in
 * `details.coding`, the id of the message as an extension, and the text that belongs to it.
 * https://hl7.org/fhir/tools/CodeSystem-tx-issue-type.html, https://hl7.org/fhir/uv/tx-ecosystem/
 *
 * The texts name codes and displays that were asked about: they are the question, not the content of a record.
 */
import { FhirError, type Issue, type Kind } from '../fhir/error.js';
import { canonicalForMessage } from './refuse.js';
import { canonicalOf, type ValueSet } from './resources.js';
import { listOfVersions } from './versions.js';

/** Codes of http://hl7.org/fhir/tools/CodeSystem/tx-issue-type that are used here. */
export type TxType =
  | 'not-found'
  | 'not-in-vs'
  | 'this-code-not-in-vs'
  | 'invalid-code'
  | 'invalid-data'
  | 'invalid-display'
  | 'display-comment'
  | 'code-rule'
  | 'code-comment'
  | 'status-check'
  | 'vs-invalid'
  | 'version-error'
  | 'cannot-infer';

export interface TxIssue extends Issue {
  readonly terminology: { readonly message: string; readonly type?: TxType };
}

interface Said {
  readonly severity?: Issue['severity'];
  readonly code: string;
  readonly type?: TxType;
  readonly message: string;
  readonly text: string;
  readonly expression?: string | undefined;
}

export const txIssue = ({ severity = 'error', code, type, message, text, expression }: Said): TxIssue => ({
  severity,
  code,
  text,
  terminology: { message, ...(type === undefined ? {} : { type }) },
  ...(expression === undefined || expression === '' ? {} : { expression }),
});

export const txError = (said: Said, kind: Kind = 'invalid'): FhirError =>
  new FhirError(kind, said.text, { issues: [txIssue(said)] });

const notFound = (message: string, text: string, expression?: string): FhirError =>
  txError({ code: 'not-found', type: 'not-found', message, text, expression });

/** `expression`: of the parameter that names it. */
export const valueSetNotFound = (canonical: string, expression?: string): FhirError =>
  notFound(
    'Unable_to_resolve_value_Set_',
    `A definition for the value Set '${shown(canonical)}' could not be found`,
    expression,
  );

export const conceptMapNotFound = (canonical: string, expression?: string): FhirError =>
  notFound(
    'CONCEPTMAP_NOT_FOUND',
    `A definition for the ConceptMap '${shown(canonical)}' could not be found`,
    expression,
  );

export const pinnedValueSetNotFound = (url: string, version: string): FhirError =>
  notFound('VS_EXP_IMPORT_UNK_PINNED', `Unable to find included value set '${shown(url)}' version '${version}'`);

export const codeSystemNotFound = (url: string, expression?: string): FhirError =>
  notFound(
    'UNKNOWN_CODESYSTEM',
    `A definition for CodeSystem ${shown(url)} could not be found, so the code cannot be validated`,
    expression,
  );

/** `purpose`: what cannot be done without it. */
export function unknownSystemText(
  url: string,
  version: string | undefined,
  versions: readonly string[],
  purpose: 'the code cannot be validated' | 'the value set cannot be expanded',
): { readonly message: string; readonly text: string } {
  const expanding = purpose === 'the value set cannot be expanded' ? '_EXP' : '';
  if (version === undefined) {
    const named = expanding === '' ? url : `'${url}'`;
    return {
      message: `UNKNOWN_CODESYSTEM${expanding}`,
      text: `A definition for CodeSystem ${named} could not be found, so ${purpose}`,
    };
  }
  const text = `A definition for CodeSystem '${url}' version '${version}' could not be found, so ${purpose}`;
  return versions.length === 0
    ? {
        message: `UNKNOWN_CODESYSTEM_VERSION${expanding}_NONE`,
        text: `${text}. No versions of this code system are known`,
      }
    : {
        message: `UNKNOWN_CODESYSTEM_VERSION${expanding}`,
        text: `${text}. Valid versions: ${listOfVersions(versions)}`,
      };
}

export const expansionNeedsSystem = (
  url: string,
  version: string | undefined,
  versions: readonly string[],
): FhirError => {
  const { message, text } = unknownSystemText(url, version, versions, 'the value set cannot be expanded');
  return notFound(message, text);
};

export const versionCheckText = (url: string, version: string | undefined, required: string): string =>
  `The version '${version ?? ''}' is not allowed for system '${url}': required to be '${required}' by a version-check parameter`;

export const versionNotAllowed = (url: string, version: string | undefined, required: string): FhirError =>
  txError({
    code: 'exception',
    type: 'version-error',
    message: 'VALUESET_VERSION_CHECK',
    text: versionCheckText(url, version, required),
  });

export const supplementMissing = (canonicals: readonly string[]): FhirError =>
  notFound(
    'VALUESET_SUPPLEMENT_MISSING',
    `Required supplement${canonicals.length > 1 ? 's' : ''} not found: ${canonicals.map(shown).join(',')}`,
  );

export const circularValueSet = (path: readonly string[], again: string): FhirError =>
  txError(
    {
      code: 'processing',
      type: 'vs-invalid',
      message: 'VALUESET_CIRCULAR_REFERENCE',
      text: `Found a circularity pointing to ${shown(again)} processing ValueSet with pathway [${path.map(shown).join(', ')}]`,
    },
    'unprocessable',
  );

export const filterWithoutValue = (system: string, property: string, op: string, expression: string): FhirError =>
  txError({
    code: 'invalid',
    type: 'vs-invalid',
    message: 'UNABLE_TO_HANDLE_SYSTEM_FILTER_WITH_NO_VALUE',
    text: `The system ${shown(system)} filter with property = ${property}, op = ${op} has no value`,
    expression,
  });

export const tooManyCodes = (set: ValueSet, limit: number): FhirError =>
  txError(
    {
      code: 'too-costly',
      message: 'VALUESET_TOO_COSTLY',
      text: `The value set '${shown(canonicalOf(set))}' expansion has too many codes to produce (>${limit}). Ask for it in pages: count and offset`,
    },
    'too-costly',
  );

/** A canonical as messages show it: a text of another form may be anything. */
const shown = (canonical: string): string =>
  canonicalForMessage(canonical).trim() || (canonical === '' ? '(no canonical)' : '(not a canonical url)');
