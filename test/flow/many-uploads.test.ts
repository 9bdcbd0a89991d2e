/**
 * A hundred documents of 20 MB come at the same time: all are taken, and the process stays small. So it does for one of 256 MB. At full depth
 * alone, on Linux.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { after, before, describe, it } from 'mocha';
import { FULL } from '../support/depth.js';
import { newStore, STORES } from '../support/server.js';
import { type Watched, watchServer } from '../support/watched.js';

const UPLOADS = 100;
const PARTS = 20;
const PART = Buffer.alloc(1_000_000, 7);
const LARGE_PARTS = 256;
/** MB that the process takes more for a large upload than for half of it. */
const MOST_GROWTH = 60;
/** MB that the process has at most. */
const MOST_MEMORY = 350;

/** The status of the answer. `number`: in the first bytes, as equal bytes would be stored once. */
async function upload(port: number, number: number, parts = PARTS): Promise<number> {
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': String(parts * PART.length),
    prefer: 'return=minimal',
  };
  const sent = request({ port, method: 'POST', path: '/fhir/Binary', headers });
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
  const first = Buffer.from(PART);
  first.write(String(number));
  for (let at = 0; at < parts; at++) if (!sent.write(at === 0 ? first : PART)) await once(sent, 'drain');
  sent.end();
  const [answer] = await answered;
  answer.resume();
  return answer.statusCode!;
}

for (const store of STORES)
  describe(`many uploads (${store})`, () => {
    let watched: Watched | undefined;
    before('starts the server', async function () {
      if (!FULL || process.platform !== 'linux') return this.skip();
      watched = await watchServer({ CHARTROOM_STORE: await newStore(this, store) });
      await watched.send('GET', '/fhir/metadata');
    });
    after('stops the server', () => watched?.stop());

    it('and a single one of 256 MB, which takes little more than the server itself', async () => {
      const { server } = watched!;
      // What it has once it has worked: the caches of the store among it.
      const first = await watched!.watch(async () => ({ status: await upload(server.port, 1000, LARGE_PARTS / 2) }));
      const { status, memory } = await watched!.watch(async () => ({
        status: await upload(server.port, 1001, LARGE_PARTS),
      }));
      assert.deepEqual([first.status, status], [201, 201]);
      assert.ok(memory - first.memory < MOST_GROWTH, `it took ${(memory - first.memory).toFixed(0)} MB more`);
    });

    it('are taken in bounded memory', async () => {
      const { server } = watched!;
      const { statuses, memory } = await watched!.watch(async () => ({
        statuses: await Promise.all(Array.from({ length: UPLOADS }, (_, number) => upload(server.port, number))),
      }));
      assert.ok(memory < MOST_MEMORY, `the process took ${memory.toFixed(0)} MB`);
      // A machine that is too slow for all of them at a time says so.
      assert.ok(statuses.includes(201) && statuses.every(status => status === 201 || status === 408), statuses.join());
    });
  });
