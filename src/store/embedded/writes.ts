/** The writing half of the port: everything is a job of the writer thread. */
import { FhirError } from '../../fhir/error.js';
import type { Plan } from '../plan.js';
import { type BucketGround, bytesInTwoPlaces } from '../move-bytes.js';
import type { StoreWrites } from '../store.js';
import { createBlobs } from './blobs.js';
import { type Commits, openCommits } from './commit.js';
import { compileAny } from './compile-all.js';
import type { Job } from './job.js';
import { pendingOf, pendingStatement } from './outbox.js';
import type { Planner } from './planning.js';
import type { OpenedStore } from './reads.js';
import { createDeeds } from './deeds.js';
import { createRecords } from './records.js';
import { needsReindex } from './schema.js';
import type { Sql } from './sql.js';
import type { OpenedSeals } from './seals.js';
import type { Thread } from './thread.js';
import { filterWeight } from './weight.js';

/** Candidates that the writer thread looks at for one condition of a commit: half a second. */
const MAX_GUARDED_CANDIDATES = 50_000;

export function openWrites(
  opened: OpenedStore,
  writer: Pick<Thread<Job, number>, 'ask'>,
  ground: BucketGround | undefined,
): StoreWrites & Pick<Commits, 'finished'> & Pick<OpenedSeals, 'exchanged'> {
  const { connection, layout, catalog, planner, types, stamps, answer } = opened;
  const { blobs, committed, close: endMoving } = bytesInTwoPlaces(createBlobs(connection, writer), ground);
  const commits = openCommits({
    layout,
    catalog,
    writer,
    noteType: type => types.add(type),
    matching: absence => planner.plansOf(absence).flatMap(planned => guardOf(planner, planned)),
  });
  const { exchanged, ...deeds } = createDeeds(opened, writer);
  let looked = false;
  /** A server with another layout asks for a reindex where there are resources of ours. */
  const markForeign = (): void => {
    if (looked) return;
    looked = true;
    // Not as it was at the start: all may have been indexed by ours since.
    if (needsReindex(connection, layout.hash)) void writer.ask({ kind: 'mark', layout: '' }).catch(() => {});
  };
  return {
    blobs: {
      put: (bytes, maxBytes) => answer(() => blobs.put(bytes, maxBytes)),
      get: (hash, range) => answer(() => blobs.get(hash, range)),
      all: () => blobs.all(),
      keep: (hash, until) => answer(() => blobs.keep(hash, until)),
      sweep: (now, putBefore) => answer(() => blobs.sweep(now, putBefore)),
      lackBucket: () => answer(() => blobs.lackBucket()),
    },
    records: createRecords(connection, writer, answer),
    deeds,
    exchanged,
    commit: asked =>
      answer(async () => {
        const { changes } = asked;
        if (new Set(changes.map(({ type, id }) => `${type}/${id}`)).size < changes.length)
          throw new FhirError('fault', 'A commit changes one resource twice.');
        markForeign();
        await commits.commit(asked);
        await committed(asked);
      }),
    openStamp: () => stamps.open(),
    pendingMessages: (topic, limit, dueBy) =>
      answer(() => {
        const { text, values } = pendingStatement(topic, limit, dueBy);
        return connection
          .prepare(text)
          .all(...values)
          .map(pendingOf);
      }),
    reindex: renewed => answer(() => commits.reindex(renewed)),
    assignParameterCodes: codes => answer(() => commits.assignParameterCodes(codes)),
    // The file has one process, which holds every task.
    acquireLease: (_task, ms) => answer(() => ms > 0),
    finished: async () => {
      await endMoving();
      await commits.finished();
    },
  };
}

/** Says whether anything matches, in the writer thread, where everybody's changes would wait for a long look. */
function guardOf(planner: Planner, planned: Plan): readonly Sql[] {
  const most = Math.floor(MAX_GUARDED_CANDIDATES / filterWeight(planned.filter));
  if (planned.filter.length > 0 && planner.candidates(planned, most) >= most)
    throw new FhirError(
      'too-costly',
      'These criteria cannot be guarded: too many resources would have to be looked at with each write. Use an identifier.',
      { expression: 'http.criteria' },
    );
  const any = compileAny(planned);
  return any ? [any] : [];
}
