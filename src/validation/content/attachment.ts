/** What an Attachment says of the data that it holds. https://hl7.org/fhir/R4/datatypes.html#attachment */
import { createHash } from 'node:crypto';
import { hashWritten } from '../../fhir/attachment-hash.js';
import { partsOfBase64 } from '../../fhir/json/base64.js';
import type { JsonObject } from '../../fhir/resource.js';
import { breathe } from '../../platform/pieces.js';
import { type CheckRun, type ElementPlace, fhirPathOf } from '../run.js';

/** Bytes that base64 stands for; white space may stand anywhere. */
export function bytesOfBase64(text: string): number {
  if (!/\s/.test(text))
    return Math.floor((text.length * 3) / 4) - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0);
  let characters = 0;
  let padding = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 61) padding++;
    if (code > 32) characters++;
  }
  return Math.floor((characters * 3) / 4) - padding;
}

/** Reports where size and hash are not those of the data. */
export function checkAttachment(attachment: JsonObject, place: ElementPlace, run: CheckRun): void {
  const { data, size, hash } = attachment;
  if (typeof data !== 'string') return;
  if (typeof size === 'number' && size !== bytesOfBase64(data))
    run.report(
      { above: place, name: 'size', index: -1 },
      { ...WRONG, text: 'size must be the number of bytes in data, decoded.' },
    );
  if (typeof hash !== 'string') return;
  run.spend(Math.ceil(data.length / BYTES_OF_A_STEP));
  const digest =
    data.length > LONG
      ? knownDigest(attachment, data, place, run)
      : createHash('sha1').update(Buffer.from(data, 'base64')).digest('base64');
  if (digest !== undefined && hashWritten(hash) !== digest)
    run.report(
      { above: place, name: 'hash', index: -1 },
      { ...WRONG, text: 'hash must be the SHA-1 of data, decoded, as base64.' },
    );
}

/** Characters of data that is hashed in pieces, before the next pass. */
const LONG = 1024 * 1024;

/** Of long data that stands in an attachment, once somebody has asked for it. */
const digests = new WeakMap<JsonObject, string>();

/** Undefined: it is known in the next pass. */
function knownDigest(attachment: JsonObject, data: string, place: ElementPlace, run: CheckRun): string | undefined {
  const known = digests.get(attachment);
  if (known === undefined)
    run.need(`attachment ${fhirPathOf(place)}`, async () => {
      const digest = createHash('sha1');
      for (const part of partsOfBase64(data)) {
        digest.update(part);
        await breathe();
      }
      digests.set(attachment, digest.digest('base64'));
    });
  return known;
}

const WRONG = { severity: 'error', code: 'value', detail: 'attachment-data' } as const;
const BYTES_OF_A_STEP = 1_000;
