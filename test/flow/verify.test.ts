/** `chartroom verify` finds nothing in a store that is whole, and each kind of damage in one that is not. */
import assert from 'node:assert/strict';
import type { Patient } from 'fhir/r4.js';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Db, type Document, MongoClient } from 'mongodb';
import { after, before, describe, it } from 'mocha';
import { examine, verify } from '../../src/cli/verify.js';
import { reindex } from '../../src/cli/reindex.js';
import { loadConfig } from '../../src/platform/config.js';
import { encodeId } from '../../src/store/codec.js';
import { connect } from '../../src/store/embedded/connection.js';
import { indexStored } from '../../src/search/index-resource.js';
import { hasTurn, onBothStores } from '../support/both-stores.js';
import { done, entry, post, put, send, uuid } from '../support/bundles.js';
import { FULL, fullIt, sampleOf } from '../support/depth.js';
import { noUsers } from '../support/no-users.js';
import { untilReady } from '../support/reindexed.js';
import { letGo, newStore, STORES, startServer } from '../support/server.js';
import { talkTo } from '../support/talk.js';

/** Index entries of one resource. */
const MANY = FULL ? 2000 : 120;

type Doc = Document & { _id: string };

const unrecorded = (type: string, text: string) => ({
  type,
  id: 'unrecorded',
  version: 1,
  updated: Date.now(),
  method: 'PUT' as const,
  text: Buffer.from(text),
  patients: [],
});

