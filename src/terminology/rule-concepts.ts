/**
 * The concepts of a code system that is known by rule, as far as they are asked for: a code gets its place when it is looked up first.
 * They are made anew for each question, so that what was asked before takes no memory. Nothing lists them.
 */
import { paced, type Pieces } from '../platform/pieces.js';
import type { CodeRule } from './code-rule.js';
import type { Concepts } from './code-system.js';

/** Codes that are looked at before others may have their turn; a unit takes 50 µs. */
const LISTED_IN_A_TURN = 10_000;
const RULED_IN_A_TURN = 200;

const NONE: readonly never[] = [];

/** `version`: the one that was asked for, since a rule has none of its own. Undefined for a code system without a rule. */
export function conceptsByRule(rule: CodeRule | undefined, version?: string): Concepts | undefined {
  if (!rule) return undefined;
  const codes: string[] = [];
  const positions = new Map<string, number>();
  const find = (code: string): number | undefined => {
    const known = positions.get(code);
    if (known !== undefined || !rule.has(code)) return known;
    positions.set(code, codes.length);
    return codes.push(code) - 1;
  };
  const { url, name, title } = rule;
  const none = () => NONE;
  const alone = (concept: number): ReadonlySet<number> => new Set([concept]);
  return {
    url,
    version,
    head: { resourceType: 'CodeSystem', url, name, title, status: 'active', content: 'complete' },
    rule,
    codes,
    otherMeaning: undefined,
    find,
    locate: find,
    display: () => undefined,
    definition: () => undefined,
    designations: none,
    extensions: none,
    properties: none,
    declared: NONE,
    status: () => undefined,
    supplements: NONE,
    property: () => undefined,
    isSelectable: () => true,
    isActive: () => true,
    parents: none,
    children: none,
    below: alone,
    above: alone,
  };
}

/** Whether a code that a value set lists means this concept. A rule is not asked again: that may take long for many codes. */
export const means = (concepts: Concepts, listed: string | undefined, concept: number): boolean =>
  listed !== undefined && (concepts.rule ? concepts.codes[concept] === listed : concepts.locate(listed) === concept);

/** Listed codes that a code system has, as it writes them, with what is said of each. */
export function* locatedCodes<T extends { readonly code?: string }>(
  concepts: Concepts,
  listed: readonly T[],
): Pieces<{ readonly code: string; readonly listed: T; readonly found: number | undefined }[]> {
  const isLong = paced(concepts.rule ? RULED_IN_A_TURN : LISTED_IN_A_TURN);
  const all: { readonly code: string; readonly listed: T; readonly found: number | undefined }[] = [];
  for (const each of listed) {
    if (isLong()) yield;
    if (typeof each.code !== 'string') continue;
    const found = concepts.locate(each.code);
    all.push({ code: found === undefined ? each.code : concepts.codes[found]!, listed: each, found });
  }
  return all;
}
