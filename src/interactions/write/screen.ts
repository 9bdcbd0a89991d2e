/**
 * Bytes past the hooks that look into them (hooks.ts), before any of them is stored: of uploads as they come, and of all that stands inline
 * in a resource, however short it is.
 */
import { bytesOfInline, inlineBase64 } from '../../fhir/json/inline-base64.js';
import { FhirError } from '../../fhir/error.js';
import { turn } from '../../platform/pieces.js';
import type { Blobs } from '../../store/store.js';
import type { Hooks } from './hooks.js';

type Screens = Pick<Hooks, 'bytes'>;

/** Where an upload goes. What a hook refuses is not stored. */
export function screenedBlobs(blobs: Blobs, { bytes: screens }: Screens): Blobs {
  if (screens.length === 0) return blobs;
  return {
    put: (bytes, maxBytes) => blobs.put(passed(screens, Buffer.isBuffer(bytes) ? once(bytes) : bytes), maxBytes),
    get: (hash, range) => blobs.get(hash, range),
    all: () => blobs.all(),
    keep: (hash, until) => blobs.keep(hash, until),
    sweep: (now, putBefore) => blobs.sweep(now, putBefore),
    lackBucket: () => blobs.lackBucket(),
  };
}

/**
 * `text`: JSON that is to be stored. Throws what a hook refuses, as something of this type; but for `known`, which was looked into already. A hook sees
 * what a reader would decode, a part at a time.
 */
export async function screenInline(
  { bytes: screens }: Screens,
  type: string,
  text: Buffer,
  known: Buffer,
): Promise<void> {
  if (screens.length === 0) return;
  const passedOver = Buffer.from(known.toString('base64'));
  for (const found of inlineBase64(text)) {
    if (text.subarray(found.start, found.end).equals(passedOver)) continue;
    try {
      for await (const _ of passed(screens, inTurns(bytesOfInline(text, found))));
    } catch (error) {
      throw error instanceof FhirError && error.issues.every(({ expression }) => expression === undefined)
        ? new FhirError(error.kind, error.message, {
            issues: error.issues.map(issue => ({ ...issue, expression: type })),
            cause: error,
          })
        : error;
    }
  }
}

const passed = (screens: Screens['bytes'], bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> =>
  screens.reduce<AsyncIterable<Uint8Array>>((flow, screen) => screen(flow), bytes);

async function* inTurns(parts: Iterable<Buffer>): AsyncGenerator<Buffer> {
  for (const part of parts) {
    yield part;
    await turn();
  }
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
