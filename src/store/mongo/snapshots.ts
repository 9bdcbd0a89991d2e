/**
 * States of the whole database by name, each in collections without indexes (`kept.<name>.resource`, …). Indexes make the copying
 * back dear, a fifth of a second for a thousand resources, so there are two ways to go back, and each collection goes its own:
 *
 * - Where it holds what the state holds, and little was touched since, those documents alone are put back (../touched.ts).
 * - Else it is exchanged for a spare one (spares.ts), which is renamed: some milliseconds, whatever its size.
 *
 * The index catalog is no part of a state: it grows on, and what was kept earlier needs no more than it has.
 */
import { noSuchSnapshot, ofAnotherStore } from '../snapshots.js';
import type { Snapshots } from '../store.js';
import type { Connected } from './connection.js';
import type { CountedSequence } from './counted-sequence.js';
import { CONTENT, needsReindex, type Sortable } from './schema.js';
import { collectionNames, dropCollection, EMPTY_STATE, keptName } from './kept.js';
import { createSpares } from './spares.js';
import { Touched } from '../touched.js';

export interface SnapshotSurroundings {
  readonly connected: () => Promise<Connected>;
  readonly sequence: CountedSequence;
  readonly sortable: readonly Sortable[];
  readonly layoutHash: string;
  /** Those that were written: another state has others. */
  readonly abandonStreams: () => void;
}

export interface OpenSnapshots extends Snapshots {
  /** Waits for what is made behind the traffic. */
  close(): Promise<void>;
}

/** The row in `fact` that says whose the data are. */
const TESTS = 'tests';
/** Rows in `fact`: `count` is the creation number that comes next in this state, `placement` the layout of its keys. */
const SNAPSHOT = 'snapshot/';
const ROUND = 1000;

export function openSnapshots({
  connected,
  sequence,
  sortable,
  layoutHash,
  abandonStreams,
}: SnapshotSurroundings): OpenSnapshots {
  const spares = createSpares(connected, sortable);
  /** Of the state that was there last. */
  let touched = new Touched('unknown');

  return {
    async claim() {
      const { fact, resource } = await connected();
      await spares.clear();
      const isEmpty = (await resource.findOne({}, { projection: { _id: 1 } })) === null;
      if (isEmpty) {
        await spares.isAt(EMPTY_STATE);
        touched = new Touched();
      }
      if (await fact.findOne({ _id: TESTS })) return true;
      if (!isEmpty) return false;
      await fact.updateOne({ _id: TESTS }, { $set: { name: 'chartroom' } }, { upsert: true });
      return true;
    },
    async take(name) {
      const { db, fact } = await connected();
      await spares.forget(name);
      const copies = CONTENT.map(each =>
        db
          .collection(each)
          .aggregate([{ $out: keptName(name, each) }])
          .toArray(),
      );
      await Promise.all(copies);
      const placement = (await needsReindex({ fact }, layoutHash)) ? '' : layoutHash;
      const $set = { count: await sequence.at(), placement };
      await fact.updateOne({ _id: SNAPSHOT + name }, { $set }, { upsert: true });
      await spares.isAt(name);
      touched = new Touched();
    },
    async restore(name) {
      const { fact } = await connected();
      const kept = name === undefined ? undefined : await fact.findOne({ _id: SNAPSHOT + name });
      if (name !== undefined && !kept) throw noSuchSnapshot(name);
      if (kept && kept.placement !== layoutHash) throw ofAnotherStore(name!);
      const before = touched;
      touched = new Touched('unknown');
      await spares.use(name ?? EMPTY_STATE, before);
      sequence.goOnAt(kept?.count ?? 1);
      abandonStreams();
      touched = new Touched();
    },
    async settle() {
      // Resources, messages and deeds have numbers of one sequence.
      const next = await sequence.at();
      sequence.goOnAt(Math.ceil(next / ROUND) * ROUND);
    },
    async list() {
      const { fact } = await connected();
      const rows = await fact.find({ _id: { $gte: SNAPSHOT, $lt: `${SNAPSHOT}~` } }, { sort: { _id: 1 } }).toArray();
      return rows.map(({ _id }) => _id.slice(SNAPSHOT.length));
    },
    async drop(name) {
      const { db, fact } = await connected();
      const { deletedCount } = await fact.deleteOne({ _id: SNAPSHOT + name });
      if (deletedCount === 0) throw noSuchSnapshot(name);
      await spares.forget(name);
      const prefix = keptName(name, '');
      for (const each of await collectionNames(db)) if (each.startsWith(prefix)) await dropCollection(db, each);
    },
    touched: by => touched.add(by),
    close: () => spares.close(),
  };
}
