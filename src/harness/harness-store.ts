/**
 * The store as everything but the harness sees it: each call passes the gate, meets the faults of its request, and tells the snapshots
 * what it touches. Nobody shares it, so that what comes into force does so at once: one server uses a store for tests at a time.
 */
import { FhirError } from '../fhir/error.js';
import type { Blobs, Commit, Snapshots, Store } from '../store/store.js';
import type { StoreGate } from './gate.js';
import { requestContext } from './request-context.js';

/** What touches no content of a state, or is asked from memory. Iterables pass one step after the other, whatever is there then. */
type Free =
  | 'name'
  | 'shared'
  | 'check'
  | 'scan'
  | 'horizon'
  | 'openStamp'
  | 'snapshots'
  | 'migrate'
  | 'close'
  | 'records'
  | 'deeds';

export function harnessStore(store: Store, gate: Pick<StoreGate, 'call'>, touched: Snapshots['touched']): Store {
  const call: StoreGate['call'] = work => {
    if (requestContext.getStore()?.store.isAway === true) return Promise.reject(away());
    return gate.call(work);
  };
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
        const fault = faultOfCommit(commit);
        if (fault) return Promise.reject(fault);
        touched(commit);
        return store.commit(commit);
      }),
    reindex: rows =>
      call(() => {
        touched({ changes: rows.map(({ row }) => ({ ...row, entries: [] })) });
        return store.reindex(rows);
      }),
  };
  const { blobs, deeds } = store;
  const bytes: Omit<Blobs, 'all' | 'lackBucket'> = {
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
    shared: false,
    ...passing,
    blobs: { ...blobs, ...bytes },
    deeds: { ...deeds, find: query => call(() => deeds.find(query)), events: () => call(() => deeds.events()) },
    ...(store.backup ? { backup: (to: string) => call(async () => store.backup?.(to)) } : {}),
  };
}

const away = (): FhirError => new FhirError('unavailable', 'The store is away: a fault of the test-harness mode.');

/** What a commit of this request meets before anything is written. */
function faultOfCommit({ changes, deeds = [] }: Commit): FhirError | undefined {
  const faults = requestContext.getStore()?.store;
  if (!faults) return undefined;
  if (faults.auditIsAway && deeds.length > 0)
    return new FhirError('unavailable', 'The audit trail is away: a fault of the test-harness mode.');
  if (faults.conflicts === 0 || changes.length === 0) return undefined;
  faults.conflicts -= 1;
  return new FhirError('conflict', 'Somebody else was faster: a fault of the test-harness mode.');
}
