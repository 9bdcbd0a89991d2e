/**
 * What makes a ledger of the rows of deeds (deeds.ts): each row says where its deeds stand in the tree of a stream (ledger.ts). A stream
 * is what one lane of one process writes, one row after the other, so that nobody waits for another.
 *
 * The seal of a row is part of it: there is no second write. A row without one was written before there was a ledger.
 */
import { countDeeds, type DeedPlace, type KeptDeedRow } from './deeds.js';
import type { Hash, TreeHead } from './ledger.js';

export interface RowSeal {
  readonly stream: string;
  /** Index in the stream of the first deed of the row; that of another one follows from its place in the row. */
  readonly first: number;
  /** Of the stream's tree after the last deed of the row. */
  readonly root: Hash;
}

export interface SealedDeedRow extends KeptDeedRow {
  readonly seal: RowSeal;
}
export type SealPlace = readonly [stream: string, first: number];

/** Rows with a seal in the order of their streams, and in these of their places. */
export interface SealQuery {
  /** This stream alone. */
  readonly stream?: string;
  /** The rows behind this place. */
  readonly after?: SealPlace | undefined;
  /** This row alone, by its sequence. */
  readonly row?: number;
  /** Of one stream: rows whose first deed has this index or a lower one, the last ones first. */
  readonly upTo?: number;
  readonly limit: number;
}

export interface StreamHead extends TreeHead {
  readonly stream: string;
}

/** What the first leaf of a stream says beside its id; all of it is plain data. */
export interface StreamOpening {
  /** The key that signs its checkpoints, as text. */
  readonly key: string;
  /** Names the process, for people. */
  readonly process: string;
  /** The last known heads of other streams, roots in base64. */
  readonly heads: readonly { readonly stream: string; readonly size: number; readonly root: string }[];
}

/** What a ledger keeps beside the rows (checkpoints, tiles …), by its name. */
export interface LedgerNote {
  /** Letters, digits, `/` and `-`. */
  readonly name: string;
  readonly value: Uint8Array;
}

export interface LedgerNotes {
  /** Takes the place of what has the same name. Durable when it resolves. */
  keep(notes: readonly LedgerNote[]): Promise<void>;
  /** Those whose names begin so, in the order of their names, behind one. */
  find(asked: {
    readonly prefix: string;
    readonly after?: string | undefined;
    readonly newestFirst?: true;
    readonly limit: number;
  }): Promise<readonly LedgerNote[]>;
  drop(names: readonly string[]): Promise<void>;
}

/** A row without its deeds. */
export interface EmptiedRow extends Pick<KeptDeedRow, 'sequence' | 'last'> {
  /** As `bytesOfRemoved` makes them. */
  readonly bytes: Uint8Array;
  /** Those that its deeds had. */
  readonly keys: readonly number[];
}

export interface Seals {
  /** From now on rows are sealed, and streams that open say this: asked again, those that open later. */
  openLedger(opening: StreamOpening): Promise<void>;
  /** Of the streams that were written last, one for each lane. */
  heads(): Promise<readonly StreamHead[]>;
  /** The streams that this process writes end in good order; deeds that come later open others. `at`: ms since 1970. */
  endStreams(at: number): Promise<void>;
  /** Ids of all streams, in order, behind one. */
  streams(after?: string): Promise<readonly string[]>;
  sealed(query: SealQuery): Promise<readonly SealedDeedRow[]>;
  /** Rows without a seal, in the order of their time and sequence, behind a place. */
  unsealed(query: { readonly after?: DeedPlace | undefined; readonly limit: number }): Promise<readonly KeptDeedRow[]>;
  /** Of these rows the hashes of their leaves are left: they stand for no event, and are found by nothing but their place. */
  emptyRows(rows: readonly EmptiedRow[]): Promise<void>;
  readonly notes: LedgerNotes;
}

/** Where its stream stands after a row. Throws RangeError where its bytes are no deeds. */
export const headOfRow = ({ bytes, seal: { stream, first, root } }: SealedDeedRow): StreamHead => ({
  ...{ stream, root },
  size: first + countDeeds(bytes),
});
