/** One item → pages of the package, or the reason why it has none. */
import { itemPages } from './item-pages.js';
import {
  type PackageItem,
  PackageRefused,
  type PageRedaction,
  type RedactedArea,
  type UnmergedReason,
} from './order.js';
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
 * Its parts in order; where it ends with a reason there was none, so that nothing of it is in the file. Throws PackageRefused where its bytes
 * are others, or a mark is on a page that is not there.
 */
export async function* mergedItem(item: PackageItem, merging: Merging): AsyncGenerator<PdfFragment, MergeEnd> {
  const bytes = await wholeItem(item, ITEM_LIMITS.bytes);
  if (!bytes) return { reason: 'too-large' };
  const { pool, paper } = merging;
  const read = (given: Uint8Array<ArrayBuffer>, contentType: string): Promise<PageAnswer> =>
    readPagesOf(pool, { do: 'pages', bytes: given.slice(), contentType, paper, start: merging.start() });
  const marks = item.redactions ?? [];
  if (marks.length > 0) return yield* markedItem(item, bytes, marks, merging);
  let file: DrawnFile = { bytes, contentType: item.contentType };
  let answer = await read(file.bytes, file.contentType);
  if (answer.kind === 'structured') {
    const shown = await item.shown?.();
    if (!shown) return { reason: 'not-printable' };
    file = { bytes: new Uint8Array(shown.bytes), contentType: shown.contentType };
    answer = await read(file.bytes, file.contentType);
  }
  if (answer.kind === 'layers') return yield* drawnItem(item, file, merging);
  if (answer.kind !== 'pages') return { reason: answer.kind === 'none' ? answer.reason : 'not-printable' };
  yield answer.fragment;
  return { complete: answer.complete };
}

interface DrawnFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
}

/** Only where its pages are those that were marked. */
async function* markedItem(
  item: PackageItem,
  bytes: Uint8Array<ArrayBuffer>,
  marks: readonly PageRedaction[],
  merging: Merging,
): AsyncGenerator<PdfFragment, MergeEnd> {
  const found = await itemPages(item, bytes, merging);
  if (typeof found === 'string') return { reason: 'cannot-redact' };
  const { pages, rendering, file } = found;
  const last = Math.max(...marks.map(({ page }) => page));
  if (last > pages.length)
    throw new PackageRefused(
      'no-such-page',
      `${item.id} has ${pages.length} pages, and none of the number ${last}.`,
      item.id,
    );
  const isSame = (mark: PageRedaction): boolean => {
    const { width, height } = pages[mark.page - 1]!;
    const isAsLarge = Math.abs(width - mark.width) < 1 && Math.abs(height - mark.height) < 1;
    return isAsLarge && (rendering === undefined || mark.rendering?.toLowerCase() === rendering);
  };
  if (!marks.every(isSame)) return { reason: 'other-pages' };
  const end = yield* drawnItem(item, file, merging, areasByPage(marks));
  return 'reason' in end ? { reason: 'cannot-redact' } : end;
}

/** A page may be marked more than once. */
function areasByPage(marks: readonly PageRedaction[]): Readonly<Record<number, readonly RedactedArea[] | 'all'>> {
  const all: Record<number, readonly RedactedArea[] | 'all'> = {};
  for (const { page, areas } of marks) {
    const before = all[page] ?? [];
    all[page] = areas === 'all' || before === 'all' ? 'all' : [...before, ...areas];
  }
  return all;
}

/**
 * Pages as pictures. The first of them goes out when the last has been drawn: one that fails would leave the others in the file, where nothing
 * leads to them. Pictures are held as far as ITEM_LIMITS.fragment goes; those behind it are drawn again.
 */
async function* drawnItem(
  item: PackageItem,
  { bytes, contentType }: DrawnFile,
  { pool, paper, start }: Merging,
  marks: Readonly<Record<number, readonly RedactedArea[] | 'all'>> = {},
): AsyncGenerator<PdfFragment, MergeEnd> {
  const draw = (from: number, begin: FragmentStart): Promise<PageAnswer> => {
    const task = { do: 'draw', bytes: bytes.slice(), contentType, paper, marks, from, count: DRAWN_AT_ONCE } as const;
    return readPagesOf(pool, { ...task, start: begin });
  };
  const held: PdfFragment[] = [];
  const again: number[] = [];
  let complete = true;
  const begin = start();
  for (let from = 0, total = 1, { first } = begin, size = 0; from < total; ) {
    const answer = await draw(from, { ...begin, first });
    if (answer.kind !== 'pages') return { reason: answer.kind === 'none' ? answer.reason : 'not-printable' };
    const { fragment } = answer;
    size += fragment.bytes.length;
    if (size <= ITEM_LIMITS.fragment) held.push(fragment);
    else again.push(from);
    total = answer.total;
    complete &&= answer.complete;
    first += fragment.offsets.length;
    from += fragment.pages.length;
  }
  yield* held;
  for (const from of again) {
    const answer = await draw(from, start());
    if (answer.kind !== 'pages')
      throw new PackageRefused('unsteady', `Pages of ${item.id} could not be drawn again.`, item.id);
    yield answer.fragment;
  }
  return { complete };
}
