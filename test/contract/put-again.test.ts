/** Bytes that are put again while what was here of them is erased are taken for new ones, on both stores: they are here, and are swept in time. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { createApply } from '../../src/store/embedded/apply.js';
import { createBlobs } from '../../src/store/embedded/blobs.js';
import { type Connection, connect } from '../../src/store/embedded/connection.js';
import { protect } from '../../src/store/embedded/files.js';
import type { Job } from '../../src/store/embedded/job.js';
import { migrate, PRAGMAS } from '../../src/store/embedded/schema.js';
import { eraseUnreferenced, referTo } from '../../src/store/embedded/write-blobs.js';
import { openBlobs } from '../../src/store/mongo/blobs.js';
import { type Connected, openConnection } from '../../src/store/mongo/connection.js';
import { openMongo } from '../../src/store/mongo/index.js';
import { createChunkPlaces, putBytes } from '../../src/store/mongo/put-blobs.js';
import { bytesBefore, isMoved, type Shelf } from '../../src/store/shelf.js';
import { layout } from '../support/changes.js';
import { sharedMongo } from '../support/mongo.js';

const EVER = Number.MAX_SAFE_INTEGER;

async function isHere(shelf: Shelf, hash: string, bytes: Buffer): Promise<void> {
  const found = await shelf.get(hash);
  assert.ok(found && !isMoved(found.bytes));
  const pieces: Buffer[] = [];
  for await (const piece of found.bytes) pieces.push(piece);
  assert.ok(Buffer.concat(pieces).equals(bytes));
}

async function goesWithSweep(shelf: Shelf, hash: string): Promise<void> {
  assert.equal(await shelf.sweep(0, EVER), 1);
  assert.equal(await shelf.get(hash), undefined);
}

describe('bytes that are put again while they are erased, embedded', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-test-'));
  let connection: Connection;
  let shelf: Shelf;
  /** What happens between the look at what is here and the end of the upload. */
  let meanwhile: (() => void) | undefined;
  before(() => {
    protect(join(folder, 'store'));
    connection = connect(join(folder, 'store'), PRAGMAS);
    migrate(connection, 'any');
    const apply = createApply(connection);
    const ask = async (job: Job): Promise<number> => {
      if (job.kind === 'seal') meanwhile?.();
      const outcome = apply([job])[0]!;
      if ('failed' in outcome) throw new Error(`${job.kind}: ${JSON.stringify(outcome.failed)}`);
      return outcome.ok;
    };
    shelf = createBlobs(connection, { ask });
  });
  after(() => {
    connection.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const damage = (hash: string) =>
    connection.prepare('DELETE FROM chunk WHERE part=0 AND i=(SELECT i FROM blob WHERE hash=?)').run(hash);

  for (const [how, erase] of [
    ['with the last resource that refers to them', () => eraseUnreferenced(connection, 7)],
    ['by a sweep that has not taken their chunks away yet', () => createApply(connection)([OVERDUE])],
  ] as const)
    it(`are new where they are erased ${how}`, async () => {
      const bytes = Buffer.alloc(300_000, how);
      const { hash } = await shelf.put(bytes);
      damage(hash);
      if (how.startsWith('with')) referTo(connection, 7, [hash]);
      meanwhile = erase;
      assert.deepEqual(await shelf.put(bytes), { hash, size: bytes.length });
      meanwhile = undefined;
      await isHere(shelf, hash, bytes);
      await goesWithSweep(shelf, hash);
    });

  it('keep the time for which they were to be kept where they are not erased', async () => {
    const bytes = Buffer.alloc(300_000, 'kept');
    const { hash } = await shelf.put(bytes);
    await shelf.keep(hash, 5);
    damage(hash);
    await shelf.put(bytes);
    await isHere(shelf, hash, bytes);
    assert.equal(await shelf.sweep(4, EVER), 0);
    assert.equal(await shelf.sweep(5, 0), 1);
  });
});

const OVERDUE: Job = { kind: 'unseal', now: 0, putBefore: EVER };

describe('bytes that are put again while they are erased, mongo', () => {
  let end: (() => Promise<unknown>) | undefined;
  let all: Connected;
  let shelf: Shelf;
  before(async function () {
    const mongo = await sharedMongo();
    if ('skipped' in mongo) return this.skip();
    const url = mongo.database('again');
    const store = await openMongo({ url, layout });
    const connection = openConnection(url, 5000);
    end = () => Promise.all([store.close(), connection.close()]);
    await store.migrate();
    all = await connection.connected();
    shelf = openBlobs(() => connection.connected(), 5000);
  });
  after(() => end?.());

  for (const size of [20, 600_000])
    for (const when of ['after', 'before'] as const)
      it(`are new where they are erased ${when} they were looked at, ${size} bytes`, async () => {
        const bytes = Buffer.alloc(size, `${when} `);
        const { hash } = await shelf.put(bytes);
        await all.blob.updateOne({ _id: hash, x: { $exists: true } }, { $set: { x: Buffer.alloc(size) } });
        await all.chunk.deleteMany({});
        const look = async (): ReturnType<typeof bytesBefore> => {
          if (when === 'before') await shelf.sweep(0, EVER);
          const found = await bytesBefore((...asked) => shelf.get(...asked), hash);
          if (when === 'after') await shelf.sweep(0, EVER);
          return found;
        };
        const ground = { all, places: createChunkPlaces(), onlyAnew: false, before: look };
        assert.deepEqual(await putBytes(ground, bytes, size), { hash, size });
        await isHere(shelf, hash, bytes);
        await goesWithSweep(shelf, hash);
        assert.equal(await all.chunk.countDocuments({}), 0);
      });

  it('leave nothing where they were to take a place that is gone, and no other', async () => {
    const bytes = Buffer.alloc(600_000, 'moved back ');
    const { hash } = await shelf.put(bytes);
    await all.chunk.deleteMany({});
    const look = async (): ReturnType<typeof bytesBefore> => {
      const found = await bytesBefore((...asked) => shelf.get(...asked), hash);
      await shelf.sweep(0, EVER);
      return found;
    };
    await putBytes({ all, places: createChunkPlaces(), onlyAnew: true, before: look }, bytes, bytes.length);
    assert.equal(await shelf.get(hash), undefined);
    assert.equal(await all.chunk.countDocuments({}), 0);
  });
});
