/**
 * Commits in groups. What has gathered while the last group was under way goes as one transaction with one command per
 * collection: the largest lever on the cost of a write. No timer. In a group there is at most one change per resource
 * and per claim, and later commits never overtake earlier ones of the same resource.
 *
 * A member whose precondition does not hold is refused and the others go on. When a group as a whole fails for another
 * reason than an absent server, its members run one by one, so that none suffers for another.
 */
import type { AnyBulkWriteOperation, ClientSession } from 'mongodb';
import { FhirError } from '../../fhir/error.js';
import { encodeId } from '../codec.js';
import type { Absence, Change, Commit, Version } from '../store.js';
import type { Connected } from './connection.js';
import { isDuplicate, toFhirError } from './errors.js';
import { versionId } from './reads.js';
import {
  INDEX,
  type MessageDocument,
  type ResourceDocument,
  type VersionDocument,
  type VersionFields,
} from './schema.js';
import { transact } from './transact.js';

const TOGETHER = 32;
/** Bytes of text in one group. A single commit may be larger. */
const GROUP_BYTES = 8_000_000;
/** More commits than this do not wait: the store is busy. */
const QUEUE = 10_000;

/** A change ready to be written, all but for its creation number. */
export interface Prepared {
  readonly change: Change;
  readonly _id: string;
  readonly document: Omit<ResourceDocument, 'n'>;
}

interface Member {
  readonly commit: Commit;
  readonly prepared: readonly Prepared[];
  /** Resources and claims: two members of one group share none. */
  readonly touches: readonly string[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: FhirError) => void;
}

export interface CommitQueue {
  add(commit: Commit, prepared: readonly Prepared[]): Promise<void>;
}

export interface CommitSurroundings {
  connected(): Promise<Connected>;
  /** Creation numbers, ascending. */
  numbers(count: number): Promise<number[]>;
  /** Whether something matches, as the transaction sees it. */
  matches(absence: Absence, session: ClientSession): Promise<boolean>;
}

const conflict = (message: string): FhirError => new FhirError('conflict', message);
const changed = ({ type, id }: Version) =>
  conflict(`${type}/${id} was created, changed or deleted meanwhile. Read it and try again.`);

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

export function openCommits(around: CommitSurroundings): CommitQueue {
  const grouped = openQueue(members => writeGroup(around, members));
  const independent = openQueue(members => insertGroup(around, members));
  return {
    add: (commit, prepared) => (isIndependent(commit) ? independent : grouped).add(commit, prepared),
  };
}

const isIndependent = ({ independent, changes, absent, messages, settles }: Commit): boolean =>
  independent === true &&
  !absent?.length &&
  !messages?.length &&
  !settles?.length &&
  changes.every(({ replaces }) => replaces === undefined);

/** What became of a group. Every member is settled. */
interface Outcome {
  readonly written: readonly Member[];
  /** The store is away. */
  readonly away?: FhirError;
}

