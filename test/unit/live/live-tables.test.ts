/** What every process knows: how it learns of changes, what that costs, and what it does when it could not. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { FhirError } from '../../../src/fhir/error.js';
import type { TopicTable, TypeTable } from '../../../src/live/live-table.js';
import { FORGOTTEN_MS, FRESH_MS, LIVE_TOPIC, MAX_NEWS, POLL_MS } from '../../../src/live/live-tables.js';
import { acknowledgedMeanwhile } from '../../../src/store/outbox.js';
import type { Commit, PendingMessage, Version } from '../../../src/store/store.js';
import { liveProcess, type LiveProcess, type LiveStore, settled } from '../../support/live.js';

/** A store in memory that processes share. */
function memory(shared = true) {
  const patients = new Map<string, string>();
  let outbox: PendingMessage[] = [];
  let sequence = 0;
  let lease = true;
  const row = (id: string): Version | undefined => {
    const family = patients.get(id);
    return family === undefined
      ? undefined
      : ({
          type: 'Patient',
          id,
          text: Buffer.from(`{"resourceType":"Patient","id":"${id}","name":[{"family":"${family}"}]}`),
        } as unknown as Version);
  };
  const store: LiveStore = {
    shared,
    read: async (_type, id) => row(id),
    async *scan() {
      for (const id of patients.keys()) yield { row: row(id)!, cursor: [] };
    },
    pendingMessages: async (topic, limit) => outbox.filter(message => message.topic === topic).slice(0, limit),
    commit: async ({ messages = [], acknowledges = [] }: Commit) => {
      const left = outbox.filter(each => !acknowledges.includes(each.sequence));
      if (left.length !== outbox.length - acknowledges.length) throw acknowledgedMeanwhile();
      outbox = [...left, ...messages.map(message => ({ ...message, sequence: ++sequence }))];
    },
    acquireLease: async (_task, ms) => ms > 0 && lease,
  };
  return {
    store,
    outbox: () => outbox,
    lend: (to: boolean) => void (lease = to),
    /** A change, as a write of the process makes it, but for telling it. */
    async write({ tables }: LiveProcess, id: string, family: string | undefined): Promise<void> {
      if (family === undefined) patients.delete(id);
      else patients.set(id, family);
      await store.commit({ changes: [], messages: tables.messages('family', [id]) });
    },
    /** Something that is not a message of a change. */
    put: (topic: string, body: string) => store.commit({ changes: [], messages: [{ topic, body }] }),
  };
}

const families = ({ inForce }: LiveProcess) => inForce.get('family');
const count = ({ asked }: LiveProcess, what: string) => asked.get(what) ?? 0;

