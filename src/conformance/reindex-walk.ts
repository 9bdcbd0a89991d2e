/**
 * The walk of the reindex job over the resources of one type: reads them in order of arrival and writes their keys anew,
 * one batch after the other.
 *
 * After each batch it rests as long as the batch took: it uses half of one core at most, and no request waits for more
 * than one batch of 50 resources.
 */
import { realPause } from '../platform/real-time.js';
import type { Cursor } from '../search/query.js';
import { indexStored, type Indexing } from '../search/index-resource.js';
import type { Store, Version } from '../store/store.js';
import type { ScanNote } from './reindex-progress.js';

const WALK_BATCH = { rows: 50, bytes: 2_000_000 } as const;
/** Time between two notes of how far the walk is. */
const NOTE_MS = 1000;

export interface Walk extends Indexing {
  readonly store: Pick<Store, 'scan' | 'reindex'>;
  /** The walk ends after the batch under way when this is aborted. */
  readonly signal: AbortSignal;
  /** Notes how far the walk is. */
  save(after: Cursor | null, done: number): Promise<void>;
  /** Whether this process may still walk; asked after each batch. */
  mayGoOn(): Promise<boolean>;
}

/**
 * Indexes the resources of the type from where the note stands. Gives how many are done when the end of the type is
 * reached, and nothing where the walk has ended before, because it was aborted or may not go on.
 */
export async function walkType(walk: Walk, { type, ...from }: ScanNote): Promise<number | undefined> {
  let { after, done } = from;
  let saved = performance.now();
  let batch: Version[] = [];
  let bytes = 0;
  for await (const { row, cursor } of walk.store.scan({ type, ...(after ? { after } : {}) })) {
    batch.push(row);
    bytes += row.text?.length ?? 0;
    if (batch.length < WALK_BATCH.rows && bytes < WALK_BATCH.bytes) continue;
    await reindexBatch(walk, batch);
    done += batch.length;
    after = cursor;
    batch = [];
    bytes = 0;
    const ends = walk.signal.aborted;
    if (ends || performance.now() - saved > NOTE_MS) {
      await walk.save(after, done);
      saved = performance.now();
    }
    if (ends || !(await walk.mayGoOn())) return undefined;
  }
  await reindexBatch(walk, batch);
  return done + batch.length;
}

async function reindexBatch(walk: Walk, batch: readonly Version[]): Promise<void> {
  const begun = performance.now();
  await walk.store.reindex(batch.map(row => indexStored(walk, row)));
  await realPause(performance.now() - begun, walk.signal);
}
