/**
 * The spare collections of spares.ts. Each collection has some, of the states that were asked for last, which are asked for again. Those
 * that are missing are made, one after the other, and those that nobody wants are dropped.
 */
import type { Connected } from './connection.js';
import { collectionNames, dropCollection, EMPTY_STATE, putBack, type StateSources, type Touches } from './kept.js';
import { CONTENT, type Content, indexesOf, type Sortable } from './schema.js';

/** States that a spare collection is kept of: those that were asked for last. */
export const STATES = 4;
/** Spare collections of one name: two of each of these states, of which one is in use. */
const MOST = 2 * STATES - 1;
/** Documents in all spare collections of one name, beyond which there is one such collection. */
const MOST_DOCUMENTS = 200_000;

const SPARE = 'spare.';

/** A collection with what is kept in another, its source; EMPTY_STATE: nothing. */
export interface Spare {
  readonly of: Content;
  readonly name: string;
  readonly source: string;
  readonly documents: number;
  /** What has to be put back first. */
  readonly touches: Exclude<Touches, undefined>;
}

export interface SpareShelf {
  /** A name for another spare collection. */
  nextName(of: Content): string;
  add(spare: Spare): void;
  /** One that is right, and no spare one any more; it is made where there is none. */
  take(all: Connected, of: Content, source: string): Promise<Spare>;
  /** Does one thing so that there is what these states need, the first one most of all; false: there is nothing to do. */
  tend(all: Connected, states: readonly StateSources[]): Promise<boolean>;
  /** Takes away all of this source. Not while it is tended. */
  drop(all: Connected, of: Content, source: string): Promise<void>;
  /** Takes away all, also what an earlier process has left. Not while it is tended. */
  clear(all: Connected): Promise<void>;
}

export function createSpareShelf(sortable: readonly Sortable[]): SpareShelf {
  const spares = new Set<Spare>();
  /** What is made behind the traffic just now. */
  let making: { readonly of: Content; readonly source: string; readonly made: Promise<unknown> } | undefined;
  let count = 0;

  const nextName = (of: Content): string => `${SPARE}${++count}.${of}`;
  const make = async ({ db }: Connected, of: Content, source: string): Promise<Spare> => {
    const name = nextName(of);
    let documents = 0;
    if (source === EMPTY_STATE) await db.createCollection(name);
    else {
      const from = db.collection(source);
      documents = await from.estimatedDocumentCount();
      await from.aggregate([{ $out: name }]).toArray();
    }
    const indexes = indexesOf(of, sortable);
    if (indexes.length > 0) await db.collection(name).createIndexes([...indexes]);
    return { of, name, source, documents, touches: [] };
  };
  const alike = (of: Content, source?: string): Spare[] =>
    [...spares].filter(each => each.of === of && (source === undefined || each.source === source));
  const remove = async ({ db }: Connected, spare: Spare): Promise<void> => {
    spares.delete(spare);
    await dropCollection(db, spare.name);
  };
  const repair = async ({ db }: Connected, spare: Spare): Promise<Spare> => {
    spares.delete(spare);
    try {
      await putBack(db, spare);
    } catch (error) {
      spares.add(spare);
      throw error;
    }
    return { ...spare, touches: [] };
  };
  const addLater = async (of: Content, source: string, made: Promise<Spare>): Promise<void> => {
    making = { of, source, made };
    spares.add(await made.finally(() => (making = undefined)));
  };

  return {
    nextName,
    add: spare => void spares.add(spare),
    async take(all, of, source) {
      if (alike(of, source).length === 0 && making?.of === of && making.source === source)
        await making.made.catch(() => undefined);
      const [spare] = alike(of, source).toSorted((a, b) => a.touches.length - b.touches.length);
      return spare ? repair(all, spare) : make(all, of, source);
    },
    async tend(all, states) {
      const useless = superfluous(spares, states);
      const wrong = [...spares].find(({ touches }) => touches.length > 0);
      const next = missing(spares, states);
      if (useless) await remove(all, useless);
      else if (wrong) await addLater(wrong.of, wrong.source, repair(all, wrong));
      else if (next) await addLater(...next, make(all, ...next));
      else return false;
      return true;
    },
    async drop(all, of, source) {
      for (const spare of alike(of, source)) await remove(all, spare);
    },
    async clear({ db }) {
      spares.clear();
      for (const name of await collectionNames(db)) if (name.startsWith(SPARE)) await dropCollection(db, name);
    },
  };
}

const sum = (spares: readonly Spare[]): number => spares.reduce((all, { documents }) => all + documents, 0);

/** What must go next; undefined: all may stay. */
function superfluous(spares: Iterable<Spare>, states: readonly StateSources[]): Spare | undefined {
  for (const of of CONTENT) {
    const own = [...spares].filter(each => each.of === of);
    const sources = states.map(each => each.get(of));
    const nobodys = own.find(each => !sources.includes(each.source));
    if (nobodys) return nobodys;
    if (own.length <= MOST && (own.length <= 1 || sum(own) <= MOST_DOCUMENTS)) continue;
    const byNeed = own.toSorted((a, b) => sources.indexOf(b.source) - sources.indexOf(a.source));
    return byNeed.find(({ source }) => own.filter(each => each.source === source).length > 1) ?? byNeed[0];
  }
  return undefined;
}

/** What is to be made next. */
function missing(spares: Iterable<Spare>, states: readonly StateSources[]): readonly [Content, string] | undefined {
  for (const sources of states)
    for (const [of, source] of sources) {
      const own = [...spares].filter(each => each.of === of);
      if (own.some(each => each.source === source)) continue;
      if (own.length === 0 || sum(own) < MOST_DOCUMENTS / 2) return [of, source];
    }
  return undefined;
}
