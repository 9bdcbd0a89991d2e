/**
 * A queue that writes in groups. What has gathered while the last group was under way goes as the next one; no timer. In
 * a group there is at most one change per resource, uniqueness key and acknowledged message, and later commits never overtake earlier ones that
 * touch the same.
 *
 * A member that meets a document which another transaction holds steps aside, and from then on goes alone. The holder may
 * be a process that was killed: MongoDB keeps its transaction for a minute, and nobody else shall wait for that.
 */
import { FhirError } from '../../fhir/error.js';
import { realTimeout } from '../../platform/real-time.js';
import { encodeId } from '../codec.js';
import type { Change, Commit, Version } from '../store.js';
import type { ResourceDocument, WordDocument } from './schema.js';

const MAX_GROUP_CHANGES = 32;
/** They are kept together, so that they cost little. */
const MAX_GROUP_DEEDS = 1000;
/** Bytes of text in one group. A single commit may be larger. */
const MAX_GROUP_BYTES = 8_000_000;
/** More commits than this do not wait: the store is busy. */
const MAX_WAITING = 10_000;
/** Until a member that stepped aside tries again. */
const HELD_PAUSE_MS = 200;

/** Its numbers are set when it is written. */
export type NumberedLater = Omit<ResourceDocument, 'n' | 'o'> & { n: number; o: number | undefined };

/** A change ready to be written, all but for its creation number. */
export interface PreparedChange {
  readonly change: Change;
  readonly _id: string;
  readonly document: NumberedLater;
  /** Undefined: full text search does not find it. */
  readonly words: WordDocument | undefined;
}

export interface GroupMember {
  readonly commit: Commit;
  readonly prepared: readonly PreparedChange[];
  /** Resources, uniqueness keys and messages: two members of one group share none. */
  readonly touches: readonly string[];
  /** Resources that must be there: members of one group share them, and none touches them. */
  readonly requiredIds: readonly string[];
  readonly bytes: number;
  /** When it was added, by `performance.now()`. */
  readonly since: number;
  /** Waiting to retry: a document was locked by another transaction. It goes alone then. */
  held: boolean;
  readonly resolve: () => void;
  readonly reject: (error: FhirError) => void;
}

export interface CommitQueue {
  add(commit: Commit, prepared: readonly PreparedChange[]): Promise<void>;
}

export const conflict = (message: string): FhirError => new FhirError('conflict', message);
export const changedMeanwhile = ({ type, id }: Version) =>
  conflict(`${type}/${id} was created, changed or deleted meanwhile. Read it and try again.`);

/** What became of a group. Every member is settled, but for those who step aside. */
export interface GroupOutcome {
  readonly written: readonly GroupMember[];
  readonly held?: readonly GroupMember[];
  /** The store is away. */
  readonly away?: FhirError;
}

/** What a commit touches and requires, which decides with whom it can be written. */
const demandsOf = (commit: Commit, prepared: readonly PreparedChange[]) => ({
  commit,
  prepared,
  touches: [
    ...prepared.map(({ _id }) => _id),
    ...(commit.mustNotMatch ?? []).map(({ uniquenessKey }) => `\u0001${uniquenessKey}`),
    ...(commit.acknowledges ?? []).map(sequence => `\u0002${sequence}`),
  ],
  requiredIds: (commit.mustExist ?? []).map(({ type, id }) => encodeId(type, id)),
  bytes: prepared.reduce((sum, { change }) => sum + (change.text?.length ?? 0), 0),
});

/** Each once. */
export const acknowledgedBy = (members: readonly Pick<GroupMember, 'commit'>[]): readonly number[] => [
  ...new Set(members.flatMap(({ commit }) => commit.acknowledges ?? [])),
];

/** The longest-waiting members that fit together. What a member left behind touches is closed to later ones. */
function takeGroup(waiting: readonly GroupMember[]): { readonly group: GroupMember[]; readonly rest: GroupMember[] } {
  const group: GroupMember[] = [];
  const rest: GroupMember[] = [];
  const touched = new Set<string>();
  const required = new Set<string>();
  let changes = 0;
  let deeds = 0;
  let bytes = 0;
  for (const member of waiting) {
    const { deeds: done = [] } = member.commit;
    const fits =
      group.length === 0 ||
      (!member.held &&
        !group[0]!.held &&
        changes + member.prepared.length <= MAX_GROUP_CHANGES &&
        deeds + done.length <= MAX_GROUP_DEEDS &&
        bytes + member.bytes <= MAX_GROUP_BYTES &&
        !member.touches.some(key => touched.has(key) || required.has(key)) &&
        !member.requiredIds.some(key => touched.has(key)));
    for (const key of member.touches) touched.add(key);
    for (const key of member.requiredIds) required.add(key);
    if (!fits) {
      rest.push(member);
      continue;
    }
    group.push(member);
    changes += member.prepared.length;
    deeds += done.length;
    bytes += member.bytes;
  }
  return { group, rest };
}

/** `write` settles every member that it does not give back as held, and never rejects. */
export function openQueue(write: (members: readonly GroupMember[]) => Promise<GroupOutcome>): CommitQueue {
  let waiting: GroupMember[] = [];
  let running: Promise<void> | undefined;

  /** Who waits to replace what has just been replaced need not ask the server. */
  const refuseStale = (written: readonly GroupMember[]) => {
    if (waiting.length === 0) return;
    const versions = new Map(
      written.flatMap(({ prepared }) => prepared.map(({ _id, change }) => [_id, change.version])),
    );
    waiting = waiting.filter(({ prepared, reject }) => {
      const stale = prepared.find(({ _id, change }) => (change.replaces?.version ?? 0) < (versions.get(_id) ?? 0));
      if (stale) reject(changedMeanwhile(stale.change));
      return !stale;
    });
  };

  const stepAside = (member: GroupMember) => {
    member.held = true;
    realTimeout(HELD_PAUSE_MS, () => {
      waiting.push(member);
      running ??= run();
    });
  };

  const run = async (): Promise<void> => {
    // What the same turn of the event loop brings is one group.
    await new Promise(resolve => setImmediate(resolve));
    while (waiting.length > 0) {
      const { group, rest } = takeGroup(waiting);
      waiting = rest;
      const { written, held = [], away } = await write(group);
      for (const member of held) stepAside(member);
      refuseStale(written);
      if (!away) continue;
      // Nobody waits for an absent server longer than the first who asked.
      for (const { reject } of waiting) reject(away);
      waiting = [];
    }
    running = undefined;
  };

  return {
    add: (commit, prepared) =>
      new Promise((resolve, reject) => {
        if (waiting.length >= MAX_WAITING)
          return reject(new FhirError('unavailable', 'Too many changes wait. Try again.'));
        waiting.push({ since: performance.now(), held: false, resolve, reject, ...demandsOf(commit, prepared) });
        running ??= run();
      }),
  };
}

export function answerMembers(
  members: readonly GroupMember[],
  refused: ReadonlyMap<GroupMember, FhirError>,
): GroupOutcome {
  for (const member of members) {
    const error = refused.get(member);
    if (error) member.reject(error);
    else member.resolve();
  }
  return { written: members.filter(member => !refused.has(member)) };
}
