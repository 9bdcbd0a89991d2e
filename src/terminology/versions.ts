/**
 * What the parameters system-version, check-system-version and force-system-version make of the version that a value set names, and how
 * versions of code systems are told.
 * https://hl7.org/fhir/R4/valueset-operation-expand.html
 */
import { compareBusinessVersions, matchesVersion } from '../fhir/business-version.js';
import { parseCanonical } from '../fhir/reference.js';
import type { Coding } from './resources.js';

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
