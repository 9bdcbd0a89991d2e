/**
 * What becomes of a group of commits (queue.ts): one transaction with one command per collection, the largest lever on
 * the cost of a write.
 *
 * A member whose precondition does not hold is refused and the others go on. When a group as a whole fails for another
 * reason than an absent server, its members run one by one, so that none suffers for another.
 */
import type { AnyBulkWriteOperation, Filter } from 'mongodb';
import type { FhirError } from '../../fhir/error.js';
import { encodeId } from '../codec.js';
import { digestOf } from '../digest.js';
import type { Change, Commit, Version } from '../store.js';
import { eraseBytes, heldHashes } from './blobs.js';
import {
  checkConditions,
  claimsOf,
  type CurrentRows,
  type KnownVersions,
  knownRows,
  type Refused,
} from './conditions.js';
import type { Connected } from './connection.js';
import { isDuplicate, isWriteConflict, changeTooLarge, toFhirError } from './errors.js';
import {
  changedMeanwhile,
  type CommitQueue,
  type GroupMember,
  openQueue,
  type GroupOutcome,
  type PreparedChange,
  answerMembers,
} from './queue.js';
import { versionId } from './rows.js';
import {
  type KeyFields,
  type MessageDocument,
  type ResourceDocument,
  type VersionDocument,
  type VersionFields,
  type WordDocument,
} from './schema.js';
import { transact } from './transaction.js';
import { wordsHash, wordDocument, writeWords } from './words.js';

export interface CommitSurroundings extends KnownVersions {
  /** Has transactions of dead processes ended, soon. */
  endDead(): void;
  connected(): Promise<Connected>;
  /** Creation numbers, ascending. */
  numbers(count: number): Promise<number[]>;
}

/** The fields that a version keeps when it is replaced. */
export const versionFields = (version: Version, t: string): Omit<VersionFields, 'n'> => ({
  t,
  v: version.version,
  u: version.updated,
  m: version.method,
  ...(version.text === undefined ? { z: true } : {}),
  ...(version.patients.length > 0 ? { p: version.patients } : {}),
  ...(version.blobs?.length ? { b: version.blobs.map(({ at, hash, size }) => ({ a: at, h: hash, s: size })) } : {}),
  ...(version.text === undefined ? {} : { x: version.text }),
});

/** What digests are of, beside the text. */
export const documentDigestHead = (_id: string, { v, u, m, z, p, b }: Omit<VersionFields, 'n' | 't'>): string =>
  JSON.stringify([_id, v, u, m, z ?? false, p ?? [], (b ?? []).map(({ a, h, s }) => [a, h, s])]);

export function openCommits(around: CommitSurroundings): CommitQueue {
  const grouped = openQueue(members => writeGroup(around, members));
  const independent = openQueue(members => insertGroup(around, members));
  // A Bundle of thousands takes seconds, which nobody else shall wait for. Where it touches what others write at the
  // same time, the database tells.
  const large = openQueue(members => writeGroup(around, members));
  const laneOf = (commit: Commit): CommitQueue =>
    isIndependent(commit) ? independent : commit.changes.length > LARGE_COMMIT_CHANGES ? large : grouped;
  return { add: (commit, prepared) => laneOf(commit).add(commit, prepared) };
}

/** Documents of one command. */
const DOCUMENTS_A_COMMAND = 1000;
/** Changes of a commit that has a lane of its own. */
const LARGE_COMMIT_CHANGES = 400;

const isIndependent = ({ independent, changes, mustNotMatch, mustExist, messages, acknowledges }: Commit): boolean =>
  independent === true &&
  !mustNotMatch?.length &&
  !mustExist?.length &&
  !messages?.length &&
  !acknowledges?.length &&
  changes.every(({ replaces, blobs }) => replaces === undefined && blobs === undefined);

/** How long a group as a whole tries again when a document is held; transactions of living processes take milliseconds. */
const CONFLICT_PATIENCE_MS = 100;
/** How long a commit steps aside for the holder of a document. */
const HELD_MS = 10_000;

