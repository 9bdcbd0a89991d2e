/** What is known of the bytes of a document: read once for each content, whatever refers to it. */
import { createHash } from 'node:crypto';
import { partsOfBase64 } from '../../fhir/json/base64.js';
import type { HeldBinary, HookGround } from '../../interactions/write/hooks.js';
import { breathe } from '../../platform/pieces.js';
import { contentTypeOf, HEAD_BYTES } from '../../fhir/content/content-type.js';

export interface Bytes {
  readonly size: number;
  /** SHA-1, as base64. */
  readonly hash: string;
  /** In hexadecimal digits. */
  readonly sha256: string;
  /** The media type that they have by what they begin with; undefined: nobody can tell. */
  readonly found: string | undefined;
  /** The one that their Binary says. */
  readonly declared?: string;
}

export interface ByteReader {
  ofBase64(data: string): Promise<Bytes>;
  ofParts(parts: Iterable<Buffer>): Promise<Bytes>;
  /** Undefined: there is no such Binary that may be read. */
  ofBinary(ground: Pick<HookGround, 'binary'>, id: string): Promise<Bytes | undefined>;
}

/** Contents that are remembered: some bytes each. */
const KEPT = 10_000;

/** One for each engine. */
export function createByteReader(): ByteReader {
  /** By SHA-256, the last one last. */
  const known = new Map<string, Bytes>();
  return {
    ofBase64: data => describe(partsOfBase64(data)),
    ofParts: describe,
    async ofBinary(ground, id) {
      const held = await ground.binary(id);
      if (!held) return undefined;
      const { sha256, contentType } = held;
      let bytes = sha256 === undefined ? undefined : known.get(sha256);
      if (!bytes) {
        bytes = await describe(held.bytes);
        if (sha256 !== undefined) {
          if (known.size >= KEPT) known.delete(known.keys().next().value!);
          known.set(sha256, bytes);
        }
      }
      return contentType === '' ? bytes : { ...bytes, declared: contentType };
    },
  };
}

async function describe(parts: HeldBinary['bytes'] | Iterable<Buffer>): Promise<Bytes> {
  const hash = createHash('sha1');
  const sha256 = createHash('sha256');
  let size = 0;
  let head = Buffer.alloc(0);
  for await (const part of parts) {
    if (head.length < HEAD_BYTES) head = Buffer.concat([head, part.subarray(0, HEAD_BYTES - head.length)]);
    hash.update(part);
    sha256.update(part);
    size += part.length;
    await breathe();
  }
  return { size, hash: hash.digest('base64'), sha256: sha256.digest('hex'), found: await contentTypeOf(head) };
}
