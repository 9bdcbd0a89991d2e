/**
 * Bundles of type searchset and history, written as bytes around the stored texts: nothing is parsed, so digits stay.
 * https://hl7.org/fhir/R4/bundle.html
 */
import { join, type Piece, piecesOf, type Text } from './text.js';

/** `text`: JSON of the resource; undefined for a deletion in a history. */
export interface BundleEntry extends Partial<Text> {
  readonly fullUrl: string;
  readonly search?: { readonly mode: 'match' | 'include' | 'outcome' };
  readonly request?: { readonly method: string; readonly url: string };
  readonly response?: { readonly status: string; readonly etag?: string; readonly lastModified?: string };
}

export interface BundleHead {
  readonly type: 'searchset' | 'history';
  readonly lastUpdated: number;
  readonly total?: number;
  readonly link: readonly { readonly relation: string; readonly url: string }[];
}

export function bundle(head: BundleHead, entries: readonly BundleEntry[], id: string): Text {
  const { type, lastUpdated, total, link } = head;
  const top = {
    resourceType: 'Bundle',
    id,
    meta: { lastUpdated: new Date(lastUpdated).toISOString() },
    type,
    ...(total === undefined ? {} : { total }),
    link,
  };
  const parts: Piece[] = [JSON.stringify(top).slice(0, -1)];
  entries.forEach((entry, index) => parts.push(...bundleParts(entry, index === 0)));
  parts.push(entries.length ? ']}' : '}');
  return join(parts);
}

/** The same Bundle piece by piece, for one that is too large to be held. How many matches it has stands at its end. */
export async function* streamBundle(
  head: Omit<BundleHead, 'total'>,
  pages: AsyncIterable<readonly BundleEntry[]>,
  id: string,
): AsyncGenerator<Text> {
  const { text: opening } = bundle(head, [], id);
  yield { text: opening.subarray(0, -1) };
  let first = true;
  let total = 0;
  for await (const entries of pages) {
    const parts: Piece[] = [];
    for (const entry of entries) {
      parts.push(...bundleParts(entry, first));
      first = false;
      if (entry.search?.mode === 'match') total++;
    }
    yield join(parts);
  }
  yield { text: Buffer.from(`${first ? '' : ']'},"total":${total}}`) };
}

function bundleParts(entry: BundleEntry, first: boolean): readonly Piece[] {
  const { text, blobs } = entry;
  const opening = `${first ? ',"entry":[' : ','}{"fullUrl":${JSON.stringify(entry.fullUrl)}`;
  const tail = entry.search?.mode === 'match' ? MATCH : tailOf(entry);
  if (!text) return [opening, tail];
  const whole = blobs ? piecesOf({ text, blobs }) : [text];
  return [`${opening},"resource":`, ...whole, tail];
}

/** What stands after the resource, with a comma for its opening brace. */
const tailOf = ({ search, request, response }: BundleEntry): string =>
  `,${JSON.stringify({ search, request, response }).slice(1)}`;

/** The same for every match of a search: not worth printing each time. */
const MATCH = `,${JSON.stringify({ search: { mode: 'match' } }).slice(1)}`;
