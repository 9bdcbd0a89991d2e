/** Listings (store.ts) of pages, and what is taken from them. */
import type { BlobLink, Listing, Page, Version } from './store.js';

/** What of a version a listing has. */
export type ListedVersion = Pick<Version, 'type' | 'id' | 'text' | 'blobs'>;

export const NO_LISTING: Listing = {
  types: [],
  ids: [],
  texts: Buffer.alloc(0),
  starts: [],
  ends: [],
  blobs: new Map(),
  placeOf: () => [],
  more: false,
};

export function listingOf({ rows, cursors, more, next }: Page): Listing {
  const texts = rows.map(({ text = NO_LISTING.texts }) => text);
  const starts: number[] = [];
  const ends: number[] = [];
  let at = 0;
  for (const { length } of texts) {
    starts.push(at);
    ends.push((at += length));
  }
  return {
    types: rows.map(({ type }) => type),
    ids: rows.map(({ id }) => id),
    texts: texts.length === 1 ? texts[0]! : Buffer.concat(texts, at),
    starts,
    ends,
    blobs: new Map([...rows.entries()].flatMap(([row, { blobs }]) => (blobs ? [[row, blobs] as const] : []))),
    placeOf: row => cursors[row]!,
    more,
    ...(next === undefined ? {} : { next }),
  };
}

/** The same with these rows alone. */
export function pickRows(listing: Listing, rows: readonly number[]): Listing {
  if (rows.length === listing.ids.length) return listing;
  const blobs = new Map<number, readonly BlobLink[]>();
  for (const [i, row] of rows.entries()) {
    const links = listing.blobs.get(row);
    if (links) blobs.set(i, links);
  }
  return {
    ...listing,
    types: rows.map(row => listing.types[row]!),
    ids: rows.map(row => listing.ids[row]!),
    starts: rows.map(row => listing.starts[row]!),
    ends: rows.map(row => listing.ends[row]!),
    blobs,
    placeOf: i => listing.placeOf(rows[i]!),
  };
}

export function rowOf({ types, ids, texts, starts, ends, blobs }: Listing, row: number): ListedVersion {
  const links = blobs.get(row);
  return {
    type: types[row]!,
    id: ids[row]!,
    text: texts.subarray(starts[row], ends[row]),
    ...(links ? { blobs: links } : {}),
  };
}
