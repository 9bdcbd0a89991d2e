/**
 * What there is to know of each kind of interaction beside how it runs: one table, from which follow routes, the access
 * decision, the order in a transaction, the audit event and /metadata. A member that is added to `Interaction` does not
 * compile before it has its row here, its line in `runAdmitted` (perform.ts) and its reader in `READERS` (http/request.ts); the
 * linter asks for the others (`turnOf`, `resourceIn`, `criteriaOf`, `assignIdentity`), because no switch over a kind may leave one out.
 */
import type { Ask } from '../access/decide.js';
import type { AuditPattern } from '../audit/patterns.js';
import type { FhirError } from '../fhir/error.js';
import type { Letter } from '../identity/principal.js';
import type { InteractionKind, Target } from './interaction.js';
import type { OperationOffer } from './operations/operation.js';

/** What becomes of resources: nothing; one is added to those that are there; what is there is changed or deleted. */
export type Effect = 'reads' | 'adds' | 'changes';

export interface InteractionRow {
  /** Of an operation, what its OperationDefinition says (operations/operation.ts). */
  readonly effect: Effect;
  /** The letter that a role must have for the type; `r` without an id is `s`. Absent: nothing, or what an operation needs. */
  readonly needs?: Letter;
  /**
   * Methods and addresses that ask for it: T a type, I an id, V a version; GET stands for HEAD, too. `T/I/…` with a search: a
   * compartment. Of operations they follow from the table of operations; a batch is told from a transaction by its Bundle.
   */
  readonly addresses: readonly `${HttpMethod} ${string}`[];
  /** Codes of http://hl7.org/fhir/restful-interaction, by what is meant, as /metadata lists them: R4 has no others. */
  readonly codes: {
    readonly instance?: 'read' | 'vread' | 'update' | 'patch' | 'delete' | 'history-instance';
    readonly type?: 'create' | 'search-type' | 'history-type';
    readonly system?: 'transaction' | 'batch' | 'search-system' | 'history-system';
  };
  /** Audit events have this form; absent: it is not recorded. */
  readonly audit?: AuditPattern;
  /** Its turn among the entries of a Bundle (https://hl7.org/fhir/R4/http.html#trules). */
  readonly order: EntryOrder;
  /** `Prefer: return=` says what comes back. */
  readonly obeysReturn: boolean;
}

/** Deletes, then what makes something, then what changes something, then what only reads. */
export type EntryOrder = 0 | 1 | 2 | 3;
export const LAST_ENTRIES = 3;

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

const READING = { effect: 'reads', order: LAST_ENTRIES, obeysReturn: false } as const;
const CHANGES = { effect: 'changes', needs: 'u', order: 2, obeysReturn: true } as const;
/** Its entries are decided and recorded one by one. */
const BUNDLE = { audit: 'operation', order: LAST_ENTRIES, obeysReturn: false } as const;

export const INTERACTIONS: Readonly<Record<InteractionKind, InteractionRow>> = {
  capabilities: { ...READING, addresses: ['GET metadata'], codes: {} },
  read: { ...READING, needs: 'r', addresses: ['GET T/I'], codes: { instance: 'read' }, audit: 'read' },
  vread: { ...READING, needs: 'r', addresses: ['GET T/I/_history/V'], codes: { instance: 'vread' }, audit: 'read' },
  update: { ...CHANGES, addresses: ['PUT T', 'PUT T/I'], codes: { instance: 'update' }, audit: 'update' },
  patch: { ...CHANGES, addresses: ['PATCH T', 'PATCH T/I'], codes: { instance: 'patch' }, audit: 'update' },
  delete: {
    ...CHANGES,
    needs: 'd',
    order: 0,
    addresses: ['DELETE T', 'DELETE T/I'],
    codes: { instance: 'delete' },
    audit: 'delete',
  },
  history: {
    ...READING,
    needs: 'r',
    addresses: ['GET _history', 'GET T/_history', 'GET T/I/_history'],
    codes: { instance: 'history-instance', type: 'history-type', system: 'history-system' },
    audit: 'history',
  },
  create: {
    effect: 'adds',
    needs: 'c',
    order: 1,
    obeysReturn: true,
    addresses: ['POST T'],
    codes: { type: 'create' },
    audit: 'create',
  },
  search: {
    ...READING,
    needs: 's',
    addresses: [
      'GET ',
      'GET T',
      'GET T/I/*',
      'GET T/I/T',
      // By GET the parameters are in the address, as some clients send them.
      ...(['_search', 'T/_search', 'T/I/_search', 'T/I/T/_search'] as const).flatMap(
        path => [`GET ${path}`, `POST ${path}`] as const,
      ),
    ],
    codes: { type: 'search-type', system: 'search-system' },
    audit: 'query',
  },
  transaction: { ...BUNDLE, effect: 'changes', addresses: ['POST '], codes: { system: 'transaction' } },
  batch: { ...BUNDLE, effect: 'reads', addresses: [], codes: { system: 'batch' } },
  operation: {
    effect: 'changes',
    order: 1,
    obeysReturn: false,
    addresses: [],
    codes: {},
    audit: 'operation',
  },
};

/** What may make changes by itself. */
export const isWriting = (kind: InteractionKind): boolean => INTERACTIONS[kind].effect !== 'reads';

/** Of an operation, what a decision about it rests on. */
interface AskedOperation extends Pick<OperationOffer, 'effect'> {
  readonly needsNothing?: true;
}

/** What a decision about a target rests on. `operation`: the one that it names, where there is one by this name. */
export function askOf(target: Target, operation?: AskedOperation): Ask {
  const { kind, type, id, operation: code } = target;
  const searches = isByCriteria(target);
  if (kind !== 'operation') {
    const { needs } = INTERACTIONS[kind];
    return { type, needs: needs === 'r' && id === undefined ? 's' : needs, searches };
  }
  if (operation?.needsNothing) return { type, operation: code ?? '', searches };
  const reading = id === undefined ? 's' : 'r';
  const needs = type === undefined ? undefined : operation?.effect === 'reads' ? reading : 'u';
  const whole = type === undefined && operation?.effect !== 'reads';
  return { type, needs, operation: code ?? '', searches, ...(whole ? { whole } : {}) };
}

/** Criteria say which resource is meant: whoever gives them searches. */
export const isByCriteria = ({ criteria, ifNoneExist }: Target): boolean =>
  criteria !== undefined || ifNoneExist !== undefined;

/** Code of http://hl7.org/fhir/restful-interaction. */
export function restfulCode({ kind, type, id }: Target): string {
  const { codes } = INTERACTIONS[kind];
  return (id && codes.instance) || (type && codes.type) || codes.system || kind;
}

const BY_METHOD: Readonly<Record<string, InteractionKind>> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** What a request that means nothing here looks like, so that it is recorded. */
export const strayTarget = (method: string, error: FhirError): Target => ({
  kind: error.issues[0]?.detail === 'unknown-operation' ? 'operation' : (BY_METHOD[method] ?? 'read'),
});
