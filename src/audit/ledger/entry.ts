/**
 * What the ledger says of itself, as deeds in its streams (trail/deed.ts): which stream begins with which key and what it knows of the
 * others, how one ended, what was removed. Roots are base64 of 32 bytes, keys texts as in note.ts.
 */
import { isObject, type Json, type JsonObject } from '../../fhir/resource.js';
import { HASH_BYTES, type Hash } from '../../store/ledger.js';

/** How far a stream is known. */
export interface KnownHead {
  readonly stream: string;
  readonly size: number;
  readonly root: string;
}

export type LedgerEntry =
  /** The first leaf of each stream. `heads`: of the others, as far as they are known and had not ended before. */
  | {
      readonly what: 'opened';
      readonly stream: string;
      readonly key: string;
      readonly process: string;
      readonly heads: readonly KnownHead[];
    }
  /** The last leaf of a stream that ended orderly. */
  | { readonly what: 'closed' }
  /** In another stream: this one ended without saying so. */
  | ({ readonly what: 'recovered' } & KnownHead)
  /** From now on another key signs: both have signed that (rotation.ts). */
  | {
      readonly what: 'key';
      readonly from: string;
      readonly to: string;
      readonly signatures: readonly string[];
    }
  /** The deeds from `from` up to, not with, `to` are no longer kept, but for their hashes, whose tree has this root. */
  | {
      readonly what: 'removed';
      readonly stream: string;
      readonly from: number;
      readonly to: number;
      readonly root: string;
    }
  /** The deeds that said so were removed: these events were received, and stay. Hashes are SHA-256 of what was stored, in hex. */
  | {
      readonly what: 'received';
      readonly events: readonly { readonly id: string; readonly hash: string }[];
    }
  /** What there was before the ledger: so many rows of deeds, then so many events that are resources, as leaves of one tree. */
  | {
      readonly what: 'before';
      readonly rows: number;
      readonly events: number;
      readonly root: string;
      /** The greatest id of those events. */
      readonly through?: string;
      /** ISO time: events that are older were there before, and rows. */
      readonly until?: string;
      /** Of rows, where it is later: a clock was set back. */
      readonly rowsUntil?: string;
    }
  /** An older copy of the store was put in its place, and accepted; the heads are those that are lost. */
  | { readonly what: 'restored'; readonly heads: readonly KnownHead[] };

/** Undefined: it is none that is known here. */
export function readLedgerEntry(text: string): LedgerEntry | undefined {
  let entry: unknown;
  try {
    entry = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isObject(entry) && isEntry(entry) ? (entry as unknown as LedgerEntry) : undefined;
}

function isEntry(entry: JsonObject): boolean {
  const { what, stream, size, root, key, process, heads, from, to, signatures, events } = entry;
  switch (what) {
    case 'opened':
      return [stream, key, process].every(isText) && areHeads(heads);
    case 'closed':
      return true;
    case 'recovered':
      return isHead({ stream, size, root } as JsonObject);
    case 'key':
      return isText(from) && isText(to) && Array.isArray(signatures) && signatures.every(isText);
    case 'removed':
      return isText(stream) && isSize(from) && isSize(to) && from < to && readRoot(root) !== undefined;
    case 'before':
      return isBefore(entry);
    case 'received':
      return Array.isArray(events) && events.every(one => isObject(one) && isText(one['id']) && isText(one['hash']));
    case 'restored':
      return areHeads(heads);
    default:
      return false;
  }
}

function isBefore({ rows, events, root, through, until, rowsUntil }: JsonObject): boolean {
  const areTexts = [through, until, rowsUntil].every(text => text === undefined || isText(text));
  return isSize(rows) && isSize(events) && readRoot(root) !== undefined && areTexts;
}

export type MaybeJson = Json | undefined;
const isText = (value: MaybeJson): value is string => typeof value === 'string';
const isSize = (value: MaybeJson): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isHead = ({ stream, size, root }: JsonObject): boolean =>
  isText(stream) && isSize(size) && readRoot(root) !== undefined;
const areHeads = (heads: MaybeJson): boolean =>
  Array.isArray(heads) && heads.every(head => isObject(head) && isHead(head));

/** Undefined: it is no hash in base64. */
export function readRoot(text: unknown): Hash | undefined {
  if (typeof text !== 'string') return undefined;
  const hash = Buffer.from(text, 'base64');
  return hash.length === HASH_BYTES && hash.toString('base64') === text ? hash : undefined;
}
