/**
 * Bytes that are not what was stored are never given out, on both stores: the answer is 500 `blob-damaged` or breaks off, log and audit
 * trail tell of it, verify names them. Bytes that were stored before there were checksums pass the same way.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEvent } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { MongoClient } from 'mongodb';
import { examine } from '../../src/cli/verify.js';
import { connect } from '../../src/store/embedded/connection.js';
import { hasTurn } from '../support/both-stores.js';
import { FULL, fullIt } from '../support/depth.js';
import { exchange } from '../support/exchange.js';
import { newStore, type RunningServer, STORES, startServer } from '../support/server.js';
import { type Talk, talkTo } from '../support/talk.js';

/** What reaches past the server: the bytes of a chunk (of small bytes the only one) as they lie in the store. */
interface Hand {
  chunks(hash: string): Promise<number>;
  read(hash: string, part: number): Promise<Buffer>;
  /** Undefined: takes the chunk away. */
  write(hash: string, part: number, bytes: Buffer | undefined): Promise<void>;
  /** As before there were checksums. */
  forget(hash: string): Promise<void>;
  checksums(hash: string): Promise<number>;
  close(): Promise<void>;
}

function embeddedHand(file: string): Hand {
  const connection = connect(file);
  const upload = (hash: string) => connection.prepare('SELECT i FROM blob WHERE hash=?').first(hash)![0]!;
  const count = (what: string, hash: string) =>
    Number(connection.prepare(`SELECT count(${what}) FROM chunk WHERE i=?`).first(upload(hash))![0]);
  return {
    chunks: async hash => count('*', hash),
    read: async (hash, part) => {
      const row = connection.prepare('SELECT x FROM chunk WHERE i=? AND part=?').first(upload(hash), part)!;
      return Buffer.from(row[0] as Uint8Array);
    },
    write: async (hash, part, bytes) => {
      const [i, checksum] = [upload(hash), checksumBefore.get(`${hash}${part}`)];
      if (bytes) {
        const changed = connection.prepare('UPDATE chunk SET x=? WHERE i=? AND part=?').run(bytes, i, part);
        if (changed === 0)
          connection.prepare('INSERT INTO chunk(i,part,x,c) VALUES(?,?,?,?)').run(i, part, bytes, checksum ?? null);
        return;
      }
      const row = connection.prepare('SELECT c FROM chunk WHERE i=? AND part=?').first(i, part)!;
      checksumBefore.set(`${hash}${part}`, row[0] as Uint8Array);
      connection.prepare('DELETE FROM chunk WHERE i=? AND part=?').run(i, part);
    },
    forget: async hash => void connection.prepare('UPDATE chunk SET c=NULL WHERE i=?').run(upload(hash)),
    checksums: async hash => count('c', hash),
    close: async () => connection.close(),
  };
}
/** Of chunks that were taken away. */
const checksumBefore = new Map<string, Uint8Array>();

function mongoHand(url: string): Hand {
  const client = new MongoClient(url, { promoteBuffers: true });
  const blobs = client.db().collection<{ _id: string; chunks?: string; x?: Buffer }>('blob');
  const chunks = client.db().collection<{ _id: string; x: Buffer; c?: Buffer }>('chunk');
  const taken = new Map<string, { _id: string; x: Buffer; c?: Buffer }>();
  const nameOf = async (hash: string) => (await blobs.findOne({ _id: hash }))!.chunks;
  const idOf = async (hash: string, part: number) => `${await nameOf(hash)}:${String(part).padStart(6, '0')}`;
  const ofBlob = async (hash: string) => ({ _id: new RegExp(`^${await nameOf(hash)}:`) });
  return {
    chunks: async hash => ((await nameOf(hash)) ? chunks.countDocuments(await ofBlob(hash)) : 1),
    read: async (hash, part) =>
      (await nameOf(hash))
        ? (await chunks.findOne({ _id: await idOf(hash, part) }))!.x
        : (await blobs.findOne({ _id: hash }))!.x!,
    async write(hash, part, bytes) {
      if (!(await nameOf(hash)))
        return void (await blobs.updateOne({ _id: hash }, bytes ? { $set: { x: bytes } } : { $unset: { x: 1 } }));
      const _id = await idOf(hash, part);
      if (!bytes) taken.set(_id, (await chunks.findOneAndDelete({ _id }))!);
      else if (!(await chunks.updateOne({ _id }, { $set: { x: bytes } })).matchedCount)
        await chunks.insertOne({ ...taken.get(_id)!, x: bytes });
    },
    forget: async hash => void (await chunks.updateMany(await ofBlob(hash), { $unset: { c: 1 } })),
    checksums: async hash => chunks.countDocuments({ ...(await ofBlob(hash)), c: { $exists: true } }),
    close: () => client.close(),
  };
}

