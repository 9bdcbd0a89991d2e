/**
 * The embedded store: SQLite in one file, one process. Reads that a page bounds run on the main thread, others in a
 * reader thread; one writer thread commits in groups, each durable (WAL, fsync) before its members are answered.
 *
 * What the MongoDB store does alike has the same file name there. Of threads alone know thread.ts, job.ts, apply.ts with
 * write-*.ts, writer.ts, reader.ts and readers.ts; of the file files.ts and lock.ts; of SQL sql.ts, source.ts, columns.ts,
 * held-keys.ts, filter-list.ts and weight.ts.
 *
 * Invariant: no transaction outlives a synchronous piece. What reaches the writer, and when: commit.ts. The port is put
 * together here of reads.ts, writes.ts and upkeep.ts.
 *
 * Exports: openEmbedded.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FhirError } from '../../fhir/error.js';
import { createBreather } from '../../platform/breather.js';
import { makeFolder } from '../../platform/folder.js';
import { realNow } from '../../platform/real-time.js';
import { FEW_CANDIDATES } from '../choose-path.js';
import { type CatalogEntry, createIndexCatalog, type IndexCatalog } from '../index-catalog.js';
import type { IndexLayout } from '../index-layout.js';
import type { BucketGround } from '../move-bytes.js';
import { createStamps, firstStamp } from '../stamps.js';
import type { Store } from '../store.js';
import { createWritable } from '../writable.js';
import { dropUploads } from './blobs.js';
import { newestDeed } from './deeds.js';
import { connect, type Connection } from './connection.js';
import { fromDriver } from './errors.js';
import { knownFiles, protect } from './files.js';
import { PIECE_CANDIDATES } from './find.js';
import type { Job } from './job.js';
import { lock } from './lock.js';
import { createPlanner } from './planning.js';
import { createReaders } from './readers.js';
import { type OpenedStore, openReads } from './reads.js';
import { migrate, PRAGMAS } from './schema.js';
import type { OpenSnapshots } from './snapshots.js';
import { startThread } from './thread.js';
import { openUpkeep } from './upkeep.js';
import { openWrites } from './writes.js';

export interface EmbeddedOptions {
  /** Path of the store file; its folder is made. `:memory:`: a file in the system's temporary folder, gone with close. */
  readonly file: string;
  readonly layout: IndexLayout;
  /** The clock of what users see, for stamps. Default: real time. */
  readonly now?: () => number;
  /** Stamps follow that clock where it is set back. For test harnesses: no other process may use the data. */
  readonly falling?: boolean;
  /** A walk over fewer candidates (a millisecond or two) runs on the main thread. Default 500; 0: never. */
  readonly smallWalk?: number;
  /** How long one query may take, ms. Default 10 s. */
  readonly queryTimeout?: number;
  /** Candidates that are few enough to be sorted (choose-path.ts); those of a piece of a long walk (find.ts). For tests. */
  readonly few?: number;
  readonly piece?: number;
  /** Where larger bytes go. */
  readonly bucket?: BucketGround | undefined;
}

