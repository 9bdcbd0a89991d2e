/**
 * What a client wants, as plain data, in the specification's words (https://hl7.org/fhir/R4/http.html). It drives
 * dispatch, the access decision, the audit event, /metadata, the metric label and the log line. HTTP, the command
 * line and jobs all make Interactions; only `perform` runs them.
 */
import type { Disclosure } from '../audit/disclosure.js';
import type { AuditDetail, AuditSubtype } from '../audit/event.js';
import type { AuditPattern } from '../audit/patterns.js';
import type { FhirError, Issue } from '../fhir/error.js';
import type { Lifted } from '../fhir/json/base64.js';
import type { Decimals, Json, Parsed } from '../fhir/resource.js';
import type { Happening } from '../identity/happening.js';
import type { Absence, BlobLink, BlobRange, Blobs, Change, Commit, OutboxMessage } from '../store/store.js';
import type { Text } from '../fhir/content/holes.js';

/** Name and value of each parameter, decoded, in order of appearance. */
export type Parameters = readonly (readonly [name: string, value: string])[];

/** How a single resource is to be shown: https://hl7.org/fhir/R4/search.html#summary */
export interface View {
  readonly summary?: string;
  readonly elements?: readonly string[];
}

/** A raw upload to Binary. */
export interface RawBody {
  readonly contentType: string;
  /** Streams the bytes into the store, once: a second call gives the first one's answer. */
  save(blobs: Blobs, maxBytes: number): Promise<{ readonly hash: string; readonly size: number }>;
  /** Of one that was sent as a resource: that is read, its bytes go into the store as they come. Once, as `save`. */
  readResource?(blobs: Blobs, maxBytes: number): Promise<Parsed>;
  readonly securityContext?: string;
  /** The sender wants the resource back. */
  readonly represent?: true;
}

/** A body as it was sent, for an operation whose answer is what is wrong with it. */
export interface SentBody {
  readonly format: 'json' | 'xml';
  readonly text: string;
  /** Why no resource could be read from it. */
  readonly faults?: readonly Issue[];
}

interface ReadOfOne {
  readonly type: string;
  readonly id: string;
  readonly view?: View;
  /** Versions of If-None-Match. */
  readonly ifNoneMatch?: readonly string[];
  /** ms, from If-Modified-Since. */
  readonly ifModifiedSince?: number;
  /** Media types that are accepted, best first, where the bytes of a Binary may be preferred to the resource. */
  readonly content?: readonly string[];
  /** Those bytes may be shown by a browser, where their type is harmless. */
  readonly inline?: true;
}

/** The resource that is meant: by its id, or by a query that exactly one may match (conditional interactions). */
interface Addressed {
  readonly type: string;
  readonly id?: string;
  /** Where there is no id, or beside it: then it must match no other. */
  readonly criteria?: Parameters;
  /** Versions of If-Match, one of which must be there; `*`: any. */
  readonly ifMatch?: readonly string[];
}

/** https://hl7.org/fhir/R4/http.html#patch */
export type Patch =
  /** https://www.rfc-editor.org/rfc/rfc6902; only known to be JSON. */
  | { readonly form: 'json'; readonly operations: Json; readonly decimals?: Decimals; readonly large?: true }
  /** https://hl7.org/fhir/R4/fhirpatch.html; only known to be a resource. */
  | { readonly form: 'fhirpath'; readonly parameters: Parsed };

/** https://hl7.org/fhir/R4/http.html#transaction */
interface Bundled {
  /** In the order of the Bundle. */
  readonly entries: readonly Entry[];
  /** Prefer: return= of what the entries write; default minimal. */
  readonly prefer?: string;
  /** Bundle.meta.profile. */
  readonly profiles?: readonly string[];
}

/** One entry of a batch or transaction. */
export interface Entry {
  /** Names the resource for the other entries: `urn:uuid:…`, `urn:oid:…` or its address elsewhere. */
  readonly fullUrl?: string;
  /** Method and URL as given, for the audit event of a query. */
  readonly request: string;
  /** What it asks for, or why that cannot be understood. */
  readonly ask: Interaction | { readonly target: Target | undefined; readonly error: FhirError };
}

