/**
 * Bytes that leave the house otherwise than they are kept: a feature takes something out of them. What is stored stays; what is given out has a
 * length and a hash of its own, so that ranges and ETags are those of what a client gets.
 */
import { createHash } from 'node:crypto';
import { FhirError } from '../../fhir/error.js';
import { join, type Piece, piecesOf, type Text } from '../../fhir/content/holes.js';
import { bytesOfInline, type InlineBase64, inlineBase64 } from '../../fhir/json/inline-base64.js';
import { turn } from '../../platform/pieces.js';
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

/** Short bytes stand in the text itself, and so does base64 that is not written as the server would. What is given out as it is keeps its characters. */
async function inlineReleased(releases: readonly Release[], text: Buffer): Promise<readonly Piece[]> {
  const pieces: Piece[] = [];
  let from = 0;
  for (const found of inlineBase64(text)) {
    const head = headOf(text, found);
    const release = releases.find(({ applies }) => applies(head));
    if (!release) continue;
    const parts: Buffer[] = [];
    for (const part of bytesOfInline(text, found)) {
      parts.push(part);
      if (part.length > LONG_PART) await turn();
    }
    pieces.push(text.subarray(from, found.start), asChanged(release, Buffer.concat(parts)));
    from = found.end;
  }
  return [...pieces, text.subarray(from)];
}

/** Bytes after whose decoding others have their turn. */
const LONG_PART = 256 * 1024;
/** Characters in which a head is looked for first: white space may stand before it, and in it. */
const HEAD_CHARACTERS = 256;

function headOf(text: Buffer, { start, end }: InlineBase64): Buffer {
  for (let most = HEAD_CHARACTERS; ; most *= 16) {
    const until = Math.min(end, start + most);
    const head = Buffer.concat([...bytesOfInline(text, { start, end: until })]).subarray(0, HEAD);
    if (head.length === HEAD || until === end) return head;
  }
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
