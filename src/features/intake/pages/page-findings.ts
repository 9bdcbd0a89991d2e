/**
 * What is wrong with the pages of a scan, by threads: resolution, blank pages, skew, pages that lie on their side, and how many there are. Whatever a file does to
 * its reader, it costs the verdict about that file, and neither an upload nor the process.
 */
import { createPool, type Pool, type PoolOptions, TaskStopped } from '../../../platform/pool.js';
import type { DqFinding, QualityCode } from '../vocabulary.js';
import type { ScanToSee, SeenPages } from './look-at-pages.js';

export const PAGE_POOL: PoolOptions = { module: new URL('./thread.js', import.meta.url), memory: 256, time: 10_000 };

let pagePool: Pool<ScanToSee, SeenPages | undefined> | undefined;

/** Types that are pages. */
const PAGED: ReadonlySet<string> = new Set(['application/pdf', 'image/tiff', 'image/jpeg', 'image/png']);
/** Bytes of a file that is looked into. */
const MOST_BYTES = 32 * 1024 * 1024;
/** Dots an inch, and degrees. */
const LEAST_DOTS = 200;
const MOST_SKEW = 1.5;

export interface PagesAsked {
  readonly bytes: Uint8Array;
  /** As contentTypeOf tells it. */
  readonly contentType: string;
  /** As many as somebody has counted. */
  readonly pages: number | undefined;
}

/** It throws nothing. Of what is no page, as a text, there is nothing to say. */
export async function pageFindings(
  { bytes, contentType, pages }: PagesAsked,
  pool: Pool<ScanToSee, SeenPages | undefined> = (pagePool ??=
    createPool(PAGE_POOL)),
): Promise<readonly DqFinding[]> {
  if (!PAGED.has(contentType)) return [];
  const seen = bytes.length <= MOST_BYTES ? await seenBy(pool, bytes, contentType) : undefined;
  if (!seen) return [pageFinding('DQ-unreadable')];
  const found = seen.pages.flatMap((page, at): DqFinding[] => {
    const number = at + 1;
    if (page.isBlank) return [pageFinding('DQ-page-blank', number)];
    return [
      ...(page.dots !== undefined && page.dots < LEAST_DOTS ? [pageFinding('DQ-resolution-low', number)] : []),
      ...(page.isTurned ? [pageFinding('DQ-page-turned', number)] : []),
      ...(Math.abs(page.skew) >= MOST_SKEW ? [pageFinding('DQ-page-skewed', number)] : []),
    ];
  });
  const counted =
    pages === undefined || pages === seen.total
      ? []
      : [pageFinding(seen.total < pages ? 'DQ-pages-missing' : 'DQ-pages-more', seen.total)];
  return [...counted, ...found].slice(0, MOST_FOUND);
}

/** Of one file. */
const MOST_FOUND = 60;

const pageFinding = (code: QualityCode, number?: number): DqFinding => ({
  code,
  expression: 'DocumentReference.content[0].attachment',
  ...(number === undefined ? {} : { value: { valuePositiveInt: number } }),
});

async function seenBy(
  pool: Pool<ScanToSee, SeenPages | undefined>,
  bytes: Uint8Array,
  contentType: string,
): Promise<SeenPages | undefined> {
  const copy = new Uint8Array(bytes);
  try {
    return await pool.run({ contentType, bytes: copy }, [copy.buffer]);
  } catch (error) {
    if (error instanceof TaskStopped) return undefined;
    throw error;
  }
}
