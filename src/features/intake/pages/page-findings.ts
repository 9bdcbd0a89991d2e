/**
 * What is wrong with the pages of a scan, by threads: resolution, blank pages, skew, pages that lie on their side, and how many there are. Whatever a file does to
 * its reader, it costs the verdict about that file, and neither an upload nor the process.
 */
import { createPool, type Pool, type PoolOptions, TaskStopped } from '../../../platform/pool.js';
import { copyInPieces } from '../../../platform/pieces.js';
import type { DqFinding, QualityCode } from '../vocabulary.js';
import type { SplitPart } from '../sheets/split-pages.js';
import type { SeparatorSheet } from '../sheets/sheet-text.js';
import type { ScanToSee, SeenPage, SeenPages } from './look-at-pages.js';

export const PAGE_POOL: PoolOptions = { module: new URL('./thread.js', import.meta.url), memory: 256, time: 10_000 };

let pagePool: Pool<ScanToSee, SeenPages | undefined> | undefined;
/** Files that are taken apart need longer, and keep no others waiting. */
let sheetPool: Pool<ScanToSee, SeenPages | undefined> | undefined;
const SHEET_TIME = 60_000;

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
  /** Separator sheets stand between its documents. */
  readonly separated?: boolean;
}

/** A document of a file that was separated. */
export interface LookedPart {
  /** What the sheet before it says. */
  readonly sheet: SeparatorSheet | undefined;
  readonly bytes: Uint8Array;
  /** Of its bytes, in hexadecimal digits. */
  readonly sha256: string;
  readonly findings: readonly DqFinding[];
}

export interface LookedPages {
  readonly findings: readonly DqFinding[];
  /** Of a file that is taken apart. */
  readonly parts?: readonly LookedPart[];
}

interface LookWays {
  readonly pool?: Pool<ScanToSee, SeenPages | undefined>;
  /** Ends it: it is `DQ-unreadable` then. */
  readonly until?: AbortSignal;
}

/** It throws nothing. Of what is no page, as a text, there is nothing to say. */
export async function lookedPages(
  { bytes, contentType, pages, separated = false }: PagesAsked,
  { pool: given, until }: LookWays = {},
): Promise<LookedPages> {
  if (!PAGED.has(contentType)) return { findings: [] };
  const pool =
    given ??
    (separated ? (sheetPool ??= createPool({ ...PAGE_POOL, time: SHEET_TIME })) : (pagePool ??= createPool(PAGE_POOL)));
  const seen = bytes.length <= MOST_BYTES ? await seenBy(pool, { bytes, contentType, separated }, until) : undefined;
  if (!seen) return { findings: [pageFinding('DQ-unreadable')] };
  const counted = countFinding(pages, seen.total);
  // Of the first page that nobody has looked at.
  const unseen = seen.pages.length < seen.total ? [pageFinding('DQ-not-looked-at', seen.pages.length + 1)] : [];
  const found = [...counted, ...unseen, ...foundOn(seen.pages)].slice(0, MOST_FOUND);
  if (!separated) return { findings: found };
  const { parts } = seen;
  if (!parts) return { findings: [...(unseen.length > 0 ? [] : [pageFinding('DQ-not-looked-at')]), ...found] };
  if (parts.every(({ sheet }) => sheet === undefined)) return { findings: [pageFinding('DQ-sheet-missing'), ...found] };
  return { findings: [], parts: parts.map(part => lookedPart(part, seen.pages, counted)) };
}

function lookedPart(
  { sheet, first, pages, isCut, bytes, sha256 }: SplitPart,
  all: readonly SeenPage[],
  counted: readonly DqFinding[],
): LookedPart {
  const read = typeof sheet === 'object' ? sheet : undefined;
  // What nobody has counted may have pages of the next document, where its sheet was lost.
  const ofSheet: readonly DqFinding[] = read
    ? read.pages === undefined
      ? [pageFinding('DQ-pages-uncounted')]
      : []
    : [pageFinding(sheet === undefined ? 'DQ-sheet-missing' : 'DQ-sheet-unreadable')];
  // Of a sheet alone there is nothing to be said but that its pages are not there.
  const ofPages =
    pages === 0
      ? [pageFinding('DQ-pages-missing')]
      : [...countFinding(read?.pages, pages), ...foundOn(all.slice(first, first + pages))];
  const ofEnd: readonly DqFinding[] = isCut ? [pageFinding('DQ-sheet-unsure')] : [];
  return { sheet: read, bytes, sha256, findings: [...counted, ...ofSheet, ...ofEnd, ...ofPages].slice(0, MOST_FOUND) };
}

export const pageFindings = async (
  asked: PagesAsked,
  pool?: Pool<ScanToSee, SeenPages | undefined>,
): Promise<readonly DqFinding[]> => (await lookedPages(asked, pool ? { pool } : {})).findings;

const foundOn = (pages: readonly SeenPage[]): readonly DqFinding[] =>
  pages.flatMap((page, at): DqFinding[] => {
    const number = at + 1;
    if (page.isBlank) return [pageFinding('DQ-page-blank', number)];
    return [
      ...(page.dots !== undefined && page.dots < LEAST_DOTS ? [pageFinding('DQ-resolution-low', number)] : []),
      ...(page.isTurned ? [pageFinding('DQ-page-turned', number)] : []),
      ...(Math.abs(page.skew) >= MOST_SKEW ? [pageFinding('DQ-page-skewed', number)] : []),
    ];
  });

const countFinding = (counted: number | undefined, found: number): readonly DqFinding[] =>
  counted === undefined || counted === found
    ? []
    : [pageFinding(found < counted ? 'DQ-pages-missing' : 'DQ-pages-more', found)];

/** Of one file. */
const MOST_FOUND = 60;

const pageFinding = (code: QualityCode, number?: number): DqFinding => ({
  code,
  expression: 'DocumentReference.content[0].attachment',
  ...(number === undefined ? {} : { value: { valuePositiveInt: number } }),
});

async function seenBy(
  pool: Pool<ScanToSee, SeenPages | undefined>,
  { bytes, contentType, separated }: Required<Pick<PagesAsked, 'bytes' | 'contentType' | 'separated'>>,
  until: AbortSignal | undefined,
): Promise<SeenPages | undefined> {
  const copy = await copyInPieces(bytes);
  try {
    return await pool.run({ contentType, bytes: copy, separated }, [copy.buffer], until);
  } catch (error) {
    if (error instanceof TaskStopped) return undefined;
    throw error;
  }
}
