/**
 * A small server of S3's protocol on loopback, with one bucket in memory. Like S3 it refuses what is not signed, bytes that have another SHA-256
 * than is said of them, and parts that are too small; and it fails when it is told to.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What it does to the next requests of one kind (method, or `PART`). */
interface Trouble {
  readonly kind: string;
  readonly does: 'slow-down' | 'refuse' | 'cut' | 'hang';
  times: number;
}

export interface S3Server {
  readonly endpoint: string;
  readonly bucket: string;
  readonly objects: Map<string, Buffer>;
  /** What the bucket says of Object Lock, as XML; undefined: nothing. */
  objectLock: string | undefined;
  /** Objects that nobody may drop. */
  readonly locked: Set<string>;
  /** Requests by what they ask for: PUT, PART, GET, HEAD, LIST, DELETE, BEGIN, COMPLETE, ABORT. */
  readonly asked: Record<string, number>;
  /** Uploads that were begun and neither completed nor aborted. */
  readonly open: ReadonlyMap<string, unknown>;
  /** The next `times` requests of a kind fail. */
  fail(kind: string, does: Trouble['does'], times?: number): void;
  close(): Promise<void>;
}

class S3Fault extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

const LEAST_PART = 5 * 1024 * 1024;
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('base64');
const unescaped = (text: string): string => text.replaceAll('&quot;', '"').replaceAll('&amp;', '&');
const valuesOf = (xml: string, name: string): string[] =>
  [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, value]) => unescaped(value!));

