/**
 * What the audit trail has of a request, and of why it was refused: more than whoever asked is told. A denial (by role or scopes, by what a
 * patient has said) is a security alert, outcome 8; whoever does not say who they are, or says it wrongly, failed to log in; everything else
 * is a request that went wrong, outcome 4 or more. https://profiles.ihe.net/ITI/BALP, RESTful ATNA
 *
 * Choices: what is hidden is a 404 to whoever asks for it by its id, like what is not there; the trail says that it was denied, and by which
 * Consents. The row was looked at anyway, and what is written is as long, so that time does not tell.
 */
import { hiddenBy } from '../access/view.js';
import type { AuditRecord } from '../audit/event.js';
import type { AuditPattern } from '../audit/patterns.js';
import { type Denial, type FhirError, KINDS } from '../fhir/error.js';
import type { Caller, Context, Engine } from './engine.js';
import type { Interaction, Target } from './interaction.js';
import { isByCriteria } from './kinds.js';
import { isObject } from '../fhir/resource.js';

/** Whoever was refused, with what they would have seen by, as far as it came to that. */
export type WhoWasRefused = Caller & Partial<Pick<Context, 'view' | 'permission'>>;

interface RefusalTold extends Pick<AuditRecord, 'pattern' | 'outcome' | 'consents'> {
  readonly why: string;
  readonly patients?: readonly string[] | undefined;
}

/** `pattern`: that of what was asked for, or of what is told beside it. */
export function refusalTold(who: WhoWasRefused, target: Target, error: FhirError, pattern: AuditPattern): RefusalTold {
  const { kind, issues } = error;
  const detail = issues[0]?.detail ?? kind;
  if (kind === 'unauthenticated')
    return { pattern: 'unauthenticated', outcome: detail === kind ? '4' : '8', why: detail };
  const denial = kind === 'forbidden' ? (error.denial ?? { rule: detail }) : hiddenFrom(who, target, error);
  if (!denial) return { pattern, outcome: KINDS[kind].outcome, why: kind, patients: error.patients };
  const { rule: why, consents = [], patients } = denial;
  return consents.length > 0
    ? { pattern: 'denied-by-consent', outcome: '8', why, consents, patients }
    : { pattern: 'denied', outcome: '8', why, patients };
}

/** Whether it was not found because it may not be seen. */
function hiddenFrom(
  { view, permission }: WhoWasRefused,
  { type, id }: Target,
  { kind }: FhirError,
): Denial | undefined {
  const row = kind === 'not-found' && view ? hiddenBy(view) : undefined;
  if (!row || row.type !== type || row.id !== id) return undefined;
  return { rule: 'hidden', patients: row.patients, consents: permission?.refusing?.(row.patients) ?? [] };
}

/** What is told of a refusal, of an operation and of a write by criteria, beside what every event says. */
export function askedTold(
  { operations }: Pick<Engine, 'operations'>,
  target: Target,
  hasData: boolean,
  refusal: RefusalTold | undefined,
): Pick<AuditRecord, 'asks' | 'operation' | 'dataType' | 'consents'> | undefined {
  const { operation, type } = target;
  const isOperation = operation !== undefined && operations.has(operation);
  if (!refusal && !isOperation && !isByCriteria(target)) return undefined;
  return {
    asks: true,
    ...(isOperation ? { operation } : {}),
    ...(!hasData && type !== undefined && (refusal || !isOperation) ? { dataType: type } : {}),
    ...(refusal?.consents ? { consents: refusal.consents } : {}),
  };
}

/** Bytes of a request in the trail. */
const LONGEST_REQUEST = 8192;
const MARK = '\u2026';

/** Method and address as asked, with the names of what an operation was given; of strangers the path alone. */
export function questionTold(
  { operations }: Pick<Engine, 'operations'>,
  request: string,
  target: Target | Interaction,
  error: FhirError | undefined,
): string {
  if (error?.kind === 'unauthenticated') return cut(/^[^?\n]*/.exec(request)![0]);
  return cut(target.kind === 'operation' ? request + namesGiven(operations, target) : request);
}

function cut(request: string): string {
  // No character has more than three bytes a unit.
  if (request.length * 3 <= LONGEST_REQUEST || Buffer.byteLength(request) <= LONGEST_REQUEST) return request;
  const kept = Buffer.from(request).subarray(0, LONGEST_REQUEST - Buffer.byteLength(MARK));
  return new TextDecoder().decode(kept).replace(/\ufffd+$/, '') + MARK;
}

/** Of the parameters in a body those that the operation knows: any other name may say something. */
function namesGiven(operations: Engine['operations'], target: Target | Interaction): string {
  const operation = 'operation' in target ? operations.get(target.operation ?? '') : undefined;
  const resource = 'body' in target && target.body && 'resource' in target.body ? target.body.resource : undefined;
  if (!operation || !resource) return '';
  const given = Array.isArray(resource['parameter']) ? resource['parameter'] : [];
  const names = new Set(given.flatMap(each => (isObject(each) ? (each['name'] ?? []) : [])));
  const known = operation.parameters.flatMap(({ name }) => (names.has(name) ? name : []));
  return known.length > 0 ? `\n\n${known.join('&')}` : '';
}
