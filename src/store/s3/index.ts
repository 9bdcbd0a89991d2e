/**
 * A bucket of S3, or of a server that speaks its protocol (Bucket in ../bucket.ts), by `@aws-sdk/client-s3`, which is no dependency of an
 * installation: whoever names a bucket installs it beside the server. Credentials and region come by the SDK's own chain (environment, shared
 * files, roles of containers and instances).
 *
 * Each object, and each part of a larger one, is sent with its SHA-256, which the server has to find in what came.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
 */
import { createHash } from 'node:crypto';
import { FhirError } from '../../fhir/error.js';
import { realTimeout } from '../../platform/real-time.js';
import { type Bucket, SilentBucket } from '../bucket.js';
import type { S3Answer, S3Client, S3Module } from './sdk.js';

/** The address of a bucket, as CHARTROOM_BLOBS says it. */
export interface BucketAddress {
  readonly bucket: string;
  /** Without slashes around it; empty: none. */
  readonly prefix: string;
}

/** The one that is tested with. */
const PACKAGE = '@aws-sdk/client-s3';

/** Bytes of a part: the least that S3 takes, so that 10,000 of them are 50 GB, and a few in memory little. */
const PART_BYTES = 5 * 1024 * 1024;
const PARTS_UNDER_WAY = 3;
/** Objects that one request may drop. */
const DROPPED_AT_ONCE = 1000;

const TIMEOUTS = { connectionTimeout: 3000, requestTimeout: 15_000, throwOnRequestTimeout: true } as const;
/** ms in which an answer begins, and in which it goes on; retries of the SDK are among them. Sending a part may take longer. */
const PATIENCE = 8000;
const PATIENCE_WITH_PARTS = 60_000;
const SOCKETS = { maxSockets: 200 };

/** Throws `unavailable` where the package is missing. */
export const openS3Bucket = async (address: BucketAddress, endpoint: string, name?: string): Promise<Bucket> =>
  openS3Objects(await openS3Client(endpoint, 'CHARTROOM_BLOBS', name), address);

export interface OpenS3 {
  readonly sdk: S3Module;
  readonly client: S3Client;
  /** Throws `unavailable` where the bucket is away, does not let us, or says nothing. */
  readonly ask: AskBucket;
}