onBothStores('verify', stage => {
  const findings = async () => [...(await examine(stage().server.engine, 100)).findings.keys()].toSorted();

  it('finds nothing after every kind of write, refused ones and erased ones too', async () => {
    const { talk } = stage();
    for (const id of ['a', 'b', 'c']) await talk.update<Patient>({ resourceType: 'Patient', id, active: true });
    await done(
      send(talk, 'transaction', [
        post({ resourceType: 'Patient', birthDate: '1970-05-06' }, { fullUrl: uuid(1) }),
        post({ resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject: { reference: uuid(1) } }),
        put({ resourceType: 'Patient', id: 'a', gender: 'other' }),
        put({ resourceType: 'Binary', id: 'b1', contentType: 'image/png', data: 'iVBO'.repeat(9000) }),
        entry('DELETE', 'Patient/b'),
        entry('GET', 'Patient/a'),
      ]),
    );
    await talk.send('PATCH', 'Patient/a', {
      headers: { 'content-type': 'application/json-patch+json' },
      body: '[{"op":"remove","path":"/gender"}]',
    });
    await talk.send('POST', 'Patient/a/$meta-add', {
      headers: { 'content-type': 'application/fhir+json' },
      body: '{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"system":"urn:t","code":"x"}]}}]}',
    });
    assert.equal((await talk.send('POST', 'Patient/c/$purge')).status, 200);
    assert.equal((await talk.get('Patient/never-was')).status, 404);
    assert.equal((await send(talk, 'transaction', [entry('GET', 'Patient/never-was')])).status, 404);
    const { counts } = await examine(stage().server.engine, 100);
    assert.deepEqual(await findings(), []);
    assert.ok((counts.get('Versions') ?? 0) >= 9);
    assert.ok((counts.get('Events that name a version') ?? 0) >= 9);
  });

  fullIt(`goes through a resource with ${MANY} index entries, and gives exit status and progress`, async () => {
    const { talk, server } = stage();
    const identifier = Array.from({ length: MANY }, (_, i) => ({ system: 'urn:many', value: `m${i}` }));
    assert.equal((await talk.update({ resourceType: 'Patient', id: 'many', identifier })).status, 201);
    const lines: string[] = [];
    const out = { write: (line: string) => lines.push(line) > 0 };
    const run = (what: typeof verify, settings = server.engine.settings) =>
      what({
        config: loadConfig({ flags: {}, env: {} }),
        words: [],
        options: {},
        backUp: async () => {},
        openUsers: noUsers,
        acceptGuides: async () => {},
        openValidator: async () => {
          throw new Error('no validator');
        },
        open: async () => ({
          ...server.engine,
          settings,
          store: { ...server.engine.store, close: () => Promise.resolve() },
        }),
        progress: { every: 1, out },
      });
    assert.equal(await run(verify), 0);
    assert.equal(await run(reindex), 0);
    // Bytes of a document have an address of this server, which another one has elsewhere.
    await talk.create({
      resourceType: 'DocumentReference',
      status: 'current',
      content: [{ attachment: { contentType: 'text/plain', data: 'SGVsbG8=' } }],
    });
    const moved = { ...server.engine.settings, base: 'http://localhost:1/fhir', bases: ['http://localhost:1/fhir'] };
    const write = process.stdout.write.bind(process.stdout);
    const printed: string[] = [];
    process.stdout.write = (text: string | Uint8Array) => printed.push(String(text)) > 0;
    const status = await run(verify, moved).finally(() => {
      process.stdout.write = write;
    });
    assert.equal(status, 1);
    assert.match(printed.join(''), /as those of a server at http:\/\/localhost:1\/fhir: .*CHARTROOM_BASE_URL/);
    assert.ok(
      lines.some(line => /^\d+ %, [\d,]+ steps, [\d,]+\/s, /.test(line)),
      lines.join(''),
    );
    assert.ok(
      lines.some(line => /^\d+ %, [\d,]+ resources, /.test(line)),
      lines.join(''),
    );
    const row = (await server.engine.store.read('Patient', 'many'))!;
    const { entries } = indexStored(server.engine, row);
    await server.engine.store.reindex([{ row, entries: entries.toSpliced((MANY * 3) / 4, 1) }]);
    assert.equal(await run(verify), 1);
    const { findings: told } = await examine(server.engine, 100);
    assert.deepEqual(told.get('Resources that are not found by what they say')?.names, ['Patient/many (identifier)']);
    await server.engine.store.reindex([indexStored(server.engine, row)]);
    assert.equal(await run(verify), 0);
  });

  fullIt('finds nothing after bytes were kept for a time, put into use, and swept', async () => {
    const { store } = stage().server.engine;
    const [swept, used] = await Promise.all(
      ['a result', 'a result that is used'].map(text => store.blobs.put(Buffer.alloc(1_200_000, text))),
    );
    for (const { hash } of [swept!, used!]) await store.blobs.keep(hash, 1000);
    assert.deepEqual(await findings(), []);
    const { talk } = stage();
    const data = Buffer.alloc(1_200_000, 'a result that is used').toString('base64');
    await talk.update({ resourceType: 'Binary', id: 'used', contentType: 'text/plain', data });
    assert.equal(await store.blobs.sweep(1000), 1);
    assert.equal(await store.blobs.get(swept!.hash), undefined);
    assert.equal((await store.blobs.get(used!.hash))?.size, 1_200_000);
    assert.deepEqual(await findings(), []);
  });

  it('finds a version that nobody recorded', async () => {
    const { engine } = stage().server;
    const row = unrecorded('Patient', '{"resourceType":"Patient","id":"unrecorded"}');
    await engine.store.commit({ changes: [{ ...row, entries: indexStored(engine, row).entries }] });
    assert.deepEqual(await findings(), ['Versions without the event of their write']);
  });

  fullIt('finds a version whose bytes are not all there', async () => {
    const { engine } = stage().server;
    const { hash, size } = await engine.store.blobs.put(Buffer.from('half of it'));
    const text = '{"resourceType":"Binary","id":"unrecorded","contentType":"text/plain","data":""}';
    const row = { ...unrecorded('Binary', text), blobs: [{ at: text.length - 2, hash, size: size * 2 }] };
    await engine.store.commit({ changes: [{ ...row, entries: indexStored(engine, row).entries }] });
    assert.ok((await findings()).includes('Versions whose attachments are missing, broken off or damaged'));
  });

  it('finds an event of what is not there', async () => {
    const { engine } = stage().server;
    const deed = engine.record({
      interaction: 'create',
      pattern: 'create',
      at: Date.now(),
      outcome: '0',
      principal: { role: 'admin' },
      address: '127.0.0.1',
      requestId: 'r',
      base: engine.settings.base,
      request: 'POST Patient',
      data: { type: 'Patient', id: 'nowhere', version: 1 },
      patients: [],
    });
    await engine.store.commit({ changes: [], deeds: [deed] });
    assert.ok((await findings()).includes('Events that name a version which is not there'));
  });

  it('finds a resource that its own words do not find', async () => {
    const { engine } = stage().server;
    const row = (await engine.store.read('Patient', 'a'))!;
    await engine.store.reindex([
      { row, entries: indexStored(engine, row).entries.filter(({ parameter }) => parameter !== '_tag') },
    ]);
    assert.ok((await findings()).some(what => what.startsWith('Resources that are not found')));
  });
});

/** Raw access to what a store has written, as somebody would have it who reaches past the server. */
interface Hand {
  /** One statement, or its equivalent. */
  readonly embedded: string;
  readonly mongo: (db: Db) => Promise<unknown>;
}
const P1 = encodeId('Patient', 'p1');
const text = (value: string) => Buffer.from(value);
/** Another letter in the text, as long as before. */
const altered = { $set: { x: text('{"resourceType":"Patient","id":"p1","active":"no"}') } };

