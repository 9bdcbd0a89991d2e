/**
 * HTTP as tests need it: paths and headers go out exactly as given, nothing is followed or repaired, and a broken
 * request can be sent byte by byte.
 */
import { type Agent, type IncomingHttpHeaders, request as open } from 'node:http';
import { connect } from 'node:net';

export interface Sent {
  readonly method: string;
  /** From the first slash, percent-encoded already. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
  /** Sends the body in chunks without saying its length. */
  readonly chunked?: true;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One request, over a connection of its own unless an agent keeps some. Rejects where no answer comes. */
export function exchange(
  port: number,
  { method, path, headers, body, chunked }: Sent,
  agent: Agent | false = false,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // Said for every method: Node would send a body of GET or HEAD without saying that there is one.
    const length = chunked
      ? { 'transfer-encoding': 'chunked' }
      : body === undefined
        ? {}
        : { 'content-length': String(Buffer.byteLength(body)) };
    const given = Object.fromEntries(
      Object.entries(headers ?? {}).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
    );
    const sent = open({ host: '127.0.0.1', port, method, path, headers: { ...length, ...given }, agent }, response => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }),
      );
    });
    sent.on('error', reject);
    if (chunked && body !== undefined)
      for (let at = 0; at < body.length; at += 65_536) sent.write(body.slice(at, at + 65_536));
    else if (body !== undefined) sent.write(body);
    sent.end();
  });
}

/**
 * Writes bytes to a fresh connection and reads until the other side closes it, or one answer with a Content-Length is
 * whole. `hangUp`: the connection is half-closed after the bytes. Undefined: closed without an answer.
 */
export function converse(port: number, bytes: string | Buffer, hangUp: boolean): Promise<Answer | undefined> {
  return new Promise(resolve => {
    let received = Buffer.alloc(0);
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true }, () => {
      socket.write(bytes);
      if (hangUp) socket.end();
    });
    const finish = () => {
      socket.destroy();
      resolve(parseAnswer(received)?.answer);
    };
    socket.on('data', part => {
      received = Buffer.concat([received, part]);
      if (parseAnswer(received)?.whole) finish();
    });
    // A reset after an answer is an answer: the other side does not read the rest.
    socket.on('error', finish);
    socket.on('end', finish);
  });
}

function parseAnswer(bytes: Buffer): { answer: Answer; whole: boolean } | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [line = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map(text => [text.slice(0, text.indexOf(':')).toLowerCase(), text.slice(text.indexOf(':') + 1).trim()]),
  );
  const rest = bytes.subarray(end + 4);
  // Node's own refusals are chunked and empty.
  const empty = headers['transfer-encoding'] === 'chunked' && rest.toString('latin1') === '0\r\n\r\n';
  const body = empty ? Buffer.alloc(0) : rest;
  const length = headers['content-length'];
  const answer = { status: Number(line.split(' ')[1]), headers, body };
  return { answer, whole: empty || (length !== undefined && body.length >= Number(length)) };
}
