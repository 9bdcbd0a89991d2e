/** One story, told to a server on each store. The half of a store that is not at hand skips itself with the reason. */
import { after, before, describe } from 'mocha';
import { FULL } from './depth.js';
import { type RunningServer, type Start, newStore, type StoreName, STORES, startServer } from './server.js';
import { type Talk, talkTo } from './talk.js';

export interface Stage {
  readonly server: RunningServer;
  readonly talk: Talk;
}

/**
 * Whether a row is asked of this store, by its number: at every change each row of one of them, in turn. For rows of which each store
 * has others of the same kind.
 */
export const hasTurn = (at: number, store: StoreName): boolean => FULL || at % STORES.length === STORES.indexOf(store);

/** `tell` declares the tests; the stage it is given is there once they run. `set` runs once before them. */
export function onBothStores(
  title: string,
  tell: (stage: () => Stage, store: StoreName) => void,
  options: Pick<Start, 'config' | 'time' | 'features'> & { readonly set?: (stage: Stage) => Promise<void> } = {},
): void {
  for (const store of STORES)
    describe(`${title} (${store})`, () => {
      let stage: Stage | undefined;
      before('starts the server', async function () {
        const server = await startServer({
          store: await newStore(this, store),
          ...(options.config ? { config: options.config } : {}),
          ...(options.time ? { time: options.time } : {}),
          ...(options.features ? { features: options.features } : {}),
        });
        stage = { server, talk: talkTo(server.base) };
        await options.set?.(stage);
      });
      after('stops the server', () => stage?.server.stop());
      tell(() => {
        if (!stage) throw new Error('The server is not there yet.');
        return stage;
      }, store);
    });
}
