/** Settings of the bucket that larger bytes are moved to (store/move-bytes.ts). */
import { type Setting, textSetting } from './setting.js';

/** Names of buckets: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const ADDRESS = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([A-Za-z0-9!_.*'()/-]*))?$/;

/** `s3://bucket/prefix`. Throws an Error that says what is allowed. */
export function parseBucketAddress(text: string): { readonly bucket: string; readonly prefix: string } {
  const [, bucket, prefix = ''] = ADDRESS.exec(text) ?? [];
  if (bucket === undefined) throw new Error('s3://bucket or s3://bucket/prefix');
  return { bucket, prefix: prefix.replaceAll(/^\/+|\/+$/g, '') };
}

const blobs: Setting<string> = {
  ...textSetting(
    'BLOBS',
    '',
    'Bucket that bytes of more than 256 KB are moved to, `s3://bucket/prefix`: see docs/documents.md. Empty: they stay in the database.',
  ),
  parse(text) {
    parseBucketAddress(text);
    return text;
  },
};
const blobsEndpoint: Setting<string> = {
  ...textSetting('BLOBS_ENDPOINT', '', "Address of another server that speaks S3's protocol. Empty: AWS's own."),
  parse(text) {
    if (!/^https?:$/.test(URL.canParse(text) ? new URL(text).protocol : ''))
      throw new Error('an http or https address');
    return text;
  },
};

export const BLOB_SETTINGS = { blobs, blobsEndpoint };
