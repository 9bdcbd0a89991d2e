/** A store of before the ledger (src/audit/ledger/before.ts): what was there is sealed at the first start, and is found out when it changes. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { type Binary, type Document, MongoClient } from 'mongodb';
import { sealBefore } from '../../src/audit/ledger/before.js';
import type { LedgerEntry } from '../../src/audit/ledger/entry.js';
import { verifyStore } from '../../src/cli/audit-ledger.js';
import { connect } from '../../src/store/embedded/connection.js';
import { storesInTurn } from '../support/both-stores.js';
import { newStore, type RunningServer, startServer } from '../support/server.js';

/** In both languages. */
interface Reach {
  readonly sql: string;
  readonly mongo: (client: MongoClient) => Promise<unknown>;
}

const deedOf = (client: MongoClient) => client.db().collection<{ readonly _id: number }>('deed');
const oldestOf = async (client: MongoClient): Promise<number> =>
  (await deedOf(client).findOne({ s: { $exists: false } }, { sort: { _id: 1 } }))!._id;
const UNSEAL: Reach = {
  sql: 'UPDATE deed SET stream=NULL, first=NULL, root=NULL; DELETE FROM ledger',
  async mongo(client) {
    await deedOf(client).updateMany({}, { $unset: { s: 1, f: 1, r: 1 } });
    await client.db().collection('ledger').deleteMany({});
  },
};
const OLDEST = '(SELECT min(sequence) FROM deed WHERE stream IS NULL)';
const REACHES: Readonly<Record<string, Reach & { readonly finds: RegExp }>> = {
  'takes a row away': {
    sql: `DELETE FROM deed WHERE sequence=${OLDEST}`,
    mongo: async client => deedOf(client).deleteOne({ _id: await oldestOf(client) }),
    finds: /^missing before$/,
  },
  'puts a row in': {
    sql: `INSERT INTO deed(last,events,x,c) SELECT last,events,x,c FROM deed WHERE sequence=${OLDEST}`,
    async mongo(client) {
      const row = (await deedOf(client).findOne({ _id: await oldestOf(client) }))!;
      await deedOf(client).insertOne({ ...row, _id: row._id + 0.5 });
    },
    finds: /^inserted before$/,
  },
  'exchanges a row': {
    sql: `UPDATE deed SET x=(SELECT x FROM deed WHERE sequence=${OLDEST}+1) WHERE sequence=${OLDEST}`,
    async mongo(client) {
      const _id = await oldestOf(client);
      const next = (await deedOf(client).findOne({ s: { $exists: false }, _id: { $gt: _id } }, { sort: { _id: 1 } }))!;
      const { x } = next as unknown as { readonly x: unknown };
      await deedOf(client).updateOne({ _id }, { $set: { x } });
    },
    finds: /^altered before$/,
  },
  'takes an event away': {
    sql: "DELETE FROM resource WHERE instr(x,'elsewhere')>0",
    async mongo(client) {
      const resource = client.db().collection<Document & { readonly x?: Binary }>('resource');
      const sent = await resource.find().toArray();
      const ids = sent.filter(({ x }) => x && Buffer.from(x.buffer).includes('elsewhere')).map(({ _id }) => _id);
      await resource.deleteMany({ _id: { $in: ids } });
    },
    finds: /^missing before$/,
  },
};

