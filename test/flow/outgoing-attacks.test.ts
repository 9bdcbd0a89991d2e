/** Requests that leave the house reach nobody who is not allowed, over real connections to this machine, however it is tried. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import { after, before, describe, it } from 'mocha';
import type { OutgoingRequest } from '../../src/outgoing/client.js';
import { createOutgoing, type OutgoingPolicy } from '../../src/outgoing/outgoing.js';
import { createLog } from '../../src/platform/log.js';
import { createMetrics } from '../../src/platform/metrics.js';
import { AUTHORITY } from '../support/certificate.js';
import { type Answer, bytesOf, is, LOOPBACK, outgoingStage, portOf } from '../support/outgoing.js';

describe('requests that leave the house', () => {
  const { serve, serveTls, client, of, at, clients } = outgoingStage();

  describe('to what is not allowed', () => {
    let reached = 0;
    let trap: Server;
    const traps: Server[] = [];
    before(async () => {
      const open = async (host: string, port = 0): Promise<Server> => {
        const server = createServer((_request, response) => response.end('inside'));
        server.on('connection', () => reached++);
        server.listen(port, host);
        await once(server, 'listening');
        traps.push(server);
        return server;
      };
      trap = await open('127.0.0.1');
      // The same port by IPv6, where the machine has it.
      await open('::1', portOf(trap)).catch(() => {});
    });
    after(async () => {
      for (const server of traps) server.closeAllConnections();
      await Promise.all(traps.map(server => new Promise(done => server.close(done))));
    });

    const LITERALS = [
      ...[
        '127.0.0.1',
        '127.1',
        '127.0.1',
        '2130706433',
        '0x7f000001',
        '0x7f.0.0.1',
        '0177.0.0.1',
        '017700000001',
        '127.0.0.1.',
      ],
      ...[
        '0',
        '0.0.0.0',
        '0x0',
        '[::1]',
        '[0:0:0:0:0:0:0:1]',
        '[::ffff:127.0.0.1]',
        '[::ffff:7f00:1]',
        '[::ffff:0:0]',
        '[::]',
      ],
      ...[
        'localhost',
        'LOCALHOST',
        'localhost.',
        '\uff11\uff12\uff17.0.0.1',
        '127\u30020\u30020\u30021',
        '%31%32%37.0.0.1',
        '\u2460\u2461\u2466.0.0.1',
      ],
      ...[
        'fhir.example.org@127.0.0.1',
        'fhir.example.org:x@127.0.0.1',
        '127.0.0.1\\@fhir.example.org',
        '127.0.0.1#fhir.example.org',
      ],
      ...['127.0.0.1?fhir.example.org', '127.0.0.1/fhir.example.org', '12\t7.0.0.1', '127.0.0.1%00fhir.example.org'],
    ];
    for (const host of LITERALS)
      it(`asks nobody at ${JSON.stringify(host)}`, async () => {
        const { ask } = client({ hosts: ['fhir.example.org', '*.below.example.org'] });
        const [, name, rest = ''] = /^([^\\/?#]*(?=[\\/?#]|$))(.*)$/.exec(host) ?? [];
        for (const url of [
          `http://${name}:${portOf(trap)}${rest}`,
          `https://${name}:${portOf(trap)}${rest}`,
          `http://${host}`,
        ])
          await assert.rejects(ask(url), is('outgoing-not-allowed'), url);
        assert.equal(reached, 0);
      });

    it('would have reached this machine by many of them, were they asked', async () => {
      const found = LITERALS.filter(host => !/[\\/?#@\t]|%00/.test(host));
      for (const host of found)
        await new Promise<void>(done =>
          get(`http://${host}:${portOf(trap)}/`, { agent: false }, response => response.resume().on('end', done)).on(
            'error',
            () => done(),
          ),
        );
      assert.ok(reached >= 15, String(reached));
      reached = 0;
    });

    const INSIDE = [
      ...[
        '127.0.0.1',
        '127.8.8.8',
        '0.0.0.0',
        '10.0.0.1',
        '172.16.0.1',
        '192.168.1.1',
        '100.64.0.1',
        '169.254.1.1',
        '169.254.169.254',
      ],
      ...['168.63.129.16', '100.100.100.200', '192.0.0.192', '198.18.0.1', '224.0.0.1', '255.255.255.255', '240.0.0.1'],
      ...[
        '::1',
        '::',
        '::127.0.0.1',
        '::ffff:127.0.0.1',
        '::ffff:10.0.0.1',
        '64:ff9b::7f00:1',
        '64:ff9b::a9fe:a9fe',
        '64:ff9b:1::1',
      ],
      ...[
        '2002:7f00:1::',
        '2001:0:53aa::1',
        'fe80::1',
        'fd00:ec2::254',
        'fc00::1',
        'fec0::1',
        'ff02::1',
        '2001:db8::1',
      ],
    ];
    for (const address of INSIDE)
      it(`does not follow a listed name that leads to ${address}`, async () => {
        const family = address.includes(':') ? 6 : 4;
        const name = {
          'fhir.example.org': [{ address, family }],
          'mixed.below.example.org': [
            { address: '8.8.8.8', family: 4 },
            { address, family },
          ],
        };
        const port = portOf(trap);
        const { ask, asked } = client({ hosts: [`fhir.example.org:${port}`, `*.below.example.org:${port}`] }, name);
        await assert.rejects(ask(`https://fhir.example.org:${port}/`), is('outgoing-not-allowed'));
        await assert.rejects(ask(`https://mixed.below.example.org:${port}/`), is('outgoing-not-allowed'));
        assert.deepEqual(asked, ['fhir.example.org', 'mixed.below.example.org']);
        assert.equal(reached, 0);
      });

    it('follows the same name where its network is listed', async () => {
      const server = await serveTls((_request, response) => response.end('hello'));
      const hosts = [`fhir.example.org:${portOf(server)}`];
      const names = { 'fhir.example.org': [LOOPBACK] };
      const { ask } = client({ hosts, networks: ['127.0.0.0/8'], tls: { ca: AUTHORITY } }, names);
      assert.equal((await ask(`https://fhir.example.org:${portOf(server)}/`)).body.toString(), 'hello');
    });

    it('connects to the address that was checked, whatever the name leads to a moment later', async () => {
      let connections = 0;
      const server = await serveTls((_request, response) => response.setHeader('Connection', 'close').end('outside'));
      server.on('connection', () => connections++);
      const port = portOf(server);
      // The first answer is good, and every other one leads inside.
      let looks = 0;
      const made = createOutgoing({
        metrics: createMetrics(),
        log: createLog('silent'),
        resolve: () => Promise.resolve([looks++ === 0 ? LOOPBACK : { address: '10.9.9.9', family: 4 }]),
      });
      clients.push(made);
      const { ask } = made.open('test', {
        hosts: [`fhir.example.org:${port}`],
        networks: ['127.0.0.0/8'],
        tls: { ca: AUTHORITY },
      });
      assert.equal((await ask(`https://fhir.example.org:${port}/`)).status, 200);
      assert.equal(looks, 1);
      await assert.rejects(ask(`https://fhir.example.org:${port}/`), is('outgoing-not-allowed'));
      assert.equal(connections, 1);
    });

    for (const location of [
      ...[
        'http://127.0.0.1:PORT/',
        'http://[::1]:PORT/',
        'http://2130706433:PORT/',
        '//127.0.0.1:PORT/',
        '/\\127.0.0.1:PORT/',
      ],
      ...[
        '\\\\127.0.0.1:PORT/',
        'http:\\\\127.0.0.1:PORT\\',
        'http://localhost:PORT/',
        'https://localhost:PORT/',
        'file:///etc/passwd',
      ],
      ...[
        'http://user@localhost:HERE/',
        'http://localhost.:HERE/',
        'data:,x',
        'http://',
        'http://fhir.example.org/',
        'ftp://localhost:HERE/',
      ],
    ])
      it(`does not follow a redirect to ${location}`, async () => {
        const server = await serve((request, response) => {
          const to = location.replace('PORT', String(portOf(trap))).replace('HERE', String(portOf(server)));
          if (request.url === '/') response.writeHead(302, { Location: to }).end();
          else response.end('followed');
        });
        await assert.rejects(of(server).ask(at(server)), is('outgoing-redirect'));
        assert.equal(reached, 0);
      });
  });

  describe('that are redirected', () => {
    /** Two listed servers; the first sends on to the second, and both tell what they got. */
    async function pair(status: number, to: 'itself' | 'the other', policy: Partial<OutgoingPolicy> = {}) {
      const got: { readonly method: string; readonly headers: IncomingMessage['headers']; readonly body: string }[] =
        [];
      const tell: Answer = async (request, response) => {
        const body = String(await bytesOf(request));
        got.push({ method: request.method!, headers: request.headers, body });
        const first = request.url === '/first';
        const goal = to === 'itself' ? at(one, '/second') : at(other, '/second');
        if (first) response.writeHead(status, { Location: goal }).end('moved');
        else response.end('arrived');
      };
      const one = await serve(tell);
      const other = await serve(tell);
      const hosts = [one, other].map(server => `http://localhost:${portOf(server)}`);
      const { ask } = client({ hosts, ...policy });
      const send = (request: OutgoingRequest) => ask(at(one, '/first'), request);
      return { got, send };
    }
    const secret = { headers: { 'X-Kept': 'yes', Authorization: 'Bearer a' }, credentials: { 'X-Key': 'b' } } as const;

    for (const status of [301, 302, 303, 307, 308])
      it(`hand no secret of a GET to another host (${status})`, async () => {
        const { got, send } = await pair(status, 'the other');
        const answer = await send(secret);
        assert.equal(answer.body.toString(), 'arrived');
        assert.match(answer.url, /\/second$/);
        const [first, second] = got;
        assert.equal(first?.headers.authorization, 'Bearer a');
        assert.equal(first?.headers['x-key'], 'b');
        assert.equal(second?.headers['x-kept'], 'yes');
        assert.equal(second?.headers.authorization, undefined);
        assert.equal(second?.headers['x-key'], undefined);
      });

    it('keep secrets, method and body on the same host', async () => {
      const { got, send } = await pair(307, 'itself');
      await send({ ...secret, method: 'POST', body: 'text' });
      assert.deepEqual(
        got.map(({ method, body, headers }) => [method, body, headers['x-key']]),
        [
          ['POST', 'text', 'b'],
          ['POST', 'text', 'b'],
        ],
      );
    });

    for (const status of [301, 302, 303])
      it(`become a GET without the body (${status})`, async () => {
        const { got, send } = await pair(status, 'the other');
        await send({ method: 'POST', body: 'text', headers: { 'Content-Type': 'text/plain' } });
        assert.deepEqual(
          got.map(({ method, body, headers }) => [method, body, headers['content-type']]),
          [
            ['POST', 'text', 'text/plain'],
            ['GET', '', undefined],
          ],
        );
      });

    for (const [method, status] of [
      ['POST', 307],
      ['POST', 308],
      ['PUT', 301],
      ['PUT', 307],
      ['DELETE', 302],
      ['PATCH', 308],
    ] as const)
      it(`do not change anything on another host (${method}, ${status})`, async () => {
        const { got, send } = await pair(status, 'the other');
        await assert.rejects(send({ method, ...(method === 'DELETE' ? {} : { body: 'x' }) }), is('outgoing-redirect'));
        assert.equal(got.length, 1);
      });

    it('end after so many, and with none where none is wanted', async () => {
      let times = 0;
      const server = await serve((_request, response) => response.writeHead(302, { Location: `/${++times}` }).end());
      await assert.rejects(of(server, { redirects: 5 }).ask(at(server)), is('outgoing-redirect'));
      assert.equal(times, 6);
      await assert.rejects(of(server, { redirects: 0 }).ask(at(server)), is('outgoing-redirect'));
      assert.equal(times, 7);
    });
  });
});
