/**
 * A bucket in which nobody can take away what was put into it, not even whoever has put it there, for as long as the bucket says itself: Object Lock with a
 * retention of the bucket. Who rules the bucket says how long that is, and they need be nobody who rules this server.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
 */
import { FhirError } from '../../fhir/error.js';
import { type BucketAddress, openS3Client, openS3Objects } from './index.js';

export interface LockedBucket {
  /** Durable when it resolves. Throws `unavailable` where the bucket is away, and (`bucket-not-locked`) where it locks nothing by itself. */
  put(name: string, bytes: Buffer): Promise<void>;
  /** Breaks off what is under way. */
  close(): void;
}

/** Throws `unavailable` where the package is missing. */
export async function openLockedBucket(address: BucketAddress, endpoint: string): Promise<LockedBucket> {
  const s3 = await openS3Client(endpoint, 'CHARTROOM_AUDIT_ANCHORS');
  const objects = openS3Objects(s3, address);
  let isLocked = false;
  return {
    async put(name, bytes) {
      isLocked ||= await locks();
      await objects.put(name, bytes.length, once(bytes));
    },
    close: () => objects.close(),
  };

  async function locks(): Promise<true> {
    const asked = new s3.sdk.GetObjectLockConfigurationCommand({ Bucket: address.bucket });
    try {
      const { ObjectLockConfiguration: lock } = await s3.ask(asked);
      if (lock?.ObjectLockEnabled === 'Enabled' && lock.Rule?.DefaultRetention?.Mode) return true;
    } catch (error) {
      const { cause } = error as FhirError;
      if (!(cause instanceof Error) || cause.name !== 'ObjectLockConfigurationNotFoundError') throw error;
    }
    throw new FhirError(
      'unavailable',
      'The bucket of anchors has no Object Lock with a retention of its own: whoever rules this server could take anchors away.',
      { detail: 'bucket-not-locked' },
    );
  }
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
