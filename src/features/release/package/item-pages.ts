/** What whoever marks parts of an item sees of it, and what those marks are held against when it is released. */
import type { PackageItem, UnmergedReason } from './order.js';
import { ITEM_LIMITS } from './read/limits.js';
import type { Paper } from './read/picture.js';
import { type ItemPool, readPagesOf } from './read/read-item.js';
import { wholeItem } from './source-bytes.js';

export interface ItemPages {
  /** Points. */
  readonly pages: readonly Paper[];
  /**
   * SHA-256, in hexadecimal, of what the pages were made by the server: where a text stands on its pages follows from the paper, from fonts and
   * from the program. Undefined where pages are as the file says.
   */
  readonly rendering?: string;
  /** What is drawn: the item, or what is shown of it. */
  readonly file: { readonly bytes: Uint8Array<ArrayBuffer>; readonly contentType: string };
}

/** The pages of an item as it would be drawn on `paper`, or why it has none. Throws PackageRefused where its bytes are others. */
export async function pagesToMark(
  item: PackageItem,
  reading: { readonly pool: ItemPool; readonly paper: Paper },
): Promise<ItemPages | UnmergedReason> {
  const bytes = await wholeItem(item, ITEM_LIMITS.bytes);
  return bytes ? itemPages(item, bytes, reading) : 'too-large';
}

/** `bytes`: those of the item. */
export async function itemPages(
  item: PackageItem,
  bytes: Uint8Array<ArrayBuffer>,
  { pool, paper }: { readonly pool: ItemPool; readonly paper: Paper },
): Promise<ItemPages | UnmergedReason> {
  let file = { bytes, contentType: item.contentType };
  const measure = (isShown: boolean) =>
    readPagesOf(pool, { do: 'measure', bytes: file.bytes.slice(), contentType: file.contentType, paper, isShown });
  let answer = await measure(false);
  if (answer.kind === 'structured') {
    const shown = await item.shown?.();
    if (!shown) return 'not-printable';
    file = { bytes: new Uint8Array(shown.bytes), contentType: shown.contentType };
    answer = await measure(true);
  }
  if (answer.kind !== 'measured') return answer.kind === 'none' ? answer.reason : 'not-printable';
  const { pages, rendering } = answer;
  return { pages, file, ...(rendering === undefined ? {} : { rendering }) };
}
