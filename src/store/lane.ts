/**
 * A lane: what writes rows of deeds one group after the other, and so the stream that it writes (seals.ts). A stream opens with its first
 * deed. What is sealed counts when the store says that it is kept: a group that failed leaves the stream where it was, and one of which
 * nobody knows whether it was kept ends it, so that the next one begins another.
 */
import { newUnaskedId } from '../platform/ids.js';
import { type DeedOfRow, type DeedRow, deedRow, groupDeeds } from './deeds.js';
import { Frontier, type Hash, leafHash } from './ledger.js';
import type { LedgerNote, StreamHead, StreamOpening } from './seals.js';

/** Leaves whose hashes are kept together. */
export const TILE_LEAVES = 256;
const DIGITS = 9;

export const numberInName = (number: number): string => String(number).padStart(DIGITS, '0');
export const tileName = (stream: string, number: number): string => `tile/${stream}/${numberInName(number)}`;

export interface LaneOptions<D> {
  /** The SHA-256 of the text of its shape. */
  readonly shapeHashOf: (deed: D) => Hash;
  readonly deedOfEntry: (entry: string, at: number) => D;
}

/** Rows as they are to be written. */
export interface SealedRows {
  readonly rows: readonly DeedRow[];
  /** Tiles that are full with them. */
  readonly tiles: readonly LedgerNote[];
  /** They are kept: the stream goes on from here. */
  kept(this: void): void;
}

interface OpenStream {
  readonly stream: string;
  readonly tree: Frontier;
  /** Those of the tile that is not full yet. */
  readonly leaves: Hash[];
}

export class Lane<D extends DeedOfRow> {
  readonly #options: LaneOptions<D>;
  #opening: StreamOpening | undefined;
  #open: OpenStream | undefined;
  /** When it is to end. */
  #ending: number | undefined;

  constructor(options: LaneOptions<D>) {
    this.#options = options;
  }

  /** See Seals.openLedger. */
  openLedger(opening: StreamOpening): void {
    this.#opening = opening;
  }

  get head(): StreamHead | undefined {
    return this.#open && { stream: this.#open.stream, size: this.#open.tree.size, root: this.#open.tree.root() };
  }

  /** The next group has the last leaf of the stream, if there is one. */
  endWithNext(at: number): void {
    if (this.#open) this.#ending = at;
  }

  /** Nobody knows where the stream is: the next deed opens another one. */
  abandon(): void {
    this.#open = undefined;
    this.#ending = undefined;
  }

  seal(deeds: readonly D[]): SealedRows {
    const opening = this.#opening;
    const ending = this.#ending;
    if (!opening || (deeds.length === 0 && ending === undefined))
      return { rows: groupDeeds(deeds).map(deedRow), tiles: [], kept: () => {} };
    const all = [...deeds];
    const stream = this.#open?.stream ?? newUnaskedId(deeds[0]!.at);
    if (!this.#open) all.unshift(this.#firstOf(stream, opening, deeds));
    if (ending !== undefined) all.push(this.#options.deedOfEntry(CLOSED, latest(all, ending)));
    const sealing = new Sealing(this.#open ?? { stream, tree: new Frontier(), leaves: [] });
    const rows = groupDeeds(all).map((group): DeedRow => {
      const first = sealing.tree.size;
      for (const deed of group) sealing.add(leafHash(this.#options.shapeHashOf(deed), deed.bytes));
      const { last, events, bytes, keys } = deedRow(group);
      return { last, events, bytes, keys, seal: { stream, first, root: sealing.tree.root() } };
    });
    const kept = (): void => {
      this.#open = ending === undefined ? sealing.kept() : undefined;
      this.#ending = undefined;
    };
    return { rows, tiles: sealing.tiles, kept };
  }

  #firstOf(stream: string, { key, process, heads }: StreamOpening, deeds: readonly D[]): D {
    const at = deeds.reduce((least, deed) => Math.min(least, deed.at), Infinity);
    return this.#options.deedOfEntry(JSON.stringify({ what: 'opened', stream, key, process, heads }), at);
  }
}

const CLOSED = JSON.stringify({ what: 'closed' });

const latest = (deeds: readonly DeedOfRow[], at: number): number =>
  deeds.reduce((most, deed) => Math.max(most, deed.at), at);

/** What a group adds to a stream, which stays as it was until that is kept. */
class Sealing {
  readonly tree: Frontier;
  readonly tiles: LedgerNote[] = [];
  readonly #stream: string;
  #leaves: Hash[];
  #added: Hash[] = [];

  constructor({ stream, tree, leaves }: OpenStream) {
    this.#stream = stream;
    this.tree = tree.copy();
    this.#leaves = leaves;
  }

  add(leaf: Hash): void {
    this.tree.add(leaf);
    this.#added.push(leaf);
    if (this.#leaves.length + this.#added.length < TILE_LEAVES) return;
    const number = this.tree.size / TILE_LEAVES - 1;
    this.tiles.push({
      name: tileName(this.#stream, number),
      value: Buffer.concat([...this.#leaves, ...this.#added]),
    });
    this.#leaves = [];
    this.#added = [];
  }

  /** The stream with it; asked once. To copy its leaves for each group would cost as much as to hash some. */
  kept(): OpenStream {
    for (const leaf of this.#added) this.#leaves.push(leaf);
    return { stream: this.#stream, tree: this.tree, leaves: this.#leaves };
  }
}
