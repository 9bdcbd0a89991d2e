/**
 * The horizon of several processes: the least of theirs. Each has a document in `fact`, into which it puts its own (stamps.ts) from
 * time to time, and reads those of the others in the same turn. What stands there is a promise: whatever that process has stamped below is
 * durable, and it stamps nothing below any more.
 *
 * - Who joins puts a document there first, which holds everybody's horizon where it is; then begins to stamp no earlier than what
 *   stands there lets anybody have given.
 * - Who is not heard of for a lease, by the database's own time, is passed over, when what it has left in transactions is ended. It
 *   knows by its own measure that the lease is over, commits nothing any more, and joins again: what it has stamped below
 *   is outdated then, and is done again with a new stamp.
 */
import { randomUUID } from 'node:crypto';
import { realNow, realPause, realTimeout } from '../../platform/real-time.js';
import { firstStamp, type Stamps } from '../stamps.js';
import type { OpenStamp } from '../store.js';
import type { Connected } from './connection.js';
import type { FactDocument } from './schema.js';

/** Between two turns: what others see of ours is as old. */
const TURN_MS = 400;
const LEASE_MS = 10_000;
/** Left of a lease when the last commit is sent, for its way; and added before others pass over it, for clocks of the database. */
const MARGIN_MS = 2000;
/** What failed without an answer is settled when the store has been back for so long. */
const SETTLED_MS = 5000;
/** While another process joins. */
const JOINING_MS = 20;
/** MongoDB ends transactions by itself in a minute. */
const GONE_MS = 70_000;
/** Documents of processes that are no more are removed then. */
const REMOVED_AFTER_MS = 600_000;
const PREFIX = 'horizon/';
const OF_ALL = { _id: { $gte: PREFIX, $lt: `${PREFIX}~` } };

export interface SharedHorizon {
  /** ms. 0: nobody knows yet. */
  now(): number;
  /** Resolves when there is one. */
  ready(): Promise<void>;
  /** Whether commits may be sent: nobody has passed over this process. */
  holds(): boolean;
  /** Resolves when they may be: what was stamped before is outdated if others may have passed over this process. */
  renewed(): Promise<void>;
  /** Nobody knows whether what has this stamp was kept: the horizon stays behind it until that is settled. */
  keep(stamp: OpenStamp): void;
  /** Takes no part any more. */
  close(): Promise<void>;
}

interface HorizonOptions {
  readonly connected: () => Promise<Connected>;
  readonly stamps: Stamps;
  /** The clock that stamps go by. */
  readonly clock: () => number;
  /** For people who look into the database. */
  readonly name: string;
  /** Ends transactions that nobody goes on with. */
  readonly endResting: (ms: number) => Promise<void>;
}

/** A document as it is read. */
interface Seen {
  readonly _id: string;
  readonly horizon: number;
  /** That of all, as far as the process knows. */
  readonly given: number;
  readonly joining: boolean;
  readonly alive: boolean;
  /** Nothing of it can be left. */
  readonly gone: boolean;
}

const stampOf = ({ horizon }: Seen): number => horizon;

/** By the database's time, so many ms from now. */
const fromNow = (ms: number) => ({ $dateAdd: { startDate: '$$NOW', unit: 'millisecond' as const, amount: ms } });

/** The parts of the work that ask the database. */
const asked = ({ fact, resource, deed }: Pick<Connected, 'fact' | 'resource' | 'deed'>, _id: string) => ({
  /** False: the lease was over. */
  publish: async (horizon: number, given: number): Promise<boolean> => {
    const own = { _id, $expr: { $gt: ['$ends', '$$NOW'] } };
    const set = { horizon, given, joining: false, ends: fromNow(LEASE_MS) };
    return (await fact.updateOne(own, [{ $set: set }])).matchedCount === 1;
  },
  announce: async (name: string): Promise<void> => {
    const kept = { horizon: { $ifNull: ['$horizon', 0] }, given: { $ifNull: ['$given', 0] } };
    await fact.updateOne({ _id }, [{ $set: { ...kept, joining: true, name, ends: fromNow(LEASE_MS) } }], {
      upsert: true,
    });
  },
  others: async (): Promise<readonly Seen[]> => {
    const alive = { $gt: ['$ends', fromNow(-MARGIN_MS)] };
    const gone = { $lt: ['$ends', fromNow(-GONE_MS)] };
    const projection = { horizon: 1, given: 1, joining: 1, alive, gone };
    const found = await fact.find<Seen>(OF_ALL, { projection }).toArray();
    return found.filter(each => each._id !== _id);
  },
  newestStamp: async (): Promise<number> => {
    const [row] = await resource.find({}, { sort: { u: -1, n: -1 }, limit: 1, projection: { u: 1 } }).toArray();
    const [done] = await deed.find({}, { sort: { l: -1, _id: -1 }, limit: 1, projection: { l: 1 } }).toArray();
    return Math.max(row?.u ?? 0, done?.l ?? 0);
  },
  forget: async (): Promise<void> => {
    await fact.deleteMany({ ...OF_ALL, $expr: { $lt: ['$ends', fromNow(-REMOVED_AFTER_MS)] } });
  },
  leave: async (): Promise<void> => void (await fact.deleteOne({ _id } satisfies Partial<FactDocument>)),
});

