/**
 * A virus scanner that speaks the INSTREAM of clamd: bytes are sent in chunks with their lengths, and one line says what they are.
 * https://docs.clamav.net/manual/Usage/Scanning.html#clamd, clamd(8). What it does not say in time, or not in these words, counts as nothing
 * said, so that nothing is taken for clean.
 */
import { connect, type Socket } from 'node:net';
import { asFhirError, FhirError } from '../fhir/error.js';
import { realTimeout } from '../platform/real-time.js';

/** Passes bytes on as they are; ends when they are known to be clean. Throws `unprocessable` (virus-found), `unavailable` (scan-unavailable). */
export type VirusScan = (bytes: AsyncIterable<Uint8Array>) => AsyncGenerator<Buffer>;

export interface ScannerAddress {
  readonly host: string;
  readonly port: number;
}

/** ms for each step: to be connected, to take a chunk, to say what the bytes are. */
const PATIENCE_MS = 30_000;
const LONGEST_REPLY = 1024;
/** Bytes of a chunk. */
const CHUNK = 64 * 1024;

export const createScanner = ({ host, port }: ScannerAddress, patience = PATIENCE_MS): VirusScan =>
  async function* (bytes) {
    const socket = connect({ host, port });
    const link = new ScanLink(socket, patience);
    try {
      await link.send(Buffer.from('zINSTREAM\0'));
      for await (const given of bytes) {
        const part = Buffer.from(given.buffer, given.byteOffset, given.length);
        for (let at = 0; at < part.length; at += CHUNK) await link.send(chunkOf(part.subarray(at, at + CHUNK)));
        yield part;
      }
      await link.send(chunkOf(Buffer.alloc(0)));
      judge(await link.reply);
    } finally {
      socket.destroy();
    }
  };

function chunkOf(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** The name of what was found stays in the scanner's log: a client who learns it learns how to get by. */
function judge(reply: string): void {
  if (reply === 'stream: OK') return;
  if (reply.endsWith(' FOUND'))
    throw new FhirError('unprocessable', 'The virus scanner has found something in these bytes: they are not stored.', {
      detail: 'virus-found',
    });
  if (/size limit exceeded/i.test(reply))
    throw new FhirError('too-large', 'The virus scanner takes no more bytes at once: they are not stored.', {
      detail: 'scan-too-large',
    });
  throw unavailable('what it says is not understood');
}

const unavailable = (why: string): FhirError =>
  new FhirError('unavailable', 'The virus scanner is not there: nothing is stored without it. Try again.', {
    detail: 'scan-unavailable',
    cause: new Error(why),
  });

class ScanLink {
  /** Up to the end of what it says. */
  readonly reply: Promise<string>;
  readonly #socket: Socket;
  readonly #patience: number;

  constructor(socket: Socket, patience: number) {
    this.#socket = socket;
    this.#patience = patience;
    this.reply = new Promise<string>((say, fail) => {
      let text = '';
      socket.on('data', (part: Buffer) => {
        text += part.toString('latin1');
        if (text.length > LONGEST_REPLY) fail(unavailable('its answer is too long'));
        const end = text.indexOf('\0');
        if (end >= 0) say(text.slice(0, end));
      });
      socket.on('error', () => fail(unavailable('the connection broke')));
      socket.on('close', () => fail(unavailable('the connection ended')));
      socket.on('timeout', () => fail(unavailable('it took too long')));
      socket.setTimeout(this.#patience);
    });
    // Whoever sends hears of it.
    this.reply.catch(() => {});
  }

  /** When the chunk is on its way. A scanner that speaks before the end has had enough. */
  async send(chunk: Buffer): Promise<void> {
    const sent = new Promise<void>((done, fail) => {
      this.#socket.write(chunk, error => (error ? fail(error) : done()));
    });
    sent.catch(() => {});
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, fail) => {
      timer = realTimeout(this.#patience, () => fail(unavailable('it took too long')));
    });
    try {
      await Promise.race([sent, late, this.reply.then(judgeEarly)]);
    } catch (error) {
      // A scanner that says why it closes is heard.
      if (error instanceof FhirError) throw error;
      throw await this.reply.then(judgeEarly).catch(asFhirError);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Nothing is clean before all of it was seen. */
function judgeEarly(reply: string): never {
  judge(reply);
  throw unavailable('it answered before the end');
}
