/** The dispatcher of the change feed over an outbox in memory: numbers without gaps, each change once, bounded moves. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { changeMessages, changesIn, firstOf, topicOf } from '../../../src/feed/change.js';
import { Dispatcher, distribute } from '../../../src/feed/dispatcher.js';
import { type FeedState, readState, stateMessage } from '../../../src/feed/state.js';
import { createClock } from '../../../src/platform/clock.js';
import { createLog } from '../../../src/platform/log.js';
import type { Change, PendingMessage } from '../../../src/store/store.js';
import { type MemoryOutbox, memoryOutbox } from '../../support/memory-outbox.js';

const changed = (type: string, id: string, version = 1, patients: readonly string[] = []): Change => ({
  ...{ type, id, version, updated: 0, method: version === 1 ? 'POST' : 'PUT' },
  ...{ patients, entries: [] },
});
const listener = (types: readonly string[] | null, last = 0) => ({
  key: `k${types?.join('') ?? ''}`,
  types,
  last,
  since: 0,
});
const STATE: FeedState = {
  listeners: { all: listener(null), patients: listener(['Patient'], 7), nobody: listener([]) },
  dropped: [],
};
const log = createLog('silent');

function dispatcherOver(store: MemoryOutbox, dropped: readonly string[] = []) {
  const told: string[] = [];
  const dispatcher = new Dispatcher({
    store: { ...store, acquireLease: async () => true },
    clock: createClock(log),
    log,
    known: () => ({ ...STATE, dropped }),
    told: keys => told.push(...keys),
  });
  return { dispatcher, told };
}

const send = (store: MemoryOutbox, ...messages: Parameters<MemoryOutbox['commit']>[0]['messages'] & object[]) =>
  store.commit({ changes: [], messages });
const toldTo = (store: MemoryOutbox, key: string) =>
  store.pending.filter(({ topic }) => topic === topicOf(key)).flatMap(({ body }) => changesIn(body));

/** Both processes look before one of them moves anything. */
function together(store: MemoryOutbox): MemoryOutbox {
  let looking = 0;
  let go!: () => void;
  const both = new Promise<void>(resolve => (go = resolve));
  return {
    ...store,
    get pending() {
      return store.pending;
    },
    async commit(commit) {
      looking += 1;
      if (looking === 2) go();
      await both;
      return store.commit(commit);
    },
  };
}

