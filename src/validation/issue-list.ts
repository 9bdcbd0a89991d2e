/** What is told of the faults of one resource: the codes that they have, and how many of them. */
import type { Issue } from '../fhir/error.js';
import { STRUCTURE_CODES } from './gate/structure-rule.js';

/** Codes of `details.coding` that checks of resources give; others are counted together. */
export const ISSUE_DETAILS: ReadonlySet<string> = new Set([
  // The structure of R4.
  ...Object.keys(STRUCTURE_CODES),
  // Elements, their types and values.
  ...['profile-min', 'profile-max', 'type-not-allowed', 'type-profile', 'profile-type', 'value-required'],
  ...['fixed-value', 'pattern-value', 'max-length', 'min-value', 'max-value', 'must-support'],
  ...['slice-min', 'slice-max', 'slice-closed', 'slice-order'],
  // References.
  ...['target-type', 'target-profile', 'reference-type', 'reference-aggregation', 'reference-missing'],
  // Extensions.
  ...['extension-unknown', 'modifier-extension-unknown', 'extension-context', 'extension-url', 'extension-modifier'],
  // Invariants, and codes.
  ...['invariant', 'invariant-not-checked', 'binding-required', 'binding-extensible', 'binding-preferred'],
  ...['unknown-code', 'inactive-code', 'wrong-display', 'relative-system', 'not-a-code-system'],
  // What the text of R4 says of values and narratives.
  ...['uri-form', 'attachment-data', 'html-in-string', 'narrative-link', 'narrative-language', 'example-url'],
  // Bundles.
  ...['bundle-link', 'full-url', 'entry-unlinked', 'search-mode', 'search-id'],
  // Answers to questionnaires.
  ...['item-order', 'item-disabled', 'item-required', 'item-repeated', 'item-min', 'item-max', 'item-misplaced'],
  ...['item-unknown', 'item-without-answers'],
  ...['answer-type', 'answer-option', 'answer-unit', 'answer-media-type', 'answer-size', 'answer-format'],
  ...['answer-exclusive', 'answer-display', 'answer-read-only', 'min-length'],
  // Definitions.
  ...['derived-type', 'derived-base', 'search-type', 'double-property', 'property-type', 'not-in-force'],
  ...['property-code', 'source-code', 'target-code', 'filter-value', 'filter-expression', 'discriminator-path'],
  // What is not known, or too much to tell.
  ...['unknown-profile', 'not-checked', 'more-issues'],
]);

/** Issues of one resource that are told. */
export const MAX_ISSUES = 200;

/** Says how many issues there are beside those that are told; in `diagnostics` as a number. */
export const moreIssues = (count: number): Issue => ({
  severity: 'information',
  code: 'informational',
  text: `There are ${count} more issues: correct these first.`,
  detail: 'more-issues',
  diagnostics: `${count}`,
});

const RANKS: Readonly<Record<Issue['severity'], number>> = { fatal: 0, error: 1, warning: 2, information: 3 };

/** Errors first, and of more than MAX_ISSUES those that come first, and how many more there are, with those that were left out before. */
export function limitIssues(issues: readonly Issue[]): readonly Issue[] {
  if (issues.length < 2) return issues;
  const found = issues.filter(({ detail }) => detail !== 'more-issues');
  const leftOut = issues
    .filter(({ detail }) => detail === 'more-issues')
    .reduce((sum, { diagnostics }) => sum + Number(diagnostics), 0);
  const ordered = found.toSorted((a, b) => RANKS[a.severity] - RANKS[b.severity]);
  const more = leftOut + Math.max(0, ordered.length - MAX_ISSUES);
  return more === 0 ? ordered : [...ordered.slice(0, MAX_ISSUES), moreIssues(more)];
}
