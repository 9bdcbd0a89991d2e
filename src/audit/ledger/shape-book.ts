/** The shapes of an export, by which its deeds are hashed and read. */
import { createHash } from 'node:crypto';
import { type Hash, leafHash } from '../../store/ledger.js';
import { shapeOfText } from '../../store/ledger-entry.js';
import { type KeptDeed, type KeptShape, readDeed, shapeIdOf } from '../trail/deed.js';

/** More than a trail ever has: a file may have any number. */
const MOST_SHAPES = 200_000;

export class ShapeBook {
  readonly #shapes = new Map<number, { readonly digest: Buffer; readonly shape: KeptShape }>();

  /** False: it is none, or one too many. */
  add(text: string): boolean {
    let shape: KeptShape;
    try {
      shape = JSON.parse(text) as KeptShape;
    } catch {
      return false;
    }
    const { id } = shapeOfText(text);
    if (this.#shapes.size >= MOST_SHAPES && !this.#shapes.has(id)) return false;
    this.#shapes.set(id, { digest: createHash('sha256').update(text).digest(), shape });
    return true;
  }

  /** The leaf of a deed; undefined: its shape is not there. */
  leafOf(bytes: Uint8Array): Hash | undefined {
    let id: number;
    try {
      id = shapeIdOf(bytes);
    } catch {
      return undefined;
    }
    const known = this.#shapes.get(id);
    return known && leafHash(known.digest, bytes);
  }

  /** Undefined: nobody can read it. The bytes and the shape may be anything. */
  read(bytes: Uint8Array): KeptDeed | undefined {
    try {
      return readDeed(bytes, id => this.#shapes.get(id)!.shape);
    } catch {
      return undefined;
    }
  }
}

/** Undefined: it is no base64 as it is written. */
export function bytesInBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}
