/**
 * The MongoDB store: one document per current resource with its index keys in two indexed arrays, replaced versions
 * beside it, commits and point reads in groups. It needs a replica set (one node is enough), because a commit is a
 * transaction. Writes are durable on a majority; reads go to the primary, so every process sees what was acknowledged.
 *
 * schema.ts says what is stored, compile.ts how a plan becomes a query, commit.ts how changes are written. Nothing here
 * knows FHIR's rules. The driver is loaded with the first operation.
 */
import { hostname } from 'node:os';
import { FhirError } from '../../fhir/error.js';
import type { Cursor, Query } from '../../search/query.js';
import { encode } from '../encode.js';
import { type CatalogEntry, type IndexCatalog, parameterCodeEntries } from '../index-catalog.js';
import type { IndexLayout } from '../index-layout.js';
import { divideByIndex } from '../access-path.js';
import { pointingKeys, joinFound } from '../pointing.js';
import type { Keys } from '../key.js';
import { targetTypes } from '../key-test.js';
import { type Plan, plan } from '../plan.js';
import type { Change, Renewed, Store } from '../store.js';
import { createWritable } from '../writable.js';
import { TYPE_CODES } from '../type-codes.js';
import { openBlobs, removeAbandoned } from './blobs.js';
import { createCheck } from './check.js';
import { openCommits } from './commit.js';
import { prepareChange } from './documents.js';
import { openConnection } from './connection.js';
import { endOrphanedTransactions } from './orphaned-transactions.js';
import { guarded, notPrimary } from './errors.js';
import { explainPage } from './explain.js';
import { keepIndexCatalog } from './index-catalog.js';
import { collectIds, countMatches, existsMatch, findPage, chooseByCounts } from './find.js';
import { countHistory, readHistory } from './history.js';
import { openLeases } from './lease.js';
import type { PreparedChange } from './queue.js';
import { gatherReads, type KnownRows, readVersionRow, ROW, type Row, toVersion } from './rows.js';
import { INDEX, keyFields, markForeign, markReindexed, migrate, needsReindex, typeCode } from './schema.js';
import { openSequence } from './sequence.js';
import { findTexts } from './words.js';
import { writeKeysAnew } from './reindex.js';

export interface MongoOptions {
  /** mongodb:// or mongodb+srv://, with the database. */
  readonly url: string;
  readonly layout: IndexLayout;
  /** Names this process in the database, for people. Default: host and process id. */
  readonly processName?: string;
  /** Limit of one query on the server, ms. Default 10 s. */
  readonly maxTimeMS?: number;
  /** Candidates that are few enough to be sorted (choose-path.ts). For tests. */
  readonly few?: number;
  /** How long an operation waits for a server before the store counts as away, ms. Default 3 s. */
  readonly selectionMs?: number;
}

const SCAN_BATCH = 500;
/** Changes that are encoded without a pause. */
const ENCODED_WITHOUT_PAUSE = 500;
/** Candidates that are few: fewer than in SQLite, as the documents of a range are read to be counted. */
const FEW_DOCUMENTS = 1000;

