/**
 * Collections that are ready to take the place of those in use, for snapshots.ts: with what a state holds, and all indexes. Making one
 * takes a second for ten thousand documents, mostly for its indexes; to rename it takes milliseconds. So what was in use is not
 * thrown away where little was touched in it: it is put aside, made right again behind the traffic, and is a spare one itself.
 */
import type { Db } from 'mongodb';
import type { Connected } from './connection.js';
import {
  EMPTY_STATE,
  isEmptyCollection,
  keptName,
  putBack,
  sourcesOf,
  type StateSources,
  type Touches,
  touchesIn,
} from './kept.js';
import { CONTENT, type Content, type Sortable } from './schema.js';
import { createSpareShelf, type Spare, STATES } from './shelf.js';
import type { Touched } from '../touched.js';

export interface Spares {
  /** What the state holds is in use when this resolves. `touched`: in what was in use. */
  use(state: string, touched: Touched): Promise<void>;
  /** What is in use is what the state holds. */
  isAt(state: string): Promise<void>;
  /** What the state holds will change: nothing is made of it any more when this resolves, and nothing of it is left. */
  forget(state: string): Promise<void>;
  /** Takes away what an earlier process has left. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export function createSpares(connected: () => Promise<Connected>, sortable: readonly Sortable[]): Spares {
  /** What each collection in use was copied from; none: nobody knows. */
  const inUse = new Map<Content, string>();
  const shelf = createSpareShelf(sortable);
  /** States that were asked for last, the last one first, with their sources. */
  const wanted = new Map<string, StateSources>();
  const tending = createTending();
  const tend = async (): Promise<boolean> => shelf.tend(await connected(), [...wanted.values()]);

  /** Makes one collection what the source has. */
  const exchange = async (all: Connected, of: Content, source: string, touches: Touches): Promise<void> => {
    const before = inUse.get(of);
    inUse.delete(of);
    const isKnown = before !== undefined && touches !== undefined;
    if (isKnown && before === source) await putBack(all.db, { name: of, source, touches });
    else if (isKnown || source !== EMPTY_STATE || !(await isEmptyCollection(all.db, of))) {
      const spare = await shelf.take(all, of, source);
      if (isKnown) {
        const documents = await all.db.collection(of).estimatedDocumentCount();
        const aside: Spare = { of, name: shelf.nextName(of), source: before, documents, touches };
        await swap(all.db, spare.name, of, aside.name);
        shelf.add(aside);
      } else await all.db.renameCollection(spare.name, of, { dropTarget: true });
    }
    inUse.set(of, source);
  };

  const want = async ({ db }: Connected, state: string): Promise<StateSources> => {
    const sources = wanted.get(state) ?? (await sourcesOf(db, state));
    wanted.delete(state);
    const others = [...wanted].slice(0, STATES - 1);
    wanted.clear();
    for (const [name, its] of [[state, sources] as const, ...others]) wanted.set(name, its);
    return sources;
  };
  return {
    async use(state, touched) {
      tending.pause();
      try {
        const all = await connected();
        const sources = await want(all, state);
        const each = await Promise.allSettled(
          CONTENT.map(of => exchange(all, of, sources.get(of)!, touchesIn(touched, of))),
        );
        for (const one of each) if (one.status === 'rejected') throw one.reason;
      } finally {
        tending.goOn(tend);
      }
    },
    async isAt(state) {
      const all = await connected();
      for (const [of, source] of await want(all, state))
        if (source !== EMPTY_STATE || (await isEmptyCollection(all.db, of))) inUse.set(of, source);
        else inUse.delete(of);
      tending.goOn(tend);
    },
    async forget(state) {
      await tending.end();
      const all = await connected();
      wanted.delete(state);
      for (const of of CONTENT) {
        const source = keptName(state, of);
        if (inUse.get(of) === source) inUse.delete(of);
        await shelf.drop(all, of, source);
      }
      tending.goOn(tend);
    },
    async clear() {
      await tending.end();
      await shelf.clear(await connected());
    },
    close: () => tending.end(),
  };
}

/** Work behind the traffic, step by step. */
function createTending() {
  let turn = 0;
  let last: Promise<void> = Promise.resolve();
  /** No step begins any more. */
  const pause = () => void (turn += 1);
  const work = async (mine: number, step: () => Promise<boolean>): Promise<void> => {
    if (mine === turn && (await step())) await work(mine, step);
  };
  return {
    pause,
    /** And none is under way. */
    async end() {
      pause();
      await last;
    },
    /** Steps until there is nothing to do. One that fails is not tried again before somebody asks for something. */
    goOn(step: () => Promise<boolean>) {
      const mine = ++turn;
      last = last.then(() => work(mine, step)).catch(() => undefined);
    },
  };
}

/**
 * Puts one collection in the place of another one, which has the third name then. What the server itself writes between the two steps makes the name
 * anew (a checkpoint of the ledger): it belongs to what is replaced, and goes.
 */
async function swap(db: Db, spare: string, used: string, aside: string): Promise<void> {
  await db.renameCollection(used, aside);
  try {
    await db.renameCollection(spare, used, { dropTarget: true });
  } catch (error) {
    await db.renameCollection(aside, used, { dropTarget: true });
    throw error;
  }
}