export type Interaction =
  | { readonly kind: 'capabilities'; readonly view?: View; readonly mode?: 'terminology' }
  | (ReadOfOne & { readonly kind: 'read' })
  | (ReadOfOne & { readonly kind: 'vread'; readonly version: string })
  | {
      readonly kind: 'history';
      readonly type?: string;
      readonly id?: string;
      readonly parameters: Parameters;
      readonly lenient: boolean;
    }
  | {
      readonly kind: 'search';
      /** Undefined: all types, or those of the compartment. */
      readonly type?: string;
      readonly compartment?: Compartment;
      readonly parameters: Parameters;
      readonly lenient: boolean;
    }
  | {
      readonly kind: 'create';
      readonly type: string;
      readonly body: Parsed | RawBody;
      /** Query of If-None-Exist: only if nothing matches. */
      readonly ifNoneExist?: Parameters;
      /** The id that it gets, where others know it beforehand: entries of a transaction that refer to it. */
      readonly id?: string;
    }
  | (Addressed & {
      readonly kind: 'update';
      readonly body: Parsed | RawBody;
      /** `If-None-Match: *`: only if nothing is there. */
      readonly onlyCreate?: true;
    })
  | (Addressed & { readonly kind: 'patch'; readonly patch: Patch })
  | (Addressed & {
      readonly kind: 'delete';
      /** What refers to it goes, too. */
      readonly cascade?: true;
    })
  | (Bundled & { readonly kind: 'batch' })
  | (Bundled & { readonly kind: 'transaction' })
  | {
      /** https://hl7.org/fhir/R4/operations.html */
      readonly kind: 'operation';
      /** Without the dollar sign. */
      readonly operation: string;
      readonly type?: string;
      readonly id?: string;
      /** One version of the resource. */
      readonly version?: string;
      /** Versions of If-Match, for what changes the resource. */
      readonly ifMatch?: readonly string[];
      /** Asked by GET: it may change nothing. */
      readonly safe: boolean;
      /** `Prefer: respond-async`: what may be long may be done later. */
      readonly later?: true;
      /** Of an operation that takes a file. */
      readonly upload?: RawBody;
      /** Of the URL. */
      readonly parameters: Parameters;
      readonly lenient: boolean;
      /** Of a POST that has one: a Parameters resource, or what stands for it. */
      readonly body?: Parsed;
      /** Of an operation that judges its body itself. */
      readonly sent?: SentBody;
      /** Accept-Language. */
      readonly language?: string;
      /** The media type that is preferred to FHIR's, of those that the operation has. */
      readonly form?: string;
    };

export type InteractionKind = Interaction['kind'];
export type Of<K extends InteractionKind> = Extract<Interaction, { kind: K }>;

/** A resource and what belongs to it: https://hl7.org/fhir/R4/compartmentdefinition.html */
export interface Compartment {
  readonly type: string;
  readonly id: string;
}

/** What the interaction is about, known before its body was read: for audit and log. */
export interface Target {
  readonly kind: InteractionKind;
  readonly type?: string;
  readonly id?: string;
  readonly compartment?: Compartment;
  /** Code of an operation. */
  readonly operation?: string;
  /** Criteria that say which resource is meant, or that there are some: whoever gives them searches. */
  readonly criteria?: Parameters | true;
  readonly ifNoneExist?: Parameters | true;
}

/** The bytes of a Binary under their own type: https://hl7.org/fhir/R4/binary.html#rest */
export interface RawContent {
  readonly contentType: string;
  /** Bytes. */
  readonly size: number;
  /** SHA-256, lower-case hex. */
  readonly hash: string;
  /** What a file with these bytes may be called: letters, digits, `-` and `.` alone. */
  readonly fileName: string;
  /** They may be shown where they are, instead of being saved. */
  readonly inline: boolean;
  /** They must not be passed on without consent (response/redisclosure.ts). */
  readonly isUnderNotice?: boolean;
  /** All of them, or those of the range. Throws `blob-damaged` where they are not what was stored. */
  open(range?: BlobRange): Promise<AsyncIterable<Buffer>>;
}

/** For people and their browsers. */
export interface ShownPage {
  /** HTML in UTF-8. */
  readonly html: Buffer;
  /** Content-Security-Policy under which it may be shown. */
  readonly policy: string;
}

/** An answer that is no resource and is written piece by piece, for people and their programs. */
export interface WrittenFile {
  readonly contentType: string;
  /** Letters, digits, `-` and `.` alone. */
  readonly fileName: string;
  /** Content-Security-Policy under which a browser may show it; absent: it is to be saved. */
  readonly policy?: string;
  readonly bytes: AsyncIterable<Buffer>;
}

