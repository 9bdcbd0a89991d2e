/**
 * What a decision hides is nowhere, and what it shows is missing nowhere: generated populations, restrictions and requests
 * over every path to resources, held against a plain oracle (view-world.ts), on both stores.
 */
import assert from 'node:assert/strict';
import type { Bundle, BundleEntry } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { type Restrictions, UNRESTRICTED } from '../../src/access/permission.js';
import { depthOf } from '../support/depth.js';
import { createRandom } from '../support/random.js';
import { restricted, type RestrictedServer } from '../support/restricted.js';
import { newStore, type StoreName, STORES, startServer } from '../support/server.js';
import { linkOf, type Reply, type Talk } from '../support/talk.js';
import { type Asked, type Expected, makeRequest } from './view-requests.js';
import {
  makeRules,
  makeWorld,
  nameOf,
  resourceOf,
  restrictionsOf,
  Seen,
  type Stored,
  type World,
} from './view-world.js';

const PAIRS = depthOf('VIEWS');
const WORLDS = PAIRS > 1000 ? 6 : 2;
const REQUESTS = 12;
const RULES = Math.ceil(PAIRS / WORLDS / REQUESTS);

async function load({ talk }: RestrictedServer, { versions }: World): Promise<void> {
  for (const one of versions) {
    const reply = one.body ? await talk.update(resourceOf(one)) : await talk.delete(nameOf(one));
    assert.ok(reply.status < 300, `${nameOf(one)}: ${reply.text}`);
  }
}

/** Name of an entry, and of a history its version. */
function nameOfEntry({ fullUrl, resource, request, response }: BundleEntry): string {
  const name = fullUrl!.split('/').slice(-2).join('/');
  return request ? `${name}/${resource?.meta?.versionId ?? /\d+/.exec(response!.etag!)![0]}` : name;
}

const nextOf = ({ status, body }: Reply): string | undefined =>
  status === 200 && body.resourceType === 'Bundle' ? linkOf(body, 'next') : undefined;

/** Why an answer is not the expected one; undefined: it is. */
async function faultOf(
  talk: Talk,
  asked: Asked,
  expected: Expected,
  hidden: readonly Stored[],
): Promise<string | undefined> {
  const replies: Reply[] = [
    await talk.send(asked.method, asked.path, {
      headers: { 'content-type': 'application/fhir+json', ...asked.headers },
      ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
    }),
  ];
  const [reply] = replies as [Reply];
  if (reply.status !== expected.status) return `${reply.status} instead of ${expected.status}: ${reply.text}`;
  if (reply.status === 200 && asked.method === 'GET')
    for (let next = nextOf(reply); next !== undefined; next = nextOf(replies.at(-1)!))
      replies.push(await talk.get(next));
  const question = JSON.stringify(asked);
  const told = replies.map(({ text }) => text).join('\n');
  const leak = hidden.find(({ marker }) => !question.includes(marker) && told.includes(marker));
  if (leak) return `${nameOf(leak)} is hidden: ${told}`;
  if (asked.what === 'batch' || asked.what === 'transaction') {
    if (reply.status !== 200) return undefined;
    const statuses = (reply.body as Bundle).entry!.map(({ response }) => response!.status.slice(0, 3)).join(' ');
    return statuses === expected.says ? undefined : `${statuses} instead of ${expected.says}: ${told}`;
  }
  if (expected.says !== undefined && !told.includes(expected.says)) return `${expected.says} is missing: ${told}`;
  if (!expected.names) return undefined;
  const entries = replies.flatMap(({ body }) => (body as Bundle).entry ?? []);
  const names = entries.filter(({ search }) => search?.mode !== 'outcome').map(nameOfEntry);
  const difference = `${names.toSorted().join(' ')} instead of ${expected.names.toSorted().join(' ')}`;
  if (names.toSorted().join() !== expected.names.toSorted().join()) return difference;
  const { total } = reply.body as Bundle;
  const isWrong = expected.total !== undefined && total !== undefined && total !== expected.total;
  return isWrong ? `a total of ${total} instead of ${expected.total}` : undefined;
}

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
      await load(server, world);
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

for (const store of STORES) for (let seed = 1; seed <= WORLDS; seed++) viewed(store, seed);
