/** What TIFF files are, and the coded strips of their pages: https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf */
import { type TiffTags, tiffDirectories } from '../../../fhir/content/tiff-directories.js';
import type { DocumentMetadata, ReadLimits } from './document-metadata.js';

const [WIDTH, HEIGHT, COMPRESSION, OFFSETS, COUNTS] = [256, 257, 259, 273, 279];
const SIZE_TAGS: ReadonlySet<number> = new Set([WIDTH, HEIGHT]);
const CODED: ReadonlySet<number> = new Set([COMPRESSION, OFFSETS, COUNTS]);

/** A directory behind the end of the file ends it, as does the last of `limits.pages`. Reduced images of a page are no pages. */
export function readTiff(bytes: Uint8Array, limits: ReadLimits): DocumentMetadata | undefined {
  const pages: TiffTags[] = [];
  let directories = 0;
  for (const { tags, isReduced, next } of tiffDirectories(bytes, SIZE_TAGS)) {
    if (!isReduced) pages.push(tags);
    if (++directories >= limits.pages || next >= bytes.length) break;
  }
  const [width, height] = [WIDTH, HEIGHT].map(tag => pages[0]?.get(tag)?.[0] ?? 0);
  return width && height ? { kind: 'tiff', contentType: 'image/tiff', width, height, pages: pages.length } : undefined;
}

interface TiffPage {
  readonly compression: number;
  readonly strips: readonly Uint8Array[];
}

/** The coded strips of each page that is no reduced image, `most` at most. Throws RangeError where the file ends before them. */
export function tiffPages(bytes: Uint8Array, most: number): readonly TiffPage[] {
  const pages: TiffPage[] = [];
  for (const { tags, isReduced } of tiffDirectories(bytes, CODED)) {
    if (isReduced) continue;
    const [offsets = [], counts = []] = [tags.get(OFFSETS), tags.get(COUNTS)];
    const strips = offsets.map((offset, n) => bytes.subarray(offset, offset + (counts[n] ?? 0)));
    if (pages.push({ compression: tags.get(COMPRESSION)?.[0] ?? 1, strips }) >= most) break;
  }
  return pages;
}
