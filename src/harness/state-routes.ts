/** /harness/reset and /harness/snapshot: what the store holds. */
import type { Engine } from '../interactions/engine.js';
import type { Snapshots } from '../store/store.js';
import { FhirError } from '../fhir/error.js';
import { type AskedMembers, askedBy, isObjectOf, jsonFor, refused, wholeNumberIn } from './asked.js';
import type { FaultRules } from './fault-rules.js';
import type { Hold, StoreGate } from './gate.js';
import { noStoreFaults, requestContext } from './request-context.js';
import type { HarnessAddress } from './routes.js';
import { MAX_SEED, seededIds } from './seeded-ids.js';
import { CLOCK_MEMBERS, forgetSeed, moveClock, shownTime, startFrom, type TimeState } from './time-routes.js';

export interface StateSurroundings {
  readonly engine: Engine;
  readonly gate: StoreGate;
  readonly snapshots: Snapshots;
  readonly state: TimeState;
  readonly rules: FaultRules;
  /** Puts the demo data into the empty store, one resource after the other. */
  readonly loadDemo: (engine: Engine) => Promise<unknown>;
}

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const MAX_SNAPSHOTS = 100;
/** Names of states that need no snapshot. Under the second one the demo data are kept once they have been loaded. */
const NOTHING = 'empty';
const DEMO = 'demo';
/** When the demo data are written, by their stamps. */
const DEMO_AT = Date.UTC(2026, 0, 1);
/** ms that requests under way have, where a reset does not say otherwise. */
const PATIENCE = 5000;
const MAX_PATIENCE = 60_000;

function nameIn(asked: AskedMembers, member: string): string {
  const name = asked[member];
  if (typeof name !== 'string' || !NAME.test(name))
    throw refused(`${member} must be 1 to 63 small letters, digits and hyphens.`);
  return name;
}

function ownName(name: string): string {
  if (name === NOTHING || name === DEMO) throw refused(`The name ${name} is taken.`);
  return name;
}

export function stateAddresses(
  around: StateSurroundings,
): Readonly<Record<'/reset' | '/snapshot' | '/snapshot/{name}', HarnessAddress>> {
  const { gate, snapshots, state } = around;
  const list = async (): Promise<readonly string[]> => (await snapshots.list()).filter(name => name !== DEMO);
  const reset = resetBy(around);
  return {
    '/reset': {
      async POST(call) {
        const asked = await askedBy(call, ['to', 'seed', 'clock', 'patience']);
        const to = asked['to'] === undefined ? NOTHING : nameIn(asked, 'to');
        const seed = wholeNumberIn(asked, 'seed', 0, MAX_SEED);
        const patience = wholeNumberIn(asked, 'patience', 0, MAX_PATIENCE) ?? PATIENCE;
        const { clock } = asked;
        if (clock !== undefined && !isObjectOf(clock, CLOCK_MEMBERS))
          throw refused('clock must be as /harness/clock takes it.');
        await reset(to, patience, () => {
          if (seed !== undefined) startFrom(state, seed);
          if (clock !== undefined) moveClock(state.time, clock);
        });
        return jsonFor({ to, ...shownTime(state) });
      },
    },
    '/snapshot': {
      GET: async () => jsonFor({ snapshots: await list() }),
      async POST(call) {
        const name = ownName(nameIn(await askedBy(call, ['name']), 'name'));
        const names = await list();
        if (names.length >= MAX_SNAPSHOTS && !names.includes(name))
          throw new FhirError('conflict', `There are ${MAX_SNAPSHOTS} snapshots, and no more: delete one first.`);
        await gate.hold(() => snapshots.take(name));
        return jsonFor({ name }, 201);
      },
    },
    '/snapshot/{name}': {
      async DELETE({ path }) {
        const name = ownName(nameIn(path, 'name'));
        await gate.hold(() => snapshots.drop(name));
        return { status: 204 };
      },
    },
  };
}

/** Goes to a state, and tells everything that knows of the one before. `start`: sets clock and seed, when all is done. */
function resetBy({ engine, gate, snapshots, state, rules, loadDemo }: StateSurroundings) {
  const { feed, jobs, ledger, live, reindexer } = engine;
  let demoIsKept = false;
  const restore = async (hold: Hold, name?: string): Promise<void> => {
    try {
      await hold(() => snapshots.restore(name));
    } finally {
      await ledger.reopen();
      await live.load();
      await reindexer.refresh();
    }
    // Whatever is written from here on is indexed by what is in force.
    if (name === undefined) await reindexer.allDone();
  };
  const goTo = async (hold: Hold, to: string): Promise<void> => {
    if (to === NOTHING) return restore(hold);
    if (to !== DEMO || demoIsKept) return restore(hold, to);
    await restore(hold);
    // Whatever a test wants of time and ids, the demo data are always the same.
    state.time.set({ mode: 'fixed', at: DEMO_AT, tick: 0 });
    await requestContext.run({ ids: seededIds(0), overtaken: false, store: noStoreFaults() }, () => loadDemo(engine));
    await hold(() => snapshots.take(DEMO));
    demoIsKept = true;
  };
  return (to: string, patience: number, start: () => void): Promise<void> =>
    gate.exchange(patience, async hold => {
      reindexer.stop();
      await Promise.all([jobs.stop(), feed.stop()]);
      try {
        forgetSeed(state);
        rules.clear();
        await goTo(hold, to);
      } finally {
        // What is due only after a while would never come where time stands still.
        forgetSeed(state);
        reindexer.start();
        jobs.run();
        feed.start();
      }
      // What it and jobs commit would stand beside the first requests of a test, one time earlier than another.
      await reindexer.atRest();
      await snapshots.settle();
      start();
    });
}
