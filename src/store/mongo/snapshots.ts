/**
 * States of the whole database by name, each in collections without indexes (`kept.<name>.resource`, …). Indexes make the copying
 * back dear, a fifth of a second for a thousand resources, so there are two ways to go back:
 *
 * - Where little was touched since the state was there, those documents alone are put back (touched.ts).
 * - Else all collections are exchanged for spare ones (`spare.resource`, …), which are renamed: some milliseconds, whatever
 *   their size. The spare ones of the state that is there now are made behind the traffic (spares.ts).
 *
 * The index catalog is no part of a state: it grows on, and what was kept earlier needs no more than it has.
 */
import { noSuchSnapshot, ofAnotherStore } from '../snapshots.js';
import type { Snapshots } from '../store.js';
import type { Connected } from './connection.js';
import type { CountedSequence } from './counted-sequence.js';
import { needsReindex, type Sortable } from './schema.js';
import { CONTENT, createSpares, dropCollection, EMPTY_STATE, keptName, collectionNames } from './spares.js';
import { Touched } from './touched.js';

export interface SnapshotSurroundings {
  readonly connected: () => Promise<Connected>;
  readonly sequence: CountedSequence;
  readonly sortable: readonly Sortable[];
  readonly layoutHash: string;
}

export interface OpenSnapshots extends Snapshots {
  /** Waits for what is made behind the traffic. */
  close(): Promise<void>;
}

/** The row in `fact` that says whose the data are. */
const TESTS = 'tests';
/** Rows in `fact`: `count` is the creation number that comes next in this state, `placement` the layout of its keys. */
const SNAPSHOT = 'snapshot/';

/** The state that was there last, and what was touched since. */
interface Base {
  readonly state: string | undefined;
  readonly touched: Touched;
}

const NO_BASE: Base = { state: undefined, touched: new Touched(true) };

export function openSnapshots({ connected, sequence, sortable, layoutHash }: SnapshotSurroundings): OpenSnapshots {
  const spares = createSpares(connected, sortable);
  let base = NO_BASE;
  const isAt = (state: string): void => {
    base = { state, touched: new Touched(false) };
    spares.prepare(state);
  };

  return {
    async claim() {
      const { fact, resource } = await connected();
      await spares.clear();
      const isEmpty = (await resource.findOne({}, { projection: { _id: 1 } })) === null;
      if (isEmpty) isAt(EMPTY_STATE);
      if (await fact.findOne({ _id: TESTS })) return true;
      if (!isEmpty) return false;
      await fact.updateOne({ _id: TESTS }, { $set: { name: 'chartroom' } }, { upsert: true });
      return true;
    },
    async take(name) {
      const { db, fact } = await connected();
      await spares.forget(name);
      for (const each of CONTENT) {
        await db.collection(keptName(name, each)).deleteMany({});
        await db
          .collection(each)
          .aggregate([{ $merge: { into: keptName(name, each) } }])
          .toArray();
      }
      const placement = (await needsReindex({ fact }, layoutHash)) ? '' : layoutHash;
      const $set = { count: await sequence.at(), placement };
      await fact.updateOne({ _id: SNAPSHOT + name }, { $set }, { upsert: true });
      isAt(name);
    },
    async restore(name) {
      const all = await connected();
      const kept = name === undefined ? undefined : await all.fact.findOne({ _id: SNAPSHOT + name });
      if (name !== undefined && !kept) throw noSuchSnapshot(name);
      if (kept && kept.placement !== layoutHash) throw ofAnotherStore(name!);
      const state = name ?? EMPTY_STATE;
      const few = base.state === state ? base.touched.few : undefined;
      base = NO_BASE;
      if (few) await putBack(all, state, few);
      else await spares.use(state);
      sequence.goOnAt(kept?.count ?? 1);
      isAt(state);
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
      if (base.state === name) base = NO_BASE;
      const prefix = keptName(name, '');
      for (const each of await collectionNames(db)) if (each.startsWith(prefix)) await dropCollection(db, each);
    },
    touched: by => base.touched.add(by),
    close: () => spares.close(),
  };
}

/** Makes these documents what they were. */
async function putBack(
  { db }: Connected,
  state: string,
  few: ReadonlyMap<string, readonly string[] | 'all'>,
): Promise<void> {
  for (const [name, ids] of few) {
    const these = ids === 'all' ? {} : { _id: { $in: ids } };
    await db.collection<{ _id: string }>(name).deleteMany(these);
    if (state === EMPTY_STATE) continue;
    await db
      .collection(keptName(state, name))
      .aggregate([{ $match: these }, { $merge: { into: name } }])
      .toArray();
  }
}
