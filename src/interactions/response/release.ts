/**
 * Bytes that leave the house otherwise than they are kept: a feature takes something out of them. What is stored stays; what is given out has a
 * length and a hash of its own, so that ranges and ETags are those of what a client gets.
 */
import { createHash } from 'node:crypto';
import { FhirError } from '../../fhir/error.js';
import type { RawContent } from '../interaction.js';

export interface Release {
  /** Whether bytes that begin like this are given out changed. */
  readonly applies: (head: Buffer) => boolean;
  /** What is given out; undefined: it cannot be told, and nothing is. */
  readonly change: (bytes: Buffer) => Uint8Array | undefined;
}

const HEAD = 16;
/** Bytes of what is changed: it is in memory as a whole. */
const MOST = 64 * 1024 * 1024;

type StoredContent = Omit<RawContent, 'fileName'>;

/** Throws `unprocessable` where nothing can be given out. `room`: waits until so many bytes may be in memory. */
export async function released(
  releases: readonly Release[],
  content: StoredContent,
  room: (bytes: number) => Promise<void>,
): Promise<StoredContent> {
  if (releases.length === 0 || content.size === 0) return content;
  const head = await bytesOf(content, Math.min(HEAD, content.size));
  const release = releases.find(({ applies }) => applies(head));
  if (!release) return content;
  if (content.size > MOST) throw refuse();
  await room(2 * content.size);
  const bytes = release.change(await bytesOf(content, content.size));
  if (!bytes) throw refuse();
  const changed = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    contentType: content.contentType,
    size: changed.length,
    hash: createHash('sha256').update(changed).digest('hex'),
    inline: content.inline,
    open: async range => once(range ? changed.subarray(range.start, range.end + 1) : changed),
  };
}

async function bytesOf({ open }: StoredContent, length: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of await open({ start: 0, end: length - 1 })) parts.push(part);
  return Buffer.concat(parts);
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

const refuse = (): FhirError =>
  new FhirError(
    'unprocessable',
    'What these bytes tell of their making cannot be taken out, so that they are not given out.',
    {
      detail: 'not-releasable',
    },
  );
