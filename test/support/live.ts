/** Processes that know tables, for tests: each with a store of its own on the same data, and a time that goes on when a test says so. */
import { FhirError } from '../../src/fhir/error.js';
import type { TypeTable } from '../../src/live/live-table.js';
import { LiveTables } from '../../src/live/live-tables.js';
import { createClock } from '../../src/platform/clock.js';
import { createLog } from '../../src/platform/log.js';
import type { Store } from '../../src/store/store.js';
import { steppedTime } from './stepped-time.js';

export type LiveStore = ConstructorParameters<typeof LiveTables>[0]['store'];

export interface LiveProcess {
  readonly tables: LiveTables;
  /** What each table was given last. */
  readonly inForce: Map<string, readonly string[]>;
  /** Of each exchange: how many entries had changed more than once. */
  readonly twice: number[];
  /** How often what was asked of the store. */
  readonly asked: Map<string, number>;
  /** ms pass. */
  pass(ms: number): void;
  /** What is asked of the store fails from now on, or no longer. */
  fail(on: boolean): void;
  step(ms: number): Promise<void>;
}

export const settled = async (): Promise<void> => {
  for (let i = 0; i < 50; i++) await new Promise(setImmediate);
};

/** A process with tables of the families of Patients, and whatever else it is given. */
export function liveProcess(store: Store | LiveStore, more: (tables: LiveTables) => void = () => {}): LiveProcess {
  let now = 0;
  let failing = false;
  const asked = new Map<string, number>();
  const watched = new Proxy(store, {
    get(target, name: keyof LiveStore) {
      const value = target[name] as unknown;
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        asked.set(name, (asked.get(name) ?? 0) + 1);
        if (failing) throw new FhirError('unavailable', 'The store is away.');
        return (value as (...given: unknown[]) => unknown).apply(target, args);
      };
    },
  });
  const log = createLog('silent');
  const time = steppedTime();
  const tables = new LiveTables({ store: watched, log, clock: createClock(log, time), now: () => now });
  const inForce = new Map<string, readonly string[]>();
  const twice: number[] = [];
  const family: TypeTable<string> = {
    name: 'family',
    type: 'Patient',
    entry: resource => (resource['name'] as [{ family: string }] | undefined)?.[0]?.family,
    exchange: (entries, changed) => {
      inForce.set('family', [...entries.values()].toSorted());
      twice.push(changed.length);
    },
  };
  tables.add(family);
  more(tables);
  return {
    tables,
    inForce,
    twice,
    asked,
    pass: ms => void (now += ms),
    fail: on => void (failing = on),
    async step(ms) {
      now += ms;
      time.step(ms);
      await settled();
    },
  };
}
