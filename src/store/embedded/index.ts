/**
 * The embedded store: SQLite in one file, one process. Reads that a page bounds run on the main thread, others in a
 * reader thread; one writer thread commits in groups, each durable (WAL, fsync) before its members are answered.
 *
 * Invariant: no transaction outlives a synchronous piece. What reaches the writer, and when: commit.ts.
 *
 * Exports: openEmbedded.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FhirError } from '../../fhir/error.js';
import { createBreather } from '../../platform/breather.js';
import { makeFolder } from '../../platform/folder.js';
import type { Cursor, Query } from '../../search/query.js';
import { decodeId, encodeId } from '../codec.js';
import { createIndexCatalog, type CatalogEntry } from '../index-catalog.js';
import type { IndexLayout } from '../index-layout.js';
import { divideByIndex } from '../access-path.js';
import { foundIds, matchesFor, pointingKeys, joinFound } from '../pointing.js';
import { targetTypes } from '../key-test.js';
import { type Plan, plan } from '../plan.js';
import { FEW_CANDIDATES, chooseAccessPathNow } from '../choose-path.js';
import type { FoundIds, Explanation, Page, Store, PendingMessage } from '../store.js';
import { createWritable } from '../writable.js';
import { createBlobs, dropUploads } from './blobs.js';
import { createCheck } from './check.js';
import { openCommits } from './commit.js';
import { isBounded } from './compile.js';
import { compileAny, compileCount, compileNames, compilePointing, compileProbe } from './compile-all.js';
import { connect, type Connection, type SqlRow } from './connection.js';
import { fromDriver } from './errors.js';
import { checkSpace, knownFiles, lost, protect } from './files.js';
import type { Job } from './job.js';
import { lock } from './lock.js';
import { compileHistoryCount, historyCursor, historyPage } from './history.js';
import { findCursor, findPage, type Patience, PIECE_CANDIDATES, type RowPage, walkPage } from './find.js';
import type { ReadAnswer, ReadRequest } from './reader.js';
import { COLUMNS, NUMBER_COLUMN, textBytes, unpack, VERSION_COLUMN, toVersion, withLargeText } from './rows.js';
import { migrate, needsReindex, PRAGMAS } from './schema.js';
import { raw, type Sql, sql } from './sql.js';
import { startThread, type Thread } from './thread.js';
import { filterWeight } from './weight.js';
import { compileWords } from './words.js';

export interface EmbeddedOptions {
  /** Path of the store file; its folder is made. `:memory:`: a file in the system's temporary folder, gone with close. */
  readonly file: string;
  readonly layout: IndexLayout;
  /** A walk over fewer candidates (a millisecond or two) runs on the main thread. Default 500; 0: never. */
  readonly smallWalk?: number;
  /** How long one query may take, ms. Default 10 s. */
  readonly queryTimeout?: number;
  /** Candidates that are few enough to be sorted (choose-path.ts); those of a piece of a long walk (find.ts). For tests. */
  readonly few?: number;
  readonly piece?: number;
}

/** Filters so much dearer than ordinary ones are not for this thread (weight.ts). */
const MAX_WEIGHT = 5;

/** Whether its matches can be counted piece by piece. */
const isWalk = ({ driver }: Plan): boolean => driver.by !== 'range' && driver.by !== 'id';

/** How many times the time of a query one waits for others. */
const WAITING_FACTOR = 3;

/** Candidates that are looked at and sorted in a millisecond, at least. */
const CANDIDATES_PER_MS = 100;

/** Candidates that the writer thread looks at for one condition of a commit: half a second. */
const MAX_GUARDED_CANDIDATES = 50_000;

/** Rows of a step of a scan. */
const SCAN_ROWS = 100;

