/**
 * Business versions of definitions and of packages: which of several is the newest, and what a pattern such as `1.x.x` stands for.
 * https://hl7.org/fhir/R4/resource.html#versions, https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
 *
 * Choices: versions are compared part by part, numbers as numbers, so that 1.10 is newer than 1.9 and 2024-02 than 2023-11.
 * Only `x` and `*` leave a part open: 1 is a version of its own, and not every 1.something.
 */

/** Negative where the first is older. No version is older than any. */
export function compareBusinessVersions(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
  const [left, right] = [a.split(/[.-]/), b.split(/[.-]/)];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const order = compareParts(left[at], right[at]);
    if (order !== 0) return order;
  }
  return a < b ? -1 : 1;
}

function compareParts(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
  const numbers = /^\d{1,15}$/.test(a) && /^\d{1,15}$/.test(b);
  if (numbers) return Number(a) - Number(b);
  return a < b ? -1 : 1;
}

/** Whether it stands for several versions. */
export const isPattern = (version: string): boolean => version.split('.').some(part => part === 'x' || part === '*');

/** A pattern that ends with an open part goes on as long as the version does. */
export function matchesVersion(pattern: string, version: string | undefined): boolean {
  if (pattern === version) return true;
  if (version === undefined || !isPattern(pattern)) return false;
  const wanted = pattern.split('.');
  const parts = version.split('.');
  const open = (part: string | undefined): boolean => part === 'x' || part === '*';
  if (parts.length < wanted.length || (parts.length > wanted.length && !open(wanted.at(-1)))) return false;
  return wanted.every((part, at) => open(part) || part === parts[at]);
}

/** The newest of those that match, if any. */
export const newestMatch = (pattern: string | undefined, versions: readonly string[]): string | undefined =>
  versions
    .filter(each => pattern === undefined || matchesVersion(pattern, each))
    .toSorted(compareBusinessVersions)
    .at(-1);