/** `write` settles every member and never rejects. */
function openQueue(write: (members: readonly Member[]) => Promise<Outcome>): CommitQueue {
  let waiting: Member[] = [];
  let running: Promise<void> | undefined;

  /** The longest-waiting members that fit together. What a member left behind touches is closed to later ones. */
  const takeGroup = (): Member[] => {
    const group: Member[] = [];
    const rest: Member[] = [];
    const touched = new Set<string>();
    let changes = 0;
    let bytes = 0;
    for (const member of waiting) {
      const fits =
        group.length === 0 ||
        (changes + member.prepared.length <= TOGETHER &&
          bytes + member.bytes <= GROUP_BYTES &&
          !member.touches.some(key => touched.has(key)));
      for (const key of member.touches) touched.add(key);
      if (!fits) {
        rest.push(member);
        continue;
      }
      group.push(member);
      changes += member.prepared.length;
      bytes += member.bytes;
    }
    waiting = rest;
    return group;
  };

  /** Who waits to replace what has just been replaced need not ask the server. */
  const refuseStale = (written: readonly Member[]) => {
    if (waiting.length === 0) return;
    const versions = new Map(
      written.flatMap(({ prepared }) => prepared.map(({ _id, change }) => [_id, change.version])),
    );
    waiting = waiting.filter(({ prepared, reject }) => {
      const stale = prepared.find(({ _id, change }) => (change.replaces?.version ?? 0) < (versions.get(_id) ?? 0));
      if (stale) reject(changed(stale.change));
      return !stale;
    });
  };

  const run = async (): Promise<void> => {
    // What the same turn of the event loop brings is one group.
    await new Promise(resolve => setImmediate(resolve));
    while (waiting.length > 0) {
      const { written, away } = await write(takeGroup());
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
        if (waiting.length >= QUEUE) return reject(new FhirError('unavailable', 'Too many changes wait. Try again.'));
        const touches = [
          ...prepared.map(({ _id }) => _id),
          ...(commit.absent ?? []).map(({ claim }) => `\u0001${claim}`),
        ];
        const bytes = prepared.reduce((sum, { change }) => sum + (change.text?.length ?? 0), 0);
        waiting.push({ commit, prepared, touches, bytes, resolve, reject });
        running ??= run();
      }),
  };
}

async function writeGroup(around: CommitSurroundings, members: readonly Member[]): Promise<Outcome> {
  try {
    const refused = await writeTogether(around, members);
    return settle(members, refused);
  } catch (thrown) {
    const error = toFhirError(thrown);
    const away = error.kind === 'unavailable';
    if (away || error.kind === 'timeout' || members.length === 1)
      return { ...settle(members, new Map(members.map(member => [member, error]))), ...(away ? { away: error } : {}) };
    const written: Member[] = [];
    for (const [i, member] of members.entries()) {
      const outcome = await writeGroup(around, [member]);
      written.push(...outcome.written);
      const { away: gone } = outcome;
      if (!gone) continue;
      settle(members.slice(i + 1), new Map(members.map(other => [other, gone])));
      return { written, away: gone };
    }
    return { written };
  }
}

function settle(members: readonly Member[], refused: ReadonlyMap<Member, FhirError>): Outcome {
  for (const member of members) {
    const error = refused.get(member);
    if (error) member.reject(error);
    else member.resolve();
  }
  return { written: members.filter(member => !refused.has(member)) };
}

/** All members in one transaction. Gives those whose precondition does not hold; throws if nothing was written. */
async function writeTogether(around: CommitSurroundings, members: readonly Member[]): Promise<Map<Member, FhirError>> {
  const { client, resource, version, outbox, claim } = await around.connected();
  const creations = members.flatMap(({ prepared }) => prepared).filter(({ change }) => !change.replaces).length;
  const messageCount = members.reduce((sum, { commit }) => sum + (commit.messages?.length ?? 0), 0);
  const numbers = await around.numbers(creations + messageCount);
  const claims = members.flatMap(({ commit }) => (commit.absent ?? []).map(absence => absence.claim));
  let refused = new Map<Member, FhirError>();

  await transact(client, async session => {
    refused = new Map();
    // A claim is a document that two transactions cannot both make: the loser starts again, and sees what the winner wrote.
    if (claims.length > 0)
      await claim.insertMany(
        [...new Set(claims)].map(_id => ({ _id })),
        { session },
      );
    for (const member of members)
      for (const absence of member.commit.absent ?? [])
        if (!refused.has(member) && (await around.matches(absence, session)))
          refused.set(member, conflict(`A ${absence.type} that matches the condition exists already.`));
    const current = await readCurrent(resource, members, session);
    for (const member of members)
      for (const { _id, change } of member.prepared)
        if (change.replaces && current.get(_id)?.v !== change.replaces.version && !refused.has(member))
          refused.set(member, changed(change));

    const kept = members.filter(member => !refused.has(member));
    if (kept.length === 0) return false;
    const next = numbers[Symbol.iterator]();
    const number = (): number => next.next().value!;
    const created: ResourceDocument[] = [];
    const replaced: AnyBulkWriteOperation<ResourceDocument>[] = [];
    const old: VersionDocument[] = [];
    const messages: MessageDocument[] = [];
    for (const { commit, prepared } of kept) {
      for (const { _id, change, document } of prepared) {
        const before = change.replaces;
        const n = before ? current.get(_id)!.n : number();
        const { _id: _, t, ...rest } = document;
        const whole: ResourceDocument = { _id, t, n, ...rest };
        if (!before) {
          created.push(whole);
          continue;
        }
        replaced.push({ replaceOne: { filter: { _id, v: before.version }, replacement: whole } });
        old.push({ _id: versionId(_id, before.version), until: change.updated, n, ...versionFields(before, t) });
      }
      for (const { topic, body } of commit.messages ?? []) messages.push({ _id: number(), t: topic, b: body });
    }
    if (created.length > 0) await resource.insertMany(created, { session });
    if (replaced.length > 0) {
      const { matchedCount } = await resource.bulkWrite(replaced, { session });
      if (matchedCount !== replaced.length) throw conflict('A resource was changed meanwhile. Read it and try again.');
      await version.insertMany(old, { session });
    }
    if (messages.length > 0) await outbox.insertMany(messages, { session });
    const settled = kept.flatMap(({ commit }) => commit.settles ?? []);
    if (settled.length > 0) await outbox.deleteMany({ _id: { $in: settled } }, { session });
    if (claims.length > 0) await claim.deleteMany({ _id: { $in: claims } }, { session });
    return true;
  });
  return refused;
}