/** Opens the store. Touches no network: the first operation connects, and later ones try again if it failed. */
export async function openMongo(options: MongoOptions): Promise<Store> {
  const { layout, maxTimeMS = 10_000, selectionMs = 3000, few = FEW_DOCUMENTS } = options;
  const connection = openConnection(options.url, selectionMs);
  const connected = () => connection.connected();
  const sequence = openSequence(connected, options.processName ?? `${hostname()} ${process.pid}`);
  const catalog = keepIndexCatalog(connected);
  const leases = openLeases(connected);
  const blobs = openBlobs(connected, maxTimeMS);
  const writable = createWritable(async () => {
    const { fact } = await connected();
    await fact.updateOne({ _id: 'touch' }, { $set: { at: Date.now() } }, { upsert: true });
  });
  const point = gatherReads(connected, maxTimeMS);
  const readRows: KnownRows = new WeakMap();

  /** The keys of rows; the catalog entries that they need are durable. */
  const encodeAll = async (rows: readonly Pick<Change, 'type' | 'entries'>[]): Promise<Keys[]> => {
    const missing = (known: IndexCatalog): readonly CatalogEntry[] => {
      for (const { type, entries } of rows) {
        const encoding = encode(layout, type, entries, known);
        if (encoding.missing.length > 0) return encoding.missing;
      }
      return [];
    };
    const known = await catalog.current();
    const encodings = rows.map(({ type, entries }) => encode(layout, type, entries, known));
    if (encodings.every(encoding => encoding.missing.length === 0)) return encodings.map(({ keys }) => keys);
    await catalog.grow(missing);
    return rows.map(({ type, entries }) => encode(layout, type, entries, known).keys);
  };

  const prepareAll = async (changes: readonly Change[]): Promise<PreparedChange[]> => {
    const alive = changes.filter(({ text }) => text !== undefined);
    const keys = new Map<Change, Keys>();
    for (let from = 0; from < alive.length; from += ENCODED_WITHOUT_PAUSE) {
      // A Bundle of thousands does not keep the others from being served.
      if (from > 0) await new Promise(setImmediate);
      const batch = alive.slice(from, from + ENCODED_WITHOUT_PAUSE);
      for (const [i, one] of (await encodeAll(batch)).entries()) keys.set(batch[i]!, one);
    }
    return changes.map(change => {
      const own = keys.get(change);
      return prepareChange(change, typeCode(change.type), own ? keyFields(own) : {});
    });
  };

  /**
   * Plans by the catalog at hand. If a plan looked at entries that can change and there are new ones by now, what it
   * found may be too little: then it is made and run again, by a catalog younger than the question. `all`: every match is wanted,
   * not a page of them.
   */
  const plannedTogether = async <T>(
    queries: readonly Query[],
    run: (plans: readonly Plan[], until: number) => Promise<T>,
    all: boolean,
  ): Promise<T> => {
    const until = Date.now() + maxTimeMS;
    const withPath = async (made: Plan): Promise<Plan> =>
      made.others ? chooseByCounts(await connected(), made, until, { all, few }) : made;
    const execute = async (by: IndexCatalog): Promise<T> =>
      run(await Promise.all(queries.map(query => withPath(plan(layout, query, by)))), until);
    const cached = await catalog.current();
    let looked = false;
    // The number of a system is for ever, and so is that a type has open periods: only that there is none can be old.
    const noted = <V>(value: V, lasts: boolean): V => {
      looked ||= !lasts;
      return value;
    };
    const watched: IndexCatalog = {
      ...cached,
      system: uri => noted(cached.system(uri), cached.system(uri) !== undefined),
      uses: prefix => noted(cached.uses(prefix), false),
      widest: type => noted(cached.widest(type), false),
      isOpen: type => noted(cached.isOpen(type), cached.isOpen(type)),
    };
    const running = execute(watched);
    const [result, fresh] = await Promise.all([running, looked ? catalog.fresh() : true]);
    return fresh ? result : execute(cached);
  };
  const planned = <T>(query: Query, run: (plan: Plan, until: number) => Promise<T>, all = false): Promise<T> =>
    plannedTogether([query], ([made], until) => run(made!, until), all);

  /** All matches in no order: queries that an index answers each. */
  const divided = async ({ types, where }: Pick<Query, 'types' | 'where'>): Promise<Query[]> => {
    const ground = { layout, catalog: await catalog.current(), types };
    return divideByIndex(ground, where).map(part => ({ types, where: part, sort: [], limit: 1 }));
  };

  const commits = openCommits({
    connected,
    endDead: endOrphanedTransactions(connected),
    numbers: count => sequence.take(count),
    rowOf: version => readRows.get(version),
    matches: async (absences, session) => {
      const all = await connected();
      const parts = (await Promise.all(absences.map(divided))).flat();
      return plannedTogether(parts, (made, until) => existsMatch(all, made, session, until), true);
    },
  });

  const check = createCheck({
    connected,
    encode: async (type, entries) => encode(layout, type, entries, await catalog.current()),
  });

  async function* scanAll(type: string | undefined, after: Cursor | undefined) {
    const { resource } = await guarded(connected);
    const codes = type === undefined ? Object.values(TYPE_CODES) : [typeCode(type)];
    let last = after?.[0] ?? undefined;
    for (;;) {
      const found = resource.find<Row>(
        { t: { $in: codes }, z: null, ...(last === undefined ? {} : { n: { $gt: Number(last) } }) } as object,
        { hint: INDEX.arrival, sort: { n: 1 }, limit: SCAN_BATCH, projection: ROW, maxTimeMS },
      );
      // Row by row: the driver holds what one answer of the server holds, 16 MB, however large the resources are.
      let rows = 0;
      try {
        for (let row = await guarded(() => found.next()); row; row = await guarded(() => found.next())) {
          rows += 1;
          last = row.n;
          yield { row: toVersion(row), cursor: [row.n] };
        }
      } finally {
        await found.close();
      }
      if (rows < SCAN_BATCH) return;
    }
  }

  /** Whoever has indexed the database by another table must know that there are resources of ours now. */
  let owned: Promise<void> | undefined;
  const ownUp = (): Promise<void> =>
    (owned ??= connected()
      .then(all => markForeign(all, layout.hash))
      .catch((error: unknown) => {
        owned = undefined;
        throw error;
      }));

  const sizes = async (): Promise<ReadonlyMap<string, number>> => {
    const { resource, db } = await connected();
    const present = new Set(await resource.distinct('t', {}, { maxTimeMS }));
    const counted = new Map<string, number>();
    for (const [type, code] of Object.entries(TYPE_CODES)) {
      if (!present.has(code)) continue;
      // Both are counted in an index: every document of the type, and its tombstones.
      const [all, deleted] = await Promise.all([
        db.command({ count: 'resource', query: { t: code }, hint: INDEX.updated, maxTimeMS }),
        db.command({ count: 'resource', query: { t: code, z: true }, hint: INDEX.deleted, maxTimeMS }),
      ]);
      const alive = Number(all['n']) - Number(deleted['n']);
      if (alive > 0) counted.set(type, alive);
    }
    return counted;
  };

  /** What the store has been asked for, as errors of ours; counted, so that close can wait for it. */
  const underWay = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;
  const run = <T>(operation: () => Promise<T>): Promise<T> => {
    if (closing) return Promise.reject(new FhirError('unavailable', 'The store is closed.'));
    const running = guarded(operation);
    underWay.add(running);
    return running.finally(() => underWay.delete(running));
  };
  const end = async (): Promise<void> => {
    await Promise.allSettled(underWay);
    await sequence.close().catch(() => {});
    await connection.close();
  };

  return {
    name: 'mongo',
    check: {
      altered: row => run(() => check.altered(row)),
      misindexed: renewed => run(() => check.misindexed(renewed)),
      broken: () => check.broken(),
    },
    shared: true,
    blobs: {
      put: (bytes, maxBytes) => writable.watch(run(() => blobs.put(bytes, maxBytes))),
      get: (hash, range) => run(() => blobs.get(hash, range)),
      all: () => blobs.all(),
    },
    read: (type, id, version) =>
      run(async () => {
        typeCode(type);
        return readVersionRow(connected, point, readRows, type, id, version, maxTimeMS);
      }),
    history: query => run(async () => readHistory(await connected(), query, maxTimeMS)),
    countHistory: of => run(async () => countHistory(await connected(), of, maxTimeMS)),
    find: query =>
      run(async () => {
        const all = await connected();
        return planned(query, (made, until) => findPage(all, made, until));
      }),
    findIds: (query, limit, by) =>
      run(async () => {
        const all = await connected();
        const pointing = by === undefined ? [] : pointingKeys(layout, query.types, by);
        const parts = (await divided(query)).map(part =>
          planned(part, (made, until) => collectIds(all, made, pointing, limit, until), true),
        );
        return joinFound(await Promise.all(parts), limit);
      }),
    explain: query =>
      run(async () => {
        const all = await connected();
        return planned(query, made => explainPage(all, made, maxTimeMS));
      }),
    count: (query, limit) =>
      run(async () => {
        const all = await connected();
        return planned({ ...query, sort: [], limit: 1 }, (made, until) => countMatches(all, made, limit, until), true);
      }),
    searchText: (query, limit) => run(async () => findTexts(await connected(), query, limit, maxTimeMS)),
    commit: commit =>
      writable.watch(
        run(async () => {
          await ownUp();
          await commits.add(commit, await prepareAll(commit.changes));
        }),
      ),
    pendingMessages: (topic, limit) =>
      run(async () => {
        const { outbox } = await connected();
        const rows = await outbox.find({ t: topic }, { hint: 't', sort: { _id: 1 }, limit, maxTimeMS }).toArray();
        return rows.map(({ _id, t, b }) => ({ sequence: _id, topic: t, body: b }));
      }),
    scan: scanOptions => scanAll(scanOptions?.type, scanOptions?.after),
    reindex: (rows: readonly Renewed[]) =>
      run(async () => {
        const keys = await encodeAll(rows.map(({ row, entries }) => ({ type: row.type, entries })));
        return writeKeysAnew(
          await connected(),
          rows.map(({ row, words }, i) => ({ row, fields: keyFields(keys[i]!), words })),
        );
      }),
    targetsOf: (type, code) => run(async () => targetTypes(await catalog.current(), layout, type, code)),
    assignParameterCodes: codes =>
      run(async () => {
        await catalog.grow(known => parameterCodeEntries(known, codes));
        const known = await catalog.current();
        return new Map(codes.map(code => [code, known.parameter(code)!]));
      }),
    acquireLease: (task, ms) => run(() => leases.hold(task, ms)),
    sizes: () => run(sizes),
    migrate: () =>
      run(async () => {
        const all = await connected();
        const sortable = layout.sortStrings.map(({ type, prefix }) => ({ type: typeCode(type), prefix }));
        await migrate(all.db, sortable, layout.hash);
        await removeAbandoned(all, Date.now());
      }),
    needsReindex: () => run(async () => needsReindex(await connected(), layout.hash)),
    markReindexed: () => run(async () => markReindexed(await connected(), layout.hash)),
    ping: () =>
      run(async () => {
        const { db } = await connected();
        const { isWritablePrimary } = await db.command({ hello: 1 });
        if (!isWritablePrimary) throw notPrimary();
        await writable.check();
      }),
    close() {
      closing ??= end();
      return closing;
    },
  };
}
