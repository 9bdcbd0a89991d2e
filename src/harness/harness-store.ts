/** The store as everything but the harness sees it: each call passes the gate, and tells the snapshots what it touches. */
import type { Blobs, Snapshots, Store } from '../store/store.js';
import type { StoreGate } from './gate.js';

/** What touches no content, or is asked from memory. Iterables pass one step after the other, whatever is there then. */
type Free = 'name' | 'shared' | 'check' | 'scan' | 'horizon' | 'openStamp' | 'snapshots' | 'migrate' | 'close';

export function harnessStore(store: Store, { call }: Pick<StoreGate, 'call'>, touched: Snapshots['touched']): Store {
  // A method that is new does not compile before it has its line here.
  const passing: Omit<Store, Free | 'blobs' | 'backup'> = {
    read: (...asked) => call(() => store.read(...asked)),
    history: (...asked) => call(() => store.history(...asked)),
    countHistory: (...asked) => call(() => store.countHistory(...asked)),
    find: (...asked) => call(() => store.find(...asked)),
    list: (...asked) => call(() => store.list(...asked)),
    findIds: (...asked) => call(() => store.findIds(...asked)),
    targetsOf: (...asked) => call(() => store.targetsOf(...asked)),
    explain: (...asked) => call(() => store.explain(...asked)),
    count: (...asked) => call(() => store.count(...asked)),
    searchText: (...asked) => call(() => store.searchText(...asked)),
    pendingMessages: (...asked) => call(() => store.pendingMessages(...asked)),
    assignParameterCodes: (...asked) => call(() => store.assignParameterCodes(...asked)),
    acquireLease: (...asked) => call(() => store.acquireLease(...asked)),
    needsReindex: () => call(() => store.needsReindex()),
    markReindexed: () => call(() => store.markReindexed()),
    sizes: () => call(() => store.sizes()),
    ping: () => call(() => store.ping()),
    commit: commit =>
      call(() => {
        touched(commit);
        return store.commit(commit);
      }),
    reindex: rows =>
      call(() => {
        touched({ changes: rows.map(({ row }) => ({ ...row, entries: [] })) });
        return store.reindex(rows);
      }),
  };
  const { blobs } = store;
  const bytes: Omit<Blobs, 'all'> = {
    get: (...asked) => call(() => blobs.get(...asked)),
    put: (...asked) =>
      call(() => {
        touched('bytes');
        return blobs.put(...asked);
      }),
    keep: (...asked) =>
      call(() => {
        touched('bytes');
        return blobs.keep(...asked);
      }),
    sweep: (...asked) =>
      call(() => {
        touched('bytes');
        return blobs.sweep(...asked);
      }),
  };
  return {
    ...store,
    ...passing,
    blobs: { ...blobs, ...bytes },
    ...(store.backup ? { backup: (to: string) => call(async () => store.backup?.(to)) } : {}),
  };
}
