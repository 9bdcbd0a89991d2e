/**
 * Uploads and reads of bytes by clients that lie, stop or ask for too much: each gets an error of theirs or a partial answer, nothing is
 * half stored, and others are served meanwhile. https://hl7.org/fhir/R4/binary.html#rest, https://www.rfc-editor.org/rfc/rfc9110#section-14
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { beforeEach, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { exchange } from '../../support/exchange.js';
import { refusal } from '../../support/talk.js';

const BYTES = Buffer.from('The quick brown fox jumps over the lazy dog. '.repeat(5));
const DATA = BYTES.toString('base64');
const BODIES: readonly [path: string, type: string, body: string | Buffer][] = [
  ['Binary', 'application/octet-stream', BYTES],
  [
    'Binary',
    'application/fhir+json',
    JSON.stringify({ resourceType: 'Binary', contentType: 'text/plain', data: DATA }),
  ],
  [
    'DocumentReference',
    'application/fhir+json',
    JSON.stringify({ resourceType: 'DocumentReference', status: 'current', content: [{ attachment: { data: DATA } }] }),
  ],
];

onStoresInTurn('hostile uploads', stage => {
  const port = () => stage().server.port;
  const head = (path: string, type: string, length: number) =>
    `POST /fhir/${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`;
  const open = async (): Promise<Socket> => {
    const socket = connect(port(), '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  };
  /** Resources, and bytes that are in the store. */
  const stored = async () => {
    const counts: number[] = [];
    for (const type of ['Binary', 'DocumentReference'])
      counts.push((await stage().talk.search(`${type}?_summary=count`)).total!);
    let blobs = 0;
    for await (const _ of stage().server.engine.store.blobs.all()) blobs++;
    return [...counts, blobs];
  };
  let before: readonly number[];
  beforeEach(async () => void (before = await stored()));

  it('that are cut off anywhere store nothing', async () => {
    for (const [path, type, body] of BODIES)
      for (let at = 0; at < body.length; at += 10) {
        const socket = await open();
        socket.write(head(path, type, body.length));
        socket.write(body.slice(0, at));
        // The server has seen what came when it has answered another request.
        if (at % 50 === 0) assert.equal((await stage().talk.get('Patient?_summary=count')).status, 200);
        socket.destroy();
      }
    for (const [path, type, body] of BODIES) {
      const socket = await open();
      socket.end(head(path, type, body.length) + body.slice(0, -1).toString());
      await once(socket.resume(), 'close');
    }
    assert.deepEqual(await stored(), before);
  });

  it('have the length that they say, or are none', async () => {
    const socket = await open();
    let said = '';
    socket.on('data', (part: Buffer) => void (said += part.toString('latin1')));
    socket.write(head('Binary/shorter', 'application/octet-stream', 10).replace('POST', 'PUT'));
    socket.write(BYTES);
    await once(socket, 'close');
    // What goes on behind it is no request.
    assert.match(said, /HTTP\/1\.1 400 /);
    const read = () => exchange(port(), { method: 'GET', path: '/fhir/Binary/shorter', headers: { accept: '*/*' } });
    // Whether the upload was through before the connection was closed is the store's business: it is there as it was said, or not at all.
    let found = await read();
    for (let again = 0; again < 50 && found.status === 404; again++) found = await read();
    if (found.status !== 404) assert.ok(found.body.equals(BYTES.subarray(0, 10)));
    const kept = found.status === 404 ? 0 : 1;
    for (const length of ['-1', '1e3', '10, 11', '999999999999999999999']) {
      const lying = await open();
      let answer = '';
      lying.on('data', (part: Buffer) => void (answer += part.toString('latin1')));
      lying.write(
        head('Binary', 'application/octet-stream', 0).replace('Content-Length: 0', `Content-Length: ${length}`),
      );
      await once(lying, 'close');
      assert.match(answer, /^HTTP\/1\.1 4\d\d /, length);
    }
    assert.deepEqual(await stored(), [before[0]! + kept, before[1], before[2]! + kept]);
  });

  it('that come slowly keep nobody waiting', async () => {
    const slow = await Promise.all(Array.from({ length: 100 }, open));
    for (const [i, socket] of slow.entries()) {
      const [path, type, body] = BODIES[i % BODIES.length]!;
      socket.write(head(path, type, body.length));
      socket.write(body.slice(0, 1 + (i % 50)));
    }
    for (let i = 0; i < 5; i++) {
      const quick = await exchange(port(), {
        method: 'PUT',
        path: '/fhir/Binary/quick',
        headers: { 'content-type': 'text/plain' },
        body: `quick ${i}`,
      });
      assert.ok(quick.status < 300);
    }
    for (const socket of slow) socket.destroy();
    const [binaries, documents] = await stored();
    assert.deepEqual([binaries, documents], [before[0]! + 1, before[1]]);
  });

  it('are not inflated beyond measure', async () => {
    const bomb = gzipSync(Buffer.alloc(30_000_000));
    for (const type of ['application/octet-stream', 'application/fhir+json']) {
      const headers = { 'content-type': type, 'content-encoding': 'gzip' };
      const answer = await exchange(port(), { method: 'POST', path: '/fhir/Binary', headers, body: bomb });
      assert.equal(answer.status, 413, type);
    }
    const broken = await exchange(port(), {
      method: 'POST',
      path: '/fhir/Binary',
      headers: { 'content-type': 'application/octet-stream', 'content-encoding': 'gzip' },
      body: gzipSync(BYTES).subarray(0, 40),
    });
    assert.equal(broken.status, 400);
    assert.deepEqual(await stored(), before);
  });

  it('are read by a range, whatever is asked for', async () => {
    const put = { headers: { 'content-type': 'text/plain' }, body: BYTES };
    await stage().talk.send('PUT', 'Binary/ranged', put);
    const read = (range: string | readonly string[]) =>
      exchange(port(), { method: 'GET', path: '/fhir/Binary/ranged', headers: { accept: '*/*', range } });
    const many = await read(`bytes=${Array.from({ length: 1500 }, (_, i) => `${2 * i}-${2 * i}`).join()}`);
    assert.deepEqual([many.status, many.body.equals(BYTES)], [200, true]);
    const repeated = await read(Array.from({ length: 10_000 }, () => 'bytes=0-0'));
    assert.equal(repeated.status, 431);
    const beyond = await stage().talk.get('Binary/ranged', { accept: '*/*', range: `bytes=${'9'.repeat(20)}-` });
    assert.equal(refusal(beyond).status, 416);
    assert.equal((await read('bytes=0-99999999999999999999')).body.length, BYTES.length);
  });
});
