/** Several server processes on one MongoDB database: what one has written, all see, and none disturbs another. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { after, before, describe, it } from 'mocha';
import { MongoClient } from 'mongodb';
import { askForIds } from '../../src/platform/ids.js';
import { deedOfEntry } from '../../src/store/ledger-entry.js';
import { openMongo } from '../../src/store/mongo/index.js';
import type { Store } from '../../src/store/store.js';
import type { Version } from '../../src/store/store.js';
import { layout, put } from '../support/changes.js';
import { FULL } from '../support/depth.js';
import { countStreams, entryIn } from '../support/ledger.js';
import { sharedMongo } from '../support/mongo.js';
import { queryOf } from '../support/queries.js';

const TAKER = fileURLToPath(new URL('../../programs/taking-program.js', import.meta.url));
const PROCESSES = 3;
const patient = (id: string, system = 'urn:test', value = id) =>
  put({ resourceType: 'Patient', id, identifier: [{ system, value }] });
const isConflict = (error: unknown): boolean => (error as { kind?: string }).kind === 'conflict';

describe('several processes on one MongoDB database', () => {
  let stores: Store[] = [];
  let url = '';

  before(async function () {
    const mongo = await sharedMongo();
    if ('skipped' in mongo) return this.skip();
    url = mongo.database('processes');
    stores = await Promise.all(Array.from({ length: PROCESSES }, () => openMongo({ url, layout })));
    await Promise.all(stores.map(store => store.migrate()));
  });
  after(async () => {
    await Promise.all(stores.map(store => store.close()));
  });

  it('give every version of one resource to exactly one writer, without gaps', async () => {
    const first = patient('hot');
    await stores[0]!.commit({ changes: [first] });
    const versions: number[] = [];
    const write = async (store: Store): Promise<void> => {
      for (;;) {
        const current: Version = (await store.read('Patient', 'hot'))!;
        const next = put({ resourceType: 'Patient', id: 'hot' }, { replaces: current });
        try {
          await store.commit({ changes: [next] });
          versions.push(next.version);
          return;
        } catch (error) {
          assert.ok(isConflict(error), String(error));
        }
      }
    };
    await Promise.all(Array.from({ length: 30 }, (_, i) => write(stores[i % PROCESSES]!)));
    assert.deepEqual(
      versions.toSorted((a, b) => a - b),
      Array.from({ length: 30 }, (_, i) => i + 2),
    );
    const { rows } = await stores[1]!.history({ type: 'Patient', id: 'hot', limit: 100 });
    assert.deepEqual(
      rows.map(({ version }) => version),
      Array.from({ length: 31 }, (_, i) => 31 - i),
    );
  });

  it('let exactly one of the commits with equal claims win', async () => {
    for (let round = 0; round < 5; round++) {
      const value = `claimed-${round}`;
      const { where } = queryOf(`Patient?identifier=${value}`);
      const attempts = Array.from({ length: 12 }, (_, i) =>
        stores[i % PROCESSES]!.commit({
          changes: [patient(`claim-${round}-${i}`, 'urn:test', value)],
          mustNotMatch: [{ uniquenessKey: value, types: ['Patient'], where }],
        }),
      );
      const outcomes = await Promise.allSettled(attempts);
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') assert.ok(isConflict(outcome.reason), String(outcome.reason));
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    }
  });

  it('let exactly one of those that acknowledge a message at once win', async () => {
    for (let round = 0; round < 20; round++) {
      await stores[0]!.commit({ changes: [], messages: [{ topic: 'raced', body: `${round}` }] });
      const [message] = await stores[1]!.pendingMessages('raced', 10);
      assert.equal(message!.body, `${round}`);
      const outcomes = await Promise.allSettled(
        Array.from({ length: 6 }, (_, i) =>
          stores[i % PROCESSES]!.commit({
            changes: [patient(`acknowledged-${round}-${i}`)],
            acknowledges: [message!.sequence],
          }),
        ),
      );
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') assert.ok(isConflict(outcome.reason), String(outcome.reason));
      const won = outcomes.flatMap(({ status }, i) => (status === 'fulfilled' ? [i] : []));
      assert.equal(won.length, 1);
      for (let i = 0; i < 6; i++)
        assert.equal(
          (await stores[2]!.read('Patient', `acknowledged-${round}-${i}`)) !== undefined,
          i === won[0],
          'all of it, or nothing',
        );
    }
  });

  it('find by any system what another has just written under a system that none had met', async () => {
    for (let i = 0; i < 12; i++) {
      const writer = stores[i % PROCESSES]!;
      const reader = stores[(i + 1) % PROCESSES]!;
      assert.equal((await reader.count(queryOf('Patient?identifier=shared-value'))).count, i);
      await writer.commit({ changes: [patient(`system-${i}`, `urn:system:${i}`, 'shared-value')] });
      assert.equal((await reader.count(queryOf('Patient?identifier=shared-value'))).count, i + 1);
    }
  });

  it('number new systems alike when several meet them at once', async () => {
    const attempts = Array.from({ length: 24 }, (_, i) =>
      stores[i % PROCESSES]!.commit({ changes: [patient(`at-once-${i}`, `urn:at-once:${i % 8}`, 'at-once')] }),
    );
    await Promise.all(attempts);
    for (const store of stores) {
      assert.equal((await store.count(queryOf('Patient?identifier=at-once'))).count, 24);
      for (let i = 0; i < 8; i++)
        assert.equal((await store.count(queryOf(`Patient?identifier=urn:at-once:${i}|at-once`))).count, 3);
    }
  });

  it('number codes of custom parameters alike when several meet them at once', async () => {
    const asked = await Promise.all(
      Array.from({ length: 24 }, (_, i) =>
        stores[i % PROCESSES]!.assignParameterCodes([`code-${i % 8}`, `code-${(i + 3) % 8}`]),
      ),
    );
    const all = new Map(asked.flatMap(numbers => [...numbers]));
    assert.equal(new Set(all.values()).size, 8);
    for (const numbers of asked) for (const [code, number] of numbers) assert.equal(number, all.get(code));
  });

  it('never share a stream, even where they give it one id', async () => {
    const [one, two] = stores as [Store, Store, Store];
    let same = 2;
    askForIds({
      id: () => undefined,
      uuid: () => undefined,
      unasked: () => (same-- > 0 ? 'k0000000000000' : undefined),
    });
    for (const store of [one, two]) await store.deeds.openLedger({ key: 'key', process: 'program', heads: [] });
    const deed = (id: string) => deedOfEntry(JSON.stringify({ id }), 1000);
    const deeds = ['a', 'b', 'c', 'd', 'e', 'f'].map(deed);
    same = 2;
    await one.commit({ changes: [], deeds: [deeds[0]!] });
    for (const [i, each] of deeds.slice(1).entries()) await stores[i % 2]!.commit({ changes: [], deeds: [each] });
    same = 2;
    await one.commit({ changes: [patient('stream-1')], deeds: [deed('g')] });
    await two.commit({ changes: [patient('stream-2')], deeds: [deed('h')] });
    const streams = await countStreams(one);
    assert.ok(streams.some(({ stream }) => stream === 'k0000000000000'));
    const told = streams.flatMap(({ deeds: kept }) => kept.flatMap(each => entryIn(each)['id'] ?? []));
    assert.deepEqual(new Set(told), new Set(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']));
    assert.equal(told.length, 8);
  });

  it('let one of them have a task, until it gives it back or its time is over', async () => {
    const [first, second] = stores as [Store, Store];
    const all = await Promise.all(stores.map(store => store.acquireLease('task', 60_000)));
    assert.equal(all.filter(held => held).length, 1);
    await Promise.all(stores.map(store => store.acquireLease('task', 0)));
    assert.equal(await first.acquireLease('task', 60_000), true);
    assert.equal(await second.acquireLease('task', 60_000), false);
    // Who does not have it cannot give it away.
    assert.equal(await second.acquireLease('task', 0), false);
    assert.equal(await second.acquireLease('task', 60_000), false);
    const client = new MongoClient(url);
    try {
      const tasks = client.db().collection<{ _id: string; ends: Date }>('fact');
      const { modifiedCount } = await tasks.updateOne({ _id: 'task/task' }, { $set: { ends: new Date(0) } });
      assert.equal(modifiedCount, 1);
    } finally {
      await client.close();
    }
    assert.equal(await second.acquireLease('task', 60_000), true);
    assert.equal(await first.acquireLease('task', 60_000), false);
    await second.acquireLease('task', 0);
  });

  it('give a record to one of them, and let one of them put over it', async () => {
    const [{ records }] = stores as [Store];
    await records.put({ kind: 'code', id: 'one', value: 'v' });
    const taken = await Promise.all(
      Array.from({ length: 300 }, (_, i) => stores[i % PROCESSES]!.records.take('code', 'one')),
    );
    assert.equal(taken.filter(each => each).length, 1);
    const revision = await records.put({ kind: 'count', id: 'one', value: '' });
    const kept = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        stores[i % PROCESSES]!.records.put({ kind: 'count', id: 'one', value: String(i) }, revision),
      ),
    );
    assert.equal(kept.filter(each => each).length, 1);
  });

  it('give a code to one of two programs that take it 1,000 times', async function () {
    if (!FULL) return this.skip();
    const [{ records }] = stores as [Store];
    const takers = [0, 1].map(() => spawn(process.execPath, [TAKER, url], { stdio: ['pipe', 'pipe', 'inherit'] }));
    const lines = takers.map(({ stdout }) => createInterface({ input: stdout })[Symbol.asyncIterator]());
    try {
      for (const line of lines) assert.equal((await line.next()).value, 'open');
      for (let round = 0; round < 20; round++) {
        await records.put({ kind: 'code', id: `two-${round}`, value: 'v' });
        for (const { stdin } of takers) stdin.write(`two-${round}\n`);
        const won = await Promise.all(lines.map(async line => Number((await line.next()).value)));
        assert.equal(
          won.reduce((sum, each) => sum + each),
          1,
          `round ${round}: ${won.join(', ')}`,
        );
      }
    } finally {
      for (const taker of takers) taker.kill('SIGKILL');
    }
  });

  it('never give one creation number twice, and keep those of one process in order', async () => {
    const counts = 200;
    await Promise.all(
      stores.map(async (store, i) => {
        for (let j = 0; j < counts; j += 20)
          await store.commit({
            changes: Array.from({ length: 20 }, (_, k) => patient(`n-${i}-${String(j + k).padStart(4, '0')}`)),
          });
      }),
    );
    const client = new MongoClient(url);
    try {
      const rows = await client
        .db()
        .collection<{ _id: string; n: number }>('resource')
        .find({}, { projection: { n: 1 }, sort: { n: 1 } })
        .toArray();
      assert.equal(new Set(rows.map(({ n }) => n)).size, rows.length);
      assert.ok(rows.every(({ n }) => Number.isSafeInteger(n)));
      for (const i of stores.keys()) {
        const own = rows.map(({ _id }) => _id).filter(_id => _id.startsWith(`Pa.n-${i}-`));
        assert.equal(own.length, counts);
        assert.deepEqual(own, own.toSorted());
      }
    } finally {
      await client.close();
    }
  });

  it('go on under another process number when the lease was lost', async () => {
    const client = new MongoClient(url);
    try {
      const fact = client.db().collection<{ _id: string; owner: string; until: number }>('fact');
      const store = await openMongo({ url, layout });
      await store.commit({ changes: [patient('leased')] });
      const taken = { owner: 'somebody else', until: Date.now() + 600_000 };
      // Its lease ends and another process takes the number, for all processes there are.
      const { modifiedCount } = await fact.updateMany({ _id: /^process\// }, { $set: taken });
      assert.ok(modifiedCount > 0);
      const realNow = Date.now;
      Date.now = () => realNow() + 120_000;
      try {
        await store.commit({ changes: [patient('leased-again')] });
      } finally {
        Date.now = realNow;
      }
      const rows = await client
        .db()
        .collection<{ _id: string; n: number }>('resource')
        .find({ _id: { $in: ['Pa.leased', 'Pa.leased-again'] } }, { sort: { n: 1 } })
        .toArray();
      assert.deepEqual(
        rows.map(({ _id }) => _id),
        ['Pa.leased', 'Pa.leased-again'],
      );
      const processOf = (n: number) => Math.floor(n / 32) % 128;
      assert.notEqual(processOf(rows[0]!.n), processOf(rows[1]!.n));
      await store.close();
    } finally {
      await client.close();
    }
  });
});

it('several processes on one MongoDB database give messages in the order of what they tell of, whatever their clocks', async function () {
  const mongo = await sharedMongo();
  if ('skipped' in mongo) return this.skip();
  const url = mongo.database('clocks');
  const client = new MongoClient(url);
  // The process that takes this number goes by the time of an hour from now.
  await client
    .db()
    .collection<{ _id: string }>('fact')
    .insertOne({ _id: 'process/000', until: Date.now() + 3_600_000, free: true, owner: 'gone' } as { _id: string });
  const open: Store[] = [];
  const start = async () => {
    const store = await openMongo({ url, layout });
    open.push(store);
    await store.migrate();
    return store;
  };
  try {
    const fast = await start();
    const told = (body: string) => ({ messages: [{ topic: 'told', body }] });
    const first = patient('told');
    await fast.commit({ changes: [first], ...told('1') });
    const [slow, other] = [await start(), await start()];
    const bodies = async (topic: string) => (await slow.pendingMessages(topic, 100)).map(({ body }) => body);
    const [seen] = await slow.pendingMessages('told', 10);
    await slow.commit({ changes: [patient('beside')], ...told('beside') });
    const [later] = await slow.pendingMessages('told', 10);
    assert.ok(
      later!.sequence < seen!.sequence,
      'whoever went on behind the number that he saw last would miss this one',
    );
    assert.deepEqual(await bodies('told'), ['beside', '1'], 'their clocks differ');
    // As it was read, and as it was written: the store knows the first, and has to look for the other.
    const second = put({ resourceType: 'Patient', id: 'told' }, { replaces: (await slow.read('Patient', 'told'))! });
    await slow.commit({ changes: [second], ...told('2') });
    const third = put({ resourceType: 'Patient', id: 'told' }, { replaces: second });
    await slow.commit({ changes: [third] });
    const fourth = put({ resourceType: 'Patient', id: 'told' }, { replaces: third });
    await other.commit({ changes: [fourth], ...told('4') });
    assert.deepEqual(await bodies('told'), ['beside', '1', '2', '4']);

    // Messages of several commits in one document: whatever one of them tells of goes on behind it.
    const joined = (body: string) => ({ messages: [{ topic: 'joined', body, together: true as const }] });
    const each = Array.from({ length: 16 }, (_, i) => patient(`joined-${i}`));
    await Promise.all(each.map(change => fast.commit({ changes: [change], ...joined(`${change.id} 1`) })));
    assert.ok((await slow.pendingMessages('joined', 100)).length < each.length);
    for (const { id } of each) {
      const replaces = (await slow.read('Patient', id))!;
      await slow.commit({ changes: [put({ resourceType: 'Patient', id }, { replaces })], ...joined(`${id} 2`) });
    }
    const given = (await slow.pendingMessages('joined', 100)).flatMap(({ body, others = [] }) => [body, ...others]);
    assert.deepEqual(
      given.slice(each.length),
      each.map(({ id }) => `${id} 2`),
    );

    await fast.commit({ changes: [], messages: [{ topic: 'turn', body: 'a' }] });
    for (const [store, body] of [
      [await start(), 'b'],
      [await start(), 'c'],
    ] as const) {
      const [turn] = await store.pendingMessages('turn', 10);
      const messages = [
        { topic: 'turns', body: turn!.body },
        { topic: 'turn', body },
      ];
      await store.commit({ changes: [], acknowledges: [turn!.sequence], messages });
    }
    assert.deepEqual([await bodies('turns'), await bodies('turn')], [['a', 'b'], ['c']]);
  } finally {
    await Promise.all(open.map(store => store.close()));
    await client.close();
  }
});
