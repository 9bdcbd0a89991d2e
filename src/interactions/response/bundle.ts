/**
 * Bundles of type searchset and history, written as bytes around the stored texts: nothing is parsed, so digits stay.
 * https://hl7.org/fhir/R4/bundle.html
 */
import { escapeString } from '../../fhir/json/print.js';
import type { BlobLink, Listing } from '../../store/store.js';
import { holdsUnderNotice, listsUnderNotice, metaOfAnswer } from './redisclosure.js';
import { join, type Piece, piecesOf, type Text } from '../../fhir/content/holes.js';

/** `text`: JSON of the resource; undefined for a deletion in a history. */
export interface BundleEntry extends Partial<Text> {
  readonly fullUrl: string;
  readonly search?: { readonly mode: 'match' | 'include' | 'outcome' };
  readonly request?: { readonly method: string; readonly url: string };
  readonly response?: { readonly status: string; readonly etag?: string; readonly lastModified?: string };
}

export interface BundleHead {
  readonly type: 'searchset' | 'history';
  /** ms: up to when it is complete (docs/searching.md). */
  readonly horizon: number;
  readonly total?: number;
  readonly link: readonly { readonly relation: string; readonly url: string }[];
}

export function bundle(head: BundleHead, entries: readonly BundleEntry[], id: string): Text {
  const { type, horizon, total, link } = head;
  const top = {
    resourceType: 'Bundle',
    id,
    meta: metaOfAnswer(horizon, holdsUnderNotice(entries)),
    type,
    ...(total === undefined ? {} : { total }),
    link,
  };
  const opening = JSON.stringify(top);
  if (entries.length === 0) return { text: Buffer.from(opening) };
  return join(entryPieces(entries, `${opening.slice(0, -1)},"entry":[`, ']}'));
}

/** Entries that are written together, one after the other, behind what comes before the first. */
export interface EntryLot {
  readonly matches: number;
  /** Something of it must not be passed on. */
  readonly isUnder: boolean;
  readonly write: (before: string) => Text;
}

export const lotOf = (entries: readonly BundleEntry[]): EntryLot => ({
  matches: entries.filter(({ search }) => search?.mode === 'match').length,
  isUnder: holdsUnderNotice(entries),
  write: before => join(entryPieces(entries, before, '')),
});

/** Entries of a searchset, as they are stored, copied from one text to the other. `base`: of this server. */
export const listingLot = (base: string, listing: Listing, mode: 'match' | 'include'): EntryLot => ({
  matches: mode === 'match' ? listing.ids.length : 0,
  isUnder: listsUnderNotice(listing),
  write: before => copyEntries(listing, before, `{"fullUrl":"${escapeString(base)}/`, SEARCH_TAILS[mode]),
});

function copyEntries(
  { types, ids, texts, starts, ends, blobs }: Listing,
  before: string,
  opening: string,
  tail: string,
): Text {
  const resource = '","resource":';
  let size =
    Buffer.byteLength(before) + ids.length * (Buffer.byteLength(opening) + 1 + resource.length + tail.length + 1);
  // Type and id have no other characters than a byte can be.
  for (let i = 0; i < ids.length; i++) size += types[i]!.length + ids[i]!.length + ends[i]! - starts[i]!;
  const text = Buffer.allocUnsafe(size);
  const holes: BlobLink[] = [];
  let at = 0;
  let between = before;
  for (let i = 0; i < ids.length; i++) {
    at += text.write(`${between}${opening}${types[i]!}/${ids[i]!}${resource}`, at);
    for (const blob of blobs.get(i) ?? []) holes.push({ ...blob, at: at + blob.at });
    at += texts.copy(text, at, starts[i], ends[i]);
    between = `${tail},`;
  }
  at += text.write(tail, at);
  return { text: text.subarray(0, at), ...(holes.length > 0 ? { blobs: holes } : {}) };
}

/** The same Bundle piece by piece, for one that is too large to be held. What is known when all of it was written stands at its end. */
export async function* streamBundle(
  { type, horizon, link }: Omit<BundleHead, 'total'>,
  lots: AsyncIterable<EntryLot>,
  id: string,
): AsyncGenerator<Text> {
  yield { text: Buffer.from(JSON.stringify({ resourceType: 'Bundle', id, type, link }).slice(0, -1)) };
  let before = ',"entry":[';
  let total = 0;
  let isUnder = false;
  for await (const lot of lots) {
    total += lot.matches;
    isUnder ||= lot.isUnder;
    yield lot.write(before);
    before = ',';
  }
  const last = JSON.stringify({ total, meta: metaOfAnswer(horizon, isUnder) });
  yield { text: Buffer.from(`${before === ',' ? ']' : ''},${last.slice(1)}`) };
}

/** Entries between `before` and `after`. Pieces cost by their number: what stands between two resources is one of them. */
function entryPieces(entries: readonly BundleEntry[], before: string, after: string): Piece[] {
  const pieces: Piece[] = [];
  let between = before;
  entries.forEach((entry, i) => {
    const { text, blobs } = entry;
    between += `${i > 0 ? ',' : ''}{"fullUrl":"${escapeString(entry.fullUrl)}"`;
    if (text) {
      pieces.push(`${between},"resource":`);
      if (blobs) pieces.push(...piecesOf({ text, blobs }));
      else pieces.push(text);
      between = '';
    }
    between += tailOf(entry);
  });
  pieces.push(between + after);
  return pieces;
}

/** What stands after the resource, with a comma for its opening brace. */
const tailOf = ({ search, request, response }: BundleEntry): string =>
  search && !request ? SEARCH_TAILS[search.mode] : printTail({ search, request, response });

const printTail = (last: { readonly [K in 'search' | 'request' | 'response']?: BundleEntry[K] | undefined }): string =>
  `,${JSON.stringify(last).slice(1)}`;

const searchTail = (mode: 'match' | 'include' | 'outcome'): string => printTail({ search: { mode } });
/** The same for every row of a search: not worth printing each time. */
const SEARCH_TAILS = { match: searchTail('match'), include: searchTail('include'), outcome: searchTail('outcome') };
