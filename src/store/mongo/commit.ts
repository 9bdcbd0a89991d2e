/**
 * What becomes of a group of commits (queue.ts): one transaction with one command per collection, the largest lever on
 * the cost of a write.
 *
 * A member whose precondition does not hold is refused and the others go on. When a group as a whole fails for another
 * reason than an absent server, its members run one by one, so that none suffers for another.
 */
import { createHash } from 'node:crypto';
import type { ClientSession } from 'mongodb';
import { acknowledgedMeanwhile } from '../outbox.js';
import { encodeId } from '../codec.js';
import { digestOf, isAltered } from '../digest.js';
import type { Deed } from '../deeds.js';
import { Lane } from '../lane.js';
import type { Hash } from '../ledger.js';
import { deedOfEntry } from '../ledger-entry.js';
import type { LedgerNote, Seals, StreamHead } from '../seals.js';
import type { AlsoAbout, Commit } from '../store.js';
import { eraseBytes, heldHashes } from './erase-blobs.js';
import { insertDeeds, insertInto, replaceIn } from './commands.js';
import {
  checkConditions,
  claimsOf,
  type CurrentRows,
  knownRows,
  type KnownVersions,
  type Refused,
} from './conditions.js';
import type { Connected } from './connection.js';
import { deedDocuments, deedsOfMembers, documentDigestHead, documentsOf, type GroupWrites } from './documents.js';
import { isPlaceTaken, isWriteConflict, toFhirError } from './errors.js';
import { checkFence, type Fence, fenced, isLapsed } from './fence.js';
import {
  acknowledgedBy,
  answerMembers,
  changedMeanwhile,
  type CommitQueue,
  type GroupMember,
  type GroupOutcome,
  openQueue,
} from './queue.js';
import { transact } from './transaction.js';

export interface CommitSurroundings extends KnownVersions {
  /** Has transactions of dead processes ended, soon. */
  endDead(): void;
  connected(): Promise<Connected>;
  /** Numbers of resources, messages and rows of deeds, ascending, each above all before it and above this one. */
  numbers(count: number, above: number): Promise<number[]>;
  readonly fence: Fence;
  readonly lane: Lane<Deed>;
}

/** Commits, and the streams that their lanes write. */
export interface CommitLanes extends CommitQueue, Pick<Seals, 'openLedger' | 'endStreams'> {
  heads(): readonly StreamHead[];
  /** What is stored was exchanged as a whole. */
  abandonStreams(): void;
}

export function openCommits(surroundings: Omit<CommitSurroundings, 'lane'>): CommitLanes {
  const open = (write: typeof writeGroup) => {
    const around: CommitSurroundings = { ...surroundings, lane: new Lane({ shapeHashOf, deedOfEntry }) };
    const queue = openQueue(members => fenced(around.fence, members, each => write(around, each)));
    return { ...queue, lane: around.lane };
  };
  const grouped = open(writeGroup);
  const deeds = open(insertDeedsOf);
  // A Bundle of thousands takes seconds, which nobody else shall wait for. Where it touches what others write at the
  // same time, the database tells.
  const large = open(writeGroup);
  const all = [grouped, deeds, large];
  const laneOf = (commit: Commit): CommitQueue =>
    isDeedsAlone(commit) ? deeds : commit.changes.length > LARGE_COMMIT_CHANGES ? large : grouped;
  return {
    add: (commit, prepared) => laneOf(commit).add(commit, prepared),
    openLedger: async opening => {
      for (const { lane } of all) lane.openLedger(opening);
    },
    heads: () => all.flatMap(({ lane }) => lane.head ?? []),
    endStreams: async at => {
      const writing = all.filter(({ lane }) => lane.head);
      await Promise.all(
        writing.map(queue => {
          queue.lane.endWithNext(at);
          return queue.add({ changes: [] }, []);
        }),
      );
    },
    abandonStreams: () => {
      for (const { lane } of all) lane.abandon();
    },
  };
}

const shapeHashes = new Map<number, Hash>();
const MAX_SHAPE_HASHES = 20_000;

function shapeHashOf({ shape: { id, text } }: Deed): Hash {
  const known = shapeHashes.get(id);
  if (known) return known;
  if (shapeHashes.size >= MAX_SHAPE_HASHES) shapeHashes.clear();
  const made = createHash('sha256').update(text).digest();
  shapeHashes.set(id, made);
  return made;
}