describe('live tables', () => {
  let data: ReturnType<typeof memory>;
  let one: LiveProcess;
  let other: LiveProcess;

  beforeEach(async () => {
    data = memory();
    [one, other] = [liveProcess(data.store), liveProcess(data.store)];
    await data.write(one, 'a', 'Alpha');
    await Promise.all([one.tables.load(), other.tables.load()]);
  });

  it('know everything that is there, and what the process itself has written at once', async () => {
    assert.deepEqual(families(other), ['Alpha']);
    await data.write(one, 'b', 'Beta');
    await one.tables.committed('family', ['b']);
    assert.deepEqual(families(one), ['Alpha', 'Beta']);
    assert.deepEqual(families(other), ['Alpha']);
  });

  it('learn what another process has written at the next look, once', async () => {
    await data.write(one, 'b', 'Beta');
    await data.write(one, 'a', undefined);
    other.tables.start();
    await other.step(POLL_MS);
    assert.deepEqual(families(other), ['Beta']);
    const exchanges = other.twice.length;
    for (let i = 0; i < 5; i++) await other.step(POLL_MS);
    assert.equal(other.twice.length, exchanges);
    await other.tables.stop();
    await data.write(one, 'c', 'Gamma');
    await other.step(POLL_MS);
    assert.deepEqual(families(other), ['Beta']);
  });

  it('are current before a write without a query while the last look is young, and with one for all who wait', async () => {
    const before = count(other, 'pendingMessages');
    other.pass(2 * POLL_MS);
    for (let i = 0; i < 1000; i++) await other.tables.current();
    assert.equal(count(other, 'pendingMessages'), before);
    await data.write(one, 'b', 'Beta');
    other.pass(1);
    await Promise.all(Array.from({ length: 100 }, () => other.tables.current()));
    assert.equal(count(other, 'pendingMessages'), before + 1);
    assert.deepEqual(families(other), ['Alpha', 'Beta']);
  });

  it('are as fresh as is asked where something may have been taken back', async () => {
    await data.write(one, 'a', undefined);
    other.pass(FRESH_MS);
    await other.tables.current(FRESH_MS);
    assert.deepEqual(families(other), ['Alpha']);
    other.pass(1);
    await other.tables.current(FRESH_MS);
    assert.deepEqual(families(other), []);
  });

  it('ask once for all tables at each look', async () => {
    const many = liveProcess(data.store, tables => {
      for (let i = 0; i < 20; i++) tables.add({ name: `t${i}`, type: 'Patient', entry: () => 1, exchange: () => {} });
    });
    await many.tables.load();
    const before = count(many, 'pendingMessages');
    many.tables.start();
    for (let i = 0; i < 10; i++) await many.step(POLL_MS);
    assert.equal(count(many, 'pendingMessages'), before + 10);
    assert.equal(count(many, 'read'), 0);
    await many.tables.stop();
  });

  it('say which entries have changed more than once since', async () => {
    await data.write(one, 'a', undefined);
    await data.write(one, 'a', 'Alpha');
    await data.write(one, 'b', 'Beta');
    await other.tables.look();
    assert.equal(other.twice.at(-1), 1);
    await data.write(one, 'a', 'Omega');
    await other.tables.look();
    assert.equal(other.twice.at(-1), 0);
    assert.deepEqual(families(other), ['Beta', 'Omega']);
  });

  it('read everything in a process that was paused until the messages are gone', async () => {
    await data.write(one, 'b', 'Beta');
    await data.write(one, 'a', undefined);
    one.tables.start();
    for (let ms = 0; ms <= 2 * FORGOTTEN_MS + 2 * POLL_MS; ms += POLL_MS) await one.step(POLL_MS);
    assert.deepEqual(data.outbox(), []);
    // Only its time has gone on.
    other.pass(2 * FORGOTTEN_MS + 2 * POLL_MS);
    await other.tables.current();
    assert.deepEqual(families(other), ['Beta']);
    await one.tables.stop();
  });

  it('leave messages where they are until every process must have seen them, and to the one that may delete them', async () => {
    await data.write(one, 'b', 'Beta');
    await Promise.all([one.tables.look(), other.tables.look()]);
    const there = data.outbox().length;
    one.pass(2 * FORGOTTEN_MS);
    await one.tables.tidy();
    assert.equal(data.outbox().length, there);
    data.lend(false);
    one.pass(1);
    await one.tables.tidy();
    assert.equal(data.outbox().length, there);
    data.lend(true);
    other.pass(2 * FORGOTTEN_MS + 1);
    // Both believe that they may.
    await Promise.all([one.tables.tidy(), other.tables.tidy()]);
    assert.deepEqual(data.outbox(), []);
  });

  it('take up a thousand changes at once, and more than that', async () => {
    for (const many of [1000, MAX_NEWS + 500]) {
      for (let i = 0; i < many; i++) await data.write(one, `p${i}`, `Of ${many}`);
      await other.tables.look();
      assert.equal(families(other)?.filter(family => family === `Of ${many}`).length, many);
      // All of them were noted: what comes after is found by one query, and read alone.
      const [scans, reads] = [count(other, 'scan'), count(other, 'read')];
      await data.write(one, 'last', `After ${many}`);
      await other.tables.look();
      assert.ok(families(other)?.includes(`After ${many}`));
      assert.deepEqual([count(other, 'scan'), count(other, 'read')], [scans, reads + 1]);
    }
  });

  it('take up at the next look what one could not read', async () => {
    await data.write(one, 'b', 'Beta');
    other.fail(true);
    await assert.rejects(other.tables.look(), { kind: 'unavailable' });
    other.pass(2 * POLL_MS + 1);
    await assert.rejects(other.tables.current(), { kind: 'unavailable' });
    other.tables.start();
    await other.step(POLL_MS);
    assert.deepEqual(families(other), ['Alpha']);
    other.fail(false);
    await other.step(POLL_MS);
    assert.deepEqual(families(other), ['Alpha', 'Beta']);
    await other.tables.stop();
  });

  it('put a change of their own into force with the next write where the store was away after the commit', async () => {
    for (const shared of [true, false]) {
      data = memory(shared);
      one = liveProcess(data.store);
      await one.tables.load();
      await data.write(one, 'b', 'Beta');
      one.fail(true);
      await one.tables.committed('family', ['b']);
      one.fail(false);
      assert.deepEqual(families(one), []);
      await one.tables.current();
      assert.deepEqual(families(one), ['Beta'], String(shared));
    }
  });

  it('ask nothing of a store that nobody shares, and leave no message in it', async () => {
    data = memory(false);
    one = liveProcess(data.store);
    await one.tables.load();
    const before = [...one.asked];
    one.tables.start();
    for (let i = 0; i < 50; i++) await one.step(POLL_MS);
    for (let i = 0; i < 50; i++) await one.tables.current(FRESH_MS);
    assert.deepEqual([...one.asked], before);
    await data.write(one, 'b', 'Beta');
    assert.deepEqual(data.outbox(), []);
    await one.tables.committed('family', ['b']);
    assert.deepEqual(families(one), ['Beta']);
    await one.tables.stop();
  });

  it('go on where one of them fails: its own fault leaves it as it was, the fault of the store is tried again', async () => {
    let trouble: Error | undefined;
    let given = 0;
    const failing: TypeTable<number> = {
      name: 'failing',
      type: 'Patient',
      entry: () => 1,
      exchange: entries => {
        if (trouble) throw trouble;
        given = entries.size;
      },
    };
    other = liveProcess(data.store, tables => tables.add(failing));
    await other.tables.load();
    const change = async (id: string) => {
      await data.write(one, id, id);
      await data.store.commit({ changes: [], messages: other.tables.messages('failing', [id]) });
    };
    trouble = new TypeError('a mistake');
    await change('b');
    await other.tables.look();
    assert.equal(given, 1);
    trouble = new FhirError('unavailable', 'The store is away.');
    await change('c');
    await assert.rejects(other.tables.look(), { kind: 'unavailable' });
    assert.deepEqual(families(other), ['Alpha', 'b', 'c']);
    await assert.rejects(other.tables.current(), { kind: 'unavailable' });
    trouble = undefined;
    await other.tables.current();
    assert.equal(given, 3);
  });

  it('leave out an entry that cannot be understood, and messages of tables that they do not have', async () => {
    const picky: TypeTable<string> = {
      name: 'picky',
      type: 'Patient',
      entry: ({ id }) => {
        if (id === 'b') throw new TypeError('no b');
        return 'known';
      },
      exchange: entries => void seen.push([...entries.keys()]),
    };
    const seen: string[][] = [];
    other = liveProcess(data.store, tables => tables.add(picky));
    await data.write(one, 'b', 'Beta');
    await other.tables.load();
    await data.put(LIVE_TOPIC, 'of-another-version x');
    await data.put(LIVE_TOPIC, 'nonsense');
    await other.tables.look();
    assert.deepEqual(seen, [['a']]);
    assert.throws(() => other.tables.add(picky), /already/);
  });

  it('may be made of messages instead of resources', async () => {
    const listeners: TopicTable<string> = {
      name: 'listener',
      topic: 'listen',
      entry: body => body,
      exchange: entries => void (known = [...entries.values()]),
    };
    let known: string[] = [];
    const [writer, reader] = [
      liveProcess(data.store, tables => tables.add(listeners)),
      liveProcess(data.store, tables => tables.add(listeners)),
    ];
    await Promise.all([writer.tables.load(), reader.tables.load()]);
    const tell = writer.tables.messages('listener', ['new']);
    await data.store.commit({ changes: [], messages: [{ topic: 'listen', body: 'Patient' }, ...tell] });
    known = [];
    await reader.tables.look();
    assert.deepEqual(known, ['Patient']);
    const message = data.outbox().find(({ topic }) => topic === 'listen');
    await data.store.commit({ changes: [], acknowledges: [message!.sequence], messages: tell });
    await reader.tables.look();
    assert.deepEqual(known, []);
    await settled();
  });
});