/** What is done to it, what is found, and under which name. */
const TAMPERED: readonly (readonly [what: string, hand: Hand, finding: RegExp, name: RegExp])[] = [
  [
    'the text of a current version',
    {
      embedded: `UPDATE resource SET x=CAST(replace(CAST(x AS TEXT),'Alpha','Omega') AS BLOB) WHERE id='${P1}'`,
      mongo: db => db.collection<Doc>('resource').updateOne({ _id: P1 }, altered),
    },
    /say something else/,
    /^Patient\/p1\/_history\/2$/,
  ],
  [
    'the text of an earlier version',
    {
      embedded: `UPDATE version SET x=CAST(replace(CAST(x AS TEXT),'First','Worst') AS BLOB)`,
      mongo: db => db.collection<Doc>('version').updateMany({}, altered),
    },
    /say something else/,
    /^Patient\/p1\/_history\/1$/,
  ],
  [
    'the time of a version',
    {
      embedded: `UPDATE resource SET u=u+1 WHERE id='${P1}'`,
      mongo: db => db.collection<Doc>('resource').updateOne({ _id: P1 }, { $inc: { u: 1 } }),
    },
    /say something else/,
    /^Patient\/p1\/_history\/2$/,
  ],
  [
    'an earlier version, taken away',
    { embedded: 'DELETE FROM version', mongo: db => db.collection('version').deleteMany({}) },
    /without the one before/,
    /^Patient\/p1\/_history\/2$/,
  ],
  [
    'an audit event, edited',
    {
      // A letter of an address, or of an id.
      embedded: `UPDATE deed SET x=CAST(replace(CAST(x AS TEXT),'p1','p3') AS BLOB) WHERE instr(x,'p1')>0`,
      mongo: async db => {
        const deed = db.collection<{ _id: number; x: Buffer }>('deed');
        for (const { _id, x } of await deed.find({}, { promoteBuffers: true }).toArray())
          await deed.updateOne(
            { _id },
            { $set: { x: Buffer.from(x.toString('latin1').replace('p1', 'p3'), 'latin1') } },
          );
      },
    },
    /Events that say something else/,
    /^AuditEvent\//,
  ],
  [
    'audit events, taken away',
    {
      embedded: 'DELETE FROM deed',
      mongo: db => db.collection('deed').deleteMany({}),
    },
    /without the event of their write/,
    /^Patient\/p1\/_history\/[12]$/,
  ],
  [
    'a row of audit events, broken off',
    {
      embedded: 'UPDATE deed SET x=substr(x,1,5) WHERE sequence=(SELECT min(sequence) FROM deed)',
      mongo: async db => {
        const deed = db.collection<{ _id: number; x: Buffer }>('deed');
        const [row] = await deed.find({}, { promoteBuffers: true }).sort({ _id: 1 }).limit(1).toArray();
        await deed.updateOne({ _id: row!._id }, { $set: { x: row!.x.subarray(0, 5) } });
      },
    },
    /Events that say something else/,
    /^AuditEvent of 2/,
  ],
  [
    'what audit events are found by, taken away',
    {
      embedded: 'DELETE FROM deed_key WHERE key=(SELECT min(key) FROM deed_key)',
      mongo: db => db.collection('deed').updateOne({}, { $pop: { k: 1 } } as never),
    },
    /Events that are not found by what they say/,
    /^AuditEvent\//,
  ],
  [
    'a row of the index, taken away',
    {
      embedded: `DELETE FROM entry WHERE n=(SELECT n FROM resource WHERE id='${P1}') AND key=(SELECT min(key) FROM entry WHERE n=(SELECT n FROM resource WHERE id='${P1}'))`,
      mongo: db => db.collection<Doc>('resource').updateOne({ _id: P1 }, { $pop: { g: 1 } }),
    },
    /index rows are missing|not found by what they say/,
    /^Patient\/p1/,
  ],
  [
    'a row of the index, added',
    {
      embedded: `INSERT INTO entry(key,d,n) SELECT 'zzz',0,n FROM resource WHERE id='${P1}'`,
      mongo: db => db.collection<Doc>('resource').updateOne({ _id: P1 }, { $push: { g: 'zzz' } as object }),
    },
    /left over|found by what they do not say/,
    /^Patient\/p1$/,
  ],
  [
    'words, taken away',
    {
      embedded: `DELETE FROM word WHERE rowid=(SELECT n FROM resource WHERE id='${P1}')`,
      mongo: db => db.collection<Doc>('word').deleteOne({ _id: P1 }),
    },
    /index rows are missing/,
    /^Patient\/p1$/,
  ],
  [
    'a byte of an attachment',
    {
      embedded: `UPDATE chunk SET x=CAST('?'||substr(CAST(x AS TEXT),2) AS BLOB)`,
      mongo: db => db.collection('blob').updateMany({}, { $set: { x: Buffer.alloc(6000, '?') } }),
    },
    /whose attachments are missing, broken off or damaged/,
    /^Binary\/b1\/_history\/1$/,
  ],
  [
    'a record of a user',
    {
      embedded: `UPDATE record SET value='admin'`,
      mongo: db => db.collection('record').updateMany({}, { $set: { value: 'admin' } }),
    },
    /Records of applications and users that say something else/,
    /^user$/,
  ],
  [
    'an attachment, taken away',
    {
      embedded: `DELETE FROM chunk`,
      mongo: db => db.collection('blob').deleteMany({}),
    },
    /whose attachments are missing, broken off or damaged/,
    /^Binary\/b1\/_history\/1$/,
  ],
];