/** Credentials that it knows are in the environment from now on, as the SDK looks for them there. */
export async function openS3Server(bucket = 'documents', pageSize = 3): Promise<S3Server> {
  process.env['AWS_ACCESS_KEY_ID'] = 'test-key';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'test-secret';
  const objects = new Map<string, Buffer>();
  const open = new Map<string, Map<number, Buffer>>();
  const asked: Record<string, number> = {};
  const troubles: Trouble[] = [];
  const locked = new Set<string>();
  let uploads = 0;

  const state: Pick<S3Server, 'objectLock'> = { objectLock: undefined };
  const kindOf = ({ method = '' }: IncomingMessage, query: URLSearchParams): string => {
    if (method === 'POST') return query.has('uploads') ? 'BEGIN' : query.has('delete') ? 'DELETE' : 'COMPLETE';
    if (query.has('uploadId')) return method === 'PUT' ? 'PART' : 'ABORT';
    if (query.has('object-lock')) return 'LOCK';
    return query.has('list-type') ? 'LIST' : method;
  };

  const checked = (request: IncomingMessage, body: Buffer): Buffer => {
    const said = request.headers['x-amz-checksum-sha256'];
    if (said === undefined) throw new S3Fault(400, 'MissingChecksum');
    if (said !== sha256(body)) throw new S3Fault(400, 'BadDigest');
    return body;
  };

  const answers: Readonly<Record<string, (at: Asked) => void>> = {
    PUT: ({ request, key, body, answer }) => {
      objects.set(key, checked(request, body));
      answer.setHeader('ETag', '"whole"').end();
    },
    BEGIN: ({ answer }) => {
      const id = `upload-${++uploads}`;
      open.set(id, new Map());
      answer.end(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
    },
    PART: ({ request, query, body, answer }) => {
      const parts = open.get(query.get('uploadId')!);
      if (!parts) throw new S3Fault(404, 'NoSuchUpload');
      parts.set(Number(query.get('partNumber')), checked(request, body));
      answer.setHeader('ETag', `"${sha256(body)}"`).end();
    },
    COMPLETE: ({ query, key, body, answer }) => {
      const id = query.get('uploadId')!;
      const named = body.toString();
      const parts = valuesOf(named, 'PartNumber').map(number => open.get(id)!.get(Number(number))!);
      const sums = valuesOf(named, 'ChecksumSHA256');
      if (parts.some((part, i) => sha256(part) !== sums[i] || valuesOf(named, 'ETag')[i] !== `"${sums[i]}"`))
        throw new S3Fault(400, 'InvalidPart');
      if (parts.slice(0, -1).some(({ length }) => length < LEAST_PART)) throw new S3Fault(400, 'EntityTooSmall');
      objects.set(key, Buffer.concat(parts));
      open.delete(id);
      answer.end('<CompleteMultipartUploadResult><ETag>"parts"</ETag></CompleteMultipartUploadResult>');
    },
    ABORT: ({ query, answer }) => {
      open.delete(query.get('uploadId')!);
      answer.writeHead(204).end();
    },
    HEAD: ({ key, answer }) => {
      const object = objects.get(key);
      answer.writeHead(object ? 200 : 404, object ? { 'Content-Length': object.length } : {}).end();
    },
    GET: ({ request, key, answer, cut }) => {
      const object = objects.get(key);
      if (!object) throw new S3Fault(404, 'NoSuchKey');
      const [, start, end] = (/^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []).map(Number);
      if (start === undefined || end === undefined || start >= object.length) throw new S3Fault(416, 'InvalidRange');
      const part = object.subarray(start, end + 1);
      answer.writeHead(206, { 'Content-Length': part.length });
      if (!cut) answer.end(part);
      else answer.write(part.subarray(0, part.length / 2), () => answer.destroy());
    },
    LIST: ({ query, answer }) => {
      const after = query.get('continuation-token') ?? '';
      const keys = [...objects.keys()]
        .filter(key => key.startsWith(query.get('prefix') ?? '') && key > after)
        .toSorted();
      const page = keys.slice(0, pageSize);
      const next = keys.length > pageSize ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
      const rows = page.map(key => `<Contents><Key>${key}</Key></Contents>`).join('');
      answer.end(`<ListBucketResult>${rows}${next}</ListBucketResult>`);
    },
    LOCK: ({ answer }) => {
      if (state.objectLock === undefined) throw new S3Fault(404, 'ObjectLockConfigurationNotFoundError');
      answer.end(`<ObjectLockConfiguration>${state.objectLock}</ObjectLockConfiguration>`);
    },
    DELETE: ({ body, answer }) => {
      const named = valuesOf(body.toString(), 'Key');
      for (const key of named) if (!locked.has(key)) objects.delete(key);
      const faults = named
        .filter(key => locked.has(key))
        .map(key => `<Error><Key>${key}</Key><Code>AccessDenied</Code></Error>`);
      answer.end(`<DeleteResult>${faults.join('')}</DeleteResult>`);
    },
  };

  const serve = async (request: IncomingMessage, answer: ServerResponse): Promise<void> => {
    const url = new URL(request.url!, 'http://s3');
    const kind = kindOf(request, url.searchParams);
    asked[kind] = (asked[kind] ?? 0) + 1;
    const trouble = troubles.find(each => each.kind === kind && each.times > 0);
    if (trouble) trouble.times--;
    if (trouble?.does === 'cut' && kind !== 'GET') return void request.socket.destroy();
    if (trouble?.does === 'hang') return;
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    if (!request.headers.authorization?.startsWith('AWS4-HMAC-SHA256 Credential=test-key/'))
      throw new S3Fault(403, 'AccessDenied');
    if (trouble?.does === 'slow-down') throw new S3Fault(503, 'SlowDown');
    if (trouble?.does === 'refuse') throw new S3Fault(403, 'AccessDenied');
    const [, named, key = ''] = /^\/([^/]+)\/?(.*)$/.exec(decodeURIComponent(url.pathname)) ?? [];
    if (named !== bucket) throw new S3Fault(404, 'NoSuchBucket');
    const body = Buffer.concat(pieces);
    answers[kind]!({ request, answer, key, body, query: url.searchParams, cut: trouble?.does === 'cut' });
  };
  const server = createServer((request, answer) => {
    serve(request, answer).catch((error: unknown) => {
      const { status, code } = error instanceof S3Fault ? error : new S3Fault(500, 'InternalError');
      answer.writeHead(status, { 'Content-Type': 'application/xml' }).end(`<Error><Code>${code}</Code></Error>`);
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(state, {
    ...{ bucket, objects, open, asked, locked },
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fail: (kind: string, does: Trouble['does'], times = Number.POSITIVE_INFINITY) => {
      for (const each of troubles) if (each.kind === kind) each.times = 0;
      troubles.push({ kind, does, times });
    },
    close: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

interface Asked {
  readonly request: IncomingMessage;
  readonly answer: ServerResponse;
  readonly key: string;
  readonly body: Buffer;
  readonly query: URLSearchParams;
  readonly cut: boolean;
}
