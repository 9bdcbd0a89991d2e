/** The ledger of a running server (src/audit/ledger): keys, checkpoints, how its streams end, and what a start finds of those that did not. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as wholeText } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, it } from 'mocha';
import { readAnchor } from '../../src/audit/ledger/anchors.js';
import { isRotationSigned } from '../../src/audit/ledger/rotation.js';
import { addLedgerKey, idOfKeyText } from '../../src/audit/ledger/keys.js';
import { openCheckpoint, readKeyText, streamOrigin } from '../../src/audit/ledger/note.js';
import { LedgerStreams } from '../../src/audit/ledger/streams.js';
import { isConsistent, isIncluded, leafHash, treeRoot } from '../../src/store/ledger.js';
import { deedOfEntry } from '../../src/store/ledger-entry.js';
import { openEmbedded } from '../../src/store/embedded/index.js';
import { openMongo } from '../../src/store/mongo/index.js';
import { layout } from '../support/changes.js';
import { type CountedStream, countStreams, entryIn } from '../support/ledger.js';
import { newStore, type RunningServer, startServer, STORES } from '../support/server.js';

import { fullIt } from '../support/depth.js';
type Entry = Readonly<Record<string, unknown>>;

for (const name of STORES)
  describe(`the ledger of a server: ${name}`, () => {
    const data = mkdtempSync(join(tmpdir(), 'chartroom-ledger-'));
    let store = '';
    /** What whoever keeps anchors has got. */
    const taken: string[] = [];
    let refuses = false;
    const keeper = createServer((request, response) => {
      void wholeText(request).then(body => {
        if (!refuses) taken.push(body);
        response.writeHead(refuses ? 503 : 204).end();
      });
    });
    let server: RunningServer;
    const start = async () =>
      void (server = await startServer({
        store,
        config: { data, baseUrl: 'http://x.test/fhir', auditAnchors: anchors() },
      }));
    const anchors = () => `http://127.0.0.1:${(keeper.address() as AddressInfo).port}/anchors`;
    before(async function () {
      await new Promise<void>(done => keeper.listen(0, '127.0.0.1', done));
      store = await newStore(this, name);
      await start();
    });
    after(async () => {
      await server?.stop();
      keeper.close();
      rmSync(data, { recursive: true, force: true });
    });
    const read = async (times = 1) => {
      for (let i = 0; i < times; i++) await server.request.get('/fhir/Patient?name=nobody').expect(200);
    };
    const entriesOf = ({ deeds }: CountedStream): Entry[] =>
      deeds.flatMap(deed => {
        try {
          return [entryIn(deed)];
        } catch {
          return [];
        }
      });
    /** The last checkpoint of a stream, by a key of the ledger. */
    const checkpointOf = async (stream: string) => {
      const note = await server.engine.ledger.checkpoints.last(stream);
      if (note === undefined) return undefined;
      const keys = (await server.engine.ledger.keyTexts()).map(text => readKeyText(text)!);
      const { checkpoint, signedBy } = openCheckpoint(note, keys);
      assert.ok(signedBy);
      return checkpoint;
    };

    it('signs how far its streams are', async () => {
      await read(3);
      for (;;) {
        await server.engine.ledger.look();
        const stream = (await countStreams(server.engine.store)).find(({ leaves }) => leaves.length > 3);
        const checkpoint = stream && (await checkpointOf(stream.stream));
        if (!checkpoint || checkpoint.size < 4) {
          await pause(20);
          continue;
        }
        assert.equal(checkpoint.origin, streamOrigin('x.test/fhir/audit', stream.stream));
        assert.deepEqual(checkpoint.root, treeRoot(stream.leaves.slice(0, checkpoint.size)));
        break;
      }
      const files = readdirSync(join(data, 'keys'));
      assert.deepEqual(files, ['audit-1.pem']);
      assert.equal(statSync(join(data, 'keys', 'audit-1.pem')).mode & 0o777, 0o600);
    });

    const parametersOf = async (path: string): Promise<Record<string, string[]>> => {
      const { body } = await server.request.get(path).expect(200);
      const found: Record<string, string[]> = {};
      const values = (body as { parameter: Record<string, unknown>[] }).parameter;
      for (const each of values) {
        const key = Object.keys(each).find(one => one.startsWith('value'));
        (found[each['name'] as string] ??= []).push(String(each[key ?? 'part']));
      }
      return found;
    };
    const bytes = (texts: readonly string[] = []): Buffer[] => texts.map(text => Buffer.from(text, 'base64'));

    fullIt('proves that an event is in it, to a checkpoint and from an earlier one', async () => {
      // More than a tile of them.
      while ((await server.engine.store.deeds.heads()).every(({ size }) => size < 300))
        await Promise.all(Array.from({ length: 50 }, () => read()));
      const { body } = await server.request.get('/fhir/AuditEvent?_count=200&_elements=id').expect(200);
      const ids = (body as { entry: { resource: { id: string } }[] }).entry.map(({ resource }) => resource.id);
      const streams = await countStreams(server.engine.store);
      for (const id of [ids[0]!, ids[20]!, ids.at(-1)!])
        for (const from of [undefined, 1, 3, 257]) {
          const proof = await parametersOf(`/fhir/AuditEvent/${id}/$proof${from === undefined ? '' : `?from=${from}`}`);
          const [stream, index, leaf] = [proof['stream']![0]!, Number(proof['index']![0]), bytes(proof['leaf'])[0]!];
          const { leaves, deeds } = streams.find(one => one.stream === stream)!;
          assert.ok(deeds[index] === undefined || deeds[index].includes(id));
          const keys = (await server.engine.ledger.keyTexts()).map(text => readKeyText(text)!);
          const { checkpoint, signedBy } = openCheckpoint(proof['checkpoint']![0]!, keys);
          assert.ok(signedBy);
          const { size, root } = checkpoint;
          assert.ok(isIncluded(leaf, index, size, bytes(proof['inclusion']), root));
          assert.ok(!isIncluded(leaf, index + 1, size, bytes(proof['inclusion']), root));
          if (from === undefined) continue;
          const earlier = { size: from, root: treeRoot(leaves.slice(0, from)) };
          assert.ok(isConsistent(earlier, checkpoint, bytes(proof['consistency'])));
        }
      await server.request.get(`/fhir/AuditEvent/${ids[0]}/$proof?from=100000`).expect(400);
      await server.request.get('/fhir/AuditEvent/none/$proof').expect(404);
    });

    it('anchors how far all streams are, in a file, the store, and where the settings say', async () => {
      await server.engine.ledger.upkeep();
      await read();
      await server.engine.ledger.upkeep();
      const lines = readFileSync(join(data, 'anchors'), 'utf8').trimEnd().split('\n');
      const keys = (await server.engine.ledger.keyTexts()).map(text => readKeyText(text)!);
      for (const line of lines) {
        const { note, heads } = readAnchor(line)!;
        const { checkpoint, signedBy } = openCheckpoint(note, keys);
        assert.ok(signedBy);
        assert.equal(checkpoint.origin, 'x.test/fhir/audit/anchor');
        assert.deepEqual(checkpoint.root, treeRoot(heads.map(head => leafHash(Buffer.from(head)))));
        assert.match(checkpoint.extensions[0]!, /^\d{4}-\d\d-\d\dT.*Z$/);
      }
      assert.deepEqual(taken, lines);
      const last = await parametersOf('/fhir/$audit-checkpoint');
      assert.deepEqual(last['ledger'], ['x.test/fhir/audit']);
      assert.ok(last['anchor'] && last['checkpoint']!.length > 0);
      assert.deepEqual(last['key'], await server.engine.ledger.keyTexts());
      const listed = await server.request.get('/.well-known/chartroom-audit-keys').expect(200);
      assert.deepEqual(listed.text.trimEnd().split('\n'), last['key']);
    });

    it('keeps an anchor that is not taken until it is', async () => {
      refuses = true;
      await read();
      await server.engine.ledger.upkeep();
      const count = taken.length;
      await read();
      await server.engine.ledger.upkeep();
      assert.equal(taken.length, count);
      refuses = false;
      await server.engine.ledger.upkeep();
      assert.deepEqual(taken, readFileSync(join(data, 'anchors'), 'utf8').trimEnd().split('\n'));
    });

    it('ends its streams with the server, and binds them in those of the next', async () => {
      const ended = await countStreams(server.engine.store);
      await server.stop();
      await start();
      await read();
      const streams = await countStreams(server.engine.store);
      for (const { stream } of ended) {
        const now = streams.find(one => one.stream === stream)!;
        assert.deepEqual(entriesOf(now).at(-1), { what: 'closed' });
        const checkpoint = await checkpointOf(stream);
        assert.deepEqual([checkpoint?.size, checkpoint?.root], [now.leaves.length, treeRoot(now.leaves)]);
        const head = { stream, size: now.leaves.length, root: treeRoot(now.leaves).toString('base64') };
        const known = new Set(ended.map(one => one.stream));
        const later = streams.find(one => !known.has(one.stream))!;
        assert.deepEqual(
          (entriesOf(later)[0]!['heads'] as Entry[]).find(each => each['stream'] === stream),
          head,
        );
      }
      const texts = await server.engine.ledger.keyTexts();
      assert.equal(texts.length, 1);
    });

    it('says which key comes after which, signed by both', async () => {
      addLedgerKey(data);
      await server.engine.ledger.upkeep();
      await read();
      await server.engine.ledger.look();
      const streams = await countStreams(server.engine.store);
      const rotations = streams.flatMap(entriesOf).filter(({ what }) => what === 'key');
      assert.equal(rotations.length, 1);
      assert.ok(isRotationSigned(rotations[0] as unknown as Parameters<typeof isRotationSigned>[0]));
      assert.equal(rotations[0]!['to'], server.engine.ledger.key.text);
      const last = (await server.engine.store.deeds.heads())[0]!;
      const note = (await server.engine.ledger.checkpoints.last(last.stream))!;
      assert.ok(openCheckpoint(note, [readKeyText(server.engine.ledger.key.text)!]).signedBy);
      await server.engine.ledger.upkeep();
      const again = (await countStreams(server.engine.store)).flatMap(entriesOf).filter(({ what }) => what === 'key');
      assert.equal(again.length, 1, 'it is said once');
      assert.equal(new Set((await server.engine.ledger.keyTexts()).map(idOfKeyText)).size, 2);
    });

    it('tells of streams that came to no end', async () => {
      await server.stop();
      // What a process leaves that is killed.
      const left =
        name === 'mongo'
          ? await openMongo({ url: store, layout })
          : await openEmbedded({ file: join(data, 'chartroom.db'), layout });
      await left.deeds.openLedger({ key: 'key', process: 'killed', heads: [] });
      await left.commit({ changes: [], deeds: [deedOfEntry('{"what":"test"}', 0)] });
      const [head] = await left.deeds.heads();
      await left.close();
      await start();
      let time = 0;
      const streams = new LedgerStreams(server.engine.store, 'another', () => time);
      if (name === 'mongo') {
        assert.deepEqual(await streams.abandoned(), [], 'it may live');
        time = 61_000;
        assert.deepEqual(await streams.abandoned(), [head!.stream]);
        return;
      }
      await server.engine.ledger.upkeep();
      const recovered = (await countStreams(server.engine.store))
        .flatMap(entriesOf)
        .filter(({ what }) => what === 'recovered');
      const { stream, size, root } = head!;
      assert.deepEqual(recovered, [{ what: 'recovered', stream, size, root: root.toString('base64') }]);
      assert.deepEqual(await streams.abandoned(), []);
    });
  });
