/**
 * What shows that an event is in the ledger, and that a later checkpoint is of a tree that only grew (RFC 9162 §2.1.3, §2.1.4,
 * https://www.rfc-editor.org/rfc/rfc9162#section-2.1.3). Hashes of leaves come from tiles, and from the rows where there is no full one;
 * roots of tiles are kept for the next who asks.
 */
import { createHash } from 'node:crypto';
import { FhirError } from '../../fhir/error.js';
import { breathe } from '../../platform/pieces.js';
import { DeedReader } from '../../store/deed-bytes.js';
import { deedsIn, hashesOfRemoved, type DeedPlace } from '../../store/deeds.js';
import { TILE_LEAVES, tileName } from '../../store/lane.js';
import {
  consistencyProof,
  HASH_BYTES,
  type Hash,
  inclusionProof,
  leafHash,
  type SubtreeRoot,
  treeRoot,
  hashesIn,
} from '../../store/ledger.js';
import type { SealedDeedRow } from '../../store/seals.js';
import type { Store } from '../../store/store.js';
import { splitEventId } from '../trail/deed.js';
import { placesOfId } from '../trail/keys.js';

type LedgerDeeds = Pick<Store['deeds'], 'find' | 'sealed' | 'shapes' | 'notes'>;

export interface LeafPlace {
  readonly stream: string;
  readonly index: number;
}

const ROWS_A_STEP = 64;
/** Roots of tiles that are remembered: of eight million deeds. */
const MAX_ROOTS = 32_768;

/** Where the deed of an event stands; `unsealed`: it is older than the ledger; undefined: it is no deed. */
export async function placeOfEvent(deeds: LedgerDeeds, eventId: string): Promise<LeafPlace | 'unsealed' | undefined> {
  const { id } = splitEventId(eventId);
  for (const place of placesOfId(id))
    for (let after: DeedPlace | undefined; ; ) {
      const rows = await deeds.find({ ...place, after, limit: ROWS_A_STEP });
      for (const { sequence, bytes } of rows) {
        await breathe();
        const at = deedsIn(bytes).findIndex(deed => idOfDeed(deed) === id);
        if (at === -1) continue;
        const [row] = await deeds.sealed({ row: sequence, limit: 1 });
        return row ? { stream: row.seal.stream, index: row.seal.first + at } : 'unsealed';
      }
      const last = rows.at(-1);
      if (!last || rows.length < ROWS_A_STEP) break;
      after = [last.last, last.sequence];
    }
  return undefined;
}

function idOfDeed(deed: Uint8Array): string {
  const reader = new DeedReader(deed);
  reader.number();
  reader.number();
  return reader.text();
}

/** The trees of streams, as far as proofs need them. */
export class StreamTrees {
  readonly #deeds: LedgerDeeds;
  readonly #roots = new Map<string, Hash>();
  readonly #shapes = new Map<number, Hash>();

  constructor(deeds: LedgerDeeds) {
    this.#deeds = deeds;
  }

  /** The hash of one leaf. */
  async leaf({ stream, index }: LeafPlace): Promise<Hash> {
    return (await this.#leaves(stream, index, index + 1))[0]!;
  }

  /** What shows that a leaf is in the tree of this size. */
  inclusion({ stream, index }: LeafPlace, size: number): Promise<Hash[]> {
    return this.#prove(stream, subtree => inclusionProof(subtree, index, size));
  }

  /** What shows that the tree of this size begins with that of `from`. */
  consistency(stream: string, from: number, size: number): Promise<Hash[]> {
    return this.#prove(stream, subtree => consistencyProof(subtree, from, size));
  }

  /** Which subtrees a proof consists of is known before any is hashed. */
  async #prove(stream: string, proof: (subtree: SubtreeRoot) => Hash[]): Promise<Hash[]> {
    const asked: (readonly [start: number, end: number, hash: Hash])[] = [];
    const parts = proof((start, end) => {
      const place = Buffer.alloc(HASH_BYTES);
      asked.push([start, end, place]);
      return place;
    });
    for (const [start, end, place] of asked) (await this.#subtree(stream, start, end)).copy(place);
    return parts;
  }

  /** Subtrees begin at a multiple of the least power of two that they fit in. */
  async #subtree(stream: string, start: number, end: number): Promise<Hash> {
    if (end - start <= TILE_LEAVES) return treeRoot(await this.#leaves(stream, start, end));
    const roots: Hash[] = [];
    for (let at = start; at + TILE_LEAVES <= end; at += TILE_LEAVES) {
      await breathe();
      roots.push(await this.#rootOfTile(stream, at / TILE_LEAVES));
    }
    const rest = (end - start) % TILE_LEAVES;
    if (rest > 0) roots.push(treeRoot(await this.#leaves(stream, end - rest, end)));
    // Above its tiles a tree is one of their roots, as 256 is a power of two.
    return treeRoot(roots);
  }

  async #rootOfTile(stream: string, number: number): Promise<Hash> {
    const name = tileName(stream, number);
    const known = this.#roots.get(name);
    if (known) return known;
    const root = treeRoot(await this.#tile(stream, number));
    if (this.#roots.size >= MAX_ROOTS) this.#roots.clear();
    this.#roots.set(name, root);
    return root;
  }

  async #tile(stream: string, number: number): Promise<Hash[]> {
    const [tile] = await this.#deeds.notes.find({ prefix: tileName(stream, number), limit: 1 });
    if (!tile) return this.#ofRows(stream, number * TILE_LEAVES, (number + 1) * TILE_LEAVES);
    const bytes = Buffer.from(tile.value);
    return Array.from({ length: TILE_LEAVES }, (_, i) => bytes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));
  }

  /** Of one tile. */
  async #leaves(stream: string, start: number, end: number): Promise<Hash[]> {
    const number = Math.floor(start / TILE_LEAVES);
    const [full] = await this.#deeds.notes.find({ prefix: tileName(stream, number), limit: 1 });
    if (!full) return this.#ofRows(stream, start, end);
    const first = number * TILE_LEAVES;
    return (await this.#tile(stream, number)).slice(start - first, end - first);
  }

  /** Throws `fault` where the rows do not have them. */
  async #ofRows(stream: string, start: number, end: number): Promise<Hash[]> {
    const leaves: Hash[] = [];
    let rows: readonly SealedDeedRow[] = await this.#deeds.sealed({ stream, upTo: start, limit: 1 });
    while (leaves.length < end - start) {
      const last = rows.at(-1);
      if (!last) throw new FhirError('fault', 'The ledger of the audit trail has a gap: run chartroom verify.');
      for (const { bytes, seal } of rows) {
        await breathe();
        const removed = hashesOfRemoved(bytes);
        for (const [i, deed] of (removed ? hashesIn(removed) : deedsIn(bytes)).entries())
          if (seal.first + i >= start && seal.first + i < end)
            leaves.push(removed ? Buffer.from(deed) : leafHash(await this.#shapeHash(deed), deed));
      }
      if (leaves.length < end - start)
        rows = await this.#deeds.sealed({ stream, after: [stream, last.seal.first], limit: ROWS_A_STEP });
    }
    return leaves;
  }

  async #shapeHash(deed: Uint8Array): Promise<Hash> {
    const id = new DeedReader(deed).number();
    if (!this.#shapes.has(id))
      for (const shape of await this.#deeds.shapes())
        this.#shapes.set(shape.id, createHash('sha256').update(shape.text).digest());
    const hash = this.#shapes.get(id);
    if (!hash)
      throw new FhirError('fault', 'A deed of the audit trail has a shape that is not there: run chartroom verify.');
    return hash;
  }
}
