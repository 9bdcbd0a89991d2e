/**
 * Bytes that the parts of a file which is taken apart may have together. What its pages share, as an image that stands on each, is in every part: without a bound a
 * small file would become a large one, and the room that is waited for before would not be what is held.
 */
const LEAST = 512 * 1024;

export const mostOfParts = (size: number): number => Math.max(3 * size, LEAST);
