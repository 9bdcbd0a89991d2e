/**
 * One code that is being checked against a value set: what the question is, what is known of it so far, and what every step of the
 * check may note.
 */
import { parseCanonical } from '../fhir/reference.js';
import type { Budget } from './budget.js';
import type { Sources } from './canonical-resources.js';
import { type CodeIssues, doubtfulReference, versionForbidden } from './code-issues.js';
import type { Concepts } from './code-system.js';
import { conceptNames } from './languages.js';
import { doubtfulStatus } from './resource-status.js';
import { canonicalOf, type Coding, type ListedConcept, type ValueSet } from './resources.js';
import { forbiddenBy, pinVersion, type VersionRule } from './versions.js';

export interface CheckOptions {
  readonly rules: readonly VersionRule[];
  readonly activeOnly: boolean;
  /** Concepts that only group others may be used. */
  readonly abstractAllowed: boolean;
  /** Only whether it is a member is of interest. */
  readonly membershipOnly: boolean;
  /** An exclude takes away codes of its own version of the code system only. */
  readonly exactly: boolean;
}

/** One code that is being checked. */
export interface CodeCheck {
  readonly sources: Sources;
  readonly budget: Budget;
  readonly options: CheckOptions;
  readonly issues: CodeIssues;
  /** Code systems, or versions of them, that are not known. */
  readonly unknown: Set<string>;
  /** Where the code stands: `Coding`, `CodeableConcept.coding[0]`, or '' for a code alone. */
  readonly path: string;
  readonly coding: Coding;
  /** Imported value sets, by the canonical that they are named with. */
  readonly imports: ReadonlyMap<string, ValueSet>;
  /** Answers of value sets that were asked already: one may be imported many times. */
  readonly asked: Map<ValueSet, Promise<Membership>>;
  /** The same, of those asked only whether it is a member. */
  readonly askedQuietly: Map<ValueSet, Promise<Membership>>;
}

/** Where a code was found. */
export interface Found {
  readonly concepts: Concepts;
  /** Undefined: a fragment does not have it. */
  readonly concept: number | undefined;
  readonly listed?: ListedConcept | undefined;
  readonly set: ValueSet;
}

/** `isMember` undefined: it cannot be known. */
export interface Membership {
  readonly isMember: boolean | undefined;
  readonly found?: Found | undefined;
}

/** The same question, of which only the answer matters: what else is wrong with the code is not noted. */
export const quietly = (check: CodeCheck): CodeCheck => ({
  ...check,
  options: { ...check.options, activeOnly: false, abstractAllowed: true, membershipOnly: true },
  issues: UNHEARD,
  unknown: new Set(),
  asked: check.askedQuietly,
});

const UNHEARD: CodeIssues = { add: () => {}, hasErrors: false, sorted: () => [], message: () => '' };

export function noteStatus(
  { issues }: Pick<CodeCheck, 'issues'>,
  type: 'CodeSystem' | 'ValueSet',
  head: Concepts['head'] | ValueSet,
  from: ValueSet,
): void {
  const status = doubtfulStatus(head, from);
  if (status) issues.add(doubtfulReference(status, type, head));
}

export function noteForbiddenVersion({ options, issues, path, coding }: CodeCheck, { version }: Concepts): void {
  const { system = '' } = coding;
  const rule = forbiddenBy(options.rules, system, version);
  if (rule) issues.add(versionForbidden(path, system, version, rule.version));
}

/** The names of what was found. */
export const namesOfFound = ({ concepts, concept, listed, set }: Found) =>
  conceptNames(concepts, concept, listed, set.language);

/** The canonical by which an imported value set is asked for. */
export function importCanonical(rules: readonly VersionRule[], named: string): string {
  const { url, version } = parseCanonical(named);
  return canonicalOf({ url, version: pinVersion(rules, url, version).version });
}
