/**
 * One stream of the trail, row by row: whether each row is where it belongs, and whether the tree over all deeds up to it has the root
 * that it was sealed with. Hashes of leaves that are kept beside the deeds (tiles) tell which deed of a row is another one, and what the
 * tree was before it, so that the check goes on behind a fault; without them it goes on at what is next to be relied on.
 */
import { Frontier, type Hash, HASH_BYTES } from '../../store/ledger.js';
import type { TrailFinding, FindingCode, TrailFindings } from './finding.js';
import { RowEnds } from './row-ends.js';

export interface CheckedRow {
  readonly first: number;
  readonly root: Hash;
  /** ms since 1970 of its newest deed. */
  readonly last: number;
  /** Of its deeds; undefined: one whose shape nobody knows. */
  readonly leaves: readonly (Hash | undefined)[];
}

/** Hashes of leaves beside the deeds, and the tree before them. */
interface KeptTile {
  readonly from: number;
  readonly to: number;
  readonly before: Frontier;
  readonly hashes: Uint8Array;
}

interface Gap {
  from: number;
  readonly to: number;
  readonly finding: TrailFinding;
}

/** Rows are shorter than so many tiles are long. */
const MOST_TILES = 1024;
/** Places that are remembered to tell one thing once. */
const MOST_PLACES = 1000;

/** What a head that is known elsewhere is to the stream as it stands here. */
export type HeadAnswer = 'agrees' | 'differs' | 'before' | 'beyond';

export class StreamCheck {
  readonly stream: string;
  readonly #findings: TrailFindings;
  readonly #ends = new RowEnds();
  #start = new Frontier();
  #next = 0;
  /** Over all leaves before the next; undefined: behind a fault it is not known. */
  #tree: Frontier | undefined = new Frontier();
  /** The row before was another one: whether the tree is right is seen by the next. */
  #doubted = false;
  #tileTree = new Frontier();
  #tiles: KeptTile[] = [];
  readonly #gaps: Gap[] = [];
  readonly #blamed: (readonly [from: number, to: number])[] = [];
  #unchecked: { from: number; to: number; count: number } | undefined;

  constructor(stream: string, findings: TrailFindings) {
    this.stream = stream;
    this.#findings = findings;
  }

  /** How many deeds there are up to the last row. */
  get size(): number {
    return this.#next;
  }

  /** Deeds before it are not here. */
  get start(): number {
    return this.#start.size;
  }

  /** The right edge of the tree where the rows begin; not after a row. */
  begin(edge: Frontier): void {
    this.#start = edge;
    this.#next = edge.size;
    this.#tree = edge.copy();
    this.#tileTree = edge.copy();
  }

  get hasBegun(): boolean {
    return this.#next > this.#start.size;
  }

