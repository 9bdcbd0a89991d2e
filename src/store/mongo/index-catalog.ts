/**
 * The index catalog (../index-catalog.ts), kept in `fact` and cached here. It grows by a majority write before the commit
 * that needs the entry. Other processes add entries too: a counter tells whether there are new ones, and every search
 * that looked at the catalog reads the counter beside its own query.
 */
import { createIndexCatalog, type CatalogEntry, type IndexCatalog } from '../index-catalog.js';
import { isDuplicate } from './errors.js';
import type { Collections } from './schema.js';

const ENTRY_PREFIX = 'f/';
const GROWTH_COUNTER = 'facts';

export interface KeptIndexCatalog {
  /** The cache, read from the database at first use. */
  current(): Promise<IndexCatalog>;
  /**
   * Makes all entries durable that `missing` finds to be missing. `missing` is asked again after every change, until it
   * has nothing to add.
   */
  grow(missing: (catalog: IndexCatalog) => readonly CatalogEntry[]): Promise<void>;
  /** Whether the cache held everything known to the database at a time after the call; if not, it does now. */
  readonly fresh: () => Promise<boolean>;
}

export function keepIndexCatalog(connected: () => Promise<Collections>): KeptIndexCatalog {
  const catalog = createIndexCatalog();
  let count = -1;
  let loading: Promise<void> | undefined;
  let growing: Promise<void> = Promise.resolve();

  const readCount = async (): Promise<number> => {
    const { fact } = await connected();
    return (await fact.findOne({ _id: GROWTH_COUNTER }))?.count ?? 0;
  };
  const load = async (): Promise<void> => {
    // The counter first: what is added meanwhile makes it differ again.
    const known = await readCount();
    const { fact } = await connected();
    const rows = await fact.find({ _id: { $gte: ENTRY_PREFIX, $lt: `${ENTRY_PREFIX}~` } }).toArray();
    catalog.add(rows.map(({ _id, value }) => ({ id: _id.slice(ENTRY_PREFIX.length), value: value ?? '' })));
    count = known;
  };
  const loaded = async (): Promise<void> => {
    if (count >= 0) return;
    loading ??= load().finally(() => {
      loading = undefined;
    });
    await loading;
  };
  const check = async (): Promise<boolean> => {
    await loaded();
    if ((await readCount()) === count) return true;
    await load();
    return false;
  };

  const add = async (missing: (catalog: IndexCatalog) => readonly CatalogEntry[]): Promise<void> => {
    await loaded();
    for (let additions = missing(catalog); additions.length > 0; additions = missing(catalog)) {
      const { fact } = await connected();
      try {
        await fact.insertMany(additions.map(({ id, value }) => ({ _id: ENTRY_PREFIX + id, value })));
      } catch (error) {
        if (!isDuplicate(error)) throw error;
        await load();
        continue;
      }
      const after = await fact.findOneAndUpdate(
        { _id: GROWTH_COUNTER },
        { $inc: { count: 1 } },
        { upsert: true, returnDocument: 'after', includeResultMetadata: false },
      );
      catalog.add(additions);
      // A gap means that another process has added entries: they are found by the next check.
      if (after?.count === count + 1) count += 1;
    }
  };

  return {
    async current() {
      await loaded();
      return catalog;
    },
    async grow(missing) {
      await loaded();
      if (missing(catalog).length === 0) return;
      const turn = growing.catch(() => {}).then(() => add(missing));
      growing = turn;
      await turn;
    },
    fresh: shared(check),
  };
}

/** One check at a time. Whoever asks while one is under way shares the next: that one may have begun too early for him. */
function shared(check: () => Promise<boolean>): () => Promise<boolean> {
  let checking: Promise<boolean> | undefined;
  let next: Promise<boolean> | undefined;
  const start = (): Promise<boolean> =>
    (checking = check().finally(() => {
      checking = undefined;
    }));
  return () => {
    if (!checking) return start();
    next ??= checking
      .catch(() => {})
      .then(() => {
        next = undefined;
        return start();
      });
    return next;
  };
}
