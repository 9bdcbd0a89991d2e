/**
 * What there is to know of each kind of interaction beside how it runs: one table, from which follow routes, the access
 * decision, the order in a transaction, the audit event and /metadata. A member that is added to `Interaction` does not
 * compile before it has its row here, its line in `runAdmitted` (perform.ts) and its reader in `READERS` (http/request.ts); the
 * linter asks for the others (`turnOf`, `resourceIn`, `criteriaOf`, `assignIdentity`), because no switch over a kind may leave one out.
 */
import type { Ask } from '../access/decide.js';
import type { AuditPattern } from '../audit/event.js';
import type { InteractionKind, Target } from './interaction.js';

/** `role` and `effect`: what the access decision rests on; of an operation they are its own (operations/operation.ts). */
export interface InteractionRow extends Pick<Ask, 'role' | 'effect'> {
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

const READING = { role: 'reader', effect: 'reads', order: LAST_ENTRIES, obeysReturn: false } as const;
const CHANGES = { role: 'writer', effect: 'changes', order: 2, obeysReturn: true } as const;
/** Its entries are decided and recorded one by one. */
const BUNDLE = { role: 'reader', audit: 'operation', order: LAST_ENTRIES, obeysReturn: false } as const;

export const INTERACTIONS: Readonly<Record<InteractionKind, InteractionRow>> = {
  capabilities: { ...READING, addresses: ['GET metadata'], codes: {} },
  read: { ...READING, addresses: ['GET T/I'], codes: { instance: 'read' }, audit: 'read' },
  vread: { ...READING, addresses: ['GET T/I/_history/V'], codes: { instance: 'vread' }, audit: 'read' },
  update: { ...CHANGES, addresses: ['PUT T', 'PUT T/I'], codes: { instance: 'update' }, audit: 'update' },
  patch: { ...CHANGES, addresses: ['PATCH T', 'PATCH T/I'], codes: { instance: 'patch' }, audit: 'update' },
  delete: {
    ...CHANGES,
    order: 0,
    addresses: ['DELETE T', 'DELETE T/I'],
    codes: { instance: 'delete' },
    audit: 'delete',
  },
  history: {
    ...READING,
    addresses: ['GET _history', 'GET T/_history', 'GET T/I/_history'],
    codes: { instance: 'history-instance', type: 'history-type', system: 'history-system' },
    audit: 'history',
  },
  create: {
    role: 'writer',
    effect: 'adds',
    order: 1,
    obeysReturn: true,
    addresses: ['POST T'],
    codes: { type: 'create' },
    audit: 'create',
  },
  search: {
    ...READING,
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
    role: 'admin',
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

/** Code of http://hl7.org/fhir/restful-interaction. */
export function restfulCode({ kind, type, id }: Target): string {
  const { codes } = INTERACTIONS[kind];
  return (id && codes.instance) || (type && codes.type) || codes.system || kind;
}
