/** A mail relay in tests: it takes mail over TLS, and answers as a mailbox is called (`nobody`: refused; `later…`: once not yet). */
import { once } from 'node:events';
import { createServer as createPlainServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer } from 'node:tls';
import { CERTIFICATE, CERTIFICATE_KEY } from './certificate.js';

export interface TakenMail {
  readonly to: string;
  /** With its headers. */
  readonly text: string;
}

export interface TestRelay {
  readonly port: number;
  readonly taken: readonly TakenMail[];
  /** All lines that came in. */
  readonly lines: readonly string[];
  close(): void;
}

/** `plain`: without TLS, of which it does not know. `greeting`, `sender`: what it says first, and to who sends. */
export async function openRelay({
  plain = false,
  greeting = '220 relay ESMTP',
  sender = '250 2.1.0 Ok',
} = {}): Promise<TestRelay> {
  const taken: TakenMail[] = [];
  const lines: string[] = [];
  const later = new Set<string>();
  const sockets = new Set<Socket>();
  const serve = (socket: Socket): void => {
    sockets.add(socket);
    let [rest, to, text] = ['', '', undefined as string | undefined];
    const say = (line: string): void => void socket.write(`${line}\r\n`);
    const answer = (line: string): void => {
      const [word = ''] = line.toUpperCase().split(/[ :]/);
      if (word === 'EHLO') return say('250-relay\r\n250 8BITMIME');
      if (word === 'MAIL') return say(sender);
      if (word === 'RSET') return say('250 2.1.0 Ok');
      if (word === 'QUIT') return void socket.end('221 2.0.0 Bye\r\n');
      if (word === 'DATA') {
        text = '';
        return say('354 Go on');
      }
      if (word !== 'RCPT') return say('502 5.5.2 Not known');
      to = /<(.*)>/.exec(line)?.[1] ?? '';
      if (to.startsWith('nobody')) return say(`550 5.1.1 <${to}>: no such mailbox`);
      if (!to.startsWith('later') || later.has(to)) return say('250 2.1.5 Ok');
      later.add(to);
      return say('451 4.7.1 Later');
    };
    const take = (line: string): void => {
      lines.push(line);
      if (text === undefined) return answer(line);
      if (line !== '.') return void (text += `${line}\n`);
      taken.push({ to, text });
      text = undefined;
      return say('250 2.0.0 Ok: queued as Q4711');
    };
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    socket.on('data', part => {
      const whole = (rest + part.toString()).split('\r\n');
      rest = whole.pop()!;
      whole.forEach(take);
    });
    say(greeting);
  };
  const server: Server = plain
    ? createPlainServer(serve)
    : createServer({ cert: CERTIFICATE, key: CERTIFICATE_KEY }, serve);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    ...{ taken, lines },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
