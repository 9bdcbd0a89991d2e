/**
 * Bytes that leave the house otherwise than they are kept: a feature takes something out of them. What is stored stays; what is given out has a
 * length and a hash of its own, so that ranges and ETags are those of what a client gets.
 */
import { createHash } from 'node:crypto';
import { FhirError } from '../../fhir/error.js';
import { join, type Piece, piecesOf, type Text } from '../../fhir/content/holes.js';
import { liftingBase64 } from '../../fhir/json/base64.js';
import { inPieces } from '../../platform/pieces.js';
import type { Store } from '../../store/store.js';
import type { RawContent } from '../interaction.js';
import { openBlob } from './text.js';

export interface Release {
  /** Whether bytes that begin like this are given out changed. */
  readonly applies: (head: Buffer) => boolean;
  /** What is given out; undefined: it cannot be told, and nothing is. */
  readonly change: (bytes: Buffer) => Uint8Array | undefined;
  /** What stands in a resource where it cannot be told: a page is given for what else is in it. */
  readonly instead: Buffer;
}

const HEAD = 16;
/** Bytes of what is changed: it is in memory as a whole. */
const MOST = 64 * 1024 * 1024;

type StoredContent = Omit<RawContent, 'fileName'>;

interface Releasing {
  readonly releases: readonly Release[];
  readonly store: Pick<Store, 'blobs'>;
}

/**
 * A text as it is given out: base64 of what is changed is that of the changed bytes, wherever it stands in a resource. Throws `unprocessable` for more
 * than can be changed in memory. `room`: waits until so many bytes may be there.
 */
export async function releasedText(
  { releases, store }: Releasing,
  text: Text,
  room: (bytes: number) => Promise<void>,
): Promise<Text> {
  if (releases.length === 0) return text;
  const pieces: Piece[] = [];
  for (const piece of piecesOf(text))
    if (Buffer.isBuffer(piece)) pieces.push(...(await inlineReleased(releases, piece)));
    else {
      const { hash, size } = piece;
      const bytesTo = async (end: number) => collected((await openBlob(store, hash, { start: 0, end })).bytes);
      const head = size === 0 ? Buffer.alloc(0) : await bytesTo(Math.min(HEAD, size) - 1);
      const release = releases.find(({ applies }) => applies(head));
      if (release && size > MOST) throw refuse();
      if (release) await room(4 * size);
      pieces.push(release ? asChanged(release, await bytesTo(size - 1)) : piece);
    }
  return join(pieces);
}

const DATA = Buffer.from('"data"');

/** Short bytes stand in the text itself. */
async function inlineReleased(releases: readonly Release[], text: Buffer): Promise<readonly Piece[]> {
  if (!text.includes(DATA)) return [text];
  const { text: rest, lifted } = await inPieces(liftingBase64(text, 1));
  let from = 0;
  const pieces: Piece[] = [];
  for (const { at, bytes } of lifted) {
    const release = releases.find(({ applies }) => applies(bytes.subarray(0, HEAD)));
    pieces.push(rest.subarray(from, at), release ? asChanged(release, bytes) : bytes.toString('base64'));
    from = at;
  }
  return [...pieces, rest.subarray(from)];
}

const asChanged = ({ change, instead }: Release, bytes: Buffer): string =>
  Buffer.from(change(bytes) ?? instead).toString('base64');

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

const bytesOf = async ({ open }: StoredContent, length: number): Promise<Buffer> =>
  collected(await open({ start: 0, end: length - 1 }));

async function collected(bytes: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of bytes) parts.push(part);
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