  /** Hashes of the leaves from `from` on, one after the other. */
  keepTile(from: number, hashes: Uint8Array): void {
    if (this.#tileTree.size !== from && this.#tree?.size === from) this.#tileTree = this.#tree.copy();
    if (this.#tileTree.size !== from) return;
    const before = this.#tileTree.copy();
    const count = hashes.length / HASH_BYTES;
    for (let at = 0; at < count; at++) this.#tileTree.add(hashAt(hashes, at));
    this.#tiles.push({ from, to: from + count, before, hashes });
    if (this.#tiles.length > MOST_TILES) this.#tiles.shift();
  }

  /** Whether the deeds of the row are those that were sealed. */
  row(row: CheckedRow): boolean {
    const { first, root, last, leaves } = row;
    const size = first + leaves.length;
    if (first < this.#next) {
      this.#late(row);
      return false;
    }
    if (first > this.#next) this.#leap(first);
    const isGood = this.#judge(row);
    this.#next = size;
    this.#ends.add({ size, root, last });
    while (this.#tiles.length > 0 && this.#tiles[0]!.to < size) this.#tiles.shift();
    return isGood;
  }

  /** Whether the tree of so many deeds has this root. */
  compare(size: number, root: Hash): HeadAnswer {
    if (size > this.#next) return 'beyond';
    if (size < this.#start.size) return 'before';
    const here = size === this.#start.size ? this.#start.root() : this.#ends.at(size)?.root;
    return here?.equals(root) ? 'agrees' : 'differs';
  }

  /** ms since 1970 of the newest deed of the row that ends at this size. */
  lastAt(size: number): number | undefined {
    return this.#ends.at(size)?.last;
  }

  /** Whether something between these deeds (`to` not with them) is told of already. */
  isBlamed(from: number, to: number): boolean {
    return this.#blamed.some(([low, high]) => low < to && high >= from);
  }

  blame(what: FindingCode, from: number, to: number, text: string): TrailFinding {
    if (this.#blamed.length < MOST_PLACES) this.#blamed.push([from, to]);
    const place = { stream: this.stream, index: from, ...(to > from ? { to } : {}) };
    return this.#findings.add(what, place, text);
  }

  /** Says what could not be checked. */
  end(): void {
    if (!this.#unchecked) return;
    const { from, to, count } = this.#unchecked;
    this.#findings.warn(
      'not-anchored',
      { stream: this.stream, index: from, to },
      `${count} deeds behind a fault could not be checked: the tree before them is not known.`,
    );
  }

  /** A row that should have come before: it was moved, stands twice, or is another one in the place of one that is here. */
  #late({ first, root, leaves }: CheckedRow): void {
    const size = first + leaves.length;
    const gap = this.#gaps.find(({ from, to }) => from <= first && size - 1 <= to);
    if (gap) {
      this.#findings.replace(gap.finding, 'moved', 'These deeds do not stand where they were sealed.');
      gap.from = size;
      return;
    }
    const before = first === this.#start.size || this.#ends.at(first);
    const isSame = before && this.#ends.at(size)?.root.equals(root);
    if (isSame) this.blame('inserted', first, size - 1, 'A row with this place and seal stands here a second time.');
    else
      this.blame(
        'fork',
        first,
        size - 1,
        'There is another row with these places in the stream: it has two histories.',
      );
  }

  /** Deeds are left out. */
  #leap(first: number): void {
    const finding = this.blame('missing', this.#next, first - 1, 'Deeds that were sealed are not here.');
    if (this.#gaps.length < MOST_PLACES) this.#gaps.push({ from: this.#next, to: first - 1, finding });
    this.#next = first;
    this.#tree = this.#treeAt(first);
    this.#doubted = false;
  }

  #judge({ first, root, leaves }: CheckedRow): boolean {
    const told = this.#told(first, leaves.length);
    const own = this.#tree && grown(this.#tree, leaves);
    if (own?.root().equals(root)) {
      this.#tree = own;
      this.#doubted = false;
      this.#blameTile(first, leaves, told);
      return true;
    }
    const isTold = told.every(hash => hash !== undefined);
    const before = (isTold && this.#treeAt(first)) || this.#tree;
    const mixed =
      before &&
      grown(
        before,
        told.map((hash, at) => hash ?? leaves[at]),
      );
    if (mixed?.root().equals(root)) {
      this.#tree = mixed;
      this.#doubted = false;
      return this.#blameDeeds(first, leaves, told);
    }
    if (!before || (this.#doubted && !isTold)) {
      this.#leave(first, leaves.length);
      this.#tree = undefined;
      return false;
    }
    const to = first + leaves.length - 1;
    // Of one without a shape it was said already.
    if (leaves.every(leaf => leaf))
      this.blame('altered', first, to, 'One of these deeds, or their seal, is not what was sealed.');
    this.#tree = isTold ? mixed : own;
    this.#doubted = !isTold;
    return false;
  }

  /** The deeds are right, and hashes beside them are not. */
  #blameTile(first: number, leaves: readonly (Hash | undefined)[], told: readonly (Hash | undefined)[]): void {
    told.forEach((hash, at) => {
      if (hash && !hash.equals(leaves[at]!))
        this.blame(
          'altered',
          first + at,
          first + at,
          'The hash that is kept beside this deed is not that of the deed.',
        );
    });
  }

  /** The hashes beside the deeds are right: which deeds are not? */
  #blameDeeds(first: number, leaves: readonly (Hash | undefined)[], told: readonly (Hash | undefined)[]): boolean {
    let isGood = true;
    told.forEach((hash, at) => {
      const leaf = leaves[at];
      if (!hash || (leaf && hash.equals(leaf))) return;
      isGood = false;
      if (leaf) this.blame('altered', first + at, first + at, 'This deed is not the one that was sealed.');
    });
    return isGood;
  }

  #leave(first: number, count: number): void {
    this.#unchecked ??= { from: first, to: first, count: 0 };
    this.#unchecked.to = first + count - 1;
    this.#unchecked.count += count;
  }

  #told(first: number, count: number): (Hash | undefined)[] {
    return Array.from({ length: count }, (_, at) => {
      const index = first + at;
      const tile = this.#tiles.find(({ from, to }) => from <= index && index < to);
      return tile && hashAt(tile.hashes, index - tile.from);
    });
  }

  /** By the hashes beside the deeds: the tree before this leaf. */
  #treeAt(index: number): Frontier | undefined {
    const tile = this.#tiles.find(({ from, to }) => from <= index && index <= to);
    if (!tile) return undefined;
    const tree = tile.before.copy();
    for (let at = 0; at < index - tile.from; at++) tree.add(hashAt(tile.hashes, at));
    return tree;
  }
}

const hashAt = (hashes: Uint8Array, at: number): Hash =>
  Buffer.from(hashes.buffer, hashes.byteOffset + at * HASH_BYTES, HASH_BYTES);

/** Undefined: one of the leaves is not known. */
function grown(tree: Frontier, leaves: readonly (Hash | undefined)[]): Frontier | undefined {
  const after = tree.copy();
  for (const leaf of leaves) {
    if (!leaf) return undefined;
    after.add(leaf);
  }
  return after;
}