/** What hands reach for; each finds it as it was. */
const REACHED = ['resource', 'version', 'word', 'deed', 'ledger', 'blob', 'chunk', 'record'] as const;

/** What there is in a database, and puts it back. */
async function keptContent(url: string): Promise<(reach?: Hand['mongo']) => Promise<void>> {
  const asItIs = { promoteValues: false, promoteBuffers: false } as const;
  const within = async <T>(work: (db: Db) => Promise<T>): Promise<T> => {
    const client = new MongoClient(url);
    try {
      return await work(client.db());
    } finally {
      await client.close();
    }
  };
  const kept = await within(db =>
    Promise.all(REACHED.map(async name => [name, await db.collection(name).find({}, asItIs).toArray()] as const)),
  );
  return reach =>
    within(async db => {
      for (const [name, documents] of kept) {
        await db.collection(name).deleteMany({});
        if (documents.length > 0) await db.collection(name).insertMany(documents);
      }
      await reach?.(db);
    });
}

for (const store of STORES)
  describe(`verify after a hand that reached past the server (${store})`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'chartroom-tampered-'));
    const whole = join(folder, 'whole');
    let url = '';
    let putBack: Awaited<ReturnType<typeof keptContent>> | undefined;

    before(async function () {
      url = await newStore(this, store);
      mkdirSync(whole);
      const first = await startServer({ store: url, config: { data: whole, fulltext: 'on' } });
      const talk = talkTo(first.base);
      for (const family of ['First', 'Alpha'])
        await talk.update({ resourceType: 'Patient', id: 'p1', name: [{ family }], gender: 'other' });
      await talk.update({ resourceType: 'Patient', id: 'p2', name: [{ family: 'Other' }] });
      await first.engine.store.records.put({ kind: 'user', id: 'u', value: 'reader' });
      await talk.update({
        resourceType: 'Binary',
        id: 'b1',
        contentType: 'text/plain',
        data: 'aGVsbG8h'.repeat(1000),
      });
      // What is indexed later would be mended by the next process, which waits for others to know of it.
      await untilReady(talk);
      assert.deepEqual([...(await examine(first.engine, 100)).findings], []);
      await first.stop();
      if (store === 'mongo') putBack = await keptContent(url);
    });
    after(() => {
      if (url !== '') letGo(url);
      rmSync(folder, { recursive: true, force: true });
    });

    for (const [at, [what, hand, finding, name]] of sampleOf([...TAMPERED.entries()], 3, () => 'tampering').filter(
      ([turn]) => hasTurn(turn, store),
    ))
      it(`names ${what}`, async () => {
        const data = join(folder, String(at));
        mkdirSync(data);
        if (putBack) await putBack(hand.mongo);
        else {
          cpSync(whole, data, { recursive: true });
          rmSync(join(data, 'anchors'), { force: true });
          const raw = connect(join(data, 'chartroom.db'));
          raw.exec(hand.embedded);
          raw.close();
        }
        // Where what was taken away is known by an anchor it would not start.
        const second = await startServer({ store: url, config: { data, fulltext: 'on', acceptFork: 'on' } });
        const { findings } = await examine(second.engine, 100);
        const told = [...findings].filter(
          ([kind, { names }]) => finding.test(kind) && names.some(each => name.test(each)),
        );
        assert.equal(told.length > 0, true, JSON.stringify([...findings]));
        assert.equal(JSON.stringify([...findings]).includes('Patient/p2'), what === 'audit events, taken away');
        await second.stop();
      });
  });
