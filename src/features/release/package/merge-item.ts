/** One item → pages of the package, or the reason why it has none. */
import { type PackageItem, PackageRefused, type UnmergedReason } from './order.js';
import type { FragmentStart, PdfFragment } from './pdf/fragment.js';
import { ITEM_LIMITS } from './read/limits.js';
import type { PageAnswer } from './read/page-task.js';
import type { Paper } from './read/picture.js';
import { type ItemPool, readPagesOf } from './read/read-item.js';
import { wholeItem } from './source-bytes.js';

/** `complete`: false where the file holds more than its pages show. */
export type MergeEnd = { readonly reason: UnmergedReason } | { readonly complete: boolean };

export interface Merging {
  readonly pool: ItemPool;
  readonly paper: Paper;
  /** Asked before each part, which is numbered from it on. */
  readonly start: () => FragmentStart;
}

/** Pages of one task: more would not be drawn in its time. */
const DRAWN_AT_ONCE = 4;

/**
 * Its parts in order, as they are made; where it ends with a reason none of them counts. Throws PackageRefused where its bytes are others, or a mark is on a page that is not there.
 */
export async function* mergedItem(item: PackageItem, merging: Merging): AsyncGenerator<PdfFragment, MergeEnd> {
  const bytes = await wholeItem(item, ITEM_LIMITS.bytes);
  if (!bytes) return { reason: 'too-large' };
  const marks = item.redactions ?? [];
  if (marks.length > 0) return yield* drawnItem(item, bytes, merging);
  const { pool, paper } = merging;
  const read = (given: Uint8Array<ArrayBuffer>, contentType: string): Promise<PageAnswer> =>
    readPagesOf(pool, { do: 'pages', bytes: given.slice(), contentType, paper, start: merging.start() });
  let answer = await read(bytes, item.contentType);
  if (answer.kind === 'structured') {
    const shown = await item.shown?.();
    if (!shown) return { reason: 'not-printable' };
    answer = await read(new Uint8Array(shown.bytes), shown.contentType);
  }
  if (answer.kind === 'layers') return yield* drawnItem(item, bytes, merging);
  if (answer.kind !== 'pages') return { reason: answer.kind === 'none' ? answer.reason : 'not-printable' };
  yield answer.fragment;
  return { complete: answer.complete };
}

async function* drawnItem(
  item: PackageItem,
  given: Uint8Array<ArrayBuffer>,
  { pool, paper, start }: Merging,
): AsyncGenerator<PdfFragment, MergeEnd> {
  const marks = Object.fromEntries((item.redactions ?? []).map(({ page, areas }) => [page, areas]));
  const lastMark = Math.max(0, ...Object.keys(marks).map(Number));
  let [bytes, contentType] = [given, item.contentType];
  for (let from = 0, total = 1; from < total; ) {
    const task = { do: 'draw', bytes: bytes.slice(), contentType, paper, marks, from, count: DRAWN_AT_ONCE } as const;
    const answer = await readPagesOf(pool, { ...task, start: start() });
    if (answer.kind === 'structured' && bytes === given) {
      const shown = await item.shown?.();
      if (!shown) return { reason: 'cannot-redact' };
      [bytes, contentType] = [new Uint8Array(shown.bytes), shown.contentType];
      continue;
    }
    if (answer.kind !== 'pages')
      return { reason: lastMark > 0 ? 'cannot-redact' : answer.kind === 'none' ? answer.reason : 'not-printable' };
    total = answer.total;
    if (lastMark > total)
      throw new PackageRefused(
        'no-such-page',
        `${item.id} has ${total} pages, and none of the number ${lastMark}.`,
        item.id,
      );
    yield answer.fragment;
    from += answer.fragment.pages.length;
  }
  return { complete: true };
}
