/**
 * A connection to a receiver of syslog messages: https://www.rfc-editor.org/rfc/rfc5425. The protocol has no acknowledgement: what a
 * socket took may be lost with the receiver. So the connection is ended now and then by this side, and what was sent counts as
 * received when the receiver has ended its own side without an error, as it must (section 4.4): it has read all of it by then.
 */
import { once } from 'node:events';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { realTimeout } from '../platform/real-time.js';
import type { TlsIdentity } from './send.js';
import { fromNode, outgoingError } from './trouble.js';

export interface SyslogReceiver {
  readonly host: string;
  readonly port: number;
  readonly plain: boolean;
  readonly tls: TlsIdentity;
}

export interface SyslogLine {
  /** Resolves when there is room for more. Throws FhirError when the connection is broken, or nothing moves for too long. */
  send(frame: Uint8Array): Promise<void>;
  /** Resolves when all was received. Throws FhirError where that is not sure. */
  finish(): Promise<void>;
  /** Ends it at once. */
  destroy(): void;
}

/** ms: until it stands; while nothing moves; for the receiver to end its side. */
export interface SyslogPatience {
  readonly connect: number;
  readonly stalled: number;
  readonly finish: number;
}

const PATIENCE: SyslogPatience = { connect: 10_000, stalled: 60_000, finish: 120_000 };

/** Throws FhirError: `outgoing-unreachable`, `outgoing-untrusted`, `outgoing-timeout`. */
export async function openSyslog(receiver: SyslogReceiver, patience = PATIENCE): Promise<SyslogLine> {
  const { host, port, plain, tls } = receiver;
  const socket = plain
    ? connectPlain({ host, port })
    : connectTls({ host, port, ...tls, ...(isIP(host) ? {} : { servername: host }), minVersion: 'TLSv1.2' });
  const late = realTimeout(patience.connect, () => socket.destroy(outgoingError('outgoing-timeout')));
  try {
    await once(socket, plain ? 'connect' : 'secureConnect');
  } catch (error) {
    socket.destroy();
    throw fromNode(error);
  } finally {
    clearTimeout(late);
  }
  return new OpenLine(socket, patience);
}

class OpenLine implements SyslogLine {
  readonly #socket: Socket;
  readonly #patience: SyslogPatience;
  /** Rejects when the connection breaks; resolves when both sides have ended it. */
  readonly #over: Promise<void>;
  #finishing = false;

  constructor(socket: Socket, patience: SyslogPatience) {
    this.#socket = socket;
    this.#patience = patience;
    socket.setKeepAlive(true, 30_000);
    socket.setNoDelay(true);
    // Receivers have nothing to say; what they do is let go.
    socket.resume();
    this.#over = new Promise((resolve, reject) => {
      socket.once('error', error => reject(fromNode(error)));
      let isEnded = false;
      socket.once('end', () => {
        isEnded = true;
        if (!this.#finishing) socket.destroy(outgoingError('outgoing-broken', 'ended'));
      });
      // Without an end of the other side it was this one that gave up.
      socket.once('close', (hadError: boolean) =>
        this.#finishing && isEnded && !hadError ? resolve() : reject(outgoingError('outgoing-broken', 'closed')),
      );
    });
    this.#over.catch(() => {});
  }

  async send(frame: Uint8Array): Promise<void> {
    if (this.#socket.destroyed) return this.#broken();
    if (this.#socket.write(frame)) return undefined;
    return this.#within(this.#patience.stalled, [once(this.#socket, 'drain').then(() => undefined), this.#broken()]);
  }

  async finish(): Promise<void> {
    this.#finishing = true;
    const { destroyed, remotePort } = this.#socket;
    // A connection without another side was torn down, and this side has not read that yet. The system tells it once: to the last message of TLS, which `end` writes
    // and whose failure nobody hears of, and the reader would see an orderly end.
    if (!destroyed && remotePort === undefined) this.#socket.destroy(outgoingError('outgoing-broken', 'closed'));
    else if (!destroyed) this.#socket.end();
    await this.#within(this.#patience.finish, [this.#over]);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Only ever rejects. */
  async #broken(): Promise<never> {
    await this.#over;
    throw outgoingError('outgoing-broken', 'ended');
  }

  async #within(ms: number, work: readonly Promise<void>[]): Promise<void> {
    for (const each of work) each.catch(() => {});
    const late = realTimeout(ms, () => this.#socket.destroy(outgoingError('outgoing-timeout', 'stalled')));
    try {
      await Promise.race(work);
    } finally {
      clearTimeout(late);
    }
  }
}
