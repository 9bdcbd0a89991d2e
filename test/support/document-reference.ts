/** DocumentReferences for tests. */
import { createHash } from 'node:crypto';
import type { Attachment, Binary, DocumentReference } from 'fhir/r4.js';

export const sha1 = (bytes: string | Buffer): string => createHash('sha1').update(bytes).digest('base64');

export const base64 = (bytes: string | Buffer): string => Buffer.from(bytes).toString('base64');

export const aDocument = (attachment: Attachment, more: Partial<DocumentReference> = {}): DocumentReference => ({
  resourceType: 'DocumentReference',
  status: 'current',
  content: [{ attachment }],
  ...more,
});

export const aBinary = (contentType: string, bytes: string | Buffer): Binary => ({
  resourceType: 'Binary',
  contentType,
  data: base64(bytes),
});
