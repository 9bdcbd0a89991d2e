/** Resets and snapshots in a row leave nothing behind: neither memory nor disk grows with their number. */
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Bundle, Patient } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { MongoClient } from 'mongodb';
import { storesInTurn } from '../../support/both-stores.js';
import { depthOf, FULL } from '../../support/depth.js';
import { newStore, startServer } from '../../support/server.js';

const MB = 1_048_576;
/** Collections that are kept ready: seven, and one that is being dropped, of each of the six. */
const MOST_SPARES = 8 * 6;
/** Tests of somebody before anything is measured, and states that are kept so that what stays is seen. */
const [BEFORE, KEPT] = FULL ? [50, 20] : [10, 10];
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes that the process holds on to. */
async function memory(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await new Promise(setImmediate);
    collect();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

interface Disk {
  readonly bytes: number;
  /** Files, or collections without those that are kept ready, and how many of these there are. */
  readonly parts: number;
  readonly spares: number;
}

function folderSize(folder: string): Disk {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    // The log of the store takes 64 MB at most, whatever is done.
    each => each.isFile() && !each.name.endsWith('-wal'),
  );
  return {
    bytes: files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0),
    parts: files.length,
    spares: 0,
  };
}

async function databaseSize(client: MongoClient): Promise<Disk> {
  const { totalSize } = await client.db().command({ dbStats: 1 });
  const names = (await client.db().listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name);
  // One that is being copied has a name of MongoDB's until it is whole.
  const spares = names.filter(name => /^(?:spare|tmp\.agg_out)\./.test(name)).length;
  return { bytes: totalSize as number, parts: names.length - spares, spares };
}

/** Not `fetch`, whose promises may never settle when garbage is collected by force. */
function sender(port: number, agent: Agent) {
  return <T>(method: string, path: string, body?: unknown): Promise<T> =>
    new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/fhir+json' };
      const sent = request({ host: '127.0.0.1', port, agent, method, path, headers }, reply => {
        let text = '';
        reply.setEncoding('utf8').on('data', (part: string) => (text += part));
        reply.on('error', reject).on('end', () => {
          if (reply.statusCode! < 300) resolve((text === '' ? undefined : JSON.parse(text)) as T);
          else reject(new Error(`${method} ${path}: ${reply.statusCode} ${text}`));
        });
      });
      sent.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
    });
}

for (const name of storesInTurn(0))
  describe(`many resets and snapshots (${name})`, () => {
    it('leave nothing behind', async function () {
      const store = await newStore(this, name);
      const server = await startServer({ store, config: { harness: 'on' } });
      const client = name === 'mongo' ? await MongoClient.connect(store) : undefined;
      const disk = () => (client ? databaseSize(client) : folderSize(server.engine.settings.data));
      const agent = new Agent({ keepAlive: true });
      const send = sender(server.port, agent);
      const tell = (method: string, path: string, body?: unknown) => send(method, `/harness${path}`, body);
      /** A test of somebody: it writes what no other one does, changes it, and reads it. */
      const scenario = async (round: number): Promise<void> => {
        const resource: Patient = { resourceType: 'Patient', name: [{ family: `Round${round}` }] };
        const created = await send<Patient>('POST', '/fhir/Patient', resource);
        await send('PUT', `/fhir/Patient/${created.id}`, { ...created, active: true });
        const found = await send<Bundle>('GET', `/fhir/Patient?family:exact=Round${round}&active=true`);
        assert.equal(found.entry?.length, 1);
      };
      await tell('POST', '/reset');
      for (let i = 1; i <= BEFORE; i++) await scenario(-i);
      await tell('POST', '/snapshot', { name: 'start' });

      const resets = async (count: number): Promise<void> => {
        for (let i = 0; i < count; i++) {
          await tell('POST', '/reset', i % 10 === 9 ? { seed: i } : { to: 'start', seed: i });
          await scenario(i);
        }
      };
      const snapshots = async (count: number): Promise<void> => {
        for (let i = 0; i < count; i++) {
          await scenario(i);
          await tell('POST', '/snapshot', { name: i % 2 === 0 ? 'again' : `own-${i}` });
          if (i % 2 === 1) await tell('DELETE', `/snapshot/own-${i}`);
          if (i % 10 === 9) await tell('POST', '/reset', { to: 'start' });
        }
      };
      // What is made once, is made here.
      await resets(Math.ceil(depthOf('RESETS') / 5));
      await snapshots(Math.ceil(depthOf('SNAPSHOTS') / 5));
      await tell('POST', '/reset', { to: 'start' });
      const before = { memory: await memory(), disk: await disk() };
      await resets(depthOf('RESETS'));
      await snapshots(depthOf('SNAPSHOTS'));
      await tell('POST', '/reset', { to: 'start' });
      const after = { memory: await memory(), disk: await disk() };
      const told = JSON.stringify({ before, after });
      assert.ok(after.memory - before.memory < 8 * MB, told);
      assert.ok(after.disk.bytes - before.disk.bytes < 16 * MB, told);
      assert.equal(after.disk.parts, before.disk.parts, told);
      assert.ok(after.disk.spares <= MOST_SPARES, told);

      // The control: what stays is seen.
      const kept: Buffer[] = [];
      for (let i = 0; i < KEPT; i++) {
        await tell('POST', '/snapshot', { name: `kept-${i}` });
        kept.push(Buffer.alloc(2 * MB));
      }
      const grown = { memory: await memory(), disk: await disk() };
      assert.ok(grown.memory - after.memory >= 8 * MB && kept.length === KEPT);
      assert.ok(grown.disk.bytes > after.disk.bytes && grown.disk.parts - after.disk.parts >= KEPT);
      agent.destroy();
      await client?.close();
      await server.stop();
    });
  });
