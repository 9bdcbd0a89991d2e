/** Where the rows of a stream end, with the roots that they say: 48 bytes each, so that those of millions of rows are at hand. */
import { HASH_BYTES, type Hash } from '../../store/ledger.js';

const FIRST_ROOM = 16;

export interface RowEnd {
  /** Of the stream after the row. */
  readonly size: number;
  readonly root: Hash;
  /** ms since 1970 of its newest deed. */
  readonly last: number;
}

export class RowEnds {
  #length = 0;
  #sizes = new Float64Array(FIRST_ROOM);
  #lasts = new Float64Array(FIRST_ROOM);
  #roots = Buffer.alloc(FIRST_ROOM * HASH_BYTES);

  /** Sizes only grow. */
  add({ size, root, last }: RowEnd): void {
    if (this.#length === this.#sizes.length) this.#grow();
    this.#sizes[this.#length] = size;
    this.#lasts[this.#length] = last;
    root.copy(this.#roots, this.#length * HASH_BYTES);
    this.#length += 1;
  }

  /** The row that ends at this size. */
  at(size: number): RowEnd | undefined {
    let [low, high] = [0, this.#length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#sizes[middle]! < size) low = middle + 1;
      else high = middle;
    }
    if (low === this.#length || this.#sizes[low] !== size) return undefined;
    const root = this.#roots.subarray(low * HASH_BYTES, (low + 1) * HASH_BYTES);
    return { size, root, last: this.#lasts[low]! };
  }

  #grow(): void {
    const [sizes, lasts, roots] = [this.#sizes, this.#lasts, this.#roots];
    this.#sizes = new Float64Array(2 * sizes.length);
    this.#sizes.set(sizes);
    this.#lasts = new Float64Array(2 * lasts.length);
    this.#lasts.set(lasts);
    this.#roots = Buffer.alloc(2 * roots.length);
    roots.copy(this.#roots);
  }
}
