/**
 * Parts of a Binary, entity tags, digests, names of files, on both stores: https://www.rfc-editor.org/rfc/rfc9110#section-14,
 * https://www.rfc-editor.org/rfc/rfc9530, https://www.rfc-editor.org/rfc/rfc6266
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { OperationOutcome } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { exchange } from '../../support/exchange.js';
import { createRandom } from '../../support/random.js';

/** Several chunks in either store. */
const BYTES = randomBytes(2_300_001);
const HASH = createHash('sha256').update(BYTES).digest('hex');
const TAG = `"${HASH}"`;

onStoresInTurn(
  'parts of a Binary',
  stage => {
    const ask = (headers: Record<string, string | string[]> = {}, method = 'GET', path = 'Binary/ranged') =>
      exchange(stage().server.port, { method, path: `/fhir/${path}`, headers });

    it('are told of, and all of it has a strong tag', async () => {
      const { status, headers, body } = await ask();
      assert.deepEqual([status, headers['accept-ranges'], headers.etag], [200, 'bytes', TAG]);
      assert.ok(body.equals(BYTES));
      assert.equal((await ask({ accept: 'application/fhir+json' })).headers.etag, 'W/"1"');
      assert.equal((await ask({ accept: 'application/fhir+json' })).headers['accept-ranges'], undefined);
    });

    it('are broken off by a client that goes away, which is no fault of the server', async () => {
      const { port, engine } = stage().server;
      const { metrics } = engine;
      // More than the connection holds by itself.
      const body = Buffer.alloc(24_000_000, 'large ');
      const headers = { 'content-type': 'application/octet-stream' };
      await exchange(port, { method: 'PUT', path: '/fhir/Binary/broken-off', headers, body });
      const count = async (of: 'open' | 'refused') =>
        (await metrics[of].get()).values.reduce((sum, { value }) => sum + value, 0);
      const refused = await count('refused');
      await new Promise<void>((resolve, reject) => {
        const asked = request({ port, path: '/fhir/Binary/broken-off' }, answer =>
          answer.once('data', () => {
            asked.destroy();
            resolve();
          }),
        );
        asked.on('error', reject).end();
      });
      while ((await count('open')) > 0) await pause(5);
      assert.equal(await count('refused'), refused);
    });

    it('are given as 206', async () => {
      const n = BYTES.length;
      for (const [range, from, to] of [
        ['bytes=0-0', 0, 0],
        ['bytes=0-', 0, n - 1],
        ['bytes=5-99999999', 5, n - 1],
        ['bytes=262142-262145', 262_142, 262_145],
        ['bytes=999999-2000000', 999_999, 2_000_000],
        ['bytes=-1', n - 1, n - 1],
        [`bytes=-${n + 9}`, 0, n - 1],
        [`bytes=${n - 1}-`, n - 1, n - 1],
        ['BYTES = 7 - 8', 7, 8],
        ['bytes=0-99999999999999999999', 0, n - 1],
      ] as const) {
        const { status, headers, body } = await ask({ range });
        assert.equal(status, 206, range);
        assert.deepEqual(
          [headers['content-range'], headers['content-length'], headers.etag, headers['content-type']],
          [`bytes ${from}-${to}/${n}`, String(to - from + 1), TAG, 'application/pdf'],
          range,
        );
        assert.ok(body.equals(BYTES.subarray(from, to + 1)), range);
      }
    });

    it('anywhere are those bytes', async () => {
      const random = createRandom(68);
      for (let i = 0; i < 40; i++) {
        const start = random.below(BYTES.length);
        const end = Math.min(BYTES.length - 1, start + random.below(i % 2 ? 100 : 1_500_000));
        const { body } = await ask({ range: `bytes=${start}-${end}` });
        assert.ok(body.equals(BYTES.subarray(start, end + 1)), `${start}-${end}`);
      }
    });

    it('that are none are 416, and what is not one range of bytes gets everything', async () => {
      for (const range of [`bytes=${BYTES.length}-`, 'bytes=99999999999999999999-', 'bytes=-0']) {
        const { status, headers, body } = await ask({ range });
        assert.deepEqual([status, headers['content-range']], [416, `bytes */${BYTES.length}`], range);
        const { issue } = JSON.parse(body.toString()) as OperationOutcome;
        assert.deepEqual(
          [issue[0]?.details?.coding?.[0]?.code, issue[0]?.expression],
          ['range-not-satisfiable', ['http.Range']],
        );
      }
      for (const range of [
        'bytes=0-0,2-2',
        'bytes=0-0, 2-2, -1',
        'bytes=5-2',
        'bytes=-',
        'bytes=a-b',
        'bytes=1',
        'items=0-1',
        'bytes',
        '',
        'bytes=0-1;q=1',
        `bytes=${'0'.repeat(40)}-1`,
        `bytes=${'0-0,'.repeat(1000)}1-1`,
      ]) {
        const { status, headers, body } = await ask({ range });
        assert.deepEqual([status, headers['content-range'], body.length], [200, undefined, BYTES.length], range);
      }
      const { status } = await ask({ range: Array.from({ length: 10_000 }, () => 'bytes=0-0') });
      assert.equal(status, 431);
    });

    it('are given only as long as If-Range says that the bytes are the same', async () => {
      const partly = async (condition: string): Promise<number> =>
        (await ask({ range: 'bytes=1-2', 'if-range': condition })).status;
      assert.equal(await partly(TAG), 206);
      for (const other of [`W/${TAG}`, 'W/"1"', '"other"', new Date().toUTCString(), '*'])
        assert.equal(await partly(other), 200, other);
    });

    it('are not sent for HEAD, which tells the length', async () => {
      const { status, headers, body } = await ask({ range: 'bytes=0-0' }, 'HEAD');
      assert.deepEqual(
        [status, headers['content-length'], headers.etag, headers['accept-ranges'], body.length],
        [200, String(BYTES.length), TAG, 'bytes', 0],
      );
      assert.equal((await ask({}, 'HEAD', 'Binary/empty')).headers['content-length'], '0');
    });

    it('are 304 where the client has the bytes, or the version', async () => {
      for (const tag of [TAG, `"x", ${TAG}`, 'W/"1"', '*']) {
        const { status, headers, body } = await ask({ 'if-none-match': tag, range: 'bytes=0-0' });
        assert.deepEqual([status, headers.etag, body.length], [304, TAG, 0], tag);
      }
      assert.equal((await ask({ 'if-none-match': '"other"' })).status, 200);
      assert.equal((await ask({ 'if-none-match': TAG, accept: 'application/fhir+json' })).status, 200);
    });

    it('come with the digest of the whole where that is wanted', async () => {
      const base64 = Buffer.from(HASH, 'hex').toString('base64');
      for (const want of ['sha-256=10', 'unixsum=3, sha-256=1', 'SHA-256']) {
        const { headers } = await ask({ 'want-repr-digest': want, range: 'bytes=0-9' });
        assert.equal(headers['repr-digest'], `sha-256=:${base64}:`, want);
      }
      for (const want of ['sha-256', 'md5;q=0.3, SHA-256;q=1'])
        assert.equal((await ask({ 'want-digest': want }, 'HEAD')).headers['digest'], `SHA-256=${base64}`, want);
      for (const headers of [{}, { 'want-repr-digest': 'sha-256=0' }, { 'want-digest': 'sha-256;q=0, sha-512' }]) {
        const { 'repr-digest': present, digest } = (await ask(headers)).headers;
        assert.deepEqual([present, digest], [undefined, undefined]);
      }
    });

    it('of nothing are none', async () => {
      const whole = await ask({}, 'GET', 'Binary/empty');
      assert.deepEqual([whole.status, whole.headers['content-length'], whole.body.length], [200, '0', 0]);
      for (const range of ['bytes=0-', 'bytes=-5'])
        assert.equal((await ask({ range }, 'GET', 'Binary/empty')).status, 416, range);
    });

    it('have the name of a file, and are shown only where that is harmless and asked for', async () => {
      for (const [type, ending, shown] of [
        ['application/pdf', 'pdf', true],
        ['image/png', 'png', true],
        ['image/jpeg', 'jpg', true],
        ['text/plain; charset=utf-8', 'txt', true],
        ['text/html', 'html', false],
        ['image/svg+xml', 'svg', false],
        ['text/xml', 'xml', false],
        ['application/javascript', 'bin', false],
      ] as const) {
        await stage().talk.send('PUT', 'Binary/named', { headers: { 'content-type': type }, body: Buffer.from(type) });
        const named = `filename*=UTF-8''named.${ending}`;
        const saved = await ask({}, 'GET', 'Binary/named');
        assert.equal(saved.headers['content-disposition'], `attachment; ${named}`);
        assert.match(String(saved.headers['content-security-policy']), /^sandbox; default-src 'none'$/);
        const asked = await ask({}, 'GET', 'Binary/named?inline=true');
        assert.equal(asked.headers['content-disposition'], `${shown ? 'inline' : 'attachment'}; ${named}`);
        assert.equal(asked.headers['x-content-type-options'], 'nosniff');
        assert.match(
          String(asked.headers['content-security-policy']),
          shown ? /^default-src 'none'; style/ : /^sandbox/,
        );
        const past = await ask({}, 'GET', 'Binary/named/_history/1?inline=false');
        assert.match(String(past.headers['content-disposition']), /^attachment/);
      }
      assert.equal((await ask({}, 'GET', 'Binary/named?inline=yes')).status, 400);
      assert.equal((await ask({}, 'GET', 'Patient/x?inline=true')).status, 400);
    });
  },
  {
    set: async ({ talk }) => {
      await talk.send('PUT', 'Binary/ranged', { headers: { 'content-type': 'application/pdf' }, body: BYTES });
      await talk.send('PUT', 'Binary/empty', { headers: { 'content-type': 'text/plain' }, body: Buffer.alloc(0) });
    },
  },
);