async function writeGroup(around: CommitSurroundings, members: readonly GroupMember[]): Promise<GroupOutcome> {
  try {
    const refused = await writeTogether(around, members);
    return answerMembers(members, refused);
  } catch (thrown) {
    const error = toFhirError(thrown);
    const [first] = members;
    if (isWriteConflict(thrown) && members.length === 1 && Date.now() - first!.since < HELD_MS) {
      around.endDead();
      return { written: [], held: members };
    }
    // One document that somebody else holds is no reason to turn the others away.
    const away = error.kind === 'unavailable' && !isWriteConflict(thrown);
    if (away || error.kind === 'timeout' || members.length === 1)
      return {
        ...answerMembers(members, new Map(members.map(member => [member, error]))),
        ...(away ? { away: error } : {}),
      };
    const written: GroupMember[] = [];
    const held: GroupMember[] = [];
    for (const [i, member] of members.entries()) {
      const outcome = await writeGroup(around, [member]);
      written.push(...outcome.written);
      held.push(...(outcome.held ?? []));
      const { away: gone } = outcome;
      if (!gone) continue;
      answerMembers(members.slice(i + 1), new Map(members.map(other => [other, gone])));
      return { written, held, away: gone };
    }
    return { written, held };
  }
}

/** All members in one transaction. Gives those whose precondition does not hold; throws if nothing was written. */
async function writeTogether(
  around: CommitSurroundings,
  members: readonly GroupMember[],
  known: CurrentRows | null = knownRows(around, members),
): Promise<Refused> {
  const all = await around.connected();
  const { client, resource, version, word, outbox } = all;
  const creations = members.flatMap(({ prepared }) => prepared).filter(({ change }) => !change.replaces).length;
  const messageCount = members.reduce((sum, { commit }) => sum + (commit.messages?.length ?? 0), 0);
  const numbers = await around.numbers(creations + messageCount);
  let refused: Refused = new Map();
  let stale = false;

  await transact(client, members.some(({ held }) => held) ? 0 : CONFLICT_PATIENCE_MS, async session => {
    const checked = await checkConditions(around, all, members, known, session);
    refused = checked.refused;
    const { current } = checked;
    const kept = members.filter(member => !refused.has(member));
    if (kept.length === 0) return false;
    const next = numbers[Symbol.iterator]();
    const number = (): number => next.next().value!;
    const created: ResourceDocument[] = [];
    const replaced: AnyBulkWriteOperation<ResourceDocument>[] = [];
    const old: VersionDocument[] = [];
    const erased: { readonly versions: Filter<VersionDocument>; readonly hashes: readonly string[] }[] = [];
    const said: AnyBulkWriteOperation<WordDocument>[] = [];
    const messages: MessageDocument[] = [];
    for (const { commit, prepared } of kept) {
      for (const { _id, change, document, words } of prepared) {
        const before = change.replaces;
        const was = before && current.get(_id)!;
        const n = was ? was.n : number();
        if (document.h !== was?.h) said.push(...writeWords(_id, words, !before));
        const { _id: _, t, ...rest } = document;
        const whole: ResourceDocument = { _id, t, n, ...rest };
        if (!before) {
          created.push(whole);
          continue;
        }
        // A reindex meanwhile changes words without a version.
        const filter = { _id, v: before.version, h: was?.h ?? null } as Filter<ResourceDocument>;
        replaced.push({ replaceOne: { filter, replacement: whole } });
        if (change.erases)
          erased.push({
            versions: { _id: { $gte: versionId(_id, 0), $lt: `${_id}~~` } },
            hashes: before.blobs?.map(({ hash }) => hash) ?? [],
          });
        else {
          const { x, ...fields } = versionFields(before, t);
          // The digest is the one that it was written with.
          const fieldsKept = { ...fields, ...(was?.c ? { c: was.c } : {}), ...(x ? { x } : {}) };
          old.push({ _id: versionId(_id, before.version), until: change.updated, n, ...fieldsKept });
        }
      }
      for (const { topic, body } of commit.messages ?? []) messages.push({ _id: number(), t: topic, b: body });
    }
    // In batches: the driver turns a whole call into bytes before it lets anybody else run.
    for (let from = 0; from < created.length; from += DOCUMENTS_A_COMMAND)
      await resource.insertMany(created.slice(from, from + DOCUMENTS_A_COMMAND), { session });
    if (replaced.length > 0) {
      const { matchedCount } = await resource.bulkWrite(replaced, { session });
      stale = matchedCount !== replaced.length;
      if (stale) return false;
      if (old.length > 0) await version.insertMany(old, { session });
    }
    for (const { versions, hashes } of erased) {
      const older = await heldHashes(all, versions, session);
      await version.deleteMany(versions, { session });
      await eraseBytes(all, [...hashes, ...older], session);
    }
    if (said.length > 0) await word.bulkWrite(said, { session, ordered: false });
    if (messages.length > 0) await outbox.insertMany(messages, { session });
    const settled = kept.flatMap(({ commit }) => commit.acknowledges ?? []);
    if (settled.length > 0) await outbox.deleteMany({ _id: { $in: settled } }, { session });
    const claims = claimsOf(members);
    if (claims.length > 0) await all.claim.deleteMany({ _id: { $in: [...claims] } }, { session });
    return true;
  });
  if (!stale) return refused;
  const candidates = members.flatMap(member => member.prepared.filter(({ change }) => change.replaces));
  if (members.length === 1 && candidates.length === 1)
    return new Map([[members[0]!, changedMeanwhile(candidates[0]!.change)]]);
  // Somebody was faster. Whose change it was shows a look at the current versions, in a transaction that sees no newer.
  return writeTogether(around, members, null);
}