describe('the dispatcher of the feed', () => {
  it('tells each listener the changes of its types, in order, under numbers that go on', async () => {
    const store = memoryOutbox();
    const { dispatcher, told } = dispatcherOver(store);
    await send(store, stateMessage(STATE), ...changeMessages([changed('Patient', 'a'), changed('Group', 'b')]));
    await send(store, ...changeMessages([changed('Patient', 'a', 2, ['a'])]));
    assert.equal(await dispatcher.move(), false);
    assert.equal(await dispatcher.move(), false);
    assert.deepEqual(
      toldTo(store, 'k').map(({ number, type, version }) => [number, type, version]),
      [
        [1, 'Patient', 1],
        [2, 'Group', 1],
        [3, 'Patient', 2],
      ],
    );
    assert.deepEqual(toldTo(store, 'kPatient'), [
      { number: 8, type: 'Patient', id: 'a', version: 1, method: 'POST', patients: [] },
      { number: 9, type: 'Patient', id: 'a', version: 2, method: 'PUT', patients: ['a'] },
    ]);
    assert.deepEqual(told, ['k', 'kPatient']);
    const { state } = await readState(store);
    assert.deepEqual(
      Object.values(state.listeners).map(({ last }) => last),
      [3, 9, 0],
    );
    assert.equal(store.pending.filter(({ topic }) => topic === 'change').length, 0);
  });

  it('takes changes away that nobody wants, and forgets what is left of a listener that was dropped', async () => {
    const store = memoryOutbox();
    const { dispatcher } = dispatcherOver(store, ['old']);
    await send(store, ...changeMessages(Array.from({ length: 10_000 }, () => changed('Patient', 'a'))));
    while (await dispatcher.move());
    assert.deepEqual(store.pending, []);
    await send(
      store,
      stateMessage({ listeners: {}, dropped: ['old', 'older'] }),
      ...Array.from({ length: 2500 }, () => ({ topic: topicOf('old'), body: '' })),
      { topic: topicOf('older'), body: '' },
    );
    while (await dispatcher.move());
    assert.deepEqual(
      store.pending.map(({ topic, body }) => [topic, body]),
      [['feed', JSON.stringify({ listeners: {}, dropped: [] })]],
    );
  });

  for (const strict of [true, false])
    it(`tells a change ${strict ? 'once' : 'twice where acknowledgements are not strict'}, if two processes both dispatch`, async () => {
      const store = memoryOutbox({ strict });
      const at = together(store);
      await send(store, stateMessage(STATE), ...changeMessages([changed('Patient', 'a'), changed('Patient', 'b')]));
      await Promise.all([dispatcherOver(at).dispatcher.move(), dispatcherOver(at).dispatcher.move()]);
      const numbers = toldTo(store, 'k').map(({ number }) => number);
      assert.deepEqual(numbers, strict ? [1, 2] : [1, 2, 1, 2]);
    });

  it('puts the states of two processes together that have begun at once', async () => {
    const store = memoryOutbox();
    const one: FeedState = { listeners: { a: { ...listener(null), key: 'one', last: 3 } }, dropped: ['x'] };
    const other: FeedState = {
      listeners: { a: { ...listener(null), key: 'other' }, b: listener(['Group']) },
      dropped: ['y'],
    };
    for (const states of [
      [one, other],
      [other, one],
    ]) {
      await store.commit({ changes: [], acknowledges: store.pending.map(({ sequence }) => sequence) });
      await send(store, ...states.map(stateMessage));
      const { state, sequences } = await readState(store);
      assert.equal(sequences.length, 2);
      assert.deepEqual([state.listeners['a']!.key, state.listeners['a']!.last], ['one', 3]);
      assert.deepEqual(state.dropped.toSorted(), ['other', 'x', 'y']);
      assert.ok(state.listeners['b']);
    }
  });

  it('tells what several commits left in one message, in its order, and acknowledges it once', () => {
    const [first, ...others] = ['a', 'b', 'c'].map(id => changeMessages([changed('Patient', id)])[0]!.body);
    const [alone] = changeMessages([changed('Group', 'd')]);
    const pending: PendingMessage[] = [
      { topic: 'change', sequence: 3, body: first!, others },
      { topic: 'change', sequence: 9, body: alone!.body },
    ];
    const { acknowledges, messages, state } = distribute(STATE, pending);
    assert.deepEqual(acknowledges, [3, 9]);
    const ids = (key: string) =>
      messages.filter(({ topic }) => topic === topicOf(key)).flatMap(({ body }) => changesIn(body).map(({ id }) => id));
    assert.deepEqual(
      [ids('k'), ids('kPatient')],
      [
        ['a', 'b', 'c', 'd'],
        ['a', 'b', 'c'],
      ],
    );
    assert.deepEqual([state.listeners['all']!.last, state.listeners['patients']!.last], [4, 10]);
  });

  it('bounds what it moves at once, and each message, however much waits', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => changed('Patient', `p${i}`));
    const bodies = changeMessages(many);
    assert.equal(bodies.length, Math.ceil(10_000 / 64));
    const long = changeMessages(
      Array.from({ length: 10 }, (_, i) => changed('Group', `${i}`, 1, ['x'.repeat(40_000)])),
    );
    assert.equal(long.length, 5);
    const pending = bodies.map((message, i): PendingMessage => ({ ...message, sequence: i }));
    const listeners = Object.fromEntries(
      Array.from({ length: 8 }, (_, i) => [`l${i}`, { ...listener(null), key: `k${i}` }]),
    );
    const moved = distribute({ listeners, dropped: [] }, pending);
    assert.equal(moved.acknowledges.length, 8);
    const pieces = moved.messages.filter(({ topic }) => topic === topicOf('k3')).map(({ body }) => body);
    assert.deepEqual(pieces.map(firstOf), [1, 65, 129, 193, 257, 321, 385, 449]);
    assert.equal(pieces.flatMap(changesIn).at(-1)!.id, 'p511');
    assert.equal(moved.state.listeners['l3']!.last, 512);
  });
});
