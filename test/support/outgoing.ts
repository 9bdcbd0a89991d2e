/** Servers and clients for tests of requests that leave the house. Names are resolved as a test says. */
import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server as TcpServer, Socket } from 'node:net';
import { afterEach } from 'mocha';
import { createOutgoing, type OutgoingClients, type OutgoingPolicy } from '../../src/outgoing/outgoing.js';
import { outgoingCode, type OutgoingCode } from '../../src/outgoing/trouble.js';
import { createLog } from '../../src/platform/log.js';
import { createMetrics, type Metrics } from '../../src/platform/metrics.js';
import { CERTIFICATE, CERTIFICATE_KEY } from './certificate.js';

export const is = (code: OutgoingCode) => (error: unknown) => outgoingCode(error) === code;
export const portOf = (server: Server | TcpServer): number => (server.address() as AddressInfo).port;
export type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;
export const LOOPBACK: LookupAddress = { address: '127.0.0.1', family: 4 };

export async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** To be called in a suite: what a test opens is closed after it. */
export function outgoingStage() {
  const running: (Server | TcpServer)[] = [];
  const sockets = new Set<Socket>();
  const clients: OutgoingClients[] = [];

  const listen = async <S extends Server | TcpServer>(server: S, host = '127.0.0.1'): Promise<S> => {
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    });
    server.listen(0, host);
    await once(server, 'listening');
    running.push(server);
    return server;
  };
  const serve = (answer: Answer) => listen(createServer((request, response) => void answer(request, response)));
  const serveTls = (answer: Answer) =>
    listen(
      createTlsServer(
        { cert: CERTIFICATE, key: CERTIFICATE_KEY },
        (request, response) => void answer(request, response),
      ),
    );

  /** A client, and who it believes that names are. */
  function client(policy: OutgoingPolicy, names: Readonly<Record<string, readonly LookupAddress[]>> = {}) {
    const metrics: Metrics = createMetrics();
    const asked: string[] = [];
    let time = 0;
    const resolve = (name: string) => {
      asked.push(name);
      return Promise.resolve(names[name] ?? (name === 'localhost' ? [LOOPBACK] : []));
    };
    const made = createOutgoing({ metrics, log: createLog('silent'), resolve, now: () => time });
    clients.push(made);
    return {
      ...made.open('test', policy),
      asked,
      later: (ms: number) => void (time += ms),
      close: () => made.close(),
      counted: async (name = 'chartroom_outgoing_total') =>
        (await metrics.registry.getMetricsAsJSON()).find(metric => metric.name === name)!.values,
    };
  }
  /** A client of one server of this machine. */
  const of = (server: Server | TcpServer, policy: Partial<OutgoingPolicy> = {}) =>
    client({ hosts: [`http://localhost:${portOf(server)}`], ...policy });
  const at = (server: Server | TcpServer, path = '/') => `http://localhost:${portOf(server)}${path}`;

  afterEach(async () => {
    for (const made of clients.splice(0)) made.close();
    for (const socket of sockets) socket.destroy();
    await Promise.all(running.splice(0).map(server => new Promise(done => server.close(done))));
  });

  return { listen, serve, serveTls, client, of, at, running, sockets, clients };
}
