/**
 * A transaction of as many entries as are allowed, on both stores, and one entry more. Full runs only.
 * MongoDB keeps what a transaction has written in its cache until it ends: the server of this suite has a usual one.
 */
import assert from 'node:assert/strict';
import type { Observation } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { done, post, refused, send, uuid } from '../support/bundles.js';
import { FULL } from '../support/depth.js';
import { type Mongo, startMongo } from '../support/mongod.js';
import { type RunningServer, STORES, startServer } from '../support/server.js';
import { talkTo } from '../support/talk.js';

const MOST = 25_000;

const entries = (count: number) =>
  Array.from({ length: count }, (_, i) => {
    const observation: Observation = {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
      effectiveDateTime: '2026-01-01T10:00:00Z',
      valueQuantity: { value: i, unit: 'beats/min', system: 'http://unitsofmeasure.org', code: '/min' },
      hasMember: [{ reference: uuid((i * 7) % count) }],
    };
    return post(observation, { fullUrl: uuid(i) });
  });

for (const store of STORES)
  describe(`a transaction of ${MOST} entries (${store})`, () => {
    let mongo: Mongo | undefined;
    let server: RunningServer | undefined;
    before('starts the server', async function () {
      if (!FULL) {
        process.stderr.write('      skipped: it takes minutes, in npm run test:full\n');
        return this.skip();
      }
      if (store === 'embedded') server = await startServer({ store });
      else {
        const started = await startMongo({ cacheGigabytes: 4 });
        if ('skipped' in started) return this.skip();
        mongo = started;
        server = await startServer({ store: started.database('large') });
      }
    });
    after('stops the server', async () => {
      await server?.stop();
      await mongo?.stop();
    });

    it('is stored whole, and one with an entry more is refused', async () => {
      const talk = talkTo(server!.base);
      const more = await send(talk, 'transaction', entries(MOST + 1));
      assert.deepEqual(refused(more), { status: 413, detail: 'too-many-entries', at: 'Bundle.entry' });
      assert.equal((await talk.search('Observation?_summary=count')).total, 0);
      const answers = await done(send(talk, 'transaction', entries(MOST)));
      assert.equal(answers.length, MOST);
      assert.ok(answers.every(({ response }) => response?.status === '201 Created'));
      assert.equal((await talk.search('Observation?_summary=count')).total, MOST);
    });
  });
