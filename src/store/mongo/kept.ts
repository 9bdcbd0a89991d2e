/** Where the states of snapshots.ts are kept, and how a collection becomes again what is kept there. */
import type { Db } from 'mongodb';
import { CONTENT, type Content } from './schema.js';
import type { Touched } from '../touched.js';
import { versionId } from './rows.js';

/** The state with nothing in it. No snapshot has this name. */
export const EMPTY_STATE = '';

export const keptName = (state: string, name: string): string => `kept.${state}.${name}`;

export const collectionNames = async (db: Db): Promise<string[]> =>
  (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name);

/** Whether or not there is one. */
export async function dropCollection(db: Db, name: string): Promise<void> {
  await db.dropCollection(name).catch((error: unknown) => {
    if (!isNamespaceMissing(error)) throw error;
  });
}

const NAMESPACE_NOT_FOUND = 26;
const isNamespaceMissing = (error: unknown): boolean =>
  (error as { readonly code?: number }).code === NAMESPACE_NOT_FOUND;

export const isEmptyCollection = async (db: Db, name: string): Promise<boolean> =>
  (await db.collection(name).findOne({}, { projection: { _id: 1 } })) === null;

/** By collection: another one with its content, or EMPTY_STATE. */
export type StateSources = ReadonlyMap<Content, string>;

/** Where a state keeps what it has; EMPTY_STATE: it has nothing. */
export async function sourcesOf(db: Db, state: string): Promise<StateSources> {
  const found = await Promise.all(
    CONTENT.map(async (of): Promise<readonly [Content, string]> => {
      const source = keptName(state, of);
      return [of, state === EMPTY_STATE || (await isEmptyCollection(db, source)) ? EMPTY_STATE : source];
    }),
  );
  return new Map(found);
}

/** Makes these documents of a collection what they are in its source. */
export async function putBack(
  db: Db,
  {
    name,
    source,
    touches,
  }: { readonly name: string; readonly source: string; readonly touches: Exclude<Touches, undefined> },
): Promise<void> {
  if (touches.length === 0) return;
  const these = touches === 'all' ? {} : { _id: { $in: [...touches] } };
  await db.collection<{ _id: string }>(name).deleteMany(these);
  if (source === EMPTY_STATE) return;
  await db
    .collection(source)
    .aggregate([{ $match: these }, { $merge: { into: name } }])
    .toArray();
}

/** Names of documents that may have changed; `all`: any of few; undefined: nobody knows which of many. */
export type Touches = readonly string[] | 'all' | undefined;

export function touchesIn(touched: Touched, name: Content): Touches {
  if (touched.unknown) return undefined;
  switch (name) {
    case 'resource':
    case 'word':
      return touched.resources;
    case 'version':
      return touched.versions?.map(([id, version]) => versionId(id, version));
    case 'outbox':
      return touched.messages ? 'all' : [];
    case 'deed':
    case 'ledger':
      return touched.deeds ? 'all' : [];
    case 'blob':
    case 'chunk':
      return touched.bytes ? 'all' : [];
  }
}
