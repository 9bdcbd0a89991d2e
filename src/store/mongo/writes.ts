/** The writing half of the port. */
import type { FhirError, Kind } from '../../fhir/error.js';
import { parameterCodeEntries } from '../index-catalog.js';
import type { Stamps } from '../stamps.js';
import { type BucketGround, bytesInTwoPlaces, type BytesInTwoPlaces } from '../move-bytes.js';
import type { StoreWrites } from '../store.js';
import type { Writable } from '../writable.js';
import { openBlobs } from './blobs.js';
import { type CommitLanes, openCommits } from './commit.js';
import { encodeAll, prepareAll } from './encoding.js';
import { existsMatch } from './find.js';
import { openLeases } from './lease.js';
import { endOrphanedTransactions } from './orphaned-transactions.js';
import { pendingOf } from './outbox.js';
import type { OpenedStore } from './reads.js';
import { openDeeds } from './deeds.js';
import { openRecords } from './records.js';
import { writeKeysAnew } from './reindex.js';
import { keyFields, markForeign } from './schema.js';
import type { Sequence } from './sequence.js';

/** Of errors after which nobody knows what was kept. */
const IN_DOUBT: ReadonlySet<Kind> = new Set<Kind>(['timeout', 'unavailable']);

export function openWrites(
  opened: OpenedStore,
  writable: Writable,
  sequence: Sequence,
  stamps: Stamps,
  ground: BucketGround | undefined,
): StoreWrites & Pick<CommitLanes, 'abandonStreams'> & { readonly endMoving: BytesInTwoPlaces['close'] } {
  const { connected, layout, catalog, planner, maxTimeMS, run, knownRows, horizon } = opened;
  const leases = openLeases(connected);
  const { blobs, committed, close: endMoving } = bytesInTwoPlaces(openBlobs(connected, maxTimeMS), ground);
  const commits = openCommits({
    connected,
    endDead: endOrphanedTransactions(connected),
    numbers: (count, above) => sequence.take(count, above),
    fence: horizon,
    rowOf: version => knownRows.get(version),
    matches: async (absences, session) => {
      const all = await connected();
      const parts = (await Promise.all(absences.map(planner.divided))).flat();
      return planner.plannedTogether(parts, (made, until) => existsMatch(all, made, session, until), true);
    },
  });
  const markOnce = onceDone(async () => markForeign(await connected(), layout.hash));
  return {
    blobs: {
      put: (bytes, maxBytes) => writable.watch(run(() => blobs.put(bytes, maxBytes))),
      get: (hash, range) => run(() => blobs.get(hash, range)),
      all: () => blobs.all(),
      keep: (hash, until) => writable.watch(run(() => blobs.keep(hash, until))),
      sweep: (now, putBefore) => writable.watch(run(() => blobs.sweep(now, putBefore))),
      lackBucket: () => run(() => blobs.lackBucket()),
    },
    records: openRecords(connected, work => writable.watch(run(work))),
    deeds: openDeeds(opened, work => writable.watch(run(work)), commits),
    commit: commit =>
      writable.watch(
        run(async () => {
          // A server with another layout asks for a reindex where there are resources of ours.
          await markOnce();
          const prepared = await prepareAll(layout, catalog, commit.changes);
          await commits.add(commit, prepared).catch((error: FhirError) => {
            if (commit.stamp && IN_DOUBT.has(error.kind)) horizon.keep(commit.stamp);
            throw error;
          });
          await committed(commit);
        }),
      ),
    openStamp: () => stamps.open(),
    pendingMessages: (...asked) => run(async () => pendingOf(await connected(), maxTimeMS, ...asked)),
    reindex: rows =>
      run(async () => {
        const indexed = rows.map(({ row, entries }) => ({ type: row.type, entries }));
        const keys = await encodeAll(layout, catalog, indexed);
        return writeKeysAnew(
          await connected(),
          rows.map(({ row, words }, i) => ({ row, fields: keyFields(keys[i]!), words })),
        );
      }),
    assignParameterCodes: codes =>
      run(async () => {
        await catalog.grow(known => parameterCodeEntries(known, codes));
        const known = await catalog.current();
        return new Map(codes.map(code => [code, known.parameter(code)!]));
      }),
    endMoving,
    abandonStreams: () => commits.abandonStreams(),
    acquireLease: (task, ms) => run(() => leases.hold(task, ms)),
  };
}

/** Runs the work until it has succeeded once; later calls wait for that. */
function onceDone(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () =>
    (done ??= work().catch((error: unknown) => {
      done = undefined;
      throw error;
    }));
}
