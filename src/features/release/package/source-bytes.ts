/** The bytes of items, held against their hashes. */
import { createHash } from 'node:crypto';
import { type ByteSource, type PackageItem, PackageRefused } from './order.js';

/** Passes them on; throws `changed` at their end where they are others. */
export async function* checkedBytes(item: PackageItem): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const part of (await item.open()) satisfies ByteSource) {
    hash.update(part);
    yield part;
  }
  if (hash.digest('hex') !== item.sha256.toLowerCase())
    throw new PackageRefused('changed', `The bytes of ${item.id} are not those that were to be released.`, item.id);
}

/** All of them; undefined where they are more than `most`. */
export async function wholeItem(item: PackageItem, most: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (item.size > most) return undefined;
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of checkedBytes(item)) {
    size += part.length;
    if (size > most) return undefined;
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** Counts and hashes what goes by. */
export interface Tally {
  readonly size: number;
  readonly sha256: string;
}

/** The parts, and what they were at their end. */
export async function* tallied(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, Tally> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const part of parts) {
    hash.update(part);
    size += part.length;
    yield part;
  }
  return { size, sha256: hash.digest('hex') };
}

/** The parts for a loop, which closes them however it ends, and what they gave at their end. */
export function withEnd<Part, End>(given: AsyncGenerator<Part, End>): { parts: AsyncGenerator<Part>; end(): End } {
  let found: { readonly end: End } | undefined;
  async function* parts(): AsyncGenerator<Part> {
    found = { end: yield* given };
  }
  return {
    parts: parts(),
    end() {
      if (!found) throw new Error('The parts have not ended.');
      return found.end;
    },
  };
}
