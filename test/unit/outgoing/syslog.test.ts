/** What was sent counts as received when the receiver ends its side, and never otherwise: https://www.rfc-editor.org/rfc/rfc5425#section-4.4 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:tls';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { openSyslog } from '../../../src/outgoing/syslog.js';
import { AUTHORITY, CERTIFICATE, CERTIFICATE_KEY } from '../../support/certificate.js';

describe('a connection to a receiver of syslog messages', () => {
  let raw: Socket | undefined;
  const server = createServer({ cert: CERTIFICATE, key: CERTIFICATE_KEY }, socket => {
    socket.on('error', () => {});
    socket.resume();
  });
  server.on('connection', (socket: Socket) => (raw = socket));
  beforeEach(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => void server.close());

  const opened = () =>
    openSyslog({
      ...{ host: 'localhost', port: (server.address() as AddressInfo).port, plain: false },
      tls: { ca: AUTHORITY },
    });

  it('is received when the receiver has ended its side', async () => {
    const line = await opened();
    await line.send(Buffer.from('5 hello'));
    await line.finish();
  });

  it('is not received where the receiver tears it down just before it is ended', async () => {
    const line = await opened();
    const secured = once(server, 'secureConnection');
    await line.send(Buffer.from('5 hello'));
    if (!raw) await secured;
    await new Promise(resolve => setTimeout(resolve, 20));
    raw!.resetAndDestroy();
    // Its handle is closed behind this turn; this side has seen nothing of that when it ends the connection.
    await new Promise(resolve => process.nextTick(resolve));
    await assert.rejects(line.finish(), /./);
  });

  it('is not received where this side gives up while it waits for the end', async () => {
    const line = await opened();
    raw?.pause();
    const finished = line.finish();
    line.destroy();
    await assert.rejects(finished, /./);
  });
});