for (const name of storesInTurn(0))
  describe(`a ${name} store of before the ledger`, () => {
    const data = mkdtempSync(join(tmpdir(), 'chartroom-before-'));
    let server: RunningServer;
    let store = '';
    const start = async () => void (server = await startServer({ store, config: { data } }));
    before(async function () {
      store = await newStore(this, name);
      await start();
    });
    after(async () => {
      await server?.stop();
      rmSync(data, { recursive: true, force: true });
    });
    const reach = async ({ sql, mongo }: Reach): Promise<void> => {
      if (name === 'embedded') {
        const raw = connect(join(data, 'chartroom.db'));
        raw.exec(sql);
        raw.close();
        return;
      }
      const client = new MongoClient(store);
      await mongo(client);
      await client.close();
    };
    const found = async (): Promise<string[]> => {
      const { findings } = await verifyStore(server.engine, data);
      return findings.named.map(({ what, where }) => `${what} ${where.id ?? where.stream}`);
    };
    const EVENT = {
      resourceType: 'AuditEvent',
      type: { system: 'http://terminology.hl7.org/CodeSystem/audit-event-type', code: 'rest' },
      recorded: '2020-01-01T00:00:00Z',
      agent: [{ requestor: true, name: 'somebody' }],
      source: { observer: { display: 'elsewhere' } },
    };

    it('is sealed at the first start', async () => {
      for (const patient of ['p1', 'p2', 'p3'])
        await server.request.put(`/fhir/Patient/${patient}`).send({ resourceType: 'Patient', id: patient }).expect(201);
      await server.request.post('/fhir/AuditEvent').send(EVENT).expect(201);
      await server.stop();
      await reach(UNSEAL);
      rmSync(join(data, 'anchors'), { force: true });
      await start();
      await server.request.get('/fhir/Patient/p1').expect(200);
      assert.ok((await found()).includes('not-anchored before'), 'a positive control');
      await server.engine.ledger.upkeep();
      await server.engine.ledger.upkeep();
      assert.deepEqual(await found(), []);
      // It is said once.
      await server.stop();
      await start();
      await server.request.get('/fhir/Patient/p1').expect(200);
      await server.engine.ledger.upkeep();
      assert.deepEqual(await found(), []);
    });

    it('goes on where it was when it was stopped', async () => {
      const { kept } = server.engine;
      const [was] = await server.engine.store.deeds.notes.find({ prefix: 'before/', limit: 2 });
      await kept.deeds.notes.drop([was!.name]);
      const said: LedgerEntry[] = [];
      let steps = 0;
      const asked = { deeds: kept.deeds, find: kept.find, horizon: () => Infinity };
      const around = {
        ...{
          store: asked,
          now: Date.parse((JSON.parse(Buffer.from(was!.value).toString()) as { until: string }).until),
        },
        say: async (entries: readonly LedgerEntry[]) => void said.push(...entries),
      };
      let isDone = false;
      while (!isDone) {
        let left = 1;
        isDone = await sealBefore({ ...around, goesOn: async () => left-- > 0 });
        steps += 1;
      }
      assert.ok(steps > 1);
      assert.deepEqual(said, [JSON.parse(Buffer.from(was!.value).toString())]);
    });

    for (const [what, change] of Object.entries(REACHES))
      it(`is found out where somebody ${what}`, async () => {
        const kept = await copyOf(name, data, store);
        await reach(change);
        const told = await found();
        await kept();
        assert.ok(
          told.some(each => change.finds.test(each)),
          told.join('; '),
        );
        assert.deepEqual(await found(), []);
      });
  });

/** Gives what puts rows and events back. */
async function copyOf(name: string, data: string, store: string): Promise<() => Promise<void>> {
  if (name === 'embedded') {
    const raw = connect(join(data, 'chartroom.db'));
    raw.exec('CREATE TABLE kept_deed AS SELECT * FROM deed; CREATE TABLE kept_resource AS SELECT * FROM resource');
    return async () => {
      raw.exec(
        'DELETE FROM deed; INSERT INTO deed SELECT * FROM kept_deed; DELETE FROM resource; INSERT INTO resource SELECT * FROM kept_resource; DROP TABLE kept_deed; DROP TABLE kept_resource',
      );
      raw.close();
    };
  }
  const client = new MongoClient(store);
  const collections = ['deed', 'resource'].map(each => client.db().collection(each));
  const documents = await Promise.all(collections.map(each => each.find({}, { promoteValues: false }).toArray()));
  return async () => {
    for (const [i, collection] of collections.entries()) {
      await collection.deleteMany({});
      await collection.insertMany(documents[i]!);
    }
    await client.close();
  };
}
