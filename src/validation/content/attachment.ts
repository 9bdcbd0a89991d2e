/** What an Attachment says of the data that it holds. https://hl7.org/fhir/R4/datatypes.html#attachment */
import { createHash } from 'node:crypto';
import { hashWritten } from '../../fhir/attachment-hash.js';
import type { JsonObject } from '../../fhir/resource.js';
import type { CheckRun, ElementPlace } from '../run.js';

/** Bytes that base64 stands for; white space may stand anywhere. */
export function bytesOfBase64(text: string): number {
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
export function checkAttachment({ data, size, hash }: JsonObject, place: ElementPlace, run: CheckRun): void {
  if (typeof data !== 'string') return;
  if (typeof size === 'number' && size !== bytesOfBase64(data))
    run.report(
      { above: place, name: 'size', index: -1 },
      { ...WRONG, text: 'size must be the number of bytes in data, decoded.' },
    );
  if (typeof hash !== 'string') return;
  run.spend(Math.ceil(data.length / BYTES_OF_A_STEP));
  const digest = createHash('sha1').update(Buffer.from(data, 'base64')).digest('base64');
  if (hashWritten(hash) !== digest)
    run.report(
      { above: place, name: 'hash', index: -1 },
      { ...WRONG, text: 'hash must be the SHA-1 of data, decoded, as base64.' },
    );
}

const WRONG = { severity: 'error', code: 'value', detail: 'attachment-data' } as const;
const BYTES_OF_A_STEP = 1_000;
