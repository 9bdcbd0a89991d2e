/** Rows of the store contract: bytes that are kept for a time though no resource refers to them. */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import type { Change, Store } from '../../src/store/store.js';
import { put, remove } from '../support/changes.js';
import { depthOf, FULL } from '../support/depth.js';
import type { Subject } from './store-suite.js';

type Blob = Awaited<ReturnType<Store['blobs']['put']>>;

const holding = (id: string, blob: Blob): Change => ({
  ...put({ resourceType: 'Patient', id }),
  blobs: [{ at: 1, ...blob }],
});

/** Small, and large enough for chunks in both stores. */
const SIZES = [100, 2_500_000];

async function isWhole(store: Store, { hash }: Blob, bytes: Buffer): Promise<boolean> {
  const found = await store.blobs.get(hash);
  if (!found) return false;
  const parts: Buffer[] = [];
  for await (const part of found.bytes) parts.push(part);
  return bytes.equals(Buffer.concat(parts));
}

const isConflict = ({ reason }: PromiseRejectedResult): boolean => (reason as { kind?: string }).kind === 'conflict';

export function keptRows(subject: Subject): void {
  for (const size of SIZES)
    it(`keeps ${size} bytes until their time is over, and no longer`, async () => {
      const { store } = subject;
      const bytes = Buffer.alloc(size, `kept ${size} `);
      const blob = await store.blobs.put(bytes);
      await store.blobs.keep(blob.hash, 1000);
      assert.equal(await store.blobs.sweep(999), 0);
      assert.ok(await isWhole(store, blob, bytes));
      assert.equal(await store.blobs.sweep(1000), 1);
      assert.equal(await store.blobs.get(blob.hash), undefined);
      for await (const hash of store.blobs.all()) assert.notEqual(hash, blob.hash);
      assert.equal(await store.blobs.sweep(1000), 0);
      await assert.rejects(store.commit({ changes: [holding(`swept${size}`, blob)] }), { kind: 'conflict' });
      await store.blobs.put(bytes);
      assert.ok(await isWhole(store, blob, bytes));
    });

  it('keeps them for the longest time that was asked for', async () => {
    const { store } = subject;
    const blob = await store.blobs.put(Buffer.from('kept by three'));
    await Promise.all([2000, 3000, 1000].map(until => store.blobs.keep(blob.hash, until)));
    assert.equal(await store.blobs.sweep(2999), 0);
    assert.equal(await store.blobs.sweep(3000), 1);
  });

  for (const size of SIZES)
    it(`sweeps ${size} bytes that nothing has referred to, once they are old`, async () => {
      const { store } = subject;
      const [bytes, other] = ['left by a broken write', 'referred to'].map(text => Buffer.alloc(size, text));
      const [left, used] = await Promise.all([store.blobs.put(bytes!), store.blobs.put(other!)]);
      await store.commit({ changes: [holding(`used${size}`, used)] });
      const aMinuteHence = Date.now() + 60_000;
      assert.equal(await store.blobs.sweep(0), 0);
      assert.equal(await store.blobs.sweep(0, 1), 0);
      assert.ok(await isWhole(store, left, bytes!));
      assert.ok((await store.blobs.sweep(0, aMinuteHence)) > 0);
      assert.equal(await store.blobs.get(left.hash), undefined);
      assert.ok(await isWhole(store, used, other!));
      await assert.rejects(store.commit({ changes: [holding(`left${size}`, left)] }), { kind: 'conflict' });
      assert.deepEqual(await store.blobs.put(bytes!), left);
      await store.commit({ changes: [holding(`left${size}`, left)] });
      assert.equal(await store.blobs.sweep(0, aMinuteHence), 0);
      assert.ok(await isWhole(store, left, bytes!));
    });

  it('keeps nothing that is not there', async () => {
    await assert.rejects(subject.store.blobs.keep('0'.repeat(64), 1000), { kind: 'conflict' });
  });

  it('leaves alone what nobody was asked to keep', async () => {
    const { store } = subject;
    const blob = await store.blobs.put(Buffer.from('put for a commit to come'));
    assert.equal(await store.blobs.sweep(Number.MAX_SAFE_INTEGER), 0);
    assert.ok(await store.blobs.get(blob.hash));
  });

  it('leaves what a resource refers to, until that is erased', async () => {
    const { store } = subject;
    const blob = await store.blobs.put(Buffer.from('kept and referred to'));
    await store.blobs.keep(blob.hash, 1000);
    const first = holding('refers', blob);
    await store.commit({ changes: [first] });
    // A version that is replaced refers to them, too.
    const second = put({ resourceType: 'Patient', id: 'refers' }, { replaces: first });
    await store.commit({ changes: [second] });
    assert.equal(await store.blobs.sweep(5000), 0);
    assert.ok(await store.blobs.get(blob.hash));
    await store.commit({ changes: [{ ...remove(second), erases: true }] });
    assert.equal(await store.blobs.get(blob.hash), undefined);
    assert.equal(await store.blobs.sweep(5000), 0);
  });

  it('keeps what is kept when the last resource that refers to it is erased', async () => {
    const { store } = subject;
    const blob = await store.blobs.put(Buffer.from('kept beyond a resource'));
    const change = holding('erased-before', blob);
    await store.commit({ changes: [change] });
    await store.blobs.keep(blob.hash, 1000);
    await store.commit({ changes: [{ ...remove(change), erases: true }] });
    assert.ok(await store.blobs.get(blob.hash));
    assert.equal(await store.blobs.sweep(1000), 1);
    assert.equal(await store.blobs.get(blob.hash), undefined);
  });

  it('is kept when it was opened again', async () => {
    const bytes = Buffer.alloc(SIZES[1]!, 'kept beyond an end ');
    const blob = await subject.store.blobs.put(bytes);
    await subject.store.blobs.keep(blob.hash, 1000);
    const store = await subject.reopen();
    await store.migrate();
    assert.ok(await isWhole(store, blob, bytes));
    assert.equal(await store.blobs.sweep(1000), 1);
  });

  it('never takes bytes from a commit that begins to refer to them, nor from one who keeps them for longer', async () => {
    const { store } = subject;
    const outcomes = { referred: 0, swept: 0 };
    // Each size beside each order and each way to begin.
    const rounds = FULL ? 24 : 12;
    for (let round = 0; round < rounds; round++) {
      const bytes = Buffer.alloc(SIZES[round % 2]!, `${round} begins `);
      const blob = await store.blobs.put(bytes);
      await store.blobs.keep(blob.hash, 1000);
      const begins = () =>
        round % 4 < 2
          ? store.commit({ changes: [holding(`begins${round}`, blob)] })
          : store.blobs.keep(blob.hash, 9000);
      const sweeps = () => store.blobs.sweep(1000);
      const results = await Promise.allSettled(
        round % 3 === 0
          ? [begins(), sweeps()]
          : round % 3 === 1
            ? [sweeps(), begins()]
            : [sweeps(), sweeps(), begins()],
      );
      const refused = results.filter(result => result.status === 'rejected');
      assert.ok(refused.every(isConflict));
      assert.equal(await isWhole(store, blob, bytes), refused.length === 0, 'the bytes are there if they are wanted');
      outcomes[refused.length === 0 ? 'referred' : 'swept']++;
    }
    assert.equal(outcomes.referred + outcomes.swept, rounds);
    await store.blobs.sweep(9000);
  });

  it('has bytes that are put while they are swept, whole or not at all', async () => {
    const { store } = subject;
    for (let round = 0; round < depthOf('RACES'); round++) {
      const bytes = Buffer.alloc(SIZES[round % 2]!, `${round} put again `);
      const blob = await store.blobs.put(bytes);
      await store.blobs.keep(blob.hash, 1000);
      await Promise.all([store.blobs.sweep(1000), store.blobs.put(bytes), store.blobs.put(bytes)]);
      const there = await store.blobs.get(blob.hash);
      assert.equal(await isWhole(store, blob, bytes), there !== undefined);
      const committed = store.commit({ changes: [holding(`again${round}`, blob)] });
      if (there) await committed;
      else await assert.rejects(committed, { kind: 'conflict' });
      await store.blobs.put(bytes);
      assert.ok(await isWhole(store, blob, bytes));
    }
  });
}
