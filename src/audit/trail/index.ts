/**
 * The store with the audit trail in it: the deeds that it keeps (deed.ts) are AuditEvents like those that were received, to whoever
 * reads, searches, counts, lists or exports. What is here follows the store port (store/store.ts); updates and deletions of events
 * there are none.
 *
 * A search walks the deeds of some keys in the order of their times (keys.ts, walk.ts), and `match` decides each event, so that every
 * parameter is exact. Beside it, events that are resources are found as all others are. Both are merged by time (merge.ts).
 */
import type { Indexing } from '../../search/index-resource.js';
import type { DeedShape } from '../../store/deeds.js';
import type { Page, Store } from '../../store/store.js';
import { type KeptShape, readMeant } from './deed.js';
import { createEventMaker } from './events.js';
import { type TrailFault, trailFaults } from './faults.js';
import { trailBehind, type TrailPlace } from './pages.js';
import { openTrailReads } from './reads.js';
import { TrailEvents } from './source.js';
import type { WalkedTrail } from './walk.js';

export interface TrailOptions extends Indexing {
  /** How long a search may take, ms. */
  readonly queryTimeout: number;
}

export type FollowTrail = (
  place: TrailPlace,
  size: { readonly limit: number; readonly bytes: number },
) => Promise<Page>;

export interface Trail {
  readonly store: Store;
  /** Before the horizon, behind a place: for whoever hands all of it on. */
  readonly follow: FollowTrail;
  /** What is wrong with what is kept of it. */
  readonly faults: () => AsyncIterable<TrailFault>;
}

export function openTrail(store: Store, { queryTimeout, ...indexing }: TrailOptions): Trail {
  const { deeds } = store;
  const shapes = new Map<number, KeptShape>();
  const learn = (kept: readonly DeedShape[]): void => {
    for (const { id, text } of kept) shapes.set(id, JSON.parse(text) as KeptShape);
  };
  const shapeOf = (id: number): KeptShape => {
    const shape = shapes.get(id);
    if (!shape) throw new RangeError('A deed has a shape that is not there.');
    return shape;
  };
  const trail: WalkedTrail = {
    deeds,
    eventsOf: createEventMaker(indexing.parameters, indexing.settings.bases),
    read: (bytes, isMeant = () => true) => {
      try {
        return readMeant(bytes, shapeOf, isMeant);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
      // Another process may have kept shapes since.
      return deeds.shapes().then(kept => {
        learn(kept);
        return readMeant(bytes, shapeOf, isMeant);
      });
    },
  };
  const around = {
    ...{ store, indexing, events: new TrailEvents(trail, queryTimeout) },
    shapes: async () => {
      learn(await deeds.shapes());
      return [...shapes.values()];
    },
  };
  const whole: Store = {
    ...store,
    ...openTrailReads(around),
    async commit(commit) {
      const missing = (commit.deeds ?? []).flatMap(({ shape }) => (shapes.has(shape.id) ? [] : [shape]));
      if (missing.length > 0) {
        const each = [...new Map(missing.map(shape => [shape.id, shape])).values()];
        await deeds.keepShapes(each);
        learn(each);
      }
      return store.commit(commit);
    },
  };
  const follow: FollowTrail = (place, size) => trailBehind(around, place, store.horizon(), size);
  return { store: whole, follow, faults: () => trailFaults(deeds, trail.read) };
}
