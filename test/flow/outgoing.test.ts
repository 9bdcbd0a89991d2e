/** Requests that leave the house, over real connections to this machine: what an answer may cost is bounded, and what goes wrong is told. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, it } from 'mocha';
import { createOutgoing, type OutgoingPolicy } from '../../src/outgoing/outgoing.js';
import { outgoingCode, type OutgoingCode } from '../../src/outgoing/trouble.js';
import { createLog } from '../../src/platform/log.js';
import { createMetrics } from '../../src/platform/metrics.js';
import { AUTHORITY } from '../support/certificate.js';
import { type Answer, bytesOf, is, LOOPBACK, outgoingStage, portOf } from '../support/outgoing.js';

describe('answers to requests that leave the house', () => {
  const { listen, serve, serveTls, client, of, at, running, sockets, clients } = outgoingStage();

  describe('whose answer is too much', () => {
    const rows: readonly (readonly [string, Answer, OutgoingCode])[] = [
      [
        'a body that is announced too large',
        (_q, r) => r.writeHead(200, { 'Content-Length': 5000 }).write('x'),
        'outgoing-too-large',
      ],
      [
        'a body without end',
        (_q, r) => {
          const more = (): void => {
            if (!r.destroyed) r.write(Buffer.alloc(1000), () => setImmediate(more));
          };
          more();
        },
        'outgoing-too-large',
      ],
      [
        'a body that grows when it is unpacked',
        (_q, r) => r.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync(Buffer.alloc(3_000_000))),
        'outgoing-too-large',
      ],
      [
        'a body that is large though nothing is in it',
        (_q, r) =>
          r
            .writeHead(200, { 'Content-Encoding': 'gzip' })
            .end(Buffer.concat(Array.from({ length: 500 }, () => gzipSync('')))),
        'outgoing-too-large',
      ],
      [
        'an encoding that was not asked for',
        (_q, r) => r.writeHead(200, { 'Content-Encoding': 'br' }).end('x'),
        'outgoing-broken',
      ],
      ['two encodings', (_q, r) => r.writeHead(200, { 'Content-Encoding': 'gzip, gzip' }).end('x'), 'outgoing-broken'],
      [
        'what is not packed as it says',
        (_q, r) => r.writeHead(200, { 'Content-Encoding': 'gzip' }).end('plain'),
        'outgoing-broken',
      ],
      [
        'what is packed and broken off',
        (_q, r) => r.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync('x'.repeat(500)).subarray(0, 20)),
        'outgoing-broken',
      ],
      [
        'a hundred and one headers',
        (_q, r) => r.writeHead(200, Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`X-${i}`, '1']))).end(),
        'outgoing-too-large',
      ],
      ['a header of 20 KB', (_q, r) => r.writeHead(200, { 'X-Long': 'x'.repeat(20_000) }).end(), 'outgoing-too-large'],
    ];
    for (const [what, answer, code] of rows)
      it(`refuse ${what}`, async () => {
        const server = await serve((request, response) => {
          response.on('error', () => {});
          void answer(request, response);
        });
        await assert.rejects(of(server, { maxBytes: 4000 }).ask(at(server)), is(code));
      });

    it('take what is as large as it may be, packed or not', async () => {
      const server = await serve((request, response) => {
        if (request.url === '/packed')
          response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync(Buffer.alloc(4000)));
        else response.end(Buffer.alloc(4000));
      });
      const { ask } = of(server, { maxBytes: 4000 });
      for (const path of ['/', '/packed']) assert.equal((await ask(at(server, path))).body.length, 4000);
    });

    it('read only as much as is wanted', async () => {
      const server = await serve((_request, response) => response.end(Buffer.alloc(3_000_000)));
      const { read } = of(server, { maxBytes: 4_000_000 });
      const first = await read(at(server), {}, async ({ body }) => {
        for await (const part of body) return part.length;
        return 0;
      });
      assert.ok(first > 0 && first < 3_000_000);
      const whole = await read(at(server), {}, async ({ body }) => {
        let size = 0;
        for await (const part of body) size += part.length;
        return size;
      });
      assert.equal(whole, 3_000_000);
    });
  });

  describe('whose answer does not come', () => {
    const raw = (first: string | undefined) =>
      listen(
        createTcpServer(socket => {
          socket.once('data', () => first !== undefined && socket.write(first));
        }),
      );
    const rows: readonly (readonly [string, string | undefined, Partial<OutgoingPolicy>])[] = [
      ['nothing', undefined, { firstByte: 30 }],
      ['nothing, for the whole time', undefined, { whole: 30 }],
      ['half a head', 'HTTP/1.1 200 OK\r\nContent-', { firstByte: 30 }],
      ['half a body', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf', { whole: 30 }],
      ['a hint that there will be one', 'HTTP/1.1 103 Early Hints\r\n\r\n', { firstByte: 30 }],
    ];
    for (const [what, first, policy] of rows)
      it(`end in time: ${what}`, async () => {
        const server = await raw(first);
        await assert.rejects(of(server, policy).ask(at(server)), is('outgoing-timeout'));
      });

    it('end in time where TLS never begins, or nobody knows the name', async () => {
      const server = await listen(createTcpServer());
      const tls = client(
        { hosts: [`fhir.example.org:${portOf(server)}`], networks: ['127.0.0.0/8'], connect: 30 },
        { 'fhir.example.org': [LOOPBACK] },
      );
      await assert.rejects(tls.ask(`https://fhir.example.org:${portOf(server)}/`), is('outgoing-timeout'));
      const made = createOutgoing({
        metrics: createMetrics(),
        log: createLog('silent'),
        resolve: () => new Promise(() => {}),
      });
      clients.push(made);
      await assert.rejects(
        made.open('test', { hosts: ['fhir.example.org'], connect: 30 }).ask('https://fhir.example.org/'),
        is('outgoing-timeout'),
      );
    });

    for (const [what, text] of [
      ['no HTTP', 'hello\r\n\r\n'],
      ['a body that breaks off', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'],
      ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx'],
      ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
      ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'],
      ['nothing', ''],
    ] as const)
      it(`are broken by ${what}`, async () => {
        const server = await listen(createTcpServer(socket => socket.once('data', () => socket.end(text))));
        const failed = of(server).ask(at(server));
        await assert.rejects(failed, is('outgoing-broken'));
        await failed.catch((error: Error) => {
          assert.doesNotMatch(
            JSON.stringify([error.message, String((error.cause as Error).stack)]),
            /half|hello|localhost/,
          );
        });
      });

    it('say so where nobody listens, or nobody has the name', async () => {
      const server = await serve(() => {});
      const port = portOf(server);
      await new Promise(done => server.close(done));
      running.splice(0);
      const { ask } = client({ hosts: [`http://localhost:${port}`, 'fhir.example.org'] });
      await assert.rejects(ask(`http://localhost:${port}/`), is('outgoing-unreachable'));
      await assert.rejects(ask('https://fhir.example.org/'), is('outgoing-unresolved'));
    });

    it('are given up with those who wait for them', async () => {
      const server = await raw(undefined);
      const { ask, close } = of(server, { atOnce: 1 });
      const ending = new AbortController();
      const first = ask(at(server), { signal: ending.signal });
      const second = ask(at(server));
      await once(server, 'connection');
      ending.abort();
      await assert.rejects(first, is('outgoing-aborted'));
      await assert.rejects(ask(at(server), { signal: ending.signal }), is('outgoing-aborted'));
      close();
      await assert.rejects(second, is('outgoing-aborted'));
      await assert.rejects(ask(at(server)), is('outgoing-aborted'));
    });
  });

  describe('over TLS', () => {
    const names = {
      'fhir.example.org': [LOOPBACK],
      'a.below.example.org': [LOOPBACK],
      'other.example.org': [LOOPBACK],
    };
    const open = (server: Server, tls?: OutgoingPolicy['tls']) =>
      client(
        {
          hosts: ['fhir.example.org', '*.below.example.org', 'other.example.org'].map(
            name => `${name}:${portOf(server)}`,
          ),
          networks: ['127.0.0.0/8'],
          ...(tls ? { tls } : {}),
        },
        names,
      );

    it('reach who proves to be the host that was asked, and nobody else', async () => {
      const server = await serveTls((request, response) =>
        response.end((request.socket as { servername?: string }).servername),
      );
      const { ask } = open(server, { ca: AUTHORITY });
      for (const name of ['fhir.example.org', 'a.below.example.org'])
        assert.equal((await ask(`https://${name}:${portOf(server)}/`)).body.toString(), name);
      await assert.rejects(ask(`https://other.example.org:${portOf(server)}/`), is('outgoing-untrusted'));
      await assert.rejects(open(server).ask(`https://fhir.example.org:${portOf(server)}/`), is('outgoing-untrusted'));
    });

    it('do not go on without it', async () => {
      const plain = await serve((_request, response) => response.end('x'));
      const server = await serveTls((_request, response) => response.writeHead(302, { Location: at(plain) }).end());
      const { ask } = client(
        {
          hosts: [`fhir.example.org:${portOf(server)}`, `http://localhost:${portOf(plain)}`],
          networks: ['127.0.0.0/8'],
          tls: { ca: AUTHORITY },
        },
        names,
      );
      await assert.rejects(ask(`https://fhir.example.org:${portOf(server)}/`), is('outgoing-redirect'));
    });
  });

  describe('in general', () => {
    it('send what is to be sent, with the trace, and give back what comes', async () => {
      const server = await serve(async (request, response) => {
        const { method, url, headers } = request;
        const body = String(await bytesOf(request));
        response.writeHead(201, { ETag: 'W/"1"' }).end(JSON.stringify({ method, url, headers, body }));
      });
      const { ask } = of(server);
      const trace = { requestId: 'r1', traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` };
      const { status, headers, body } = await ask(at(server, '/a?b=c'), {
        method: 'PUT',
        body: 'h\u00e9',
        headers: { 'Content-Type': 'text/plain' },
        trace,
      });
      assert.equal(status, 201);
      assert.equal(headers.etag, 'W/"1"');
      const got = JSON.parse(body.toString()) as {
        method: string;
        url: string;
        headers: Record<string, string>;
        body: string;
      };
      assert.deepEqual([got.method, got.url, got.body], ['PUT', '/a?b=c', 'h\u00e9']);
      assert.equal(got.headers['content-length'], '3');
      assert.equal(got.headers['x-request-id'], 'r1');
      assert.match(got.headers['traceparent']!, /^00-a{32}-(?!b{16})[0-9a-f]{16}-01$/);
      assert.match(got.headers['user-agent']!, /^Chartroom\//);
      assert.equal(got.headers['host'], `localhost:${portOf(server)}`);
      const stream = async function* () {
        yield Buffer.from('in ');
        yield Buffer.from('parts');
      };
      const streamed = await ask(at(server), {
        method: 'POST',
        body: stream(),
        trace: { requestId: 'r2', traceparent: 'nonsense' },
      });
      const second = JSON.parse(streamed.body.toString()) as typeof got;
      assert.equal(second.body, 'in parts');
      assert.equal(second.headers['traceparent'], undefined);
      assert.equal((await ask(at(server), { method: 'HEAD' })).body.length, 0);
    });

    for (const [name, value] of [
      ['Host', 'x'],
      ['Content-Length', '1'],
      ['Transfer-Encoding', 'chunked'],
      ['Connection', 'close'],
      ['Proxy-Authorization', 'x'],
      ['X-A', 'a\r\nX-B: b'],
      ['X-A\r\nX-B', 'b'],
      ['X-A', 'a\u0000'],
      ['', 'x'],
      ['Expect', '100-continue'],
    ] as const)
      it(`refuse the header ${JSON.stringify(`${name}: ${value}`)}`, async () => {
        const server = await serve((_request, response) => response.end());
        const { ask } = of(server);
        await assert.rejects(ask(at(server), { headers: { [name]: value } }), is('outgoing-invalid'));
        await assert.rejects(ask(at(server), { credentials: { [name]: value } }), is('outgoing-invalid'));
      });

    it('use a connection again, and another one where the other side has closed it', async () => {
      let connections = 0;
      const server = await serve((_request, response) => response.end('x'));
      server.on('connection', () => connections++);
      const { ask, asked } = of(server);
      for (let i = 0; i < 5; i++) await ask(at(server));
      assert.equal(connections, 1);
      assert.equal(asked.length, 1);
      for (const socket of sockets) socket.destroy();
      await ask(at(server));
      assert.equal(connections, 2);
    });

    it('are so many at a time at one host, and not more', async () => {
      let open = 0;
      let most = 0;
      const threeAreThere = async (): Promise<void> => {
        if (most >= 3) return;
        await new Promise(setImmediate);
        return threeAreThere();
      };
      const server = await serve(async (_request, response) => {
        most = Math.max(most, ++open);
        await threeAreThere();
        open--;
        response.end('x');
      });
      const { ask } = of(server, { atOnce: 3, waiting: 20 });
      await Promise.all(Array.from({ length: 23 }, () => ask(at(server))));
      assert.equal(most, 3);
      const results = await Promise.allSettled(Array.from({ length: 30 }, () => ask(at(server))));
      const refused = results.filter(result => result.status === 'rejected');
      assert.equal(refused.length, 7);
      assert.ok(refused.every(({ reason }) => outgoingCode(reason) === 'outgoing-busy'));
    });

    it('let a host rest that fails, and ask it again later', async () => {
      let well = false;
      let got = 0;
      const server = await serve((_request, response) => {
        got++;
        response.writeHead(well ? 200 : 503).end('x');
      });
      const { ask, later, counted } = of(server);
      for (let i = 0; i < 5; i++) assert.equal((await ask(at(server))).status, 503);
      await assert.rejects(ask(at(server)), is('outgoing-resting'));
      assert.equal(got, 5);
      well = true;
      later(60_000);
      for (let i = 0; i < 3; i++) assert.equal((await ask(at(server))).status, 200);
      await assert.rejects(ask('https://nowhere.example.org/secret?patient=1'), is('outgoing-not-allowed'));
      const host = `http://localhost:${portOf(server)}`;
      const counts = (await counted()).map(({ labels, value }) => [labels['host'], labels['outcome'], value]);
      assert.deepEqual(counts, [
        [host, '5xx', 5],
        [host, 'resting', 1],
        [host, '2xx', 3],
        ['not-listed', 'not-allowed', 1],
      ]);
    });

    it('leave no connection when the server ends', async () => {
      const server = await serve((_request, response) => response.end('x'));
      const { ask, close } = of(server);
      await ask(at(server));
      const [socket] = sockets;
      close();
      if (!socket!.destroyed) await once(socket!, 'close');
    });

    it('hand on what those throw who take an answer, and say nothing ill of the host for it', async () => {
      const server = await serve((_request, response) => response.end('x'));
      const { read } = of(server);
      for (let i = 0; i < 8; i++)
        await assert.rejects(
          read(at(server), {}, () => Promise.reject(new Error('mine'))),
          /mine/,
        );
    });
  });
});
