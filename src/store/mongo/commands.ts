/**
 * The commands of reads and small writes, sent as they are. The driver's own ways to them (bulk operations, cursors) cost as
 * much again as all else that a small write needs. What those do beside is done here: a reply that tells of single documents is
 * an error, and what came to nothing because a server went away is sent once more.
 * https://www.mongodb.com/docs/manual/reference/command/nav-crud/
 */
import type { AnyBulkWriteOperation, ClientSession, Collection, Db, Document, Filter } from 'mongodb';
import { DURABLE } from './connection.js';
import { areThereByIds, isWithoutServer, toFhirError, WriteRefused } from './errors.js';
import type { DeedDocument } from './schema.js';

/** Larger groups go by the driver, which divides them: a command has room for 16 MB. */
const MAX_DOCUMENTS = 200;
/** Of the texts, and bodies of messages; the keys are made of them. */
const MAX_TEXT_BYTES = 1_000_000;

/** What our documents hold, in both directions. */
const BSON = { ignoreUndefined: true, promoteBuffers: true } as const;
const MAJORITY = { w: DURABLE.w, j: DURABLE.journal, wtimeout: DURABLE.wtimeoutMS } as const;

interface Written {
  readonly x?: Buffer;
  /** Of a message its body, or several; else links to bytes, which are few. */
  readonly b?: string | readonly unknown[];
}

const bytesOf = (body: Written['b']): number =>
  typeof body === 'string'
    ? body.length
    : (body ?? []).reduce<number>((sum, one) => sum + (typeof one === 'string' ? one.length : 1), 0);

function isSmall(documents: readonly Written[]): boolean {
  let bytes = 0;
  for (const { x, b } of documents) bytes += (x?.length ?? 0) + bytesOf(b);
  return documents.length <= MAX_DOCUMENTS && bytes <= MAX_TEXT_BYTES;
}

/** Throws what the reply tells of single documents; that no majority confirmed them the driver tells itself. */
async function write(db: Db, command: Document, session?: ClientSession): Promise<Document> {
  const reply = await db.command(command, session ? { session, ...BSON } : BSON);
  const { writeErrors } = reply as { readonly writeErrors?: WriteRefused['writeErrors'] };
  if (writeErrors) throw new WriteRefused(writeErrors, reply['errorLabels']);
  return reply;
}

/** Inserts within a transaction. */
export async function insertInto<T extends Written & Document>(
  db: Db,
  collection: Collection<T>,
  documents: readonly T[],
  session: ClientSession,
): Promise<void> {
  if (isSmall(documents)) await write(db, { insert: collection.collectionName, documents }, session);
  else await collection.insertMany(documents as never, { session });
}

export interface Replacement<T extends Document> {
  readonly filter: Filter<T>;
  readonly replacement: T;
}

/** Replaces within a transaction. Gives how many there were to replace. */
export async function replaceIn<T extends Written & Document>(
  db: Db,
  collection: Collection<T>,
  replacements: readonly Replacement<T>[],
  session: ClientSession,
): Promise<number> {
  if (!isSmall(replacements.map(({ replacement }) => replacement as Written))) {
    const operations = replacements.map((replaceOne): AnyBulkWriteOperation<T> => ({ replaceOne }));
    return (await collection.bulkWrite(operations, { session })).matchedCount;
  }
  const updates = replacements.map(({ filter, replacement }) => ({ q: filter, u: replacement }));
  const { n } = await write(db, { update: collection.collectionName, updates }, session);
  return n as number;
}

/**
 * Inserts rows that nobody else has the numbers of, durably, and in their order: of a stream that was cut short a beginning is there.
 */
export async function insertDeeds(
  db: Db,
  collection: Collection<DeedDocument>,
  documents: readonly DeedDocument[],
): Promise<void> {
  if (!isSmall(documents)) {
    await collection.insertMany([...documents]);
    return;
  }
  const command = { insert: collection.collectionName, documents, writeConcern: MAJORITY };
  try {
    await write(db, command);
  } catch (thrown) {
    if (!isWorthRepeating(thrown)) throw thrown;
    // Those that the first attempt has written are ours. One by one: no row may stand in a stream behind one that is not there.
    for (const document of documents)
      await write(db, { ...command, documents: [document] }).catch((error: unknown) => {
        if (!areThereByIds(error)) throw error;
      });
  }
}

const isWorthRepeating = (error: unknown): boolean =>
  !isWithoutServer(error) && toFhirError(error).kind === 'unavailable';

/** Documents by their ids, in no order. */
export async function readByIds<T extends Document & { readonly _id: string }>(
  db: Db,
  collection: Collection<T>,
  ids: readonly string[],
  options: { readonly hint: string; readonly projection: Document; readonly maxTimeMS: number },
): Promise<readonly T[]> {
  const filter = { _id: ids.length === 1 ? ids[0] : { $in: ids } };
  const command = { find: collection.collectionName, filter, limit: ids.length, batchSize: ids.length, ...options };
  const send = () => db.command(command, BSON);
  const { cursor } = await send().catch(async (error: unknown) => {
    if (isWorthRepeating(error)) return send();
    throw error;
  });
  const { firstBatch, id } = cursor as { readonly firstBatch: readonly T[]; readonly id: unknown };
  if (String(id) === '0') return firstBatch;
  // A reply has room for 16 MB: what is not in a full one is asked for by itself.
  await db.command({ killCursors: collection.collectionName, cursors: [id] });
  const found = new Set(firstBatch.map(({ _id }) => _id));
  const rows = [...firstBatch];
  for (const one of ids) if (!found.has(one)) rows.push(...(await readByIds(db, collection, [one], options)));
  return rows;
}
