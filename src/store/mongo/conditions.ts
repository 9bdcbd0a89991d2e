/** What must hold when a group of commits is written, asked and held inside its transaction. */
import type { ClientSession, Filter } from 'mongodb';
import type { FhirError } from '../../fhir/error.js';
import { erasedMeanwhile, newHashes } from '../blobs.js';
import { encodeId } from '../codec.js';
import { acknowledgedMeanwhile } from '../outbox.js';
import type { Absence, Standing, Version } from '../store.js';
import { holdBytes } from './erase-blobs.js';
import type { Connected } from './connection.js';
import { stillPending } from './outbox.js';
import { acknowledgedBy, changedMeanwhile, conflict, type GroupMember } from './queue.js';
import { INDEX, type ResourceDocument } from './schema.js';

/** What a check needs of the store. */
export interface KnownVersions {
  /** What is known of a version that was read as current. */
  rowOf(version: Version): Omit<CurrentRow, 'v'> | undefined;
  /** Whether something matches one of these, as the transaction sees it. */
  matches(absences: readonly Absence[], session: ClientSession): Promise<boolean>;
}

export type Refused = ReadonlyMap<GroupMember, FhirError>;

/**
 * Holds what members need to stay as it is, and tells which of them cannot be written, and why. `current`: what is replaced.
 * `known`: what is known of it already; null: it is read.
 */
export async function checkConditions(
  around: KnownVersions,
  all: Connected,
  members: readonly GroupMember[],
  known: CurrentRows | null,
  session: ClientSession,
): Promise<{ readonly refused: Refused; readonly current: CurrentRows }> {
  const refused = new Map<GroupMember, FhirError>();
  const claims = claimsOf(members);
  if (claims.length > 0)
    await all.claim.insertMany(
      claims.map(_id => ({ _id })),
      { session },
    );
  await refuseMatched(around, members, refused, session);
  const stands = await holdPresent(all.resource, members, session);
  for (const member of members)
    if (!refused.has(member) && !(member.commit.mustExist ?? []).every(stands))
      refused.set(member, conflict('A resource that this leans on was changed or deleted meanwhile.'));
  for (const member of members) {
    const hashes = [...new Set(member.commit.changes.flatMap(newHashes))];
    if (hashes.length > 0 && !refused.has(member) && !(await holdBytes(all, hashes, session)))
      refused.set(member, erasedMeanwhile());
  }
  const current = known ?? (await readReplaced(all.resource, members, session));
  for (const member of members)
    for (const { _id, change } of member.prepared)
      if (change.replaces && current.get(_id)?.v !== change.replaces.version && !refused.has(member))
        refused.set(member, changedMeanwhile(change));
  if (!known) await refuseAcknowledged(all, members, refused, session);
  return { refused, current };
}

/** What two transactions cannot both make: the loser starts again, and sees what the winner has written. */
export const claimsOf = (members: readonly GroupMember[]): readonly string[] => [
  ...new Set(members.flatMap(({ commit }) => (commit.mustNotMatch ?? []).map(({ uniquenessKey: claim }) => claim))),
];

/** Refuses members of whose absences one does not hold. Most often all do: one question for all of them. */
async function refuseMatched(
  around: KnownVersions,
  members: readonly GroupMember[],
  refused: Map<GroupMember, FhirError>,
  session: ClientSession,
): Promise<void> {
  const asking = members.filter(({ commit }) => commit.mustNotMatch?.length);
  if (
    asking.length === 0 ||
    !(await around.matches(
      asking.flatMap(({ commit }) => commit.mustNotMatch!),
      session,
    ))
  )
    return;
  for (const member of asking)
    if (asking.length === 1 || (await around.matches(member.commit.mustNotMatch!, session)))
      refused.set(member, conflict('A resource that matches the condition exists already.'));
}

/** Refuses members whose messages are not pending any more. The write itself tells whether there is anyone to refuse. */
async function refuseAcknowledged(
  all: Connected,
  members: readonly GroupMember[],
  refused: Map<GroupMember, FhirError>,
  session: ClientSession,
): Promise<void> {
  const asked = acknowledgedBy(members);
  if (asked.length === 0) return;
  const pending = await stillPending(all, asked, session);
  for (const member of members)
    if (!refused.has(member) && !(member.commit.acknowledges ?? []).every(one => pending.has(one)))
      refused.set(member, acknowledgedMeanwhile());
}

/** Tells which of the resources that members lean on stand as they must; nobody else changes them before this is written. */
async function holdPresent(
  resource: Connected['resource'],
  members: readonly GroupMember[],
  session: ClientSession,
): Promise<(one: Standing) => boolean> {
  const ids = [...new Set(members.flatMap(({ requiredIds: leansOn }) => leansOn))];
  if (ids.length === 0) return () => true;
  const there: Filter<ResourceDocument> = { _id: { $in: ids }, z: { $exists: false } };
  const { matchedCount } = await resource.updateMany(there, { $inc: { q: 1 } }, { session, hint: INDEX.id });
  const versioned = members.some(({ commit }) => commit.mustExist?.some(({ version }) => version !== undefined));
  if (matchedCount === ids.length && !versioned) return () => true;
  const rows = await resource
    .find<Pick<ResourceDocument, '_id' | 'v'>>(there, {
      session,
      hint: INDEX.id,
      projection: { v: 1 },
      batchSize: ids.length + 1,
    })
    .toArray();
  const versions = new Map(rows.map(({ _id, v }) => [_id, v]));
  return ({ type, id, version }) => {
    const current = versions.get(encodeId(type, id));
    return current !== undefined && (version === undefined || current === version);
  };
}

type CurrentRow = Pick<ResourceDocument, 'v' | 'n' | 'h' | 'c' | 'o'>;
export type CurrentRows = ReadonlyMap<string, CurrentRow>;

/** What callers have read of what is to be replaced, if they have read all of it; the write checks the versions. */
export function knownRows(around: KnownVersions, members: readonly GroupMember[]): CurrentRows | null {
  const rows = new Map<string, CurrentRow>();
  for (const { prepared } of members)
    for (const { _id, change } of prepared) {
      if (!change.replaces) continue;
      const known = around.rowOf(change.replaces);
      if (!known) return null;
      rows.set(_id, { v: change.replaces.version, ...known });
    }
  return rows;
}

/** Version, numbers and hash of words of what is to be replaced. */
async function readReplaced(
  resource: Connected['resource'],
  members: readonly GroupMember[],
  session: ClientSession,
): Promise<CurrentRows> {
  const ids = members.flatMap(({ prepared }) => prepared.filter(({ change }) => change.replaces).map(({ _id }) => _id));
  const rows = await resource
    .find<CurrentRow & Pick<ResourceDocument, '_id'>>(
      { _id: { $in: ids } },
      { session, hint: INDEX.id, projection: { v: 1, n: 1, h: 1, c: 1, o: 1 }, batchSize: ids.length + 1 },
    )
    .toArray();
  return new Map(rows.map(row => [row._id, row]));
}