/** `endpoint`: of another server than AWS's, which is asked for `/bucket/key`; `setting`: what names a bucket. Throws `unavailable` where the package is missing. */
export async function openS3Client(endpoint: string, setting: string, name = PACKAGE): Promise<OpenS3> {
  const sdk = await loadSdk(name, setting);
  const client = new sdk.S3Client({
    ...(endpoint === '' ? {} : { endpoint, forcePathStyle: true }),
    // Servers other than AWS's have no regions, but signatures name one.
    ...(endpoint === '' || process.env['AWS_REGION'] ? {} : { region: 'us-east-1' }),
    requestHandler: { ...TIMEOUTS, httpAgent: SOCKETS, httpsAgent: SOCKETS },
    // What is sent says its SHA-256 itself; what is read is held against checksums of our own.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  const open = new AbortController().signal;
  return { sdk, client, ask: asking(client, () => open) };
}

/** `name`: one that the compiler does not follow, as the package need not be there. */
async function loadSdk(name: string, setting: string): Promise<S3Module> {
  try {
    return (await import(name)) as S3Module;
  } catch (cause) {
    throw new FhirError(
      'unavailable',
      `${setting} names a bucket, which needs the package ${name}. Install it beside the server: npm install --no-save ${name}`,
      { cause },
    );
  }
}

type AskBucket = (command: object, patience?: number) => Promise<S3Answer>;

/** Throws `unavailable` where the bucket is away, does not let us, or says nothing. */
const asking =
  (client: S3Client, closing: () => AbortSignal): AskBucket =>
  async (command, patience = PATIENCE) => {
    const wait = new Waiting(closing(), patience);
    try {
      return await wait.for(client.send(command, { abortSignal: wait.signal }));
    } catch (error) {
      throw bucketAway(error);
    } finally {
      wait.end();
    }
  };

/** Undefined: there are no such bytes. */
async function getting(
  client: S3Client,
  command: object,
  closing: AbortSignal,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const wait = new Waiting(closing, PATIENCE);
  try {
    const { Body } = await wait.for(client.send(command, { abortSignal: wait.signal }));
    return withBreaks(Body!, wait);
  } catch (error) {
    wait.end();
    if (['NoSuchKey', 'InvalidRange'].includes(nameOf(error))) return undefined;
    throw bucketAway(error);
  }
}

/** The objects of one bucket. */
export function openS3Objects({ sdk, client }: Omit<OpenS3, 'ask'>, { bucket: Bucket, prefix }: BucketAddress): Bucket {
  const head = prefix === '' ? '' : `${prefix}/`;
  const at = (name: string) => ({ Bucket, Key: head + name });
  let closing = new AbortController();
  const ask = asking(client, () => closing.signal);
  const dropSome = async (names: readonly string[]): Promise<readonly string[]> => {
    const Objects = names.map(name => ({ Key: head + name }));
    const { Errors = [] } = await ask(new sdk.DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
    return Errors.map(({ Key = '' }) => Key.slice(head.length));
  };

  const putParts = async (name: string, bytes: AsyncIterable<Buffer>): Promise<void> => {
    const { UploadId } = await ask(new sdk.CreateMultipartUploadCommand({ ...at(name), ChecksumAlgorithm: 'SHA256' }));
    const Parts: object[] = [];
    const underWay: Promise<void>[] = [];
    const send = async (PartNumber: number, Body: Buffer): Promise<void> => {
      const ChecksumSHA256 = sha256(Body);
      const { ETag } = await ask(
        new sdk.UploadPartCommand({ ...at(name), UploadId, PartNumber, Body, ChecksumSHA256 }),
        PATIENCE_WITH_PARTS,
      );
      Parts[PartNumber - 1] = { PartNumber, ETag, ChecksumSHA256 };
    };
    try {
      let count = 0;
      for await (const part of inParts(bytes)) {
        if (underWay.length === PARTS_UNDER_WAY) await underWay.shift();
        const sent = send(++count, part);
        // Its failure is met where it is awaited.
        sent.catch(() => undefined);
        underWay.push(sent);
      }
      await Promise.all(underWay);
      const MultipartUpload = { Parts };
      await ask(
        new sdk.CompleteMultipartUploadCommand({ ...at(name), UploadId, MultipartUpload }),
        PATIENCE_WITH_PARTS,
      );
    } catch (error) {
      await Promise.allSettled(underWay);
      await ask(new sdk.AbortMultipartUploadCommand({ ...at(name), UploadId })).catch(() => undefined);
      throw error;
    }
  };

  return {
    async put(name, size, bytes) {
      if (size > PART_BYTES) await putParts(name, bytes);
      else
        for await (const Body of inParts(bytes))
          await ask(new sdk.PutObjectCommand({ ...at(name), Body, ChecksumSHA256: sha256(Body) }), PATIENCE_WITH_PARTS);
      // A server that does not know checksums may have kept less than it got.
      const { ContentLength } = await ask(new sdk.HeadObjectCommand(at(name)));
      if (ContentLength !== size)
        throw new FhirError('unavailable', 'The bucket has kept something else than it was sent.');
    },
    get: (name, { start, end }) =>
      getting(client, new sdk.GetObjectCommand({ ...at(name), Range: `bytes=${start}-${end}` }), closing.signal),
    async drop(names) {
      const kept: string[] = [];
      for (let from = 0; from < names.length; from += DROPPED_AT_ONCE)
        kept.push(...(await dropSome(names.slice(from, from + DROPPED_AT_ONCE))));
      return kept;
    },
    async *list() {
      for (let ContinuationToken: string | undefined; ; ) {
        const page = await ask(new sdk.ListObjectsV2Command({ Bucket, Prefix: head, ContinuationToken }));
        for (const { Key = '' } of page.Contents ?? []) yield Key.slice(head.length);
        ContinuationToken = page.NextContinuationToken;
        if (!ContinuationToken) return;
      }
    },
    close: () => {
      closing.abort();
      client.destroy();
      // Whoever opens a store on it again goes on with it.
      closing = new AbortController();
    },
  };
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('base64');
const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '');

/** A request that is broken off where nothing comes for some time, or the bucket is closed. Whoever is slow to read is no reason. */
class Waiting {
  readonly #aborted = new AbortController();
  readonly #closing: AbortSignal;
  readonly #patience: number;

  constructor(closing: AbortSignal, patience: number) {
    this.#closing = closing;
    this.#patience = patience;
    if (closing.aborted) this.#break();
    else closing.addEventListener('abort', this.#break);
  }

  get signal(): AbortSignal {
    return this.#aborted.signal;
  }

  readonly #break = (): void => this.#aborted.abort();

  /** Throws SilentBucket where it is broken off. */
  async for<T>(work: Promise<T>): Promise<T> {
    const { signal } = this;
    let fail: () => void = () => {};
    const timer = realTimeout(this.#patience, this.#break);
    try {
      return await Promise.race([
        work,
        new Promise<never>((_, reject) => {
          fail = () => reject(new SilentBucket());
          if (signal.aborted) fail();
          else signal.addEventListener('abort', fail);
        }),
      ]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', fail);
    }
  }

  end(): void {
    this.#closing.removeEventListener('abort', this.#break);
  }
}

/** A connection that breaks in the middle is the bucket's fault. */
async function* withBreaks(body: AsyncIterable<Uint8Array>, wait: Waiting): AsyncGenerator<Uint8Array> {
  const pieces = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const piece = await wait.for(pieces.next());
      if (piece.done) return;
      yield piece.value;
    }
  } catch (error) {
    throw bucketAway(error);
  } finally {
    wait.end();
    // It is not waited for: what is silent may end at no time.
    void Promise.resolve(pieces.return?.()).catch(() => undefined);
  }
}

/** What we tell of it; what the server said is for the log. */
function bucketAway(cause: unknown): FhirError {
  if (cause instanceof FhirError) return cause;
  const why: Readonly<Record<string, string>> = {
    AccessDenied: 'refuses access',
    CredentialsProviderError: 'cannot be asked without credentials',
    InvalidAccessKeyId: 'does not know the credentials',
    NoSuchBucket: 'does not exist',
    SignatureDoesNotMatch: 'does not believe the credentials',
    SlowDown: 'asks for fewer requests',
  };
  const said = why[nameOf(cause)] ?? 'does not answer as it should';
  return new FhirError('unavailable', `The bucket of stored bytes ${said}. Try again later.`, { cause });
}

/** Each in memory of its own, as some are on their way at a time. */
async function* inParts(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of bytes) {
    // The memory of a piece is used again for the next one.
    pieces.push(Buffer.from(piece));
    size += piece.length;
    if (size < PART_BYTES) continue;
    yield Buffer.concat(pieces, size);
    pieces = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(pieces, size);
}
