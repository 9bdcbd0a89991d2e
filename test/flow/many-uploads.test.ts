/**
 * A hundred documents of 20 MB come at the same time: all are taken, and the process stays small. So it does for one of 256 MB. At full depth
 * alone, on Linux.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
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

/** ms of processor time that others wait at most: half of it is for what a machine that is busy otherwise adds. */
const MOST_WAIT = 200;

const OF_FORM = {
  json: ['{"resourceType":"Binary","contentType":"application/pdf","data":"', '"}'],
  xml: ['<Binary xmlns="http://hl7.org/fhir"><contentType value="application/pdf"/><data value="', '"/></Binary>'],
} as const;

/** Sends a Binary as a resource, and reads it again: whether the base64 is that which was sent. */
async function roundTrip(port: number, form: keyof typeof OF_FORM, parts: number) {
  const [head, tail] = OF_FORM[form];
  // Of whole groups of three, so that parts of base64 are base64.
  const part = Buffer.from(PART.subarray(0, 999_999).toString('base64'));
  const type = `application/fhir+${form}`;
  const headers = { 'content-type': type, prefer: 'return=minimal' };
  const sent = request({ port, method: 'POST', path: '/fhir/Binary', headers });
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
  // One in its first bytes says which it is.
  const first = Buffer.from(part);
  first.write(Buffer.from(`${form}${parts}`.padEnd(9)).toString('base64'));
  const digest = createHash('sha256').update(first);
  sent.write(head);
  for (let at = 0; at < parts; at++) {
    if (at > 0) digest.update(part);
    if (!sent.write(at === 0 ? first : part)) await Promise.race([once(sent, 'drain'), answered]);
  }
  sent.end(tail);
  const [answer] = await answered;
  answer.resume();
  if (answer.statusCode !== 201) return { status: answer.statusCode!, same: false };
  const path = new URL(answer.headers.location!).pathname.replace(/\/_history.*/, '');
  const [given] = (await once(request({ port, path, headers: { accept: type } }).end(), 'response')) as [
    IncomingMessage,
  ];
  const found = createHash('sha256');
  let left = -1;
  for await (const piece of given as AsyncIterable<Buffer>) {
    let from = 0;
    if (left < 0) {
      const begin = /"data":"|<data value="/.exec(piece.toString('latin1'));
      if (!begin) continue;
      from = begin.index + begin[0].length;
      left = parts * part.length;
    }
    const some = piece.subarray(from, from + left);
    found.update(some);
    left -= some.length;
  }
  return { status: answer.statusCode, same: left === 0 && found.digest('hex') === digest.digest('hex') };
}

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

    it('and one of 256 MB as a resource, in JSON and in XML, both ways', async () => {
      const { server } = watched!;
      for (const form of ['json', 'xml'] as const) {
        const few = await watched!.watch(() => roundTrip(server.port, form, LARGE_PARTS / 2));
        const many = await watched!.watch(() => roundTrip(server.port, form, LARGE_PARTS));
        assert.deepEqual([few.status, many.status], [201, 201], form);
        assert.equal(many.same, true, `${form}: other bytes`);
        assert.ok(
          many.memory - few.memory < MOST_GROWTH,
          `${form} took ${(many.memory - few.memory).toFixed(0)} MB more`,
        );
        assert.ok(many.wait < MOST_WAIT, `${form} kept others waiting for ${many.wait.toFixed(0)} ms`);
      }
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
