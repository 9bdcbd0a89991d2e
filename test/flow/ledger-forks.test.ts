/** A store that is put back to what it was, under the same folder of anchors (src/audit/ledger/forks.ts): named, refused, and accepted in words. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  createReadStream,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEvent, Bundle } from 'fhir/r4.js';
import { after, describe, it } from 'mocha';
import { type Document, MongoClient } from 'mongodb';
import type { KeptAnchor } from '../../src/audit/ledger/anchor-check.js';
import { type Anchor, headsOfAnchor, readAnchor } from '../../src/audit/ledger/anchors.js';
import { lastAnchorIn } from '../../src/audit/ledger/forks.js';
import { fileLines } from '../../src/audit/ledger/lines.js';
import { verifyTrail } from '../../src/audit/ledger/verify.js';
import { verifyStore } from '../../src/cli/audit-ledger.js';
import { main } from '../../src/main.js';
import { storesInTurn } from '../support/both-stores.js';
import { newStore, type RunningServer, startServer } from '../support/server.js';
import { countStreams, entryIn } from '../support/ledger.js';

/** Gives what puts the store back to what it holds now. Nobody has it open. */
async function backUp(store: string, data: string): Promise<() => Promise<void>> {
  if (store === 'embedded') {
    const file = join(data, 'chartroom.db');
    copyFileSync(file, `${file}.old`);
    return async () => {
      for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true });
      copyFileSync(`${file}.old`, file);
    };
  }
  const within = async (work: (client: MongoClient) => Promise<void>): Promise<void> => {
    const client = new MongoClient(store);
    await work(client);
    await client.close();
  };
  const kept = new Map<string, Document[]>();
  await within(async client => {
    for (const collection of await client.db().collections())
      kept.set(collection.collectionName, await collection.find({}, { promoteValues: false }).toArray());
  });
  return () =>
    within(async client => {
      for (const collection of await client.db().collections()) {
        await collection.deleteMany({});
        const documents = kept.get(collection.collectionName) ?? [];
        if (documents.length > 0) await collection.insertMany(documents);
      }
    });
}

const folder = (): string => mkdtempSync(join(tmpdir(), 'chartroom-forks-'));
const start = (store: string, data: string, config = {}): Promise<RunningServer> =>
  startServer({ store, config: { data, baseUrl: 'http://x.test/fhir', ...config } });

/** Something is done, and anchored. `stop` keeps the folder, which is none of its own. */
async function anchored(server: RunningServer): Promise<void> {
  await server.request.get('/fhir/Patient?name=nobody').expect(200);
  await server.engine.ledger.upkeep();
}

async function found(server: RunningServer, data: string, anchors: readonly KeptAnchor[] = []): Promise<string[]> {
  const { findings } = await verifyStore(server.engine, data, { anchors });
  return findings.named.map(({ what, isWarning, where }) => `${isWarning ? '(warning) ' : ''}${what} ${where.stream}`);
}
const blames = (told: readonly string[]): string[] => told.filter(each => !each.startsWith('(warning)'));