/** A write that waits for the journal has it flushed, and the rows of others wait for that flush. */
const SOON = { w: 1, journal: false } as const;

/** They follow from the rows, so that nobody waits for them, and a crash may take them. */
function keepTiles({ ledger }: Connected, tiles: readonly LedgerNote[]): void {
  for (const { name, value } of tiles)
    void ledger.replaceOne({ _id: name }, { x: value as Buffer }, { upsert: true, writeConcern: SOON }).catch(() => {});
}

/** Documents of one command. */
const DOCUMENTS_A_COMMAND = 1000;
/** Of deeds a document has up to 64 KB. */
const DEEDS_A_COMMAND = 15;
/** Changes of a commit that has a lane of its own. */
const LARGE_COMMIT_CHANGES = 400;

/** What was only looked at, or refused: it needs no transaction. */
const isDeedsAlone = ({ changes, mustNotMatch, mustExist, alsoAbout, messages, acknowledges }: Commit): boolean =>
  [changes, mustNotMatch, mustExist, alsoAbout, messages, acknowledges].every(part => !part?.length);

/** How long a group as a whole tries again when a document is held; transactions of living processes take milliseconds. */
const CONFLICT_PATIENCE_MS = 100;
/** How long a commit steps aside for the holder of a document. */
const HELD_MS = 10_000;

