/** Settings of the bucket that larger bytes are moved to (store/move-bytes.ts). */
import { choice, type Setting, type SettingValues, textSetting } from './setting.js';

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

const blobsMove = choice(
  'BLOBS_MOVE',
  'to-bucket',
  ['to-bucket', 'back'],
  'Where bytes are moved while CHARTROOM_BLOBS names a bucket; `back` empties it',
);

export const BLOB_SETTINGS = { blobs, blobsEndpoint, blobsMove };

/** What is wrong with them together, and with settings that a bucket is about. */
export function blobFaults(config: SettingValues<typeof BLOB_SETTINGS> & AroundBlobs): readonly string[] {
  const { harness, auditAnchors, blobs: named, blobsEndpoint: endpoint, blobsMove: move } = config;
  const faults: string[] = [];
  if (harness === 'on' && named !== '')
    faults.push('CHARTROOM_HARNESS=on puts the store back, and no bucket: leave CHARTROOM_BLOBS empty.');
  if (endpoint !== '' && named === '' && !auditAnchors.includes('s3:'))
    faults.push('CHARTROOM_BLOBS_ENDPOINT needs CHARTROOM_BLOBS, or s3: in CHARTROOM_AUDIT_ANCHORS.');
  if (move === 'back' && named === '')
    faults.push('CHARTROOM_BLOBS_MOVE=back needs CHARTROOM_BLOBS: the bucket that bytes are moved back from.');
  return faults;
}

interface AroundBlobs {
  readonly harness: string;
  readonly auditAnchors: string;
}
