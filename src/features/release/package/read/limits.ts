/** What one item may cost. Whatever is more is attached as it is. */
export const ITEM_LIMITS = {
  /** Bytes of an item that is merged. */
  bytes: 32 * 1024 * 1024,
  /** Bytes of its pages in the PDF. */
  fragment: 64 * 1024 * 1024,
  /** Bytes of what one page draws, or of a picture, unpacked. */
  content: 64 * 1024 * 1024,
  pages: 5000,
  /** Objects of its pages. */
  objects: 60_000,
  /** Characters of a text. */
  characters: 8 * 1024 * 1024,
  /** Pixels of a picture that is decoded. */
  pixels: 40_000_000,
} as const;

/** A file that is no fault of itself, but costs more than it may. */
export class TooCostly extends Error {
  override readonly name = 'TooCostly';
}
