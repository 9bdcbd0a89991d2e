/** Rows of the store contract: messages that are acknowledged once, and messages that are late before their time. */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import type { OutboxMessage, PendingMessage, Store } from '../../src/store/store.js';
import { put } from '../support/changes.js';
import { conflict } from './resource-rows.js';
import { depthOf } from '../support/depth.js';
import type { Subject } from './store-suite.js';

const CROWD = depthOf('CROWD');

const patient = (id: string) => put({ resourceType: 'Patient', id });
const bodies = async (store: Store, topic: string, limit = 100, dueBy?: number): Promise<string[]> =>
  (await store.pendingMessages(topic, limit, dueBy)).map(({ body }) => body);
const send = (store: Store, ...messages: OutboxMessage[]): Promise<void> => store.commit({ changes: [], messages });
const sequenceOf = async (store: Store, topic: string): Promise<number> =>
  (await store.pendingMessages(topic, 1))[0]!.sequence;

const everyBody = (pending: readonly PendingMessage[]): string[] =>
  pending.flatMap(({ body, others = [] }) => [body, ...others]);

export function outboxRows(subject: Subject): void {
  it('refuses as a whole what acknowledges a message that is not pending any more', async () => {
    const { store } = subject;
    await send(store, { topic: 'once', body: 'a' }, { topic: 'once', body: 'b' });
    const [a, b] = (await store.pendingMessages('once', 10)).map(({ sequence }) => sequence);
    await store.commit({ changes: [], acknowledges: [a!, a!] });
    const again = {
      changes: [patient('again')],
      messages: [{ topic: 'once', body: 'c' }],
      acknowledges: [b!, a!],
    };
    await assert.rejects(store.commit(again), conflict);
    await assert.rejects(store.commit({ changes: [], acknowledges: [a!] }), conflict);
    assert.equal(await store.read('Patient', 'again'), undefined);
    assert.deepEqual(await bodies(store, 'once'), ['b']);
    await store.commit({ ...again, acknowledges: [b!] });
    assert.deepEqual(await bodies(store, 'once'), ['c']);
  });

  it(`lets one of ${CROWD} concurrent commits acknowledge a message, and the others of their group go on`, async () => {
    const { store } = subject;
    await send(store, { topic: 'raced', body: 'a' });
    const sequence = await sequenceOf(store, 'raced');
    const bystanders: Promise<void>[] = [];
    const attempts = Array.from({ length: CROWD }, (_, i) => {
      bystanders.push(store.commit({ changes: [patient(`bystander${i}`)] }));
      return store.commit({ changes: [patient(`raced${i}`)], acknowledges: [sequence] });
    });
    const settled = await Promise.allSettled(attempts);
    await Promise.all(bystanders);
    const won = settled.flatMap(({ status }, i) => (status === 'fulfilled' ? [i] : []));
    assert.equal(won.length, 1);
    for (const each of settled)
      if (each.status === 'rejected') assert.equal((each.reason as { kind?: string }).kind, 'conflict');
    for (let i = 0; i < CROWD; i++) {
      assert.equal((await store.read('Patient', `raced${i}`)) !== undefined, i === won[0]);
      assert.ok(await store.read('Patient', `bystander${i}`));
    }
  });

  it('lets the others of a group go on, where one acknowledges what was never there', async () => {
    const { store } = subject;
    await send(store, { topic: 'group', body: 'a' }, { topic: 'group', body: 'b' });
    const [a, b] = (await store.pendingMessages('group', 10)).map(({ sequence }) => sequence);
    await store.commit({ changes: [], acknowledges: [a!] });
    const settled = await Promise.allSettled([
      store.commit({ changes: [patient('group0')] }),
      store.commit({ changes: [patient('group1')], acknowledges: [a!] }),
      store.commit({ changes: [patient('group2')], acknowledges: [b!] }),
      store.commit({ changes: [patient('group3')], acknowledges: [4_000_000_000_000_000] }),
    ]);
    assert.deepEqual(
      settled.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'rejected'],
    );
    assert.deepEqual(await bodies(store, 'group'), []);
  });

  it('gives each of the messages that may be put together once, those of a commit in their order', async () => {
    const { store } = subject;
    const commits = Array.from({ length: CROWD }, (_, i) => {
      const messages = [1, 2].map(part => ({ topic: 'joined', body: `${i}.${part}`, together: true as const }));
      return store.commit({ changes: [patient(`joined${i}`)], messages });
    });
    await Promise.all(commits);
    const pending = await store.pendingMessages('joined', 1000);
    const given = everyBody(pending);
    const sent = Array.from({ length: CROWD }, (_, i) => [`${i}.1`, `${i}.2`]);
    assert.deepEqual(given.toSorted(), sent.flat().toSorted());
    for (const [first, second] of sent) assert.ok(given.indexOf(first!) < given.indexOf(second!), first);
    const sequences = pending.map(({ sequence }) => sequence);
    assert.deepEqual(
      sequences,
      sequences.toSorted((a, b) => a - b),
    );
    assert.equal(new Set(sequences).size, sequences.length);
    assert.deepEqual(await store.pendingMessages('joined', 1), pending.slice(0, 1));
    const again = await (await subject.reopen()).pendingMessages('joined', 1000);
    assert.deepEqual(again, pending);
  });

  it('takes what was put together off as one message, and once', async () => {
    const { store } = subject;
    const message = (body: string) => ({ topic: 'as-one', body, together: true as const });
    await Promise.all(Array.from({ length: 20 }, (_, i) => send(store, message(`${i}`))));
    const pending = await store.pendingMessages('as-one', 100);
    const [first, ...rest] = pending.map(({ sequence }) => sequence);
    const settled = await Promise.allSettled(
      [1, 2, 3, 4].map(i => store.commit({ changes: [patient(`as-one${i}`)], acknowledges: [first!] })),
    );
    assert.equal(settled.filter(({ status }) => status === 'fulfilled').length, 1);
    assert.deepEqual(await store.pendingMessages('as-one', 100), pending.slice(1));
    await assert.rejects(store.commit({ changes: [], acknowledges: [...rest, first!] }), conflict);
    assert.deepEqual(await store.pendingMessages('as-one', 100), pending.slice(1));
    await store.commit({ changes: [], acknowledges: rest });
    assert.deepEqual(await store.pendingMessages('as-one', 100), []);
  });

  it('puts nothing together that stays by itself: order, topics, times', async () => {
    const { store } = subject;
    const message = (body: string, more: Partial<OutboxMessage> = {}) => ({ topic: 'apart', body, ...more });
    const together = { together: true } as const;
    await send(
      store,
      message('a', together),
      message('b', together),
      message('c'),
      message('d', { ...together, topic: 'apart, too' }),
      message('e', together),
      message('f', { ...together, notBefore: 500 }),
      message('g', together),
    );
    const pending = await store.pendingMessages('apart', 100);
    assert.deepEqual(everyBody(pending), ['a', 'b', 'c', 'e', 'f', 'g']);
    assert.equal(pending.find(({ body }) => body === 'c')!.others, undefined);
    assert.deepEqual(everyBody(await store.pendingMessages('apart, too', 100)), ['d']);
    assert.deepEqual(everyBody(await store.pendingMessages('apart', 100, 499)), ['a', 'b', 'c', 'e', 'g']);
  });

  it('gives what may be put together in the order of the versions it tells of, however many are written at once', async () => {
    const { store } = subject;
    const write = async (id: string): Promise<void> => {
      let current = patient(id);
      for (let version = 1; version <= 12; version++) {
        const messages = [{ topic: 'versions', body: `${id} ${version}`, together: true as const }];
        await store.commit({ changes: [current], ...(version % 3 ? { messages } : {}) });
        current = put({ resourceType: 'Patient', id }, { replaces: current });
      }
    };
    const ids = Array.from({ length: 12 }, (_, i) => `version-of-${i}`);
    await Promise.all(ids.map(write));
    const given = everyBody(await store.pendingMessages('versions', 1000));
    const versions = [1, 2, 4, 5, 7, 8, 10, 11];
    for (const id of ids)
      assert.deepEqual(
        given.filter(each => each.startsWith(`${id} `)),
        versions.map(version => `${id} ${version}`),
      );
    assert.equal(given.length, ids.length * versions.length);
  });

  it('keeps a message back until its time, and gives it once that has come', async () => {
    const { store } = subject;
    const timed = (body: string, notBefore: number) => ({ topic: 'timed', body, notBefore });
    await send(store, timed('at 500', 500), { topic: 'timed', body: 'at once' }, timed('at 200', 200));
    await send(store, { topic: 'timed', body: 'at once, too' }, timed('at -1', -1), { topic: 'other', body: 'other' });
    const all = ['at 500', 'at once', 'at 200', 'at once, too', 'at -1'];
    assert.deepEqual(await bodies(store, 'timed'), all);
    assert.deepEqual(await bodies(store, 'timed', 100, 500), all);
    assert.deepEqual(await bodies(store, 'timed', 100, 499), all.slice(1));
    assert.deepEqual(await bodies(store, 'timed', 100, 0), ['at once', 'at once, too', 'at -1']);
    assert.deepEqual(await bodies(store, 'timed', 2), all.slice(0, 2));
    assert.deepEqual(await bodies(store, 'timed', 2, 200), ['at once', 'at 200']);
    const again = await subject.reopen();
    const [late, ...rest] = await again.pendingMessages('timed', 100);
    assert.deepEqual([late!.topic, late!.body, late!.notBefore], ['timed', 'at 500', 500]);
    assert.equal(rest[0]!.notBefore, undefined);
    assert.deepEqual(await bodies(again, 'other', 100, 0), ['other']);
    await again.commit({ changes: [], acknowledges: [late!.sequence] });
    assert.deepEqual(await bodies(again, 'timed', 100, 1e15), all.slice(1));
  });

  it('gives messages of the versions of a resource in the order of the versions, and in that of their commit', async () => {
    const { store } = subject;
    let current = put({ resourceType: 'Patient', id: 'ordered' });
    for (let version = 1; version <= 20; version++) {
      const messages = [
        { topic: 'ordered', body: `${version}a` },
        { topic: 'ordered', body: `${version}b` },
      ];
      await store.commit({ changes: [current], ...(version % 3 ? { messages } : {}) });
      current = put({ resourceType: 'Patient', id: 'ordered' }, { replaces: current });
    }
    const versions = Array.from({ length: 20 }, (_, i) => i + 1).filter(version => version % 3);
    assert.deepEqual(
      await bodies(store, 'ordered'),
      versions.flatMap(version => [`${version}a`, `${version}b`]),
    );
  });

  it('gives of many whose time has come those that wait for longest', async () => {
    const { store } = subject;
    const messages = Array.from({ length: 50 }, (_, i) => ({ topic: 'many', body: `${50 - i}`, notBefore: 50 - i }));
    await send(store, ...messages);
    assert.deepEqual(await bodies(store, 'many', 3, 40), ['3', '2', '1']);
  });
}
