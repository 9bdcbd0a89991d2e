/** One story, told to a server on each store. The half of a store that is not at hand skips itself with the reason. */
import { after, before, describe } from 'mocha';
import { FULL, turnAmong } from './depth.js';
import { findMongod } from './mongod-binary.js';
import { letGo, type RunningServer, type Start, newStore, type StoreName, STORES, startServer } from './server.js';
import { type Talk, talkTo } from './talk.js';

export interface Stage {
  readonly server: RunningServer;
  readonly talk: Talk;
}

const mongod = await findMongod();

/** The stores that take turns at every change: those that are at hand. */
const AT_HAND = STORES.filter(store => store !== 'mongo' || !('skipped' in mongod));

/** One turn among so many is MongoDB's, which takes nearly twice the time: what it owes is in the contract suite, all of it. */
const TURNS = 8;

/**
 * Whether a row is asked of this store, by its number: at every change each row of one of them, in turn. For rows of which each store
 * has others of the same kind. CHARTROOM_TEST_SEED turns them around.
 */
export const hasTurn = (at: number, store: StoreName): boolean =>
  FULL || (AT_HAND.length < 2 ? AT_HAND.includes(store) : (store === 'mongo') === (turnAmong(at, TURNS) === 0));

/** The stores that a story is told to which has its turn as a whole, each as often as the other: one of them at every change. */
export const storesInTurn = (at: number): readonly StoreName[] =>
  STORES.filter(store => FULL || turnAmong(at, AT_HAND.length) === AT_HAND.indexOf(store));

/** A number of a story, which neither the stories beside it nor their order can change. */
const numberOf = (title: string): number => {
  let number = 0;
  for (const char of title) number = (number * 31 + char.codePointAt(0)!) % 65_521;
  return number;
};

type Tell = (stage: () => Stage, store: StoreName) => void;
type StageOptions = Pick<Start, 'config' | 'time' | 'features'> & {
  /** Runs once before the tests. */
  readonly set?: (stage: Stage) => Promise<void>;
};

/** `tell` declares the tests; the stage it is given is there once they run. */
export function onBothStores(title: string, tell: Tell, options: StageOptions = {}): void {
  onStores(STORES, title, tell, options);
}

/**
 * A story about what stands above the stores (the form of an answer, rules of resources, who may do what): at every change it is
 * told to one store, which its title and CHARTROOM_TEST_SEED choose, in a full run to both. What a store itself owes has its
 * rows in the contract suite, for both at every change.
 */
export function onStoresInTurn(title: string, tell: Tell, options: StageOptions = {}): void {
  onStores(
    STORES.filter(store => hasTurn(numberOf(title), store)),
    title,
    tell,
    options,
  );
}

/** A story that takes long for what it adds to others of its kind: told in a full run alone, to both stores. */
export function onStoresInFull(title: string, tell: Tell, options: StageOptions = {}): void {
  onStores(FULL ? STORES : [], title, tell, options);
}

function onStores(stores: readonly StoreName[], title: string, tell: Tell, options: StageOptions): void {
  for (const store of stores)
    describe(`${title} (${store})`, () => {
      let stage: Stage | undefined;
      let url = '';
      before('starts the server', async function () {
        url = await newStore(this, store);
        const server = await startServer({
          store: url,
          ...(options.config ? { config: options.config } : {}),
          ...(options.time ? { time: options.time } : {}),
          ...(options.features ? { features: options.features } : {}),
        });
        stage = { server, talk: talkTo(server.base) };
        await options.set?.(stage);
      });
      after('stops the server', async () => {
        await stage?.server.stop();
        letGo(url);
      });
      tell(() => {
        if (!stage) throw new Error('The server is not there yet.');
        return stage;
      }, store);
    });
}