/** The answer, independent of HTTP and of the format. */
export interface Result extends Partial<Text> {
  readonly status: number;
  /** The resource piece by piece, instead of `text`, where it may be too large to be held. */
  readonly stream?: AsyncIterable<Text>;
  /** Bytes of a Binary, instead of the resource. */
  readonly binary?: RawContent;
  /** A page that the server has made, instead of a resource. */
  readonly page?: ShownPage;
  /** A file that is made while it is sent, instead of a resource. */
  readonly file?: WrittenFile;
  readonly version?: { readonly version: number; readonly updated: number };
  /** Relative to the base: `Patient/1/_history/2`. */
  readonly location?: string;
  /** Of work that is done later: how it is, and where that is said. */
  readonly later?: LaterAnswer;
  /** The one resource that the interaction touched, if it was one. */
  readonly subject?: { readonly type: string; readonly id: string; readonly version: number };
  /** Ids of the patients whose data was touched. */
  readonly patients: readonly string[];
  /** Of a later page: what the first one was asked by, in place of its address. */
  readonly asked?: Parameters;
  /** Of a write: the resource was like that already, and no version was made. */
  readonly unchanged?: true;
  /** Warnings beside a success; told where an OperationOutcome is. */
  readonly issues?: readonly Issue[];
  /** What validation found in what was written; told where an OperationOutcome is preferred, and nowhere else. */
  readonly findings?: readonly Issue[];
}

/** https://hl7.org/fhir/R4/async.html */
export interface LaterAnswer {
  /** Address of the status, relative to the base. */
  readonly at?: string;
  readonly progress?: string;
  /** Seconds. */
  readonly retryAfter?: number;
  /** ms since 1970: how long the answer is there. */
  readonly expires?: number;
}

/** A write that goes with another one: decided, prepared and recorded like any, and committed with it or not at all. */
export type Companion =
  | Of<'patch' | 'delete'>
  /** `own`: the server does it on its own account, as it keeps where bytes come from; whoever writes needs no right to such resources. */
  | (Of<'create' | 'update'> & { readonly own?: true })
  | (Of<'operation'> & { readonly operation: 'purge'; readonly own?: true });

/** A companion, and whose hook asks for it. */
export interface OwnedCompanion {
  readonly owner: string;
  readonly ask: Companion;
}

/** What hooks want to be committed with a write. */
export interface Accompaniment {
  readonly companions: readonly OwnedCompanion[];
  readonly messages: readonly OutboxMessage[];
  readonly mustNotMatch: readonly Absence[];
}

/** Something done, to be recorded. */
export interface RecordedPart {
  readonly target: Target;
  readonly result: Result;
  /** The feature that did it for the principal; absent: as the context says. */
  readonly agent?: string;
  /** Method and URL; absent: those of the context. */
  readonly request?: string;
  /** What it is a part of, as a profile calls it; absent: as it is called by itself. */
  readonly subtype?: AuditSubtype | undefined;
  /** Another form of its event than that of the interaction. */
  readonly pattern?: AuditPattern;
  /** What its event says beside, of the resource that it is about. */
  readonly details?: readonly AuditDetail[];
  /** It is a disclosure, whose event has this id. */
  readonly disclosed?: { readonly id: string; readonly disclosure: Disclosure };
  /** It is no interaction. */
  readonly happened?: Happening;
}

/** What an interaction's file gives back: the answer, and what must be committed before it may be given. */
/** A change whose attachments are not in the store yet: they are when everything that could refuse it has been asked. */
export interface PendingChange extends Change {
  readonly attachments?: readonly PendingBytes[];
  /** Of a companion that is the server's own. */
  readonly own?: true;
}

/** Bytes that are to be stored, or are. */
export type PendingBytes = Lifted | BlobLink;

export interface Outcome extends Pick<Commit, 'mustNotMatch' | 'mustExist' | 'messages'> {
  readonly result: Result;
  readonly changes?: readonly PendingChange[];
  /** What is recorded instead of the interaction itself, each by events of its own: entries of a transaction, what a cascade deletes. */
  readonly recordedParts?: readonly RecordedPart[];
  /** What refers to its deletions goes with them: what does not has come meanwhile, and is met by running again. */
  readonly cascades?: true;
  /** Which entry of a transaction a change is from, by `Type/id`: for what is said of it. */
  readonly entries?: ReadonlyMap<string, number>;
  /** What hooks want to be committed with it: `perform` makes one outcome of all. */
  readonly accompaniment?: Accompaniment | undefined;
  /** Completes the answer once the changes are durable. `warnings`: what was found about the changes as a whole. */
  readonly complete?: (warnings?: readonly Issue[]) => Promise<Result>;
}