/** Creations that need no transaction among each other: one unordered insert. */
async function insertGroup(around: CommitSurroundings, members: readonly GroupMember[]): Promise<GroupOutcome> {
  const owners: GroupMember[] = [];
  const failed = new Map<GroupMember, FhirError>();
  let away: FhirError | undefined;
  try {
    const { resource } = await around.connected();
    const all = members.flatMap(member => member.prepared.map(prepared => ({ member, prepared })));
    const numbers = await around.numbers(all.length);
    const documents = all.map(({ member, prepared: { _id, document } }, i): ResourceDocument => {
      owners.push(member);
      // Nobody writes words here.
      const { _id: _, t, h: _h, ...rest } = document;
      return { _id, t, n: numbers[i]!, ...rest };
    });
    if (documents.length > 0) await resource.insertMany(documents, { ordered: false });
  } catch (thrown) {
    const { writeErrors } = thrown as { writeErrors?: readonly { index: number; code: number }[] };
    const error = toFhirError(thrown);
    if (writeErrors?.length && isDuplicate(thrown))
      for (const { index } of writeErrors) {
        const owner = owners[index]!;
        failed.set(owner, changedMeanwhile(owner.prepared[0]!.change));
      }
    else {
      for (const member of members) failed.set(member, error);
      if (error.kind === 'unavailable') away = error;
    }
  }
  return { ...answerMembers(members, failed), ...(away ? { away } : {}) };
}

/** Below the 16 MiB of a document, with room for its other fields. */
const MAX_BYTES = 16_500_000;

/** About the size of the document; keys count only where they can matter, as they are made of the text. */
function documentBytes({ text }: Change, { k = [], g = [], f = [] }: Pick<KeyFields, 'k' | 'g' | 'f'>): number {
  const bytes = text?.length ?? 0;
  if (bytes < MAX_BYTES / 8) return bytes;
  return [...k, ...g, ...f].reduce((sum, key) => sum + Buffer.byteLength(key) + 10, bytes);
}

/** The document of a change: keys first, the text last. */
export function prepareChange(change: Change, t: string, keys: KeyFields): PreparedChange {
  const _id = encodeId(change.type, change.id);
  if (documentBytes(change, keys) > MAX_BYTES) throw changeTooLarge();
  const { x, ...head } = versionFields(change, t);
  const words = wordDocument(_id, t, x && change.words);
  const h = words && { h: wordsHash(words) };
  const c = digestOf(documentDigestHead(_id, head), x);
  return { change, _id, document: { _id, ...head, ...keys, ...h, c, ...(x === undefined ? {} : { x }) }, words };
}
