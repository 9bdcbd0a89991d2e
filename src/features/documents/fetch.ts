/**
 * Documents that lie elsewhere, fetched once, when they are written: from hosts that the operator lists, over TLS, without a redirect to
 * any other (../../outgoing). USC-3
 */
import type { Outgoing } from '../../outgoing/client.js';
import type { OutgoingPolicy } from '../../outgoing/outgoing.js';
import { FhirError } from '../../fhir/error.js';
import type { AttachmentGround } from './attachments.js';

const MAX_BYTES = 100 * 1024 * 1024;
const WHOLE_MS = 30_000;

/** `hosts`: separated by commas. Throws an Error that says which of them is wrong. */
export function createFetch(hosts: string, open: (policy: OutgoingPolicy) => Outgoing): AttachmentGround['fetch'] {
  const listed = hosts.split(',').flatMap(host => (host.trim() === '' ? [] : [host.trim()]));
  if (listed.length === 0) return async () => undefined;
  const client = open({ hosts: listed, whole: WHOLE_MS, maxBytes: MAX_BYTES, atOnce: 2 });
  return async url => {
    if (!isListed(client, url)) return undefined;
    const { status, headers, body } = await client.ask(url, { headers: { accept: '*/*' } });
    if (status !== 200)
      throw new FhirError('unprocessable', `The document could not be fetched: the other server says ${status}.`, {
        detail: 'fetch-failed',
      });
    const { 'content-type': contentType = 'application/octet-stream' } = headers;
    return { contentType: contentType.split(';')[0]!.trim(), data: body.toString('base64') };
  };
}

function isListed(client: Outgoing, url: string): boolean {
  try {
    client.check(url);
    return true;
  } catch {
    return false;
  }
}
