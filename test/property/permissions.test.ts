/**
 * What roles and scopes together allow, no more and no less: made-up populations, permissions and requests over every path, held against a
 * plain oracle (permission-world.ts, consent-world.ts), on both stores. Reads first, then writes, which the population follows.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { Consents } from '../../src/access/consents.js';
import { createDecide } from '../../src/access/decide.js';
import { createPatientCompartment } from '../../src/access/patient-compartment.js';
import { loadDefinitions } from '../../src/fhir/definitions.js';
import type { Resource } from '../../src/fhir/resource.js';
import type { RoleDuty } from '../../src/access/roles.js';
import { ANYBODY, type Principal } from '../../src/identity/principal.js';
import { depthOf } from '../support/depth.js';
import { createRandom, type Random } from '../support/random.js';
import { newStore, type RunningServer, type StoreName, STORES, startServer } from '../support/server.js';
import { type Talk, talkTo } from '../support/talk.js';
import { describeAsked, faultOf, load } from './asked.js';
import { makePermission, type MadePermission } from './permission-world.js';
import { type Asked, type Expected, makeRequest } from './view-requests.js';
import {
  type Body,
  makeBody,
  makeWorld,
  nameOf,
  resourceOf,
  Seen,
  type Stored,
  TYPES,
  type Type,
  type World,
} from './view-world.js';

const PAIRS = depthOf('PERMISSIONS');
const WORLDS = PAIRS > 1000 ? 6 : 1;
const READS = 12;
const WRITES = 3;
const PERMISSIONS = Math.ceil(PAIRS / WORLDS / (READS + WRITES));
/** A population that grows makes every question dearer. */
const MOST_WRITTEN = 60;

const definitions = loadDefinitions();
const compartment = createPatientCompartment(definitions);
const ADMIN: RoleDuty = {
  consents: 'disregarded',
  confidentiality: 'V',
  types: [{ type: '*', letters: new Set(['c', 'r', 'u', 'd', 's'] as const) }],
  operations: ['*'],
  screens: [],
};

interface Stage {
  readonly server: RunningServer;
  readonly talk: Talk;
  become(of: MadePermission | undefined): void;
}

function stageOf(server: RunningServer): Stage {
  return {
    server,
    talk: talkTo(server.base),
    become(of) {
      const principal: Principal = of?.principal ?? ANYBODY;
      const roles = new Map([['admin', ADMIN], ...(of ? ([['made', of.duty]] as const) : [])]);
      const { bases } = server.engine.settings;
      const { parameters, clock } = server.engine;
      const consents = new Consents({ definitions, parameters, bases, implicit: 'permit', now: clock.now });
      const entries = (of?.consents ?? []).flatMap(one => {
        const entry = consents.entry(one as unknown as Resource, one.id);
        return entry ? [[one.id, entry] as const] : [];
      });
      consents.replace(new Map(entries));
      const decide = createDecide(
        roles,
        { types: definitions.resourceTypes, compartment, parameters },
        { consents, bases },
      );
      Object.assign(server.engine, { identify: () => Promise.resolve(principal), decide });
    },
  };
}

/** As somebody is answered who is refused a type before anything is asked; undefined: the request is about several types. */
function expectedOf(asked: Asked, seen: Seen): Expected | undefined {
  if (asked.method !== 'GET') return undefined;
  const [, type] = /^Patient\/[^/]+\/([A-Z]\w+|\*)/.exec(asked.path) ?? /^(\w*)/.exec(asked.path)!;
  if (TYPES.includes(type as Type) && seen.isHidden(type as Type)) return { status: 403 };
  return asked.expected(seen);
}

async function readAll({ talk }: Stage, made: MadePermission, world: World, random: Random): Promise<number> {
  const seen = new Seen(world, made.rules, made.masks);
  for (let left = READS; left > 0; ) {
    const asked = makeRequest(random, world);
    const expected = expectedOf(asked, seen);
    if (!expected) continue;
    left -= 1;
    const fault = await faultOf(talk, asked, expected, seen.hidden);
    if (fault !== undefined) assert.fail(describeAsked(asked, made, fault));
  }
  return READS;
}

const JSON_BODY = { 'content-type': 'application/fhir+json' };

