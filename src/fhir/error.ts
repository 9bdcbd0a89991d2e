/**
 * The one error of the server and the one table that says what each kind of it means to a client, to the
 * audit trail and to the log. https://hl7.org/fhir/R4/http.html#Status-Codes, https://hl7.org/fhir/R4/valueset-issue-type.html
 *
 * Messages name the thing and the remedy; they never carry resource content, search values or driver texts.
 */

/** What a kind means: HTTP status, issue.code, issue.severity, AuditEvent.outcome, log level. */
interface Meaning {
  readonly status: number;
  readonly code: string;
  readonly severity: 'fatal' | 'error' | 'warning' | 'information';
  readonly outcome: '4' | '8' | '12';
  readonly log: 'debug' | 'info' | 'warn' | 'error';
}

const client = (status: number, code: string): Meaning => ({
  status,
  code,
  severity: 'error',
  outcome: '4',
  log: 'info',
});
const server = (status: number, code: string, outcome: '8' | '12' = '8'): Meaning => ({
  status,
  code,
  severity: status === 500 ? 'fatal' : 'error',
  outcome,
  log: status === 500 ? 'error' : 'warn',
});

export const KINDS = {
  /** The body, a header, a parameter value cannot be understood. */
  invalid: client(400, 'invalid'),
  /** A search parameter, modifier, header value that the standard allows and this server does not offer. */
  'not-supported': client(400, 'not-supported'),
  unauthenticated: client(401, 'login'),
  forbidden: client(403, 'forbidden'),
  'not-found': client(404, 'not-found'),
  /** A resource type or operation that does not exist here. */
  'unknown-type': client(404, 'not-supported'),
  'method-not-allowed': client(405, 'not-supported'),
  'not-acceptable': client(406, 'not-supported'),
  conflict: client(409, 'conflict'),
  deleted: client(410, 'deleted'),
  /** A paging link whose time is over. */
  expired: client(410, 'expired'),
  precondition: client(412, 'conflict'),
  'multiple-matches': client(412, 'multiple-matches'),
  'too-large': client(413, 'too-long'),
  'unsupported-media-type': client(415, 'not-supported'),
  /** No byte of what is there is among those that were asked for: https://www.rfc-editor.org/rfc/rfc9110#section-15.5.17 */
  'range-not-satisfiable': client(416, 'value'),
  /** The request was meant for another server: https://www.rfc-editor.org/rfc/rfc9110#section-15.5.20 */
  misdirected: client(421, 'security'),
  /** Understood, and refused by a profile or a business rule. */
  unprocessable: client(422, 'processing'),
  'too-costly': client(400, 'too-costly'),
  throttled: client(429, 'throttled'),
  /** The store is away or busy; the client may try again (Retry-After). */
  unavailable: server(503, 'transient'),
  timeout: server(503, 'timeout'),
  'no-space': server(507, 'no-store', '12'),
  /** Bytes of a document are not what was stored: https://www.rfc-editor.org/rfc/rfc9110#section-15.6.1 */
  'blob-damaged': server(500, 'exception', '12'),
  /** Anything unknown: the client gets the request id, never the text. */
  fault: server(500, 'exception', '12'),
} as const satisfies Record<string, Meaning>;

export type Kind = keyof typeof KINDS;

export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/** One OperationOutcome.issue before it is written. `text` must be free of resource content. */
export interface Issue {
  readonly severity: 'fatal' | 'error' | 'warning' | 'information';
  /** https://hl7.org/fhir/R4/valueset-issue-type.html */
  readonly code: string;
  readonly text: string;
  /** FHIRPath of the element: `Patient.name[0].given[1]`, or `http.<header>` for a header or parameter. */
  readonly expression?: string;
  /** Stable kebab-case code that clients may branch on: goes to issue.details.coding. */
  readonly detail?: string;
  /** What another standard calls it, beside `detail`. */
  readonly coding?: { readonly system: string; readonly code: string };
  /** What a program or an author of profiles wants to know: the key of an invariant, the canonical of a profile. No content. */
  readonly diagnostics?: string;
  /** Where it stands in the text that was sent; both count from 1. */
  readonly position?: TextPosition;
  /** Of an answer about terminology: id of the message, and code of tx-issue-type, which stands in the place of `detail`. */
  readonly terminology?: { readonly message: string; readonly type?: string };
}

/** An issue as severe, and with the code, as an error of this kind has it. */
export const issueOfKind = (kind: Kind, issue: Omit<Issue, 'severity' | 'code'>): Issue => ({
  severity: KINDS[kind].severity,
  code: KINDS[kind].code,
  ...issue,
});

/** A Consent that refuses something, by its id and that of the Patient. */
export interface RefusingConsent {
  readonly id: string;
  readonly patient: string;
}

/** By what somebody was refused, for the audit trail; never shown to a client. */
export interface Denial {
  /** Name of a rule, as `role reader lacks u`: nothing of a resource. */
  readonly rule: string;
  readonly consents?: readonly RefusingConsent[];
  /** Ids of those whose data it is. */
  readonly patients?: readonly string[];
}

export interface FhirErrorOptions {
  readonly issues?: readonly Issue[];
  readonly expression?: string;
  readonly detail?: string;
  /** Kept for the log; never shown to a client. */
  readonly cause?: unknown;
  /** Seconds; becomes Retry-After. */
  readonly retryAfter?: number;
  /** The scope of an access token that would have been enough. */
  readonly scope?: string | undefined;
  readonly denial?: Denial | undefined;
  /** Ids of those whose data was judged before it was refused: for the audit trail, never shown to a client. */
  readonly patients?: readonly string[];
}

export class FhirError extends Error {
  readonly kind: Kind;
  readonly issues: readonly Issue[];
  readonly retryAfter: number | undefined;
  readonly scope: string | undefined;
  readonly denial: Denial | undefined;
  readonly patients: readonly string[] | undefined;

  constructor(kind: Kind, message: string, options: FhirErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'FhirError';
    this.kind = kind;
    this.scope = options.scope;
    this.denial = options.denial;
    this.patients = options.patients;
    this.retryAfter = options.retryAfter ?? (kind === 'unavailable' || kind === 'timeout' ? 2 : undefined);
    const { code, severity } = KINDS[kind];
    this.issues = options.issues?.length
      ? options.issues
      : [
          {
            severity,
            code,
            text: message,
            ...(options.expression === undefined ? {} : { expression: options.expression }),
            detail: options.detail ?? kind,
          },
        ];
  }

  get status(): number {
    return KINDS[this.kind].status;
  }
}

/** Any thrown value as a FhirError: what is not one already is a `fault`, with the original as its cause. */
export const asFhirError = (error: unknown): FhirError =>
  error instanceof FhirError ? error : new FhirError('fault', 'Something went wrong on the server.', { cause: error });