/** Version and creation number of what is to be replaced. */
async function readCurrent(
  resource: Connected['resource'],
  members: readonly Member[],
  session: ClientSession,
): Promise<ReadonlyMap<string, Pick<ResourceDocument, '_id' | 'v' | 'n'>>> {
  const ids = members.flatMap(({ prepared }) => prepared.filter(({ change }) => change.replaces).map(({ _id }) => _id));
  if (ids.length === 0) return new Map();
  const rows = await resource
    .find<Pick<ResourceDocument, '_id' | 'v' | 'n'>>(
      { _id: { $in: ids } },
      { session, hint: INDEX.id, projection: { v: 1, n: 1 }, batchSize: ids.length + 1 },
    )
    .toArray();
  return new Map(rows.map(row => [row._id, row]));
}

/** Creations that need no transaction among each other: one unordered insert. */
async function insertGroup(around: CommitSurroundings, members: readonly Member[]): Promise<Outcome> {
  const owners: Member[] = [];
  const failed = new Map<Member, FhirError>();
  let away: FhirError | undefined;
  try {
    const { resource } = await around.connected();
    const all = members.flatMap(member => member.prepared.map(prepared => ({ member, prepared })));
    const numbers = await around.numbers(all.length);
    const documents = all.map(({ member, prepared: { _id, document } }, i): ResourceDocument => {
      owners.push(member);
      const { _id: _, t, ...rest } = document;
      return { _id, t, n: numbers[i]!, ...rest };
    });
    if (documents.length > 0) await resource.insertMany(documents, { ordered: false });
  } catch (thrown) {
    const { writeErrors } = thrown as { writeErrors?: readonly { index: number; code: number }[] };
    const error = toFhirError(thrown);
    if (writeErrors?.length && isDuplicate(thrown))
      for (const { index } of writeErrors) {
        const owner = owners[index]!;
        failed.set(owner, changed(owner.prepared[0]!.change));
      }
    else {
      for (const member of members) failed.set(member, error);
      if (error.kind === 'unavailable') away = error;
    }
  }
  return { ...settle(members, failed), ...(away ? { away } : {}) };
}

/** The document of a change: keys first, the text last. */
export function prepare(
  change: Change,
  t: string,
  keys: Pick<ResourceDocument, 'k' | 'g' | 'f' | 'w' | 'd' | 'e' | 's'>,
): Prepared {
  const _id = encodeId(change.type, change.id);
  const { x, ...head } = versionFields(change, t);
  return { change, _id, document: { _id, ...head, ...keys, ...(x === undefined ? {} : { x }) } };
}
