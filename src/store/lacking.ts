/** Which parameters a badly indexed resource is not found by. */
import type { IndexEntry } from '../search/entry.js';

/** Each once, in the order of the entries; none where the resource is found by more than it says. */
export const missingParameters = (
  entries: readonly IndexEntry[],
  isThere: (entry: IndexEntry) => boolean,
): readonly string[] => [...new Set(entries.filter(entry => !isThere(entry)).map(({ parameter }) => parameter))];
