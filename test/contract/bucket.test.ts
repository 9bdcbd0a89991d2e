/** Larger bytes in a bucket keep the store contract on both stores; what the bucket does wrong is told, and never given out. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, it } from 'mocha';
import type { Change, Store } from '../../src/store/store.js';
import { type WatchedBucket, movingAtOnce, watchedBucket } from '../support/bucket.js';
import { put, remove } from '../support/changes.js';
import { FULL, fullIt, turnAmong } from '../support/depth.js';
import { openEmptyEmbedded } from '../support/embedded.js';
import { openMongoWith } from '../support/mongo-store.js';
import { openS3Server, type S3Server } from '../support/s3.js';
import { type Open, type Opened, storeContract } from './store-suite.js';

type OpenWith = (test: Mocha.Context, bucket: WatchedBucket) => Promise<Opened>;

const OPENERS: Readonly<Record<string, OpenWith>> = {
  embedded: (_test, bucket) => openEmptyEmbedded({ bucket }),
  mongo: (test, bucket) => openMongoWith(test, { bucket }),
};

/** Each opening has a bucket of its own. */
const moving =
  (open: OpenWith): Open =>
  async test => {
    const server = await openS3Server();
    const bucket = await watchedBucket(server);
    const opened = await open(test, bucket);
    return {
      store: movingAtOnce(opened.store, bucket),
      reopen: async () => movingAtOnce(await opened.reopen(), bucket),
      async release() {
        await opened.release();
        await server.close();
      },
    };
  };

const LARGE = 11_000_000;

