/** Stores whose larger bytes lie in a bucket of S3's protocol, and who waits until they do. */
import type { FhirError } from '../../src/fhir/error.js';
import type { BucketGround } from '../../src/store/move-bytes.js';
import { openS3Bucket } from '../../src/store/s3/index.js';
import type { Store } from '../../src/store/store.js';
import type { S3Server } from './s3.js';

export const LARGE_BYTES = 262_144;

export interface WatchedBucket extends BucketGround {
  isLeft: boolean;
  /** What it was told of objects that are left. */
  readonly left: number[];
  /** What moves and drops said that failed. */
  readonly faults: FhirError[];
  /** Resolves with the next move of these bytes, or where they could not be moved. */
  settled(hash: string): Promise<void>;
}

export async function watchedBucket({ bucket, endpoint }: S3Server): Promise<WatchedBucket> {
  const faults: FhirError[] = [];
  const waiting = new Map<string, (() => void)[]>();
  const watched: WatchedBucket = {
    bucket: await openS3Bucket({ bucket, prefix: 'kept/here' }, endpoint),
    faults,
    isLeft: false,
    left: [],
    told({ hash, error, left }) {
      if (error) faults.push(error);
      if (left !== undefined) watched.left.push(left);
      if (hash === undefined) return;
      for (const tell of waiting.get(hash) ?? []) tell();
      waiting.delete(hash);
    },
    settled: hash => new Promise(resolve => void waiting.set(hash, [...(waiting.get(hash) ?? []), resolve])),
  };
  return watched;
}

/** The store with a `put` that resolves when the bytes are in the bucket. */
export const movingAtOnce = (store: Store, bucket: WatchedBucket): Store => ({
  ...store,
  blobs: {
    ...store.blobs,
    async put(bytes, maxBytes) {
      const stored = await store.blobs.put(bytes, maxBytes);
      if (stored.size > LARGE_BYTES) await bucket.settled(stored.hash);
      return stored;
    },
  },
});
