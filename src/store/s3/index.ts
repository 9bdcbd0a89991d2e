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
import type { Bucket } from '../bucket.js';
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
const SOCKETS = { maxSockets: 200 };

/** `endpoint`: of another server than AWS's, which is asked for `/bucket/key`. Throws `unavailable` where the package is missing. */
export async function openS3Bucket(address: BucketAddress, endpoint: string, name = PACKAGE): Promise<Bucket> {
  const sdk = await loadSdk(name);
  const client = new sdk.S3Client({
    ...(endpoint === '' ? {} : { endpoint, forcePathStyle: true }),
    // Servers other than AWS's have no regions, but signatures name one.
    ...(endpoint === '' || process.env['AWS_REGION'] ? {} : { region: 'us-east-1' }),
    requestHandler: { ...TIMEOUTS, httpAgent: SOCKETS, httpsAgent: SOCKETS },
    // What is sent says its SHA-256 itself; what is read is held against checksums of our own.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  return bucketOf(sdk, client, address);
}

/** `name`: one that the compiler does not follow, as the package need not be there. */
async function loadSdk(name: string): Promise<S3Module> {
  try {
    return (await import(name)) as S3Module;
  } catch (cause) {
    throw new FhirError(
      'unavailable',
      `CHARTROOM_BLOBS names a bucket, which needs the package ${name}. Install it beside the server: npm install --no-save ${name}`,
      { cause },
    );
  }
}

function bucketOf(sdk: S3Module, client: S3Client, { bucket: Bucket, prefix }: BucketAddress): Bucket {
  const head = prefix === '' ? '' : `${prefix}/`;
  const at = (name: string) => ({ Bucket, Key: head + name });
  const ask = async (command: object): Promise<S3Answer> => {
    try {
      return await client.send(command);
    } catch (error) {
      throw bucketAway(error);
    }
  };

  const putParts = async (name: string, bytes: AsyncIterable<Buffer>): Promise<void> => {
    const { UploadId } = await ask(new sdk.CreateMultipartUploadCommand({ ...at(name), ChecksumAlgorithm: 'SHA256' }));
    const Parts: object[] = [];
    const underWay: Promise<void>[] = [];
    const send = async (PartNumber: number, Body: Buffer): Promise<void> => {
      const ChecksumSHA256 = sha256(Body);
      const { ETag } = await ask(
        new sdk.UploadPartCommand({ ...at(name), UploadId, PartNumber, Body, ChecksumSHA256 }),
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
      await ask(new sdk.CompleteMultipartUploadCommand({ ...at(name), UploadId, MultipartUpload: { Parts } }));
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
          await ask(new sdk.PutObjectCommand({ ...at(name), Body, ChecksumSHA256: sha256(Body) }));
      // A server that does not know checksums may have kept less than it got.
      const { ContentLength } = await ask(new sdk.HeadObjectCommand(at(name)));
      if (ContentLength !== size)
        throw new FhirError('unavailable', 'The bucket has kept something else than it was sent.');
    },
    async get(name, { start, end }) {
      try {
        const { Body } = await client.send(new sdk.GetObjectCommand({ ...at(name), Range: `bytes=${start}-${end}` }));
        return withBreaks(Body!);
      } catch (error) {
        if (['NoSuchKey', 'InvalidRange'].includes(nameOf(error))) return undefined;
        throw bucketAway(error);
      }
    },
    async drop(names) {
      for (let from = 0; from < names.length; from += DROPPED_AT_ONCE) {
        const Objects = names.slice(from, from + DROPPED_AT_ONCE).map(name => ({ Key: head + name }));
        const { Errors = [] } = await ask(new sdk.DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
        if (Errors.length > 0) throw bucketAway(new Error(`${Errors.length} objects were not dropped`));
      }
    },
    async *list() {
      for (let ContinuationToken: string | undefined; ; ) {
        const page = await ask(new sdk.ListObjectsV2Command({ Bucket, Prefix: head, ContinuationToken }));
        for (const { Key = '' } of page.Contents ?? []) yield Key.slice(head.length);
        ContinuationToken = page.NextContinuationToken;
        if (!ContinuationToken) return;
      }
    },
    close: () => client.destroy(),
  };
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('base64');
const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '');

/** A connection that breaks in the middle is the bucket's fault. */
async function* withBreaks(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw bucketAway(error);
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
