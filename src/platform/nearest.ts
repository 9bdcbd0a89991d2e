/** "Did you mean": the nearest of some names, by Levenshtein distance. */

/** Mistakes allowed for a name of this length. */
const tolerance = (length: number): number => (length < 4 ? 1 : length < 8 ? 2 : 3);

/** The name nearest to a text if it is near at all; names and texts over 64 characters are not compared. */
export function nearest(text: string, names: readonly string[]): string | undefined {
  if (text.length > 64) return undefined;
  let best: string | undefined;
  let least = tolerance(text.length) + 1;
  for (const name of names) {
    if (Math.abs(name.length - text.length) >= least) continue;
    const distance = levenshtein(text.toLowerCase(), name.toLowerCase());
    if (distance < least) {
      least = distance;
      best = name;
    }
  }
  return best;
}

/**
 * " Did you mean …?" with the nearest of the names, if one is near and another than what was said; else nothing.
 * `before` is put before the name.
 */
export function didYouMean(said: string, names: readonly string[], before = ''): string {
  const best = nearest(
    said,
    names.filter(name => name !== said),
  );
  return best === undefined ? '' : ` Did you mean ${before}${best}?`;
}

function levenshtein(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