async function writeGroup(around: CommitSurroundings, members: readonly GroupMember[]): Promise<GroupOutcome> {
  try {
    const refused = await writeTogether(around, members);
    return answerMembers(members, refused);
  } catch (thrown) {
    if (isLapsed(thrown)) throw thrown;
    if (isPlaceTaken(thrown)) {
      around.lane.abandon();
      return writeGroup(around, members);
    }
    const error = toFhirError(thrown);
    const [first] = members;
    if (isWriteConflict(thrown) && members.length === 1 && performance.now() - first!.since < HELD_MS) {
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
      const outcome = await fenced(around.fence, [member], each => writeGroup(around, each));
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

/** What is not what it was: a version that was to be replaced, a message that was to be acknowledged. */
type Stale = 'version' | 'message';

/** Where something is stale, nothing may be kept. */
async function writeDocuments(all: Connected, writes: GroupWrites, session: ClientSession): Promise<Stale | undefined> {
  const { db, resource, version, word, outbox, deed } = all;
  const { created, replaced, versions, erased, words, messages, acknowledged, deeds } = writes;
  // In batches: the driver turns a whole call into bytes before it lets anybody else run.
  for (let from = 0; from < created.length; from += DOCUMENTS_A_COMMAND)
    await insertInto(db, resource, created.slice(from, from + DOCUMENTS_A_COMMAND), session);
  if (replaced.length > 0) {
    if ((await replaceIn(db, resource, replaced, session)) !== replaced.length) return 'version';
    if (versions.length > 0) await insertInto(db, version, versions, session);
  }
  for (const { versions: erasedVersions, hashes } of erased) {
    const older = await heldHashes(all, erasedVersions, session);
    await version.deleteMany(erasedVersions, { session });
    await eraseBytes(all, [...hashes, ...older], session);
  }
  if (words.length > 0) await word.bulkWrite(words, { session, ordered: false });
  for (let from = 0; from < messages.length; from += DOCUMENTS_A_COMMAND)
    await insertInto(db, outbox, messages.slice(from, from + DOCUMENTS_A_COMMAND), session);
  for (let from = 0; from < deeds.length; from += DEEDS_A_COMMAND)
    await insertInto(db, deed, deeds.slice(from, from + DEEDS_A_COMMAND), session);
  if (acknowledged.length > 0) {
    const { deletedCount } = await outbox.deleteMany({ _id: { $in: [...acknowledged] } }, { session });
    if (deletedCount !== acknowledged.length) return 'message';
  }
  return undefined;
}

/** The current version is about these patients, too. One that somebody has altered is left as it is. */
async function notePatients(
  { resource }: Connected,
  { type, id, patients }: AlsoAbout,
  session: ClientSession,
): Promise<void> {
  const _id = encodeId(type, id);
  const row = await resource.findOne({ _id, z: { $exists: false } }, { session });
  if (!row || isAltered(row.c, digestOf(documentDigestHead(_id, row), row.x))) return;
  const p = [...new Set([...(row.p ?? []), ...patients])];
  if (p.length === row.p?.length) return;
  const c = digestOf(documentDigestHead(_id, { ...row, p }), row.x);
  await resource.updateOne({ _id, v: row.v }, { $set: { p, c }, $inc: { q: 1 } }, { session });
}

/** The last of the messages that those of these members come behind, whichever process numbered them: see OutboxMessage. */
function lastBefore(members: readonly GroupMember[], rows: CurrentRows): number {
  let last = 0;
  for (const sequence of acknowledgedBy(members)) last = Math.max(last, sequence);
  for (const { o = 0 } of rows.values()) last = Math.max(last, o);
  return last;
}

/** All members in one transaction. Gives those whose precondition does not hold; throws if nothing was written. */
async function writeTogether(
  around: CommitSurroundings,
  members: readonly GroupMember[],
  known: CurrentRows | null = knownRows(around, members),
): Promise<Refused> {
  const all = await around.connected();
  const creations = members.flatMap(({ prepared }) => prepared).filter(({ change }) => !change.replaces).length;
  const messageCount = members.reduce((sum, { commit }) => sum + (commit.messages?.length ?? 0), 0);
  const whole = around.lane.seal(deedsOfMembers(members));
  let sealed = whole;
  const draw = (current: CurrentRows) =>
    around.numbers(creations + messageCount + whole.rows.length, lastBefore(members, current));
  let numbers = await draw(known ?? new Map());
  let refused: Refused = new Map();
  let stale: Stale | undefined;
  let isCommitting = false;

  const patience = members.some(({ held }) => held) ? 0 : CONFLICT_PATIENCE_MS;
  const work = async (session: ClientSession): Promise<boolean> => {
    isCommitting = false;
    const checked = await checkConditions(around, all, members, known, session);
    refused = checked.refused;
    const { current } = checked;
    const kept = members.filter(member => !refused.has(member));
    stale = undefined;
    if (kept.length === 0) return false;
    if (!known && numbers.length > 0 && numbers[0]! <= lastBefore(members, current)) numbers = await draw(current);
    // Fewer members have no more rows.
    sealed = kept.length === members.length ? whole : around.lane.seal(deedsOfMembers(kept));
    stale = await writeDocuments(all, documentsOf(kept, sealed.rows, current, numbers), session);
    if (stale) return false;
    for (const { commit } of kept) for (const about of commit.alsoAbout ?? []) await notePatients(all, about, session);
    const claims = claimsOf(members);
    if (claims.length > 0) await all.claim.deleteMany({ _id: { $in: [...claims] } }, { session });
    checkFence(around.fence, kept);
    isCommitting = true;
    return true;
  };
  try {
    await transact(all.client, patience, work);
  } catch (error) {
    if (isCommitting) around.lane.abandon();
    throw error;
  }
  if (!stale) {
    if (isCommitting) {
      sealed.kept();
      keepTiles(all, sealed.tiles);
    }
    return refused;
  }
  if (stale === 'message' && members.length === 1) return new Map([[members[0]!, acknowledgedMeanwhile()]]);
  const candidates = members.flatMap(member => member.prepared.filter(({ change }) => change.replaces));
  if (stale === 'version' && members.length === 1 && candidates.length === 1)
    return new Map([[members[0]!, changedMeanwhile(candidates[0]!.change)]]);
  // Somebody was faster. Whose change or message it was shows a look at what is there now, in a transaction that sees no newer.
  return writeTogether(around, members, null);
}

/** Deeds alone: one insert. */
async function insertDeedsOf(around: CommitSurroundings, members: readonly GroupMember[]): Promise<GroupOutcome> {
  let isSent = false;
  try {
    const all = await around.connected();
    const { rows, tiles, kept } = around.lane.seal(deedsOfMembers(members));
    const numbers = await around.numbers(rows.length, 0);
    checkFence(around.fence, members);
    isSent = true;
    if (rows.length > 0) await insertDeeds(all.db, all.deed, deedDocuments(rows, numbers));
    kept();
    keepTiles(all, tiles);
    return answerMembers(members, new Map());
  } catch (thrown) {
    if (isLapsed(thrown)) throw thrown;
    if (isSent) around.lane.abandon();
    // A group that met the row of another process has written none, but for what stands before it in its own stream.
    if (isPlaceTaken(thrown)) return insertDeedsOf(around, members);
    const error = toFhirError(thrown);
    const answered = answerMembers(members, new Map(members.map(member => [member, error])));
    return error.kind === 'unavailable' ? { ...answered, away: error } : answered;
  }
}