/** Of the one process that uses the data. */
export const lonelyHorizon = (stamps: Stamps): SharedHorizon => ({
  now: () => stamps.horizon(),
  ready: () => Promise.resolve(),
  holds: () => true,
  renewed: () => Promise.resolve(),
  keep: () => {},
  close: () => Promise.resolve(),
});

/** Gives those whose promise counts: who lives, and whose transactions are not ended yet. */
function passOver(endResting: HorizonOptions['endResting']): (seen: readonly Seen[]) => Promise<readonly Seen[]> {
  const passed = new Set<string>();
  return async seen => {
    for (const each of seen) if (each.alive) passed.delete(each._id);
    const dead = seen.filter(each => !each.alive && !passed.has(each._id));
    if (dead.length > 0) {
      const isEnded = await endResting(LEASE_MS / 2).then(
        () => true,
        () => false,
      );
      for (const each of dead) if (isEnded || each.gone) passed.add(each._id);
    }
    return seen.filter(each => each.alive || !passed.has(each._id));
  };
}

/** Stamps of which nobody knows yet whether they are kept. */
function keepDoubts(stamps: Stamps): Pick<SharedHorizon, 'keep'> & { settle(now: number): void } {
  const doubts = new Set<{ readonly letGo: () => void; since?: number }>();
  return {
    keep: stamp => void doubts.add({ letGo: stamps.keep(stamp) }),
    settle(now) {
      for (const each of doubts) {
        each.since ??= now;
        if (now - each.since < SETTLED_MS) continue;
        doubts.delete(each);
        each.letGo();
      }
    },
  };
}

/** For a process. It takes no part before it is asked for something. */
export function openHorizon({ connected, stamps, clock, name, endResting }: HorizonOptions): SharedHorizon {
  const _id = PREFIX + randomUUID();
  const counting = passOver(endResting);
  const doubts = keepDoubts(stamps);
  let lease = { start: -Infinity, wall: 0 };
  let given = 0;
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const isMember = (): boolean => lease.start !== -Infinity;
  // Two clocks: one stands still while the machine sleeps, the other may be set.
  const holds = (): boolean => {
    const age = Math.max(performance.now() - lease.start, Math.abs(realNow() - lease.wall));
    return age < LEASE_MS - MARGIN_MS;
  };

  /** Publishes ours and reads theirs. False: others may have passed over this process. */
  const turn = async (): Promise<boolean> => {
    const all = asked(await connected(), _id);
    const start = performance.now();
    const wall = realNow();
    const own = stamps.horizon();
    if (!(await all.publish(own, given))) return false;
    lease = { start, wall };
    doubts.settle(start);
    const seen = await counting(await all.others());
    // Who joins may begin to stamp anywhere above what stands there.
    const least = seen.some(({ joining }) => joining) ? 0 : Math.min(own, ...seen.map(stampOf));
    given = Math.max(given, least, ...seen.map(each => each.given));
    return true;
  };

  /** Whatever horizon was given, it was not above that of any process that lived then, and of none that joined since. */
  const floorOf = async (all: ReturnType<typeof asked>, seen: readonly Seen[]): Promise<number> => {
    const living = seen.filter(({ alive, joining }) => alive && !joining);
    if (living.length > 0) return Math.max(Math.min(...living.map(stampOf)), ...living.map(each => each.given));
    return firstStamp(clock(), Math.max(await all.newestStamp(), ...seen.map(stampOf)));
  };

  const join = async (): Promise<void> => {
    const all = asked(await connected(), _id);
    await all.announce(name);
    const seen = await all.others();
    stamps.raise(Math.max(given, await floorOf(all, seen)));
    await all.forget();
  };

  const work = async (): Promise<void> => {
    if (isMember() && (await turn())) return;
    do await join();
    while (!(await turn()));
  };
  /** One turn, and the next one in time. It joins first where that is needed. */
  const renew = (): Promise<void> =>
    (running ??= work().finally(() => {
      running = undefined;
      clearTimeout(timer);
      if (!closed) timer = realTimeout(TURN_MS, () => void renew().catch(() => {})).unref();
    }));

  return {
    now: () => given,
    holds,
    async ready() {
      for (;;) {
        await renew();
        if (given > 0) return;
        await realPause(JOINING_MS);
      }
    },
    async renewed() {
      while (!holds()) await renew();
    },
    keep: doubts.keep,
    async close() {
      closed = true;
      clearTimeout(timer);
      await running?.catch(() => {});
      if (isMember()) await asked(await connected(), _id).leave();
    },
  };
}
