/**
 * The concepts of a code system that is known by rule, as far as they are asked for: a code gets its place when it is looked up first.
 * They are made anew for each question, so that what was asked before takes no memory. Nothing lists them.
 */
import type { CodeRule } from './code-rule.js';
import type { Concepts } from './code-system.js';

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
