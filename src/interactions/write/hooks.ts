/**
 * What writes mean to the server and to its features, beyond being kept: hooks, several for a type or for all types, in one order
 * that is stated where they are composed. main.ts composes them; run-hooks.ts runs them; a type without hooks costs one look-up.
 *
 * The moments of a write, in their order:
 * - `meant`: an update whose body may stand for a patch;
 * - `bundle`: a whole transaction, when every entry may be done and before any of them runs;
 * - `bytes`: what an upload or an attachment holds, before it is stored;
 * - `prepare`: a valid resource, before it is stamped. It may be changed, and other writes (companions.ts) and messages may go with it;
 * - `check`: what will be stored, against what it replaces; when somebody else was faster, it is asked again;
 * - `messages`: what the outbox gets with the commit, from the server itself;
 * - `committed`: the changes are durable. Too late to refuse anything: for what is kept in memory.
 *
 * A hook refuses a write by throwing a FhirError. One that throws anything else, gives what it must not give, or takes longer than
 * its patience fails the write with a `fault`, and the log names whose hook it was.
 */
import type { AuditSubtype } from '../../audit/event.js';
import type { StoreView } from '../../access/view.js';
import type { FhirError, Issue } from '../../fhir/error.js';
import type { Json, JsonObject, Resource } from '../../fhir/resource.js';
import type { Principal } from '../../identity/principal.js';
import type { JobRunner } from '../../jobs/runner.js';
import type { Change, OutboxMessage, Version } from '../../store/store.js';
import type { Companion, Interaction, InteractionKind, Parameters, Patch } from '../interaction.js';

/** What hooks may ask of what there is. What they read is no condition of the commit. */
export interface HookGround {
  /** What this principal may see. */
  readonly view: StoreView;
  /** Current resources, whoever may see them: for what is written on the server's own account (`own`). Nothing of it is told to whoever asks. */
  readonly whole: (type: string, id: string) => Promise<Version | undefined>;
  /** Current resources that match, as the principal sees them, `limit` of them at most. Throws what criteria of a conditional write throw. */
  readonly find: (type: string, criteria: Parameters, limit: number) => Promise<readonly Version[]>;
  /** The same, whoever may see them, as of `whole`. */
  readonly findWhole: (type: string, criteria: Parameters, limit: number) => Promise<readonly Version[]>;
  /** The bytes of a Binary that the principal may read, or that is written in the same commit; undefined: there is none. */
  readonly binary: (id: string) => Promise<HeldBinary | undefined>;
  /** Waits until so many bytes may be in memory, until the request is answered; once for each request. Throws `throttled`. */
  readonly room: (bytes: number) => Promise<void>;
  /** Stands for the commit that this goes into, of which there is one for each try: what a WeakMap keeps by it ends with it. */
  readonly commit: object;
  /** The request that this is part of, as log and audit trail have it, and the network address of the client. */
  readonly requestId: string;
  readonly address: string;
}

/** Bytes that a Binary holds. */
export interface HeldBinary {
  readonly contentType: string;
  /** Of the bytes, in hexadecimal digits: equal bytes have equal ones. Of bytes that are not stored yet there is none. */
  readonly sha256?: string;
  readonly size: number;
  /** Once. */
  readonly bytes: AsyncIterable<Buffer>;
}

/** One write of one resource, as hooks see it. */
export interface HookedWrite extends HookGround {
  /** What the client asked for; of a companion, what the feature did. */
  readonly interaction: InteractionKind;
  readonly principal: Principal;
  /** The feature that acts for the principal; undefined: they ask themselves. */
  readonly agent?: string | undefined;
  readonly type: string;
  readonly id: string;
  /** What is replaced, without its attachments; a tombstone has no text. Undefined: nothing had the id. */
  readonly before: Version | undefined;
  /** Valid R4, before id, version and kept labels are put into it. An upload to Binary has no data. Undefined: it is deleted. */
  readonly resource: Resource | undefined;
  /** What it is a part of, as a profile calls it. */
  readonly partOf?: AuditSubtype | undefined;
  /** What another entry of the same transaction does with a resource, its references rewritten; undefined: none writes it. */
  readonly beside: (type: string, id: string) => Interaction | undefined;
}

/** Whether all versions of it are erased ($purge): administrators do so where a court orders it, whatever a feature keeps. */
export const isPurge = ({ interaction, resource }: Pick<HookedWrite, 'interaction' | 'resource'>): boolean =>
  interaction === 'operation' && resource === undefined;

/** A whole transaction, as hooks see it. */
export interface HookedBundle extends HookGround {
  readonly principal: Principal;
  /** Bundle.meta.profile. */
  readonly profiles: readonly string[];
  /** In the order of the Bundle; their resources have not been validated yet. */
  readonly entries: readonly HookedEntry[];
}

