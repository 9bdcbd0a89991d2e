/** A listener at work over an outbox in memory: what it is given, what is committed, and what becomes of errors. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { changeMessages, pieceMessages, toldIn } from '../../../src/feed/change.js';
import { type FeedBatch, type Listener, Listening } from '../../../src/feed/listening.js';
import { createClock, REAL_TIME, type TimeSource } from '../../../src/platform/clock.js';
import { createLog } from '../../../src/platform/log.js';
import { acknowledgedMeanwhile } from '../../../src/store/outbox.js';
import type { Change } from '../../../src/store/store.js';
import { memoryOutbox } from '../../support/memory-outbox.js';
import { steppedTime } from '../../support/stepped-time.js';

const log = createLog('silent');
const patient = (id: string): Change => ({
  ...{ type: 'Patient', id, version: 1, updated: 0, method: 'POST' },
  ...{ patients: [id], entries: [] },
});
/** Pieces of so many changes each. */
function pieces(...sizes: readonly number[]) {
  let first = 1;
  return sizes.flatMap(size => {
    const changes = Array.from({ length: size }, (_, i) => patient(`p${first + i}`));
    const texts = changeMessages(changes).flatMap(({ body }) => toldIn(body).map(({ text }) => text));
    const messages = pieceMessages('key', first, texts);
    first += size;
    return messages;
  });
}

/** `overtaken`: how often somebody else is faster; `held`: whether this process has the lease. */
async function listeningTo(
  handle: Listener['handle'],
  given: Partial<Listener> & { readonly time?: TimeSource; readonly overtaken?: number; readonly held?: boolean } = {},
) {
  const { time = REAL_TIME, overtaken = 0, held = true, ...others } = given;
  const outbox = memoryOutbox();
  const listener: Listener = { name: 'test', handle, ...others };
  let refused = 0;
  const listening = new Listening({
    store: {
      pendingMessages: (topic, limit) => outbox.pendingMessages(topic, limit),
      async commit(commit) {
        if (refused++ < overtaken) throw acknowledgedMeanwhile();
        await outbox.commit(commit);
      },
      acquireLease: async (_task, ms) => held && ms > 0,
    },
    ...{ clock: createClock(log, time), log, listener },
    registered: async () => 'key',
  });
  const left = () => outbox.pending.filter(({ topic }) => topic === 'feed key').length;
  return { outbox, listening, left };
}

/** Resolves when what is said holds. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(setImmediate);
}

describe('a listener at work', () => {
  it('is given batches of about the size that it wants, in order, and what it gives is committed with the acknowledgement', async () => {
    const seen: number[][] = [];
    const handle = ({ changes }: FeedBatch) => {
      seen.push(changes.map(({ number }) => number));
      return { messages: [{ topic: 'out', body: String(changes.length) }] };
    };
    const { outbox, listening, left } = await listeningTo(handle, { most: 4 });
    await outbox.commit({ changes: [], messages: pieces(1, 2, 2, 6, 1) });
    listening.start();
    await until(() => left() === 0);
    await listening.stop();
    assert.deepEqual(
      seen.map(numbers => numbers.length),
      [3, 2, 6, 1],
    );
    assert.deepEqual(
      seen.flat(),
      Array.from({ length: 12 }, (_, i) => i + 1),
    );
    assert.deepEqual(
      outbox.pending.map(({ body }) => body),
      ['3', '2', '6', '1'],
    );
  });

  it('rests after an error, longer each time, and is asked again about the same', async () => {
    const time = steppedTime();
    const asked: number[] = [];
    const { outbox, listening, left } = await listeningTo(
      ({ changes }) => {
        asked.push(changes[0]!.number);
        if (asked.length < 4) throw new Error('not yet');
      },
      { time },
    );
    await outbox.commit({ changes: [], messages: pieces(1) });
    listening.start();
    for (const [times, pause] of [
      [1, 500],
      [2, 1000],
      [3, 2000],
    ] as const) {
      await until(() => asked.length === times);
      // Whoever wakes it does not shorten its rest.
      listening.wake();
      await new Promise(setImmediate);
      time.step(pause - 1);
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      assert.equal(asked.length, times);
      time.step(1);
    }
    await until(() => left() === 0);
    await listening.stop();
    assert.deepEqual(asked, [1, 1, 1, 1]);
  });

  it('is asked again at once where somebody else was faster, and keeps nothing of what it gave', async () => {
    let times = 0;
    const handle = () => {
      times += 1;
      return { messages: [{ topic: 'out', body: `${times}` }] };
    };
    const { outbox, listening, left } = await listeningTo(handle, { overtaken: 3 });
    await outbox.commit({ changes: [], messages: pieces(1) });
    listening.start();
    await until(() => left() === 0);
    await listening.stop();
    assert.deepEqual([times, outbox.pending.map(({ body }) => body)], [4, ['4']]);
  });

  it('may commit by itself, hears when nobody waits any longer, and does nothing where another process has the lease', async () => {
    let hung = 0;
    const { outbox, listening, left } = await listeningTo(
      async ({ signal, acknowledges, changes }) => {
        if (hung++ === 0) await new Promise(resolve => signal.addEventListener('abort', resolve));
        if (signal.aborted) return { messages: [{ topic: 'out', body: 'too late' }] };
        await outbox.commit({ changes: [], acknowledges, messages: [{ topic: 'out', body: changes[0]!.id }] });
        return 'done';
      },
      { patience: 20 },
    );
    await outbox.commit({ changes: [], messages: pieces(1) });
    listening.start();
    await until(() => left() === 0);
    await listening.stop();
    assert.deepEqual(
      outbox.pending.map(({ body }) => body),
      ['p1'],
    );
    const other = await listeningTo(() => assert.fail('without the lease'), { held: false });
    await other.outbox.commit({ changes: [], messages: pieces(1) });
    other.listening.start();
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    await other.listening.stop();
    assert.equal(other.left(), 1);
  });
});