/** Opens the file, brings its layout up to date and takes the lock. Throws `unavailable` with what to do about it. */
export async function openEmbedded(options: EmbeddedOptions): Promise<Store> {
  const { layout, smallWalk = 500, queryTimeout = 10_000, few = FEW_CANDIDATES, piece = PIECE_CANDIDATES } = options;
  const { now = realNow, falling = false } = options;
  const folder = options.file === ':memory:' ? mkdtempSync(join(tmpdir(), 'chartroom-')) : undefined;
  const file = folder === undefined ? options.file : join(folder, 'store');
  const { connection, unlock } = openFile(file, layout.hash);
  const catalog = readCatalog(connection);
  const known = knownFiles(file);
  const durable = folder === undefined;
  const thread = startThread<Job, number>(new URL('./writer.js', import.meta.url), { file, durable, known }, true);
  const writable = createWritable(() => thread.ask({ kind: 'touch' }));
  const readers = createReaders({ file, known, queryTimeout, piece });
  let closing: Promise<void> | undefined;
  const types = new Set(storedTypes(connection));
  const stamps = createStamps(now, falling);
  if (!falling) stamps.raise(firstStamp(now(), newestStamp(connection, types)));
  const opened: OpenedStore = {
    connection,
    layout,
    catalog,
    planner: createPlanner({ connection, layout, catalog, few, smallWalk }),
    readers,
    smallWalk,
    types,
    stamps,
    ...createAnswers(() => closing !== undefined),
  };
  const { finished, exchanged, ...writes } = openWrites(
    opened,
    {
      ask: (job, moving) => writable.watch(thread.ask(job, moving)),
    },
    options.bucket,
  );
  let snapshots: Promise<OpenSnapshots> | undefined;
  const loadSnapshots = async (): Promise<OpenSnapshots> => {
    const { openSnapshots } = await import('./snapshots.js');
    const renew = async (): Promise<void> => {
      types.clear();
      for (const type of storedTypes(connection)) types.add(type);
      await thread.ask({ kind: 'renumber' });
      exchanged();
    };
    return openSnapshots({ file, renew });
  };
  const close = async (): Promise<void> => {
    await finished();
    (await snapshots)?.close();
    await Promise.all([thread.close(), readers.close()]);
    connection.close();
    unlock();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  };
  // A thread that opened the file later could meet another one.
  await thread.opened.catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return {
    name: 'embedded',
    shared: false,
    ...openReads(opened),
    ...writes,
    ...openUpkeep(opened, { file, known, thread, writable }),
    snapshots: () => opened.answer(() => (snapshots ??= loadSnapshots())),
    close: () => (closing ??= close()),
  };
}

/** See `answer` and `look` of Opened. */
function createAnswers(isClosed: () => boolean): Pick<OpenedStore, 'answer' | 'look'> {
  const answer: OpenedStore['answer'] = async work => {
    if (isClosed()) throw new FhirError('unavailable', 'The store is closed.');
    try {
      return await work();
    } catch (error) {
      throw fromDriver(error);
    }
  };
  const breather = createBreather();
  return {
    answer,
    async look(work) {
      const others = breather.before();
      if (others) await others;
      return answer(() => breather.piece(work));
    },
  };
}

const readCatalog = (connection: Connection): IndexCatalog =>
  createIndexCatalog(
    connection
      .prepare('SELECT id,value FROM fact')
      .all()
      .map(([id, value]): CatalogEntry => ({ id: id as string, value: value as string })),
  );

function openFile(file: string, layout: string): { connection: Connection; unlock: () => void } {
  let unlock: (() => void) | undefined;
  let connection: Connection | undefined;
  try {
    makeFolder(dirname(file));
    unlock = lock(file);
    protect(file);
    connection = connect(file, PRAGMAS);
    migrate(connection, layout);
    dropUploads(connection);
    return { connection, unlock };
  } catch (error) {
    connection?.close();
    unlock?.();
    throw fromDriver(error);
  }
}

/** One look per type, whatever their sizes. */
const storedTypes = (connection: Connection): string[] =>
  connection
    .prepare(
      'WITH RECURSIVE each(t) AS (SELECT min(t) FROM resource UNION ALL SELECT (SELECT min(r.t) FROM resource r WHERE r.t>each.t) FROM each WHERE each.t IS NOT NULL) SELECT t FROM each WHERE t IS NOT NULL',
    )
    .all()
    .map(([type]) => type as string);

/** What was stamped last; every horizon that was given is followed by a deed. */
const newestStamp = (connection: Connection, types: Iterable<string>): number =>
  Math.max(
    newestDeed(connection),
    ...[...types].map(type => Number(connection.prepare('SELECT max(u) FROM resource WHERE t=?').first(type)![0])),
  );