for (const name of storesInTurn(0))
  describe(`an older copy of a ${name} store`, () => {
    const data = folder();
    after(() => rmSync(data, { recursive: true, force: true }));
    let store = '';
    let lost: Anchor;
    let putBack: () => Promise<void>;

    it('is named and refused at the start', async function () {
      store = await newStore(this, name);
      for (let life = 0; life < 2; life++) {
        const server = await start(store, data);
        await anchored(server);
        await server.stop();
      }
      putBack = await backUp(store, data);
      const before = lastAnchorIn(join(data, 'anchors'))!;
      const server = await start(store, data);
      await anchored(server);
      await server.stop();
      // A positive control: what goes on is no fork.
      const next = await start(store, data);
      await anchored(next);
      await next.stop();
      lost = lastAnchorIn(join(data, 'anchors'))!;
      assert.notDeepEqual(lost, before);
      await putBack();
      // A line that was cut says nothing.
      appendFileSync(join(data, 'anchors'), '{"note":"');
      const known = new Set(headsOfAnchor(before).map(({ stream }) => stream));
      const streams = headsOfAnchor(lost).filter(({ stream }) => !known.has(stream));
      assert.ok(streams.length > 0);
      for (let i = 0; i < 2; i++)
        await assert.rejects(start(store, data), (error: Error) => {
          assert.equal(error.name, 'ConfigError');
          assert.match(error.message, /CHARTROOM_ACCEPT_FORK=on/);
          for (const { stream, size } of streams) assert.ok(error.message.includes(`${stream} (${size} deeds)`));
          return true;
        });
      assert.ok(existsSync(data));
    });

    it('can be examined as it is, which accepts nothing', async () => {
      const out = join(data, 'export.ndjson');
      const settings = { CHARTROOM_DATA: data, CHARTROOM_STORE: store, CHARTROOM_BASE_URL: 'http://x.test/fhir' };
      assert.equal(await main(['audit', 'export', '--out', out], settings), 0);
      const { findings } = await verifyTrail(fileLines(createReadStream(out)));
      assert.ok(findings.named.some(({ what }) => what === 'missing' || what === 'truncated'));
      await assert.rejects(start(store, data), /CHARTROOM_ACCEPT_FORK=on/);
    });

    it('is accepted by a setting, and the trail tells of it', async () => {
      const lines = readFileSync(join(data, 'anchors'), 'utf8').split('\n');
      const known = lines.flatMap(line => readAnchor(line) ?? []).flatMap(headsOfAnchor);
      const server = await start(store, data, { acceptFork: 'on' });
      const { body } = await server.request
        .get('/fhir/AuditEvent?type=http://dicom.nema.org/resources/ontology/DCM|110113&subtype=110132')
        .expect(200);
      const told = (body as Bundle<AuditEvent>).entry!.map(({ resource }) =>
        resource!.entity![0]!.detail!.map(each => each.valueString),
      );
      const before = await countStreams(server.engine.store);
      const isMissing = ({ stream }: { readonly stream: string }): boolean =>
        !before.some(each => each.stream === stream);
      const sizes = new Map(known.filter(isMissing).map(({ stream, size }) => [stream, size]));
      assert.ok(sizes.size > 0);
      const deeds = [...sizes.values()].reduce((sum, size) => sum + size, 0);
      assert.deepEqual(told, [[String(sizes.size), String(deeds)]]);
      await anchored(server);
      const entries = (await countStreams(server.engine.store)).flatMap(each =>
        each.deeds.flatMap(deed => {
          try {
            return [entryIn(deed)];
          } catch {
            return [];
          }
        }),
      );
      const restored = entries.filter(({ what }) => what === 'restored');
      assert.equal(restored.length, 1);
      const all = await found(server, data);
      assert.deepEqual(blames(all), []);
      for (const stream of sizes.keys()) assert.ok(all.includes(`(warning) restored ${stream}`), all.join('; '));
      const elsewhere = blames(await found(server, data, [lost]));
      assert.deepEqual(
        elsewhere.toSorted(),
        headsOfAnchor(lost)
          .filter(isMissing)
          .map(({ stream }) => `missing ${stream}`)
          .toSorted(),
        'whoever has the anchor has not accepted it',
      );
      await server.stop();
    });

    it('goes on from there without being asked again', async () => {
      const server = await start(store, data);
      await anchored(server);
      assert.deepEqual(blames(await found(server, data)), []);
      await server.stop();
      await putBack();
      await assert.rejects(start(store, data), { name: 'ConfigError' }, 'and once more is another one');
    });
  });

describe('a folder of data that was copied, and runs twice', () => {
  const [first, second] = [folder(), folder()];
  after(() => {
    for (const data of [first, second]) rmSync(data, { recursive: true, force: true });
  });

  it('is found out by the anchors of the other one', async () => {
    const one = await start('embedded', first);
    await anchored(one);
    await one.stop();
    cpSync(first, second, { recursive: true });
    for (const data of [first, second]) {
      const server = await start('embedded', data);
      await anchored(server);
      await server.stop();
    }
    const last = (data: string): Anchor => lastAnchorIn(join(data, 'anchors'))!;
    for (const [data, other] of [
      [first, second],
      [second, first],
    ] as const) {
      const server = await start('embedded', data);
      assert.deepEqual(blames(await found(server, data, [last(data)])), []);
      const told = blames(await found(server, data, [last(other)]));
      assert.ok(told.length > 0 && told.every(each => each.startsWith('missing ')), told.join('; '));
      await server.stop();
    }
    assert.ok(readFileSync(join(first, 'anchors')).length > 0);
  });
});
