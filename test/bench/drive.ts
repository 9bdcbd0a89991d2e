/**
 * Closed-loop callers over keep-alive connections: each sends its next request when the answer to the last one is whole.
 * They speak just enough HTTP/1.1 to cost less than what they measure: answers carry a Content-Length or are chunked.
 */
import { connect } from 'node:net';

/** The last chunk. */
const END = Buffer.from('\r\n0\r\n\r\n');

export interface Drive {
  readonly port: number;
  readonly callers: number;
  /** The bytes of the next request; undefined ends the caller. */
  readonly next: (caller: number) => Buffer | undefined;
  /** Requests stop being sent after so many ms. */
  readonly milliseconds?: number;
  /** Sees status and head of every answer, before `next` is asked again. */
  readonly answered?: (caller: number, status: number, head: string) => void;
}

export interface Driven {
  readonly requests: number;
  readonly milliseconds: number;
  /** ms, ascending. */
  readonly latencies: Float64Array;
  /** How many answers had each status. */
  readonly statuses: ReadonlyMap<number, number>;
}

/** The bytes of a request. */
export function requestBytes(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body: string | Buffer = '',
): Buffer {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'Host: localhost',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(method === 'GET' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), Buffer.from(body)]);
}

/** Rejects where a connection breaks or an answer cannot be understood. */
export async function drive({ port, callers, next, milliseconds, answered }: Drive): Promise<Driven> {
  const started = performance.now();
  const end = milliseconds === undefined ? Infinity : started + milliseconds;
  const latencies: number[] = [];
  const statuses = new Map<number, number>();
  const call = (caller: number) =>
    new Promise<void>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true });
      let sent = 0;
      /** What has come of the answer before its head was whole; then the head. */
      let waiting: Buffer | undefined;
      let head = '';
      let missing = 0;
      const send = () => {
        const bytes = performance.now() < end ? next(caller) : undefined;
        if (!bytes) {
          resolve();
          socket.destroy();
          return;
        }
        sent = performance.now();
        socket.write(bytes);
      };
      const finish = () => {
        latencies.push(performance.now() - sent);
        const status = Number(head.slice(9, 12));
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        answered?.(caller, status, head);
        send();
      };
      socket.on('connect', send);
      socket.on('error', reject);
      socket.on('close', () => reject(new Error('The server closed a connection.')));
      /** The end of a chunked answer so far: JSON holds no line ends of its own. */
      let tail: Buffer | undefined;
      socket.on('data', (part: Buffer) => {
        if (tail) {
          tail = Buffer.concat([tail, part]).subarray(-END.length);
          if (!tail.equals(END)) return;
          tail = undefined;
          finish();
          return;
        }
        if (missing > 0) {
          missing -= part.length;
          if (missing === 0) finish();
          return;
        }
        const bytes = waiting ? Buffer.concat([waiting, part]) : part;
        const at = bytes.indexOf('\r\n\r\n');
        waiting = at < 0 ? bytes : undefined;
        if (at < 0) return;
        head = bytes.toString('latin1', 0, at);
        if (/^transfer-encoding: *chunked/im.test(head)) {
          tail = bytes.subarray(-END.length);
          if (!tail.equals(END)) return;
          tail = undefined;
          finish();
          return;
        }
        const length = /^content-length: *(\d+)/im.exec(head)?.[1];
        if (length === undefined && !/^HTTP\/1\.1 [23]04/.test(head))
          return reject(new Error(`An answer without Content-Length:\n${head}`));
        missing = Number(length ?? 0) - (bytes.length - at - 4);
        if (missing === 0) finish();
      });
    });
  await Promise.all(Array.from({ length: callers }, (_, caller) => call(caller)));
  return {
    requests: latencies.length,
    milliseconds: performance.now() - started,
    latencies: Float64Array.from(latencies).toSorted(),
    statuses,
  };
}

/** The latency that this part (0 … 1) of the requests did not exceed, in ms. */
export const percentile = (latencies: Float64Array, part: number): number =>
  latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))] ?? 0;