/** One write, by somebody; what is there follows. */
async function write(stage: Stage, made: MadePermission, world: World, random: Random, marker: string): Promise<void> {
  const { talk } = stage;
  const versions = world.versions as Stored[];
  const one = random.pick(versions);
  const { type } = one;
  const seen = new Seen(world, made.rules, made.masks);
  const newest = versions.findLast(other => nameOf(other) === nameOf(one))!;
  const current = seen.read(nameOf(one));
  const how = random.pick(['update', 'update', 'create', 'delete'] as const);
  const id = how === 'create' ? `new-${marker}` : one.id;
  // Labels of the version before stay.
  const body = makeBody(random, type, id, world, how === 'update' ? newest.body : undefined);
  const stored: Stored = { type, id, version: newest.version + 1, body, marker };
  const told = (status: number, text: string): string =>
    describeAsked({ how, body, marker }, made, `${status} ${text}`);
  if (how === 'create') {
    const { status, text, body: given } = await talk.create(resourceOf(stored));
    assert.equal(status, made.mayWrite(body) ? 201 : 403, told(status, text));
    if (status === 201) versions.push({ ...stored, version: 1, id: given.id, body: { ...body, id: given.id } });
    return;
  }
  if (how === 'delete') {
    // Nothing is deleted, and nobody learns what is there.
    if (current?.body) return;
    const { status, text } = await talk.delete(nameOf(one));
    assert.equal(status, made.writes(type) ? 204 : 403, told(status, text));
    return;
  }
  const { status, text } = await talk.send('PUT', nameOf(one), {
    headers: JSON_BODY,
    body: JSON.stringify(resourceOf(stored)),
  });
  assert.equal(status, statusOfUpdate(made, seen, { current, newest }, body), told(status, text));
  if (status < 300) versions.push(stored);
}

function statusOfUpdate(
  made: MadePermission,
  seen: Seen,
  { current, newest }: { readonly current: Stored | undefined; readonly newest: Stored },
  body: Body,
): number {
  if (!made.writes(body.resourceType)) return 403;
  if (!current) return 404;
  assert.equal(current, newest);
  if (!current.body) return made.mayWrite(body) ? 201 : 403;
  if (seen.isMasked(current)) return 403;
  return made.mayWrite(current.body) && made.mayWrite(body) ? 200 : 403;
}

function permitted(store: StoreName, seed: number): void {
  describe(`roles and scopes (${store}, population ${seed})`, () => {
    const world = makeWorld(seed);
    let stage: Stage | undefined;

    before(async function () {
      const config = { fulltext: 'on', pageSize: '100' } as const;
      stage = stageOf(await startServer({ store: await newStore(this, store), config }));
      await load(stage.talk, world);
    });
    after(() => stage?.server.stop());

    it('give what they say, by every path, and take what they say', async () => {
      let asked = 0;
      let narrowed = 0;
      const written = () => world.versions.length;
      const most = written() + MOST_WRITTEN;
      for (let n = 0; n < PERMISSIONS; n++) {
        const random = createRandom(seed * 1000 + n);
        const made = makePermission(random, world);
        stage!.become(made);
        asked += await readAll(stage!, made, world, random);
        for (let left = written() < most ? WRITES : 0; left > 0; left--) {
          await write(stage!, made, world, random, `w${seed}q${n}q${left}`);
          asked += 1;
        }
        const { hidden, versions } = new Seen(world, made.rules, made.masks);
        if (hidden.length > 0 && versions.length > 0) narrowed += 1;
      }
      assert.ok(asked >= PERMISSIONS * READS);
      assert.ok(narrowed > PERMISSIONS / 2, `only ${narrowed} of ${PERMISSIONS} make a difference`);
    });

    it('let nothing hidden be deleted, nor changed', async () => {
      stage!.become(undefined);
      for (const one of new Map(world.versions.map(each => [nameOf(each), each])).values()) {
        const { status, text } = await stage!.talk.get(nameOf(one));
        assert.equal(status, one.body ? 200 : 410, nameOf(one));
        if (one.body) assert.ok(text.includes(one.marker), nameOf(one));
      }
    });
  });
}

for (const store of STORES) for (let seed = 1; seed <= WORLDS; seed++) permitted(store, seed + 40);
