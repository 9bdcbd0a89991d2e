/**
 * What a batch or transaction answers: one entry per entry asked, in the same order.
 * https://hl7.org/fhir/R4/bundle.html#transaction-response
 */
import { STATUS_CODES } from 'node:http';
import { FhirError, type Issue } from '../../fhir/error.js';
import { outcomeText } from '../../fhir/outcome.js';
import { newId } from '../../platform/ids.js';
import { base64Length } from '../../fhir/json/base64.js';
import type { Allowance } from '../engine.js';
import { answerTooLarge } from './allowance.js';
import type { Entry, Result } from '../interaction.js';
import { join, type Piece, piecesOf, type Text } from '../../fhir/content/holes.js';
import { sizeOf } from './text.js';

/** One answer, as text: it holds no resource longer than it is wanted. */
export type Answer = readonly Piece[];

/** `prefer`: of what was written; what was read is shown always. */
export function answerOf(result: Result, written: boolean, prefer: string | undefined): Answer {
  const { status, version, location, text, blobs, issues = [], findings = [] } = result;
  const isShown = text && status !== 304 && (!written || prefer === 'representation');
  const shown = isShown ? { text, ...(blobs ? { blobs } : {}) } : undefined;
  const wished = written && prefer === 'OperationOutcome';
  const told: readonly Issue[] =
    issues.length === 0 && wished && findings.length === 0
      ? [{ severity: 'information', code: 'informational', text: status === 201 ? 'Created.' : 'Done.' }]
      : wished
        ? [...issues, ...findings]
        : issues;
  const response = {
    status: statusText(status),
    ...(location === undefined ? {} : { location }),
    ...(version ? { etag: `W/"${version.version}"`, lastModified: new Date(version.updated).toISOString() } : {}),
  };
  return entry(shown, response, told);
}

/** What an entry shows of an answer: all of it at once, and of a HEAD nothing but the head. Throws `too-large`. */
export async function seen({ request }: Entry, result: Result, allowance: Allowance): Promise<Result> {
  const { text: _, blobs: __, stream, ...head } = result;
  if (result.page || result.binary)
    throw new FhirError(
      'not-acceptable',
      'A page, or a file, has no place in a Bundle: ask for it by a request of its own.',
    );
  if (request.startsWith('HEAD ')) return head;
  if (!stream) return result;
  const pieces: Piece[] = [];
  let size = 0;
  for await (const part of stream) {
    size += sizeOf(part);
    if (size > allowance.left) throw answerTooLarge();
    pieces.push(...piecesOf(part));
  }
  return { ...head, ...join(pieces) };
}

/** What an answer takes of the allowance of its Bundle. */
const weightOf = (answer: Answer): number =>
  answer.reduce(
    (sum, piece) =>
      sum + (typeof piece === 'string' || Buffer.isBuffer(piece) ? piece.length : base64Length(piece.size)),
    0,
  );

const LEFT_OUT: Issue = {
  severity: 'warning',
  code: 'too-costly',
  text: 'It is done. The resource is left out, because the answer to this Bundle would be too large: read it.',
  detail: 'answer-too-large',
};

/**
 * The answer of an entry within the allowance of its Bundle. Beyond it something that was read is refused (`too-large`), and
 * of something that was written all is told but the resource: it is done.
 */
export function within(allowance: Allowance, result: Result, written: boolean, prefer: string | undefined): Answer {
  const answer = answerOf(result, written, prefer);
  const weight = weightOf(answer);
  if (weight > allowance.left && result.text && answer.some(piece => typeof piece !== 'string')) {
    if (!written) throw answerTooLarge();
    const { text: _, blobs: __, ...head } = result;
    return answerOf({ ...head, issues: [...(result.issues ?? []), LEFT_OUT] }, written, prefer);
  }
  allowance.spend(weight);
  return answer;
}

export const answerOfError = (error: FhirError): Answer =>
  entry(undefined, { status: statusText(error.status) }, error.issues);

const statusText = (status: number): string => `${status} ${STATUS_CODES[status] ?? ''}`.trim();

function entry(resource: Text | undefined, response: object, issues: readonly Issue[]): Answer {
  const head = JSON.stringify(response);
  const whole: Piece[] = issues.length > 0 ? [head.slice(0, -1), ',"outcome":', outcomeText(issues), '}'] : [head];
  return resource
    ? ['{"resource":', ...piecesOf(resource), ',"response":', ...whole, '}']
    : ['{"response":', ...whole, '}'];
}

export function responseBundle(type: 'batch' | 'transaction', answers: readonly Answer[], at: number): Text {
  const head = {
    resourceType: 'Bundle',
    id: newId(at),
    meta: { lastUpdated: new Date(at).toISOString() },
    type: `${type}-response`,
  };
  const parts: Piece[] = [JSON.stringify(head).slice(0, -1)];
  answers.forEach((answer, index) => parts.push(index === 0 ? ',"entry":[' : ',', ...answer));
  parts.push(answers.length > 0 ? ']}' : '}');
  return join(parts);
}

/** Those of an entry, among issues of the whole Bundle. */
export const issuesOf = (issues: readonly Issue[], at: number): readonly Issue[] =>
  issues.filter(({ expression }) => expression?.startsWith(entryAt(at)));

export const entryAt = (at: number): string => `Bundle.entry[${at}]`;

/** Errors whose expressions are those of the whole Bundle already. */
const relocatedErrors = new WeakSet<FhirError>();

/** An error of one entry, told of the whole Bundle. */
export function inEntry(error: FhirError, at: number): FhirError {
  return relocated(error, expression => placeOf(entryAt(at), expression));
}

/** An error of one element of the Bundle, wherever it came from. */
export const atPlace = (error: FhirError, place: string): FhirError => relocated(error, () => place);

/** An error of one element of a resource, which may be in an entry. */
export const atElement = (error: FhirError, expression: string): FhirError => moved(error, () => expression);

function relocated(error: FhirError, place: (expression: string | undefined) => string): FhirError {
  if (relocatedErrors.has(error)) return error;
  const made = moved(error, place);
  relocatedErrors.add(made);
  return made;
}

function moved(error: FhirError, place: (expression: string | undefined) => string): FhirError {
  const issues = error.issues.map(issue => ({ ...issue, expression: place(issue.expression) }));
  return new FhirError(error.kind, error.message, {
    issues,
    ...(error.cause === undefined ? {} : { cause: error.cause }),
    ...(error.retryAfter === undefined ? {} : { retryAfter: error.retryAfter }),
    denial: error.denial,
  });
}

/** What an entry has instead of the head of an HTTP request. */
const PLACES: Readonly<Record<string, string>> = {
  'http.fullUrl': 'fullUrl',
  'http.resource': 'resource',
  'http.If-Match': 'request.ifMatch',
  'http.If-None-Match': 'request.ifNoneMatch',
};

/** An expression of an entry's own interaction, as one of the whole Bundle. */
export function placeOf(place: string, expression: string | undefined): string {
  if (expression === undefined) return place;
  if (expression.startsWith('http.')) return `${place}.${PLACES[expression] ?? 'request'}`;
  const inner = expression.replace(/^[A-Z]\w*\.?/, '');
  return `${place}.resource${inner === '' ? '' : `.${inner}`}`;
}
