/**
 * What a decision hides is nowhere, and what it shows is missing nowhere: generated populations, restrictions and requests
 * over every path to resources, held against a plain oracle (view-world.ts), on both stores.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { type Restrictions, UNRESTRICTED } from '../../src/access/permission.js';
import { storesInTurn } from '../support/both-stores.js';
import { depthOf } from '../support/depth.js';
import { createRandom } from '../support/random.js';
import { restricted, type RestrictedServer } from '../support/restricted.js';
import { newStore, type StoreName, startServer } from '../support/server.js';
import { faultOf, load } from './asked.js';
import { type Asked, type Expected, makeRequest } from './view-requests.js';
import { makeRules, makeWorld, restrictionsOf, Seen, type World } from './view-world.js';

const PAIRS = depthOf('VIEWS');
const WORLDS = PAIRS > 1000 ? 6 : 2;
const REQUESTS = 12;
const RULES = Math.ceil(PAIRS / WORLDS / REQUESTS);

interface Pair {
  readonly asked: Asked;
  readonly expected: Expected;
  readonly seen: Seen;
  readonly restrictions: Restrictions;
  /** The restriction makes a difference to the answer. */
  readonly differs: boolean;
}

function* pairsOf(world: World, seed: number): Generator<Pair> {
  const whole = new Seen(world, new Map());
  for (let n = 0; n < RULES; n++) {
    const rules = makeRules(seed * 1000 + n, world);
    const seen = new Seen(world, rules);
    const random = createRandom(seed * 77 + n);
    for (let left = REQUESTS; left > 0; ) {
      const asked = makeRequest(random, world);
      const expected = asked.expected(seen);
      if (!expected) continue;
      left -= 1;
      const differs = JSON.stringify(asked.expected(whole)) !== JSON.stringify(expected);
      yield { asked, expected, seen, restrictions: restrictionsOf(rules), differs };
    }
  }
}

function describePair({ asked, restrictions }: Pair, fault: string): string {
  const print = (_: string, value: unknown) => (value instanceof Set ? [...value] : value);
  return `${asked.what}: ${asked.method} ${asked.path}\nfor ${JSON.stringify([...restrictions], print)}\n${fault}`;
}

function viewed(store: StoreName, seed: number): void {
  describe(`the view of the store (${store}, population ${seed})`, () => {
    const world = makeWorld(seed);
    let server: RestrictedServer | undefined;

    before(async function () {
      const config = { fulltext: 'on', pageSize: '100' } as const;
      server = restricted(await startServer({ store: await newStore(this, store), config }));
      await load(server.talk, world);
    });
    after(() => server?.stop());

    it('hides what is hidden and shows the rest', async () => {
      const { talk } = server!;
      let differing = 0;
      let pairs = 0;
      for (const pair of pairsOf(world, seed)) {
        server!.sees = pair.restrictions;
        const fault = await faultOf(talk, pair.asked, pair.expected, pair.seen.hidden);
        if (fault !== undefined) assert.fail(describePair(pair, fault));
        pairs += 1;
        differing += pair.differs ? 1 : 0;
      }
      assert.ok(differing > pairs / 4, `only ${differing} of ${pairs} make a difference`);
    });

    it('is what hides it: without it the same requests fail', async () => {
      server!.sees = UNRESTRICTED;
      const passing: string[] = [];
      let pairs = 0;
      for (const pair of pairsOf(world, seed)) {
        if (pair.asked.method !== 'GET' || !pair.differs) continue;
        pairs += 1;
        const fault = await faultOf(server!.talk, pair.asked, pair.expected, pair.seen.hidden);
        if (fault === undefined) passing.push(describePair(pair, 'passes'));
      }
      assert.ok(pairs > 10);
      assert.deepEqual(passing, []);
    });
  });
}

// Each population on one of the stores at every change.
for (let seed = 1; seed <= WORLDS; seed++) for (const store of storesInTurn(seed)) viewed(store, seed);
