/**
 * The Merkle tree of a stream of deeds (RFC 9162 §2.1, https://www.rfc-editor.org/rfc/rfc9162#section-2.1): whoever has its root can be
 * shown that a deed is in it, and that a later root is one of a tree that only grew.
 *
 * Hashes are SHA-256, 32 bytes. The tree over n leaves has as its parts the perfect trees whose sizes are the bits of n, so that a stream
 * needs no more than those to go on (`Frontier`).
 */
import { createHash, hash as hashOnce } from 'node:crypto';

export type Hash = Buffer;
export const HASH_BYTES = 32;

const LEAF = Buffer.of(0);
const NODE = 1;
/** The root of a tree without leaves. */
const NOTHING: Hash = createHash('sha256').digest();

/** Where what is hashed stands together: in one step a hash takes half the time of one that is an object. */
const scratch = Buffer.allocUnsafeSlow(8192);
const hashOfScratch = (length: number): Hash =>
  Buffer.from(hashOnce('sha256', scratch.subarray(0, length), 'binary'), 'binary');

/** The hash of a leaf: of all of `parts`, one after the other. */
export function leafHash(...parts: readonly Uint8Array[]): Hash {
  let length = 1;
  for (const part of parts) length += part.length;
  if (length > scratch.length) {
    const large = createHash('sha256').update(LEAF);
    for (const part of parts) large.update(part);
    return large.digest();
  }
  scratch[0] = LEAF[0]!;
  let at = 1;
  for (const part of parts) {
    scratch.set(part, at);
    at += part.length;
  }
  return hashOfScratch(length);
}

/** What a node is the hash of. It is one and the same, and hashes that are hashed again are copied into it as text: that halves the time of a root. */
const node = Buffer.allocUnsafeSlow(1 + 2 * HASH_BYTES);
node[0] = NODE;
const RIGHT = 1 + HASH_BYTES;

function nodeHash(left: Hash, right: Hash): Hash {
  node.set(left, 1);
  node.set(right, RIGHT);
  return Buffer.from(hashOnce('sha256', node, 'binary'), 'binary');
}

/** The largest power of two that is less than `size`, of at least 2. */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

/** The right edge of a tree: what is needed of it to add leaves, and to tell its root. */
export class Frontier {
  #size: number;
  /** Roots of the perfect trees, the largest first. */
  readonly #perfect: Hash[];

  /** Throws RangeError where there are not as many hashes as the bits of `size`. */
  constructor(size = 0, perfect: readonly Hash[] = []) {
    if (!Number.isSafeInteger(size) || size < 0 || perfect.length !== bitsOf(size))
      throw new RangeError('A tree of this size has other parts.');
    this.#size = size;
    this.#perfect = [...perfect];
  }

  get size(): number {
    return this.#size;
  }

  get perfect(): readonly Hash[] {
    return this.#perfect;
  }

  add(leaf: Hash): void {
    let root = leaf;
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) root = nodeHash(this.#perfect.pop()!, root);
    this.#perfect.push(root);
    this.#size++;
  }

  root(): Hash {
    const parts = this.#perfect;
    const last = parts.length - 1;
    if (last < 1) return parts[0] ?? NOTHING;
    node.set(parts[last]!, RIGHT);
    let root = '';
    for (let at = last - 1; at >= 0; at--) {
      node.set(parts[at]!, 1);
      root = hashOnce('sha256', node, 'binary');
      if (at > 0) node.write(root, RIGHT, HASH_BYTES, 'binary');
    }
    return Buffer.from(root, 'binary');
  }

  /** Another one that goes on from here. */
  copy(): Frontier {
    return new Frontier(this.#size, this.#perfect);
  }
}

function bitsOf(size: number): number {
  let bits = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) bits += rest % 2;
  return bits;
}

export function treeRoot(leaves: Iterable<Hash>): Hash {
  const tree = new Frontier();
  for (const leaf of leaves) tree.add(leaf);
  return tree.root();
}

/** The root of the tree over some of the leaves, from `start` up to, not with, `end`. */
export type SubtreeRoot = (start: number, end: number) => Hash;

/** Subtrees of leaves that are all at hand. */
export const subtreesOf =
  (leaves: readonly Hash[]): SubtreeRoot =>
  (start, end) =>
    treeRoot(leaves.slice(start, end));

/** RFC 9162 §2.1.3.1: what shows that leaf `index` is in the tree over the first `size` leaves. Throws RangeError where it is not. */
export function inclusionProof(subtree: SubtreeRoot, index: number, size: number): Hash[] {
  if (!(index >= 0 && index < size)) throw new RangeError('There is no such leaf in the tree.');
  const proof: Hash[] = [];
  for (let [start, end] = [0, size]; end - start > 1; ) {
    const split = start + splitOf(end - start);
    if (index < split) {
      proof.push(subtree(split, end));
      end = split;
    } else {
      proof.push(subtree(start, split));
      start = split;
    }
  }
  return proof.toReversed();
}

/** RFC 9162 §2.1.4.1: what shows that the tree over the first `from` leaves is the beginning of that over `size`. Throws RangeError where it cannot be. */
export function consistencyProof(subtree: SubtreeRoot, from: number, size: number): Hash[] {
  if (!(from >= 0 && from <= size)) throw new RangeError('A tree cannot begin with a larger one.');
  if (from === 0 || from === size) return [];
  const proof: Hash[] = [];
  let [start, end, isWhole] = [0, size, true];
  while (from !== end) {
    const split = start + splitOf(end - start);
    if (from <= split) {
      proof.push(subtree(split, end));
      end = split;
    } else {
      proof.push(subtree(start, split));
      start = split;
      isWhole = false;
    }
  }
  if (!isWhole) proof.push(subtree(start, end));
  return proof.toReversed();
}

/** RFC 9162 §2.1.3.2: whether `proof` shows that `leaf` is leaf `index` of the tree with this root. */
export function isIncluded(leaf: Hash, index: number, size: number, proof: readonly Hash[], root: Hash): boolean {
  if (!(index >= 0 && index < size)) return false;
  let [at, last, hash] = [index, size - 1, leaf];
  for (const part of proof) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      hash = nodeHash(part, hash);
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else hash = nodeHash(hash, part);
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 && hash.equals(root);
}

export interface TreeHead {
  readonly size: number;
  readonly root: Hash;
}

/** RFC 9162 §2.1.4.2: whether `proof` shows that the tree of `to` begins with that of `from`. */
export function isConsistent(from: TreeHead, to: TreeHead, proof: readonly Hash[]): boolean {
  if (from.size > to.size) return false;
  if (from.size === to.size) return proof.length === 0 && from.root.equals(to.root);
  if (from.size === 0) return proof.length === 0 && from.root.equals(NOTHING);
  let [at, last] = [from.size - 1, to.size - 1];
  while (at % 2 === 1) [at, last] = [(at - 1) / 2, Math.floor(last / 2)];
  const parts = at === 0 ? [from.root, ...proof] : [...proof];
  const first = parts.shift();
  if (!first) return false;
  let [before, after] = [first, first];
  for (const part of parts) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      before = nodeHash(part, before);
      after = nodeHash(part, after);
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else after = nodeHash(after, part);
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 && before.equals(from.root) && after.equals(to.root);
}

/** Hashes that stand one behind the other. */
export const hashesIn = (bytes: Uint8Array): Hash[] =>
  Array.from({ length: Math.floor(bytes.length / HASH_BYTES) }, (_, at) =>
    Buffer.from(bytes.buffer, bytes.byteOffset + at * HASH_BYTES, HASH_BYTES),
  );
