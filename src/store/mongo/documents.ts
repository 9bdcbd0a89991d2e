/**
 * From changes to the documents of a commit: what a version, a resource and its words look like (schema.ts), and what a
 * group of commits writes into each collection. Pure: commit.ts writes it.
 */
import type { AnyBulkWriteOperation, Filter } from 'mongodb';
import { encodeId } from '../codec.js';
import { digestOf } from '../digest.js';
import { type Deed, deedDigestHead, type DeedRow } from '../deeds.js';
import type { Change, Version } from '../store.js';
import type { Replacement } from './commands.js';
import type { CurrentRows } from './conditions.js';
import { changeTooLarge } from './errors.js';
import { MessageDocuments } from './outbox.js';
import { acknowledgedBy, type GroupMember, type PreparedChange } from './queue.js';
import { versionId } from './rows.js';
import type {
  DeedDocument,
  KeyFields,
  MessageDocument,
  ResourceDocument,
  VersionDocument,
  VersionFields,
  WordDocument,
} from './schema.js';
import { wordDocument, wordsHash, writeWords } from './words.js';

/** The fields that a version has whatever becomes of it, before its digest and its text. */
const fieldsOfVersion = (version: Version): Omit<VersionFields, 't' | 'n' | 'c' | 'x'> => ({
  v: version.version,
  u: version.updated,
  m: version.method,
  ...(version.text === undefined ? { z: true } : {}),
  ...(version.patients.length > 0 ? { p: version.patients } : {}),
  ...(version.blobs?.length ? { b: version.blobs.map(({ at, hash, size }) => ({ a: at, h: hash, s: size })) } : {}),
});

/** What digests are of, beside the text. */
export const documentDigestHead = (_id: string, { v, u, m, z, p, b }: Omit<VersionFields, 'n' | 't'>): string =>
  JSON.stringify([_id, v, u, m, z ?? false, p ?? [], (b ?? []).map(({ a, h, s }) => [a, h, s])]);

/** Below the 16 MiB of a document, with room for its other fields. */
const MAX_BYTES = 16_500_000;

/** About the size of the document; keys count only where they can matter, as they are made of the text. */
function documentBytes({ text }: Change, { k = [], g = [], f = [] }: Pick<KeyFields, 'k' | 'g' | 'f'>): number {
  const bytes = text?.length ?? 0;
  if (bytes < MAX_BYTES / 8) return bytes;
  return [...k, ...g, ...f].reduce((sum, key) => sum + Buffer.byteLength(key) + 10, bytes);
}

/** The document of a change, all but its number: keys first, the text last. */
export function prepareChange(change: Change, t: string, keys: KeyFields): PreparedChange {
  const _id = encodeId(change.type, change.id);
  if (documentBytes(change, keys) > MAX_BYTES) throw changeTooLarge();
  const { text: x } = change;
  const head = fieldsOfVersion(change);
  const words = wordDocument(_id, t, x && change.words);
  const h = words && { h: wordsHash(words) };
  const c = digestOf(documentDigestHead(_id, head), x);
  const document = { _id, t, n: 0, o: undefined, ...head, ...keys, ...h, c, ...(x === undefined ? {} : { x }) };
  return { change, _id, document, words };
}

/** What a group of commits writes, by collection. */
export interface GroupWrites {
  readonly created: ResourceDocument[];
  readonly replaced: Replacement<ResourceDocument>[];
  readonly versions: VersionDocument[];
  readonly erased: { readonly versions: Filter<VersionDocument>; readonly hashes: readonly string[] }[];
  readonly words: AnyBulkWriteOperation<WordDocument>[];
  readonly messages: readonly MessageDocument[];
  readonly acknowledged: readonly number[];
  readonly deeds: readonly DeedDocument[];
}

export const deedsOfMembers = (members: readonly Pick<GroupMember, 'commit'>[]): readonly Deed[] =>
  members.flatMap(({ commit }) => commit.deeds ?? []);

/** `numbers`: as many as there are rows, or more. */
export const deedDocuments = (rows: readonly DeedRow[], numbers: readonly number[]): DeedDocument[] =>
  rows.map(({ last, events, keys, bytes, seal }, i) => ({
    ...{ _id: numbers[i]!, l: last, e: events, k: keys },
    x: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
    c: digestOf(deedDigestHead(last, events), bytes),
    ...(seal ? { s: seal.stream, f: seal.first, r: seal.root } : {}),
  }));

/** The writes of these members and of their deeds. `numbers`: as many as they have creations, messages and rows of deeds, ascending. */
export function documentsOf(
  members: readonly GroupMember[],
  rows: readonly DeedRow[],
  current: CurrentRows,
  numbers: readonly number[],
): GroupWrites {
  const acknowledged = acknowledgedBy(members);
  const messages = new MessageDocuments();
  const next = numbers.slice(rows.length)[Symbol.iterator]();
  const number = (): number => next.next().value!;
  const writes: GroupWrites = {
    created: [],
    replaced: [],
    versions: [],
    erased: [],
    words: [],
    messages: messages.all,
    acknowledged,
    deeds: deedDocuments(rows, numbers),
  };
  for (const { commit, prepared } of members) {
    for (const { _id, change, document, words } of prepared) {
      const before = change.replaces && current.get(_id)!;
      if (document.h !== before?.h) writes.words.push(...writeWords(_id, words, !before));
      document.n = before ? before.n : number();
      if (before) replaceDocument(writes, change, before, document);
      else writes.created.push(document);
    }
    let last = 0;
    for (const message of commit.messages ?? []) last = Math.max(last, messages.add(message, number));
    for (const { _id, document } of prepared) document.o = last || current.get(_id)?.o;
  }
  return writes;
}

/** The document takes the place of `before`, which becomes a replaced version, or is erased with all of them. */
function replaceDocument(
  writes: GroupWrites,
  { replaces, erases, updated }: Change,
  before: Pick<ResourceDocument, 'h' | 'c'>,
  replacement: ResourceDocument,
): void {
  const { _id, t, n } = replacement;
  const old = replaces!;
  // A reindex meanwhile changes words without a version.
  const filter = { _id, v: old.version, h: before.h ?? null } as Filter<ResourceDocument>;
  writes.replaced.push({ filter, replacement });
  if (erases) {
    const versions = { _id: { $gte: versionId(_id, 0), $lt: `${_id}~~` } };
    writes.erased.push({ versions, hashes: old.blobs?.map(({ hash }) => hash) ?? [] });
    return;
  }
  // The digest is the one that it was written with.
  const kept = { ...(before.c ? { c: before.c } : {}), ...(old.text ? { x: old.text } : {}) };
  writes.versions.push({ _id: versionId(_id, old.version), until: updated, n, t, ...fieldsOfVersion(old), ...kept });
}