/** Opens the file, brings its layout up to date and takes the lock. Throws `unavailable` with what to do about it. */
export async function openEmbedded(options: EmbeddedOptions): Promise<Store> {
  const {
    file: named,
    layout,
    smallWalk = 500,
    queryTimeout = 10_000,
    few = FEW_CANDIDATES,
    piece = PIECE_CANDIDATES,
  } = options;
  const folder = named === ':memory:' ? mkdtempSync(join(tmpdir(), 'chartroom-')) : undefined;
  const file = folder === undefined ? named : join(folder, 'store');
  const { connection, unlock } = openFile(file, layout.hash);
  const one = ({ text, values }: Sql): SqlRow | undefined => connection.prepare(text).first(...values);

  const catalog = createIndexCatalog(
    connection
      .prepare('SELECT id,value FROM fact')
      .all()
      .map(([id, value]): CatalogEntry => ({ id: id as string, value: value as string })),
  );
  const types = new Set(storedTypes(connection));
  const opened = knownFiles(file);
  const thread = startThread<Job, number>(new URL('./writer.js', import.meta.url), {
    file,
    durable: folder === undefined,
    known: opened,
  });
  const writable = createWritable(() => thread.ask({ kind: 'touch' }));
  const writer: Pick<typeof thread, 'ask'> = { ask: (job, moving) => writable.watch(thread.ask(job, moving)) };
  const start = () => startThread<ReadRequest, ReadAnswer>(new URL('./reader.js', import.meta.url), { file });
  /** Walks take turns in one thread; what must be done in one piece waits for its like in another. */
  const [walker, sorter] = [start(), start()];
  const blobs = createBlobs(connection, writer);
  let closing: Promise<void> | undefined;

  /** What every call goes through: nothing after close, driver errors as kinds. */
  const answer = async <T>(work: () => T | Promise<T>): Promise<T> => {
    if (closing) throw new FhirError('unavailable', 'The store is closed.');
    try {
      return await work();
    } catch (error) {
      throw fromDriver(error);
    }
  };
  /** The same of what is read on this thread: a hundred searches of one request let others in between. */
  const breather = createBreather();
  const look = async <T>(work: () => T | Promise<T>): Promise<T> => {
    const others = breather.before();
    if (others) await others;
    return answer(() => breather.piece(work));
  };
  const read = async (reader: Thread<ReadRequest, ReadAnswer>, reading: ReadRequest): Promise<RowPage> => {
    const page = await reader.ask(reading);
    return { ...page, rows: unpack(page) };
  };
  /** How long a search waits for others. */
  const waiting = () => ({ until: Date.now() + WAITING_FACTOR * Math.max(queryTimeout, 1000) });
  const rows = async (statement: Sql, more: { limit?: number; among?: Plan } = {}): Promise<readonly SqlRow[]> => {
    const { limit, among } = more;
    const guard = among && { ...waiting(), among: { plan: among, most: queryTimeout * CANDIDATES_PER_MS } };
    return (await read(sorter, { kind: 'rows', sql: statement, ...(limit === undefined ? {} : { limit }), ...guard }))
      .rows;
  };
  /** So few candidates that the way to the other thread would cost more; of dear filters never. */
  const isSmall = (planned: Plan): boolean => {
    const most = Math.floor(smallWalk / filterWeight(planned.filter));
    return candidates(planned, most) < most;
  };
  const candidates = (path: Pick<Plan, 'driver' | 'filter'>, most: number): number => {
    const probe = compileProbe(path, most);
    return probe ? Number(one(probe)![0]) : 0;
  };
  const patience = {
    milliseconds: queryTimeout,
    candidates: queryTimeout * CANDIDATES_PER_MS,
    piece,
  } satisfies Patience;

  /** A page on this thread, if it is sure to be short, or turns out to be: a walk's first candidates may fill it. */
  const findNow = (planned: Plan): RowPage | undefined => {
    if (filterWeight(planned.filter) > MAX_WEIGHT) return undefined;
    if (isBounded(planned) || (!planned.ordered && isSmall(planned))) return findPage(connection, planned);
    if (!planned.ordered || smallWalk === 0) return undefined;
    try {
      const walk = walkPage(connection, planned, { milliseconds: 0, candidates: 0, piece: smallWalk });
      const { done, value } = connection.snapshot(() => walk.next());
      return done ? value : undefined;
    } catch (error) {
      if (error instanceof FhirError && error.kind === 'too-costly') return undefined;
      throw error;
    }
  };

  /** `all`: every match is wanted, not a page. */
  const planOf = (query: Query, all = false): Plan =>
    chooseAccessPathNow(plan(layout, query, catalog), candidates, { all, few });

  /** All matches in no order, each plan by one index. */
  const plansOf = ({ types: asked, where }: Pick<Query, 'types' | 'where'>): Plan[] =>
    divideByIndex({ layout, catalog, types: asked }, where).map(part =>
      planOf({ types: asked, where: part, sort: [], limit: 1 }, true),
    );

  const collect = async (planned: Plan, of: readonly string[], limit: number, by?: string): Promise<FoundIds> => {
    const most = matchesFor(limit);
    if (by !== undefined && candidates(planned, most) >= most) return { found: [], complete: false };
    const pointing = by === undefined ? [] : pointingKeys(layout, of, by);
    const statement =
      by === undefined ? compileNames(planned, limit + 1) : compilePointing(planned, pointing, limit + 1);
    if (!statement) return { found: [], complete: true };
    const { text, values } = statement;
    const keys = isSmall(planned) ? connection.prepare(text).all(...values) : await rows(statement, { among: planned });
    return foundIds(
      keys.map(([key]) => key as string),
      pointing,
      limit,
    );
  };

  /** Says whether anything matches, in the writer thread, where everybody's changes would wait for a long look. */
  const guardOf = (planned: Plan): readonly Sql[] => {
    const most = Math.floor(MAX_GUARDED_CANDIDATES / filterWeight(planned.filter));
    if (planned.filter.length > 0 && candidates(planned, most) >= most)
      throw new FhirError(
        'too-costly',
        'These criteria cannot be guarded: too many resources would have to be looked at with each write. Use an identifier.',
        { expression: 'http.criteria' },
      );
    const any = compileAny(planned);
    return any ? [any] : [];
  };

  const commits = openCommits({
    layout,
    catalog,
    writer,
    noteType: type => types.add(type),
    matching: absence => plansOf(absence).flatMap(guardOf),
  });

  /** Whoever has indexed the store by another table must know that there are resources of ours now. */
  let foreign = needsReindex(connection, layout.hash);
  const ownUp = (): void => {
    if (foreign) void writer.ask({ kind: 'mark', layout: '' }).catch(() => {});
    foreign = false;
  };

  const close = async (): Promise<void> => {
    await commits.finished();
    await Promise.all([thread.close(), walker.close(), sorter.close()]);
    connection.close();
    unlock();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  };
  // A thread that opened the file later could meet another one.
  await Promise.all([thread.opened, walker.opened, sorter.opened]).catch(async (error: unknown) => {
    await close();
    throw error;
  });

  return {
    name: 'embedded',
    check: createCheck({ layout, catalog, one, rows: statement => answer(() => rows(statement)) }),
    shared: false,
    blobs: {
      put: (bytes, maxBytes) => answer(() => blobs.put(bytes, maxBytes)),
      get: (hash, range) => answer(() => blobs.get(hash, range)),
      all: () => blobs.all(),
    },
    read: (type, id, version, most = Infinity) =>
      look(() => {
        const row = readRow(one, type, id, version);
        return row && toVersion(textBytes(row) > most ? row : withLargeText(connection, row));
      }),
    find: query =>
      look(async () => {
        const planned = planOf(query);
        return toPage(
          findNow(planned) ??
            (await read(planned.ordered ? walker : sorter, {
              kind: 'find',
              plan: planned,
              patience,
              ...waiting(),
            })),
          findCursor,
        );
      }),
    history: query =>
      answer(async () => {
        const known = [...types];
        // Without a time to look back at, a page is a walk along an index.
        return toPage(
          query.at === undefined && query.limit <= 1000
            ? historyPage(connection, query, known)
            : await read(sorter, { kind: 'history', query, types: known }),
          historyCursor,
        );
      }),
    countHistory: of =>
      answer(async () => {
        const statement = compileHistoryCount(connection, of, [...types]);
        return statement ? Number((await rows(statement))[0]![0]) : 0;
      }),
    findIds: (query, limit, by) =>
      look(async () => {
        const parts: FoundIds[] = [];
        for (const planned of plansOf(query)) parts.push(await collect(planned, query.types, limit, by));
        return joinFound(parts, limit);
      }),
    explain: query =>
      answer(async () => {
        const { rows: told } = await read(sorter, { kind: 'explain', plan: planOf(query), patience, ...waiting() });
        return JSON.parse(told[0]![0] as string) as Explanation;
      }),
    count: (query, limit) =>
      look(async () => {
        const planned = planOf({ ...query, sort: [], limit: 1 }, true);
        const most = limit === undefined ? undefined : limit + 1;
        const statement = compileCount(planned, most);
        if (!statement) return { count: 0, exact: true };
        const [row] = isSmall(planned)
          ? [one(statement)]
          : (
              await read(isWalk(planned) ? walker : sorter, {
                kind: 'count',
                plan: planned,
                limit: most,
                patience,
                ...waiting(),
              })
            ).rows;
        const count = Number(row![0]);
        return limit !== undefined && count > limit ? { count: limit, exact: false } : { count, exact: true };
      }),
    searchText: (query, limit) =>
      answer(async () => {
        const ids = await rows(compileWords(query, limit + 1));
        const found = ids.slice(0, limit).map(([id]) => decodeId(id as string));
        return { found, complete: ids.length <= limit, sure: true };
      }),
    commit: asked =>
      answer(async () => {
        const { changes } = asked;
        if (new Set(changes.map(({ type, id }) => `${type}/${id}`)).size < changes.length)
          throw new FhirError('fault', 'A commit changes one resource twice.');
        ownUp();
        await commits.commit(asked);
      }),
    pendingMessages: (topic, limit) =>
      answer(() =>
        connection
          .prepare('SELECT sequence,topic,body FROM outbox WHERE topic=? ORDER BY sequence LIMIT ?')
          .all(topic, limit)
          .map(
            ([sequence, name, body]): PendingMessage => ({
              sequence: sequence as number,
              topic: name as string,
              body: body as string,
            }),
          ),
      ),
    async *scan({ type, after } = {}) {
      let n = Number(after?.[0] ?? 0);
      for (;;) {
        const of =
          type === undefined
            ? sql`FROM resource r WHERE`
            : sql`FROM resource r INDEXED BY resource_t WHERE r.t=${type} AND`;
        const chunk = await answer(() =>
          rows(sql`SELECT ${raw(COLUMNS)} ${of} r.f IS NOT NULL AND r.n>${n} ORDER BY r.n LIMIT ${SCAN_ROWS}`, {
            limit: SCAN_ROWS,
          }),
        );
        for (const row of chunk) {
          n = row[NUMBER_COLUMN] as number;
          yield { row: await answer(() => toVersion(withLargeText(connection, row))), cursor: [n] };
        }
        if (chunk.length < SCAN_ROWS) return;
      }
    },
    reindex: renewed => answer(() => commits.reindex(renewed)),
    targetsOf: (type, code) => answer(() => targetTypes(catalog, layout, type, code)),
    assignParameterCodes: codes => answer(() => commits.assignParameterCodes(codes)),
    // The file has one process, which holds every task.
    acquireLease: (_task, ms) => answer(() => ms > 0),
    sizes: () =>
      answer(async () => {
        const sizes = await rows(sql`SELECT t,count(*) FROM resource WHERE f IS NOT NULL GROUP BY t`);
        return new Map(sizes.map(([type, count]) => [type as string, count as number]));
      }),
    migrate: () => answer(() => migrate(connection, layout.hash)),
    needsReindex: () => answer(() => needsReindex(connection, layout.hash)),
    markReindexed: () => answer(async () => void (await writer.ask({ kind: 'mark', layout: layout.hash }))),
    ping: () =>
      answer(async () => {
        const failure = thread.failure ?? lost(opened);
        if (failure) throw failure;
        await checkSpace(file);
        await writable.check();
        await rows(sql`SELECT 1`);
      }),
    backup: to => answer(async () => void (await read(sorter, { kind: 'backup', to }))),
    close: () => (closing ??= close()),
  };
}

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

function readRow(
  one: (statement: Sql) => SqlRow | undefined,
  type: string,
  id: string,
  version: number | undefined,
): SqlRow | undefined {
  const current = one(sql`SELECT ${raw(COLUMNS)} FROM resource r WHERE r.id=${encodeId(type, id)}`);
  if (!current) return undefined;
  if (version === undefined || current[VERSION_COLUMN] === version) return current;
  return one(
    sql`SELECT ${raw(COLUMNS.replace('r.id', 'c.id'))} FROM version r CROSS JOIN resource c ON c.n=r.n WHERE r.n=${current[NUMBER_COLUMN]!} AND r.v=${version}`,
  );
}

const toPage = ({ rows, more, next }: RowPage, cursor: (row: SqlRow) => Cursor): Page => ({
  rows: rows.map(toVersion),
  cursors: rows.map(cursor),
  more,
  ...(next === undefined ? {} : { next }),
});
