/** A receiver of syslog messages over TLS that tests can slow down, break and take away: https://www.rfc-editor.org/rfc/rfc5425 */
import { once } from 'node:events';
import { type AddressInfo, createServer as createPlainServer, type Server, type Socket } from 'node:net';
import { createServer } from 'node:tls';
import { CERTIFICATE, CERTIFICATE_KEY } from './certificate.js';

export interface SyslogCollector {
  readonly port: number;
  /** What came in whole frames, in the order in which it came. */
  readonly messages: readonly string[];
  /** Connections that ever stood. */
  readonly connections: number;
  /** Resolves when something new has come, or a connection has ended. */
  heard(): Promise<void>;
  /** Reads nothing until `resume`. */
  pause(): void;
  resume(): void;
  /** Of the next connection, so many bytes are read before it is torn down. */
  breakAfter(bytes: number): void;
  stop(): Promise<void>;
}

/** `port`: that of a collector of before. `plain`: without TLS. */
export async function startCollector({ port = 0, plain = false } = {}): Promise<SyslogCollector> {
  const messages: string[] = [];
  const sockets = new Set<Socket>();
  /** Below TLS, by the port of the other side. */
  const raw = new Map<number | undefined, Socket>();
  let paused = false;
  let connections = 0;
  let breakingAfter: number | undefined;
  let tell = (): void => {};
  let next = new Promise<void>(resolve => (tell = resolve));
  const news = (): void => {
    tell();
    next = new Promise(resolve => (tell = resolve));
  };
  const take = (socket: Socket): void => {
    connections += 1;
    sockets.add(socket);
    let left = breakingAfter ?? Infinity;
    breakingAfter = undefined;
    let rest: Buffer = Buffer.alloc(0);
    socket.on('data', (bytes: Buffer) => {
      // It is torn down already.
      if (left <= 0) return;
      rest = takeFrames(Buffer.concat([rest, bytes.subarray(0, left)]), messages);
      left -= bytes.length;
      // By an orderly end it would say that it has read all of it.
      if (left <= 0) raw.get(socket.remotePort)?.resetAndDestroy();
      news();
    });
    socket.on('error', () => {});
    const { remotePort } = socket;
    socket.on('close', () => {
      sockets.delete(socket);
      raw.delete(remotePort);
      news();
    });
    if (paused) socket.pause();
  };
  const server: Server = plain
    ? createPlainServer(take)
    : createServer({ cert: CERTIFICATE, key: CERTIFICATE_KEY, minVersion: 'TLSv1.2' }, take);
  server.on('connection', socket => raw.set(socket.remotePort, socket));
  server.on('tlsClientError', () => news());
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    messages,
    get connections() {
      return connections;
    },
    heard: () => next,
    pause() {
      paused = true;
      for (const socket of sockets) socket.pause();
    },
    resume() {
      paused = false;
      for (const socket of sockets) socket.resume();
    },
    breakAfter(bytes) {
      breakingAfter = bytes;
    },
    async stop() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Gives what is left of a frame that has not come to its end. */
function takeFrames(bytes: Buffer, messages: string[]): Buffer {
  let rest = bytes;
  for (;;) {
    const blank = rest.indexOf(' ');
    if (blank < 0) return rest;
    const length = rest.subarray(0, blank).toString();
    if (!/^[1-9]\d*$/.test(length)) throw new Error('A frame does not begin with its length.');
    const end = blank + 1 + Number(length);
    if (rest.length < end) return rest;
    messages.push(rest.subarray(blank + 1, end).toString());
    rest = rest.subarray(end);
  }
}
