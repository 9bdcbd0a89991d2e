/**
 * The MongoDB store: one document per current resource with its index keys in two indexed arrays, replaced versions
 * beside it, commits and point reads in groups. It needs a replica set (one node is enough), because a commit is a
 * transaction. Writes are durable on a majority; reads go to the primary, so every process sees what was acknowledged.
 *
 * schema.ts says what is stored, compile.ts how a plan becomes a query, commit.ts how changes are written; the port is
 * put together here of reads.ts, writes.ts and upkeep.ts. What the embedded store does alike has the same file name there.
 * Of other processes alone know conditions.ts, transaction.ts, orphaned-transactions.ts, sequence.ts, lease.ts and
 * index-catalog.ts; queue.ts makes the groups that there the writer thread makes. Nothing here knows FHIR's rules. The driver is loaded with the first operation.
 */
import { hostname } from 'node:os';
import { FhirError } from '../../fhir/error.js';
import { realNow } from '../../platform/real-time.js';
import type { IndexLayout } from '../index-layout.js';
import type { BucketGround } from '../move-bytes.js';
import { createStamps } from '../stamps.js';
import type { Store } from '../store.js';
import { createWritable } from '../writable.js';
import { openConnection } from './connection.js';
import { guarded } from './errors.js';
import { lonelyHorizon, openHorizon } from './horizon.js';
import { keepIndexCatalog } from './index-catalog.js';
import { endResting } from './orphaned-transactions.js';
import { createPlanner } from './planning.js';
import { type OpenedStore, openReads } from './reads.js';
import { sortableOf } from './schema.js';
import { openSequence } from './sequence.js';
import type { OpenSnapshots } from './snapshots.js';
import { openUpkeep } from './upkeep.js';
import { openWrites } from './writes.js';

export interface MongoOptions {
  /** mongodb:// or mongodb+srv://, with the database. */
  readonly url: string;
  readonly layout: IndexLayout;
  /** The clock of what users see, for stamps. Default: real time. */
  readonly now?: () => number;
  /** Stamps follow that clock where it is set back, and creation numbers none. For test harnesses: no other process may use the data. */
  readonly falling?: boolean;
  /** Names this process in the database, for people. Default: host and process id. */
  readonly processName?: string;
  /** Limit of one query on the server, ms. Default 10 s. */
  readonly maxTimeMS?: number;
  /** Candidates that are few enough to be sorted (choose-path.ts). For tests. */
  readonly few?: number;
  /** How long an operation waits for a server before the store counts as away, ms. Default 3 s. */
  readonly selectionMs?: number;
  /** Where larger bytes go. */
  readonly bucket?: BucketGround | undefined;
}

/** Candidates that are few: fewer than in SQLite, as the documents of a range are read to be counted. */
const FEW_DOCUMENTS = 1000;

/** Opens the store. Touches no network: the first operation connects, and later ones try again if it failed. */
export async function openMongo(options: MongoOptions): Promise<Store> {
  const {
    layout,
    maxTimeMS = 10_000,
    selectionMs = 3000,
    few = FEW_DOCUMENTS,
    now = realNow,
    falling = false,
  } = options;
  const connection = openConnection(options.url, selectionMs);
  const connected = () => connection.connected();
  const name = options.processName ?? `${hostname()} ${process.pid}`;
  const counted = falling ? (await import('./counted-sequence.js')).openCountedSequence(connected) : undefined;
  const sequence = counted ?? openSequence(connected, name);
  const catalog = keepIndexCatalog(connected);
  const planner = createPlanner({ connected, layout, catalog, maxTimeMS, few });
  const stamps = createStamps(now, falling);
  const endOpen = (ms: number) => endResting(connected, ms);
  const horizon = falling
    ? lonelyHorizon(stamps)
    : openHorizon({ connected, stamps, clock: now, name, endResting: endOpen });
  let snapshots: Promise<OpenSnapshots> | undefined;
  const operations = createOperations(async () => {
    await (await snapshots?.catch(() => undefined))?.close();
    await horizon.close().catch(() => {});
    await sequence.close().catch(() => {});
    await connection.close();
  });
  const writable = createWritable(async () => {
    const { fact } = await connected();
    await fact.updateOne({ _id: 'touch' }, { $set: { at: realNow() } }, { upsert: true });
  });
  const { run } = operations;
  const opened: OpenedStore = {
    horizon,
    connected,
    layout,
    catalog,
    planner,
    maxTimeMS,
    run,
    knownRows: new WeakMap(),
  };
  const { abandonStreams, endMoving, ...writes } = openWrites(opened, writable, sequence, stamps, options.bucket);
  const layoutHash = layout.hash;
  return {
    name: 'mongo',
    shared: !falling,
    ...openReads(opened),
    ...writes,
    ...openUpkeep(opened, writable),
    snapshots: () =>
      run(async () => {
        if (!counted) throw new FhirError('fault', 'Other processes may use this store.');
        return (snapshots ??= import('./snapshots.js').then(({ openSnapshots }) =>
          openSnapshots({
            ...{ connected, layoutHash, abandonStreams },
            sequence: counted,
            sortable: sortableOf(layout),
          }),
        ));
      }),
    close: async () => {
      await endMoving();
      await operations.close();
    },
  };
}

/** What the store is asked for: errors become FhirErrors, and close waits for what is under way and refuses the rest. */
function createOperations(
  release: () => Promise<void>,
): Pick<OpenedStore, 'run'> & { close(this: void): Promise<void> } {
  const underWay = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;
  return {
    run(operation) {
      if (closing) return Promise.reject(new FhirError('unavailable', 'The store is closed.'));
      const running = guarded(operation);
      underWay.add(running);
      return running.finally(() => underWay.delete(running));
    },
    close: () => (closing ??= Promise.allSettled(underWay).then(release)),
  };
}