export interface HookedEntry {
  readonly fullUrl?: string;
  readonly ask: Interaction;
}

/** What `prepare` wants. */
export interface Preparation {
  /** What is written instead; it must be valid, too. */
  readonly resource?: Resource;
  readonly companions?: readonly Companion[];
  /** For the outbox: they are committed with the write, and never without it. Whoever handles a topic takes them off. */
  readonly messages?: readonly OutboxMessage[];
  /**
   * What no resource may match when it is committed, so that two who ask for the same exclude each other: the second is asked again. It is
   * asked of all there is; where the principal may not see what matches, the write is refused with `conflict`, which should tell nothing of it.
   */
  readonly absent?: readonly { readonly type: string; readonly criteria: Parameters; readonly conflict?: FhirError }[];
  /** What is told of a write that is done, where an OperationOutcome is preferred. */
  readonly warnings?: readonly Issue[];
}

/** What `bundle` wants: resources that entries bring along instead of what was sent, and what must be absent when all is committed. */
export interface BundlePreparation extends Pick<Preparation, 'absent'> {
  readonly entries?: readonly { readonly at: number; readonly resource: Resource }[];
  /** What a profile calls the whole: its entries are recorded as parts of it, and the one at `at` as what stands for all of it. */
  readonly recorded?: {
    readonly as: AuditSubtype;
    readonly at: number;
    readonly dataRole: NonNullable<AuditSubtype['dataRole']>;
  };
}

type Soon<T> = T | Promise<T>;

export type WakingJobs = Pick<JobRunner, 'amend'>;

type PassBytes = (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<Buffer>;

/** What a feature does about writes. */
export interface FeatureHook {
  /** What it is for; absent: all types. A `bundle` hook sees every transaction. */
  readonly types?: readonly string[];
  /** ms that each of its answers may take, where it has to wait for something; default 5,000. */
  readonly patience?: number;
  /** What the body of an update means that is no whole resource: the patch that is made instead. Nothing is known of the body yet. */
  meant?(body: Resource): Patch | undefined;
  /** `write.resource` is a copy that it may change and give back; of a deletion it gives companions and messages alone. */
  prepare?(write: HookedWrite): Soon<Preparation | undefined>;
  check?(write: HookedWrite): Soon<void>;
  /**
   * Whether this stored resource, of its types, must not be labelled more either but by whoever keeps privacy: who is to see it would no longer see it. `text`:
   * of the version that is replaced.
   */
  staysAsLabelled?(id: string, text: Buffer): boolean;
  bundle?(bundle: HookedBundle): Soon<BundlePreparation | void>;
  /**
   * Bytes of an upload, or of what stands inline, on their way into the store: it passes them on as they are, and throws a FhirError to refuse
   * them, after the last of them at the latest. No type is known of them.
   */
  bytes?: PassBytes;
  /** `jobs`: to wake one of its own that never ends (`amend`). */
  committed?(changes: readonly Change[], jobs: WakingJobs): Soon<void>;
}

/** Who writes, and from where. */
export type MetaGround = Pick<HookedWrite, 'principal' | 'address'>;

/** What the server itself does about them. */
export interface Hook extends FeatureHook {
  /** What meta says beside version and time, instead of what the client sends: without the second validation that `prepare` needs; undefined: the same. */
  meta?(meta: Json | undefined, resource: Resource, by: MetaGround): JsonObject | undefined;
  /** Messages that are committed with the changes; whoever sends them takes them off the outbox. */
  messages?(changes: readonly Change[]): readonly OutboxMessage[];
}

/** A hook, and whose it is. */
export interface OwnedHook {
  readonly owner: string;
  readonly hook: Hook;
}

export interface Hooks {
  /** Types without hooks are not in it. */
  readonly byType: ReadonlyMap<string, readonly OwnedHook[]>;
  readonly bundle: readonly OwnedHook[];
  readonly bytes: readonly PassBytes[];
}

const OF_TYPES = ['meant', 'prepare', 'check', 'meta', 'messages', 'committed'] as const;

/** The hooks of an engine: they run in the order given. */
export function composeHooks(given: readonly OwnedHook[], resourceTypes: readonly string[]): Hooks {
  const byType = new Map<string, OwnedHook[]>();
  for (const owned of given) {
    const { hook } = owned;
    if (OF_TYPES.every(moment => hook[moment] === undefined)) continue;
    for (const type of hook.types ?? resourceTypes) byType.set(type, [...(byType.get(type) ?? []), owned]);
  }
  return {
    byType,
    bundle: given.filter(({ hook }) => hook.bundle !== undefined),
    bytes: given.flatMap(({ hook }) => hook.bytes ?? []),
  };
}
