/** Rows of the store contract: bytes under their hash. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { it } from 'mocha';
import type { BlobRange, Store } from '../../src/store/store.js';
import type { Subject } from './store-suite.js';

const MEGABYTE = 1_048_576;
/** Bytes that differ everywhere, so that a wrong offset shows. */
const bytesFrom = (from: number, length: number): Buffer => {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = ((from + i) * 2654435761) >>> 24;
  return bytes;
};
const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

async function readAll(store: Store, hash: string, range?: BlobRange): Promise<Buffer> {
  const found = await store.blobs.get(hash, range);
  assert.ok(found, 'there is no such blob');
  const chunks: Buffer[] = [];
  for await (const chunk of found.bytes) {
    assert.ok(Buffer.isBuffer(chunk));
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
async function* inPieces(bytes: Buffer, ...sizes: number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

export function blobRows(subject: Subject): void {
  it('has nothing under a hash that it was never given', async () => {
    assert.equal(await subject.store.blobs.get('0'.repeat(64)), undefined);
  });

  for (const size of [0, 1, 262_143, 262_144, 262_145, 700_000])
    it(`gives ${size} bytes back as they were`, async () => {
      const { store } = subject;
      const bytes = bytesFrom(size, size);
      const before = hashOf(bytes);
      assert.deepEqual(await store.blobs.put(bytes), { hash: before, size });
      assert.equal(hashOf(bytes), before);
      assert.equal((await store.blobs.get(before))?.size, size);
      assert.ok((await readAll(store, before)).equals(bytes));
    });

  it('lets others in while many bytes are read', async () => {
    const { store } = subject;
    const { hash } = await store.blobs.put(bytesFrom(3, 5 * MEGABYTE));
    const found = await store.blobs.get(hash);
    let turns = 0;
    const turn = (): void => {
      turns++;
      going = setImmediate(turn);
    };
    let going = setImmediate(turn);
    for await (const chunk of found!.bytes) assert.ok(chunk.length > 0);
    clearImmediate(going);
    assert.ok(turns >= 4, `${turns} turns`);
  });

  it('keeps equal bytes once, however they come', async () => {
    const { store } = subject;
    const bytes = bytesFrom(5, 600_000);
    const first = await store.blobs.put(bytes);
    assert.deepEqual(await store.blobs.put(inPieces(bytes, 1000, 7, 262_144)), first);
    const again = await Promise.all([1, 2, 3, 4].map(() => store.blobs.put(inPieces(bytes, 100_000))));
    assert.deepEqual(again, [first, first, first, first]);
    const fresh = bytesFrom(77, 300_000);
    const together = await Promise.all([
      store.blobs.put(fresh),
      store.blobs.put(inPieces(fresh, 4096)),
      store.blobs.put(fresh),
    ]);
    assert.equal(new Set(together.map(({ hash }) => hash)).size, 1);
    assert.ok((await readAll(store, hashOf(fresh))).equals(fresh));
  });

  for (const [start, end] of [
    [0, 0],
    [0, 262_143],
    [262_143, 262_144],
    [262_144, 524_287],
    [100, 600_000],
    [699_999, 699_999],
    [699_000, 9_999_999],
  ] as const)
    it(`gives the bytes from ${start} to ${end}`, async () => {
      const { store } = subject;
      const bytes = bytesFrom(700_000, 700_000);
      await store.blobs.put(bytes);
      assert.ok((await readAll(store, hashOf(bytes), { start, end })).equals(bytes.subarray(start, end + 1)));
    });

  it('takes and gives a stream of 20 MB', async () => {
    const { store } = subject;
    const pieces = async function* (): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 20; i++) yield bytesFrom(i * MEGABYTE, MEGABYTE);
    };
    const { hash, size } = await store.blobs.put(pieces());
    assert.equal(size, 20 * MEGABYTE);
    const digest = createHash('sha256');
    for await (const chunk of (await store.blobs.get(hash))!.bytes) digest.update(chunk);
    assert.equal(digest.digest('hex'), hash);
    const range = await readAll(store, hash, { start: 19 * MEGABYTE + 5, end: 19 * MEGABYTE + 14 });
    assert.ok(range.equals(bytesFrom(19 * MEGABYTE + 5, 10)));
  });

  it('refuses more than it may take, and shows nothing of it', async () => {
    const { store } = subject;
    const bytes = bytesFrom(123, 500_000);
    await assert.rejects(store.blobs.put(bytes, 499_999), { kind: 'too-large' });
    await assert.rejects(store.blobs.put(inPieces(bytes, 65_536), 499_999), { kind: 'too-large' });
    assert.equal(await store.blobs.get(hashOf(bytes)), undefined);
    await store.blobs.put(inPieces(bytes, 65_536), 500_000);
    assert.ok((await readAll(store, hashOf(bytes))).equals(bytes));
  });

  it('shows nothing of a stream that breaks, and takes it at the next attempt', async () => {
    const { store } = subject;
    const bytes = bytesFrom(321, 600_000);
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 550_000);
      throw new Error('the client went away');
    };
    await assert.rejects(store.blobs.put(broken()));
    assert.equal(await store.blobs.get(hashOf(bytes)), undefined);
    assert.equal(await store.blobs.get(hashOf(bytes.subarray(0, 550_000))), undefined);
    await store.blobs.put(inPieces(bytes, 50_000));
    assert.ok((await readAll(store, hashOf(bytes))).equals(bytes));
  });

  it('lets a reader stop in the middle', async () => {
    const { store } = subject;
    const bytes = bytesFrom(1, 600_000);
    const { hash } = await store.blobs.put(bytes);
    for await (const chunk of (await store.blobs.get(hash))!.bytes) {
      assert.ok(chunk.length > 0);
      break;
    }
    assert.ok((await readAll(store, hash)).equals(bytes));
  });

  it('has the bytes after it was opened again', async () => {
    const bytes = bytesFrom(9, 300_000);
    const { hash } = await subject.store.blobs.put(bytes);
    const store = await subject.reopen();
    assert.ok((await readAll(store, hash)).equals(bytes));
    const more = bytesFrom(10, 300_000);
    await store.blobs.put(more);
    assert.ok((await readAll(store, hashOf(more))).equals(more));
    assert.ok((await readAll(store, hash)).equals(bytes));
  });
}
