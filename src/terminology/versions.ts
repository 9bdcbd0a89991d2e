/**
 * Versions of code systems and value sets: which of several is the newest, what a pattern such as `1.x.x` stands for, and what
 * the parameters system-version, check-system-version and force-system-version make of the version that a value set names.
 * https://hl7.org/fhir/R4/valueset-operation-expand.html
 *
 * Choices: versions are compared part by part, numbers as numbers, so that 1.10 is newer than 1.9 and 2024-02 than 2023-11.
 * Only `x` and `*` leave a part open: 1 is a version of its own, and not every 1.something.
 */
import { parseCanonical } from '../fhir/reference.js';
import type { Coding } from './resources.js';

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

/** `default` counts where nothing else says a version, `check` too, and refuses others; `force` replaces what is said. */
export type RuleMode = 'default' | 'check' | 'force';

export interface VersionRule {
  readonly mode: RuleMode;
  readonly url: string;
  readonly version: string;
  /** The parameter, for the answer. */
  readonly name: string;
  readonly canonical: string;
}

const MODES: Readonly<Record<string, RuleMode>> = {
  'system-version': 'default',
  'check-system-version': 'check',
  'force-system-version': 'force',
  'default-valueset-version': 'default',
  'check-valueset-version': 'check',
  'force-valueset-version': 'force',
};
export const RULE_PARAMETERS: readonly string[] = Object.keys(MODES);

/** A canonical without a version says nothing. */
export function versionRule(name: string, canonical: string): VersionRule[] {
  const { url, version } = parseCanonical(canonical);
  const mode = MODES[name];
  return version === undefined || mode === undefined ? [] : [{ mode, url, version, name, canonical }];
}

export interface PinnedVersion {
  readonly version: string | undefined;
  /** The rule that made it so. */
  readonly rule?: VersionRule;
}

/** The version, or pattern, that is meant where a value set says `version`. */
export function pinVersion(rules: readonly VersionRule[], url: string, version: string | undefined): PinnedVersion {
  const mine = rules.filter(rule => rule.url === url);
  const rule =
    mine.find(({ mode }) => mode === 'force') ??
    (version === undefined ? mine.find(each => each.mode !== 'force') : undefined);
  return rule ? { version: rule.version, rule } : { version };
}

/** The rule that forbids this version. */
export const forbiddenBy = (
  rules: readonly VersionRule[],
  url: string,
  version: string | undefined,
): VersionRule | undefined =>
  rules.find(rule => rule.mode === 'check' && rule.url === url && !matchesVersion(rule.version, version));

/** `1.0.0 or 1.2.0`. */
export function listOfVersions(versions: readonly string[]): string {
  const sorted = versions.toSorted(compareBusinessVersions);
  return sorted.length < 2 ? sorted.join('') : `${sorted.slice(0, -1).join(', ')} or ${sorted.at(-1)}`;
}

/** `system|version#code ('display')`. */
export const codingText = ({ system = '', version, code = '', display }: Coding): string =>
  `${version === undefined ? system : `${system}|${version}`}#${code}${display === undefined ? '' : ` ('${display}')`}`;
