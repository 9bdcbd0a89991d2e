/**
 * Collections that are ready to take the place of those in use, for snapshots.ts: with what a state holds, and all indexes.
 * They are made one after the other, behind the traffic.
 */
import type { Db } from 'mongodb';
import type { Connected } from './connection.js';
import { type Collections, indexesOf, type Sortable } from './schema.js';

/** The collections that a state is made of: all but those with what processes know of each other and of the data. */
export const CONTENT: readonly (keyof Collections)[] = ['resource', 'version', 'word', 'outbox', 'blob', 'chunk'];

/** The state with nothing in it. No snapshot has this name. */
export const EMPTY_STATE = '';

const SPARE = 'spare.';
export const keptName = (state: string, name: string): string => `kept.${state}.${name}`;

export const collectionNames = async (db: Db): Promise<string[]> =>
  (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name);

/** Whether or not there is one. */
export async function dropCollection(db: Db, name: string): Promise<void> {
  await db.dropCollection(name).catch((error: unknown) => {
    if (!isNamespaceMissing(error)) throw error;
  });
}

const NAMESPACE_NOT_FOUND = 26;
const isNamespaceMissing = (error: unknown): boolean =>
  (error as { readonly code?: number }).code === NAMESPACE_NOT_FOUND;

export interface Spares {
  /** Exchanges what is in use for what this state holds, as soon as that is ready. */
  use(state: string): Promise<void>;
  /** Makes ready what this state holds, behind the traffic. */
  prepare(state: string): void;
  /** What the state holds will change: nothing is made of it any more when this resolves. */
  forget(state: string): Promise<void>;
  /** Takes away what an earlier process has left. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export function createSpares(connected: () => Promise<Connected>, sortable: readonly Sortable[]): Spares {
  /** What each spare collection was copied from; EMPTY_STATE: it is empty. */
  const ready = new Map<keyof Collections, string>();
  let turn: Promise<unknown> = Promise.resolve();
  let wanted: string | undefined;

  /** One at a time, whatever became of the one before. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = turn.then(work, work);
    turn = done.catch(() => undefined);
    return done;
  };
  const sourceOf = async ({ db }: Connected, state: string, name: string): Promise<string> => {
    if (state === EMPTY_STATE) return EMPTY_STATE;
    const source = keptName(state, name);
    return (await db.collection(source).findOne({}, { projection: { _id: 1 } })) ? source : EMPTY_STATE;
  };
  const make = async (all: Connected, name: keyof Collections, source: string): Promise<void> => {
    if (ready.get(name) === source) return;
    ready.delete(name);
    const { db } = all;
    const spare = SPARE + name;
    await dropCollection(db, spare);
    if (source === EMPTY_STATE) await db.createCollection(spare);
    else
      await db
        .collection(source)
        .aggregate([{ $out: spare }])
        .toArray();
    const indexes = indexesOf(name, sortable);
    if (indexes.length > 0) await db.collection(spare).createIndexes([...indexes]);
    ready.set(name, source);
  };

  return {
    use: state =>
      inTurn(async () => {
        const all = await connected();
        for (const name of CONTENT) {
          const source = await sourceOf(all, state, name);
          const inUse = all.db.collection(name);
          if (source === EMPTY_STATE && !(await inUse.findOne({}, { projection: { _id: 1 } }))) continue;
          await make(all, name, source);
          ready.delete(name);
          await all.db.renameCollection(SPARE + name, name, { dropTarget: true });
        }
      }),
    prepare(state) {
      wanted = state;
      void inTurn(async () => {
        const all = await connected();
        for (const name of CONTENT) if (wanted === state) await make(all, name, await sourceOf(all, state, name));
      }).catch(() => undefined);
    },
    forget: state => {
      if (wanted === state) wanted = undefined;
      return inTurn(async () => {
        for (const [name, source] of ready) if (source === keptName(state, name)) ready.delete(name);
      });
    },
    clear: () =>
      inTurn(async () => {
        const { db } = await connected();
        for (const name of await collectionNames(db)) if (name.startsWith(SPARE)) await dropCollection(db, name);
        ready.clear();
      }),
    async close() {
      wanted = undefined;
      await turn;
    },
  };
}
