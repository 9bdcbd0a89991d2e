/** What operators and starts ask of the store: its layout, its health, and a check of everything. */
import { realNow } from '../../platform/real-time.js';
import { encode } from '../encode.js';
import type { StoreUpkeep } from '../store.js';
import type { Writable } from '../writable.js';
import { noteNeverNamed, removeAbandoned } from './erase-blobs.js';
import { createCheck } from './check.js';
import { notPrimary } from './errors.js';
import type { OpenedStore } from './reads.js';
import { markReindexed, migrate, needsReindex, sortableOf } from './schema.js';

export function openUpkeep({ connected, layout, catalog, run, horizon }: OpenedStore, writable: Writable): StoreUpkeep {
  const check = createCheck({
    connected,
    encode: async (type, entries) => encode(layout, type, entries, await catalog.current()),
  });
  return {
    check: {
      altered: row => run(() => check.altered(row)),
      misindexed: renewed => run(() => check.misindexed(renewed)),
      broken: () => check.broken(),
    },
    migrate: () =>
      run(async () => {
        const all = await connected();
        await migrate(all.db, sortableOf(layout), layout.hash);
        await removeAbandoned(all, realNow());
        await noteNeverNamed(all, realNow());
        await horizon.ready();
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
  };
}
