/**
 * What the main thread asks of the writer thread: plain data with everything decided but the preconditions, which
 * only the one who writes can check.
 */
import type { MovedBytes } from '../bucket.js';
import type { CatalogEntry } from '../index-catalog.js';
import type { Columns } from './columns.js';
import type { DeedOfRow, DeedShape } from '../deeds.js';
import type { KeptRecord } from '../records.js';
import type { EmptiedRow, LedgerNote, StreamOpening } from '../seals.js';
import type { OutboxMessage, Method } from '../store.js';
import type { Wire } from './errors.js';
import type { Sql } from './sql.js';
import type { WordRow } from './words.js';

export interface RowChange {
  readonly type: string;
  /** Type and id (encodeId). */
  readonly id: string;
  readonly version: number;
  readonly updated: number;
  readonly method: Method;
  readonly patients: string;
  readonly blobs: string | null;
  /** Hashes of bytes that the version before does not refer to. */
  readonly newHashes: readonly string[];
  /** Undefined: a deletion, which has none. */
  readonly text: Uint8Array<ArrayBuffer> | undefined;
  readonly columns: Columns | undefined;
  /** Undefined: full text search does not find it. */
  readonly words: WordRow | undefined;
  /** The version that must be current; undefined: the id must be unused. */
  readonly replaces: number | undefined;
  /** Earlier versions go, and bytes that nobody else refers to. */
  readonly erases: boolean;
}

/** `shape`: its id. */
export interface DeedOfShape extends DeedOfRow {
  readonly shape: number;
}

export type Job =
  | {
      readonly kind: 'commit';
      readonly changes: readonly RowChange[];
      /** None of these may return a row. */
      readonly mustNotMatch: readonly Sql[];
      /** Ids (encodeId) of what must be there, undeleted, and the version that must be current, if one is named. */
      readonly mustExist: readonly (readonly [id: string, version: number | undefined])[];
      /** Ids (encodeId) and the patients whom they are about as well. */
      readonly alsoAbout: readonly (readonly [id: string, patients: readonly string[]])[];
      readonly messages: readonly OutboxMessage[];
      readonly acknowledges: readonly number[];
      readonly deeds: readonly DeedOfShape[];
      readonly catalogEntries: readonly CatalogEntry[];
    }
  /** A commit of deeds alone, which most are: a read or a search. */
  | { readonly kind: 'deeds'; readonly deeds: readonly DeedOfShape[] }
  /** Answers with how many versions were still current. */
  | {
      readonly kind: 'reindex';
      readonly rows: readonly RowRenewal[];
      readonly catalogEntries: readonly CatalogEntry[];
    }
  /** Part of a blob that nobody can see yet. */
  | { readonly kind: 'part'; readonly upload: number; readonly part: number; readonly bytes: Uint8Array }
  /**
   * Makes an upload the blob `hash`, or drops it where there is such a blob already. `at`: ms, by the machine's clock. `anew`: the number of
   * the blob whose place it takes, if it has one still; `onlyAnew`: it is dropped where there is no such blob.
   */
  | {
      readonly kind: 'seal';
      readonly upload: number;
      readonly hash: string;
      readonly size: number;
      readonly at: number;
      readonly anew: number | undefined;
      readonly onlyAnew: boolean;
    }
  /** Notes the checksums of all chunks of an older blob. */
  | { readonly kind: 'prove'; readonly upload: number; readonly checksums: readonly Uint8Array[] }
  | { readonly kind: 'drop'; readonly upload: number }
  /** See `noteObject`, `moved` and `forgetObjects` of Shelf. `moved` answers with the number of the upload that is left, 0: nothing was moved. */
  | { readonly kind: 'note-object'; readonly name: string; readonly at: number }
  | { readonly kind: 'moved'; readonly bytes: MovedBytes; readonly upload: number }
  | { readonly kind: 'forget-objects'; readonly names: readonly string[] }
  /** Answers with how many there are with this hash: 1 or 0. */
  | { readonly kind: 'keep'; readonly hash: string; readonly until: number }
  /**
   * Makes one blob that nothing refers to, and that was kept until `now` or put before `putBefore`, an upload again; answers with its
   * number, 0: there is none.
   */
  | { readonly kind: 'unseal'; readonly now: number; readonly putBefore: number }
  /** Takes away some parts of an upload; answers with how many. */
  | { readonly kind: 'shorten'; readonly upload: number }
  /** Answers with 1, or with 0 where another record is there than the one that it replaces. `now`: ms, by the machine's clock. */
  | {
      readonly kind: 'keep-record';
      readonly record: KeptRecord;
      readonly replaces: string | null | undefined;
      readonly now: number;
    }
  /** Removes a record if it has this revision; answers with how many it removed. */
  | { readonly kind: 'take-record'; readonly record: Pick<KeptRecord, 'kind' | 'id' | 'revision'> }
  /** Answers with how many it removed. */
  | { readonly kind: 'remove-records'; readonly group: string }
  | { readonly kind: 'expire-records'; readonly now: number }
  | { readonly kind: 'keep-shapes'; readonly shapes: readonly DeedShape[] }
  /** See ../seals.ts. */
  | { readonly kind: 'open-ledger'; readonly opening: StreamOpening }
  | { readonly kind: 'end-streams'; readonly at: number }
  | { readonly kind: 'empty-rows'; readonly rows: readonly EmptiedRow[] }
  | { readonly kind: 'notes'; readonly keep: readonly LedgerNote[]; readonly drop: readonly string[] }
  /** Everything is indexed by this layout now. */
  | { readonly kind: 'mark'; readonly layout: string }
  /** What is stored was exchanged as a whole: creation numbers go on from what there is now. */
  | { readonly kind: 'renumber' }
  /** A write that changes nothing: whether there can be any. */
  | { readonly kind: 'touch' };

/** New keys for a version that may still be current. */
export interface RowRenewal {
  readonly id: string;
  readonly version: number;
  readonly columns: Columns;
  readonly words: WordRow | undefined;
}

/** A precondition that does not hold, found before anything was written. */
export type JobOutcome = { readonly ok: number } | { readonly failed: Wire };