const SMALL = randomBytes(100_000);
/** Of four chunks, or of nine. */
const LARGE = randomBytes(FULL ? 2_300_000 : 900_000);
const NEAR_END = LARGE.length - 300_000;
const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
/** One bit of it is another. */
function flipped(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at]! ^= 1 << (at % 8);
  return changed;
}

for (const store of STORES)
  describe(`damaged bytes (${store})`, () => {
    const data = mkdtempSync(join(tmpdir(), 'chartroom-damaged-'));
    let server: RunningServer;
    let talk: Talk;
    let hand: Hand;

    before(async function () {
      const url = await newStore(this, store);
      server = await startServer({ store: url, config: { data } });
      talk = talkTo(server.base);
      hand = store === 'embedded' ? embeddedHand(join(data, 'chartroom.db')) : mongoHand(url);
      const headers = { 'content-type': 'application/pdf' };
      await talk.send('PUT', 'Binary/small', { headers, body: SMALL });
      await talk.send('PUT', 'Binary/large', { headers, body: LARGE });
      const content = [{ attachment: { contentType: 'application/octet-stream', data: SMALL.toString('base64') } }];
      await talk.update({ resourceType: 'DocumentReference', id: 'inline', status: 'current', content });
    });
    after(async () => {
      await hand?.close();
      await server?.stop();
      rmSync(data, { recursive: true, force: true });
    });

    const get = (path: string, headers: Record<string, string> = {}) =>
      exchange(server.port, { method: 'GET', path: `/fhir/${path}`, headers }).catch(() => 'broken off' as const);
    const refused = async (path: string, headers: Record<string, string> = {}): Promise<void> => {
      const answer = await get(path, headers);
      assert.ok(answer !== 'broken off', path);
      assert.equal(answer.status, 500, path);
      const text = answer.body.toString();
      assert.match(text, /OperationOutcome.*"blob-damaged".*request id/s);
      assert.match(String(answer.headers['content-type']), /^application\/fhir/);
      assert.equal(answer.headers.etag, undefined);
      assert.ok(!text.includes(SMALL.toString('base64', 30, 60)));
    };
    const named = async (): Promise<readonly string[]> => [
      ...((await examine(server.engine, 0)).findings.get('Attachments whose bytes are not those that were stored')
        ?.names ?? []),
    ];
    const alerts = async (): Promise<number> =>
      (await talk.search<AuditEvent>('AuditEvent?type=http://dicom.nema.org/resources/ontology/DCM|110113')).entry
        ?.length ?? 0;

    it('of one chunk are never given, in whatever form', async () => {
      const hash = hashOf(SMALL);
      const bytes = await hand.read(hash, 0);
      const earlier = await alerts();
      const damages = [flipped(bytes, 0), flipped(bytes, 99_999), bytes.subarray(0, 99_999), undefined];
      const done = damages.filter((_, at) => hasTurn(at, store));
      for (const damage of done) {
        await hand.write(hash, 0, damage);
        await refused('Binary/small');
        await refused('Binary/small', { range: 'bytes=5-9' });
        await refused('Binary/small', { accept: 'application/fhir+json' });
        await refused('Binary/small/_history/1', { accept: 'application/fhir+xml' });
        await refused('DocumentReference/inline', { accept: 'application/fhir+json' });
        await refused('DocumentReference?_id=inline', { accept: 'application/fhir+json' });
        assert.deepEqual(await named(), [`SHA-256 ${hash}`]);
        await hand.write(hash, 0, bytes);
      }
      assert.ok((await get('Binary/small')) !== 'broken off');
      assert.deepEqual(await named(), []);
      assert.equal((await alerts()) - earlier, 6 * done.length);
    });

    fullIt('of many chunks are given up to the chunk that is damaged, and as parts beyond it', async () => {
      const hash = hashOf(LARGE);
      const count = await hand.chunks(hash);
      assert.ok(count >= 3);
      for (let part = 0, at = 0; part < count; part++) {
        const bytes = await hand.read(hash, part);
        const damages = [flipped(bytes, (part * 7919) % bytes.length), undefined];
        for (const damage of damages.filter((_, i) => hasTurn(part + i, store))) {
          await hand.write(hash, part, damage);
          if (part === 0) await refused('Binary/large');
          else {
            assert.equal(await get('Binary/large'), 'broken off', `chunk ${part}`);
            const head = await get('Binary/large', { range: `bytes=0-${at - 1}` });
            assert.ok(head !== 'broken off' && head.body.equals(LARGE.subarray(0, at)));
          }
          await refused('Binary/large', { range: `bytes=${at + bytes.length - 1}-` });
          if (part < count - 1) {
            const behind = await get('Binary/large', { range: `bytes=${at + bytes.length}-` });
            assert.ok(behind !== 'broken off' && behind.body.equals(LARGE.subarray(at + bytes.length)));
          }
          assert.equal(await get('Binary/large', { accept: 'application/fhir+json' }), 'broken off');
          assert.deepEqual(await named(), [`SHA-256 ${hash}`]);
          await hand.write(hash, part, bytes);
        }
        at += bytes.length;
      }
      const whole = await get('Binary/large');
      assert.ok(whole !== 'broken off' && whole.body.equals(LARGE));
    });

    it('that break off an answer have a log line and a metric that say so', async () => {
      const hash = hashOf(LARGE);
      const bytes = await hand.read(hash, 2);
      await hand.write(hash, 2, flipped(bytes, 9));
      const { log } = server.engine as unknown as {
        log: { error: (this: void, line: Record<string, unknown>) => void };
      };
      const tell = log.error;
      const told = new Promise<Record<string, unknown>>(resolve => {
        log.error = line => void ('interaction' in line && resolve(line));
      });
      assert.equal(await get('Binary/large'), 'broken off');
      const { interaction, status, head, brokenOff, kind } = await told;
      log.error = tell;
      await hand.write(hash, 2, bytes);
      assert.deepEqual(
        { interaction, status, head, brokenOff, kind },
        { interaction: 'read', status: 500, head: 200, brokenOff: true, kind: 'blob-damaged' },
      );
    });

    fullIt('are whole again when somebody sends them again, in whatever way', async () => {
      const [small, large] = [hashOf(SMALL), hashOf(LARGE)];
      const last = (await hand.chunks(large)) - 1;
      const headers = { 'content-type': 'application/pdf' };
      const damages = [
        [small, 0, 'flipped'],
        [small, 0, 'lost'],
        [large, last, 'lost'],
        [large, 1, 'flipped'],
      ] as const;
      for (const [hash, part, damage] of damages.filter((_, at) => hasTurn(at, store))) {
        const bytes = await hand.read(hash, part);
        await hand.write(hash, part, damage === 'lost' ? undefined : flipped(bytes, 7));
        assert.deepEqual(await named(), [`SHA-256 ${hash}`]);
        const body = hash === small ? SMALL : LARGE;
        if (part === last) {
          const content = [{ attachment: { contentType: 'application/octet-stream', data: body.toString('base64') } }];
          await talk.create({ resourceType: 'DocumentReference', status: 'current', content });
        } else await talk.send('POST', 'Binary', { headers, body });
        assert.deepEqual(await named(), []);
        const answer = await get(hash === small ? 'Binary/small' : 'Binary/large');
        assert.ok(answer !== 'broken off' && answer.body.equals(body), `${damage} ${part}`);
      }
    });

    it('that were stored before there were checksums are read once more, and get them', async () => {
      const hash = hashOf(LARGE);
      const count = await hand.chunks(hash);
      await hand.forget(hash);
      const bytes = await hand.read(hash, count - 1);
      await hand.write(hash, count - 1, flipped(bytes, 3));
      // Nothing tells which of them is damaged.
      await refused('Binary/large');
      await refused('Binary/large', { range: 'bytes=0-0' });
      assert.equal(await hand.checksums(hash), 0);
      await hand.write(hash, count - 1, bytes);
      const part = await get('Binary/large', { range: `bytes=${NEAR_END}-` });
      assert.ok(part !== 'broken off' && part.body.equals(LARGE.subarray(NEAR_END)));
      assert.equal(await hand.checksums(hash), count);
      const whole = await get('Binary/large');
      assert.ok(whole !== 'broken off' && whole.body.equals(LARGE));
    });
  });