for (const [at, [name, open]] of Object.entries(OPENERS).entries()) {
  // What a bucket adds to the contract hardly depends on the store: one of the two in turn at every change.
  if (FULL || turnAmong(0, 2) === at)
    storeContract(`${name} with a bucket`, moving(open), ['bytes', 'bytes kept for a time']);

  // And what is said of it alone, of the other one.
  if (!FULL && turnAmong(1, 2) !== at) continue;
  describe(`bytes in a bucket, ${name}`, () => {
    let server: S3Server;
    let bucket: WatchedBucket;
    let opened: Opened | undefined;
    let store: Store;
    before(async function () {
      server = await openS3Server();
      bucket = await watchedBucket(server);
      opened = await open(this, bucket);
      store = opened.store;
    });
    after(async () => {
      await opened?.release();
      await server.close();
    });

    const bytesOf = (text: string, size = LARGE): Buffer => Buffer.alloc(size, `${text} `);
    const settle = async (bytes: Buffer) => {
      const stored = await store.blobs.put(bytes);
      await bucket.settled(stored.hash);
      return stored;
    };
    const read = async (hash: string, start = 0, end = Number.MAX_SAFE_INTEGER): Promise<Buffer> => {
      const pieces: Buffer[] = [];
      for await (const piece of (await store.blobs.get(hash, { start, end }))!.bytes) pieces.push(piece);
      return Buffer.concat(pieces);
    };
    const objectOf = (bytes: Buffer): string =>
      [...server.objects].find(([, object]) => object.length === bytes.length && object.equals(bytes))![0];

    it('are moved in parts with checksums, and given back from there alone', async () => {
      const bytes = bytesOf('moved in parts');
      const { hash } = await settle(bytes);
      assert.deepEqual(bucket.faults, []);
      assert.equal(server.asked['PART'], 3);
      assert.match(objectOf(bytes), /^kept\/here\/[0-9a-f-]{36}$/);
      assert.ok((await read(hash)).equals(bytes));
      assert.ok((await read(hash, 5_000_000, 5_600_000)).equals(bytes.subarray(5_000_000, 5_600_001)));
      server.objects.delete(objectOf(bytes));
      await assert.rejects(read(hash), { kind: 'blob-damaged' });
    });

    it('are moved while they are read, and the reader notices nothing', async () => {
      const bytes = bytesOf('moved under a reader', 3_000_000);
      const stored = await store.blobs.put(bytes);
      const moved = bucket.settled(stored.hash);
      const pieces: Buffer[] = [];
      for await (const piece of (await store.blobs.get(stored.hash))!.bytes) {
        if (pieces.push(piece) === 1) await moved;
      }
      assert.ok(Buffer.concat(pieces).equals(bytes));
    });

    it('are never given out where a byte of the object is another one, or it is cut short', async () => {
      const bytes = bytesOf('damaged there', 1_000_000);
      const { hash } = await settle(bytes);
      const key = objectOf(bytes);
      const damaged = Buffer.from(bytes);
      damaged[600_000]! ^= 1;
      server.objects.set(key, damaged);
      await assert.rejects(read(hash), { kind: 'blob-damaged', hash });
      assert.ok((await read(hash, 0, 500_000)).equals(bytes.subarray(0, 500_001)));
      server.objects.set(key, bytes.subarray(0, 300_000));
      await assert.rejects(read(hash, 900_000), { kind: 'blob-damaged' });
      await assert.rejects(read(hash), { kind: 'blob-damaged' });
    });

    fullIt(
      'stay in the database while the bucket refuses, is busy or breaks off, and leave nothing there',
      async () => {
        for (const does of ['slow-down', 'refuse', 'cut'] as const) {
          const bytes = bytesOf(`kept here, ${does}`, 6_000_000);
          bucket.faults.length = 0;
          server.fail('PART', does);
          const { hash } = await settle(bytes);
          assert.deepEqual(
            bucket.faults.map(({ kind }) => kind),
            ['unavailable'],
          );
          assert.ok((await read(hash)).equals(bytes));
          server.fail('PART', does, 0);
          assert.equal(server.open.size, 0);
          const moved = bucket.settled(hash);
          await store.blobs.sweep(0);
          await moved;
          assert.ok(objectOf(bytes));
          assert.ok((await read(hash)).equals(bytes));
        }
      },
    );

    it('are read on where a connection breaks, and are away where none holds', async () => {
      const bytes = bytesOf('read on', 2_000_000);
      const { hash } = await settle(bytes);
      server.fail('GET', 'cut', 2);
      assert.ok((await read(hash)).equals(bytes));
      server.fail('GET', 'refuse');
      await assert.rejects(read(hash), { kind: 'unavailable' });
      assert.equal((await store.blobs.get(hash))?.size, bytes.length);
      server.fail('GET', 'refuse', 0);
    });

    it('go with the last resource that refers to them, also where the bucket was away then', async () => {
      for (const [id, isAway] of [
        ['erased', false],
        ['erased-later', true],
      ] as const) {
        const bytes = bytesOf(id, 400_000);
        const stored = await settle(bytes);
        const key = objectOf(bytes);
        const change: Change = { ...put({ resourceType: 'Patient', id }), blobs: [{ at: 1, ...stored }] };
        await store.commit({ changes: [change] });
        bucket.faults.length = 0;
        if (isAway) server.fail('DELETE', 'refuse');
        await store.commit({ changes: [{ ...remove(change), erases: true }] });
        assert.equal(await store.blobs.get(stored.hash), undefined);
        assert.equal(server.objects.has(key), isAway);
        assert.equal(bucket.faults.length, isAway ? 1 : 0);
        server.fail('DELETE', 'refuse', 0);
        await store.blobs.sweep(0);
        assert.equal(server.objects.has(key), false);
      }
    });

    it('are dropped and moved, whatever cannot be dropped', async () => {
      const keys: string[] = [];
      const hashes: string[] = [];
      for (const id of ['locked', 'free']) {
        const bytes = bytesOf(id, 400_000);
        const stored = await settle(bytes);
        keys.push(objectOf(bytes));
        const change: Change = { ...put({ resourceType: 'Patient', id }), blobs: [{ at: 1, ...stored }] };
        await store.commit({ changes: [change] });
        if (id === 'locked') server.locked.add(keys[0]!);
        bucket.faults.length = 0;
        await store.commit({ changes: [{ ...remove(change), erases: true }] });
        assert.equal(bucket.faults.length, 1);
        hashes.push(stored.hash);
      }
      assert.deepEqual(
        keys.map(key => server.objects.has(key)),
        [true, false],
      );
      server.fail('PUT', 'refuse', 3);
      const { hash } = await settle(bytesOf('moved later', 400_000));
      server.fail('PUT', 'refuse', 0);
      const moved = bucket.settled(hash);
      await store.blobs.sweep(0);
      await moved;
      assert.ok(objectOf(bytesOf('moved later', 400_000)));
      server.locked.clear();
      await store.blobs.sweep(0);
      assert.equal(server.objects.has(keys[0]!), false);
    });

    it('that the bucket has lost are put again by whoever has them, and go with what refers to them', async () => {
      const bytes = bytesOf('lost there', 400_000);
      const stored = await settle(bytes);
      const lost = objectOf(bytes);
      const change: Change = { ...put({ resourceType: 'Patient', id: 'lost' }), blobs: [{ at: 1, ...stored }] };
      await store.commit({ changes: [change] });
      server.objects.delete(lost);
      await assert.rejects(read(stored.hash), { kind: 'blob-damaged' });
      assert.deepEqual(await settle(bytes), stored);
      assert.notEqual(objectOf(bytes), lost);
      assert.ok((await read(stored.hash)).equals(bytes));
      await store.commit({ changes: [{ ...remove(change), erases: true }] });
      assert.equal(await store.blobs.get(stored.hash), undefined);
      assert.equal(
        [...server.objects.values()].some(object => object.equals(bytes)),
        false,
      );
    });

    it('that are put again while they are read go on where they are now, and no object is left', async () => {
      const bytes = bytesOf('put again under a reader', 3_000_000);
      const { hash } = await settle(bytes);
      const former = objectOf(bytes);
      const pieces: Buffer[] = [];
      for await (const piece of (await store.blobs.get(hash))!.bytes) {
        if (pieces.push(piece) > 1) continue;
        await settle(bytes);
        await store.blobs.sweep(0);
        assert.equal(server.objects.has(former), false);
        // The connection may have all of the former object already.
        server.fail('GET', 'cut', 1);
      }
      assert.ok(Buffer.concat(pieces).equals(bytes));
      assert.ok(objectOf(bytes));
    });

    it('are listed, all pages of them', async () => {
      const names: string[] = [];
      for await (const object of bucket.bucket.list()) names.push(`kept/here/${object}`);
      assert.deepEqual(names.toSorted(), [...server.objects.keys()].toSorted());
      assert.ok(names.length > 3);
    });

    it('come back where the bucket is left, and what was lost there with whoever has it', async () => {
      // What the bucket has of a move that broke off is not known, and it does not let it be dropped: its note stays.
      server.fail('PUT', 'refuse');
      server.fail('DELETE', 'refuse');
      await settle(bytesOf('broken off', 400_000));
      server.fail('PUT', 'refuse', 0);
      server.fail('DELETE', 'refuse', 0);
      const damaged = bytesOf('left and damaged', 500_000);
      const left = await settle(bytesOf('left', 1_200_000));
      const former = objectOf(bytesOf('left', 1_200_000));
      const { hash } = await settle(damaged);
      server.objects.set(objectOf(damaged), Buffer.alloc(500_000));
      bucket.isLeft = true;
      bucket.faults.length = 0;
      const tried = Promise.all([left, { hash }].map(each => bucket.settled(each.hash)));
      await store.blobs.sweep(0);
      await tried;
      assert.deepEqual([...new Set(bucket.faults.map(({ kind }) => kind))], ['blob-damaged']);
      assert.deepEqual(bucket.left, []);
      assert.ok((await read(left.hash)).equals(bytesOf('left', 1_200_000)));

      while (server.objects.has(former)) await pause(10);
      server.fail('DELETE', 'refuse');
      const sent = server.asked['PUT'];
      // Two that tests before this one have damaged.
      for (const bytes of [damaged, bytesOf('moved in parts'), bytesOf('damaged there', 1_000_000)])
        await store.blobs.put(bytes);
      await store.blobs.sweep(0);
      while (bucket.left.length === 0) await pause(10);
      // Two of the three are there, and nobody knows of the one that broke off.
      assert.equal(server.objects.size, 2);
      assert.deepEqual([...new Set(bucket.left)], [4]);
      server.fail('DELETE', 'refuse', 0);
      await store.blobs.sweep(0);
      while (bucket.left.at(-1) === 4) await pause(10);
      assert.deepEqual([...new Set(bucket.left)], [4, 1]);
      assert.equal(server.asked['PUT'], sent);
      assert.equal(server.objects.size, 0);
      for await (const each of store.blobs.all())
        assert.equal(
          createHash('sha256')
            .update(await read(each))
            .digest('hex'),
          each,
        );
    });

    it('are all gone from the bucket that is left only when nothing can be there of moves that broke off', async () => {
      await store.blobs.sweep(0, Number.MAX_SAFE_INTEGER);
      while (bucket.left.at(-1) === 1) await pause(10);
      assert.equal(bucket.left.at(-1), 0);
      bucket.isLeft = false;
    });

    fullIt('delay a purge little where the bucket does not answer', async () => {
      const bytes = bytesOf('hanging', 400_000);
      const stored = await settle(bytes);
      const change: Change = { ...put({ resourceType: 'Patient', id: 'hanging' }), blobs: [{ at: 1, ...stored }] };
      await store.commit({ changes: [change] });
      server.fail('DELETE', 'hang');
      const begun = performance.now();
      await store.commit({ changes: [{ ...remove(change), erases: true }] });
      // The SDK alone would wait for 45 s.
      assert.ok(performance.now() - begun < 40_000);
      server.fail('DELETE', 'hang', 0);
    });
  });
}
