/**
 * How the operations expand a value set: versions of a code system are told apart, whole code systems are looked into, groupers
 * are members, and what was met on the way is noted for the answer. A search needs none of it.
 */
import type { Concepts } from './code-system.js';
import { doubtfulStatus } from './resource-status.js';
import { canonicalOf, type ResourceHead, type ValueSet } from './resources.js';
import { pinVersion, type VersionRule } from './versions.js';

/** A `warning-…` parameter of an expansion. */
export interface StatusWarning {
  readonly name: string;
  readonly canonical: string;
}

export interface OperationReading {
  readonly rules: readonly VersionRule[];
  /** Code systems of which nothing becomes a member. */
  readonly excludeSystems: ReadonlySet<string>;
  /** An exclude takes away codes of its own version of the code system only. */
  readonly exactly: boolean;
  readonly usage: Usage;
}

/** What an expansion came across. */
export interface Usage {
  /** By canonical. */
  readonly systems: ReadonlyMap<string, Concepts>;
  readonly valueSets: ReadonlySet<string>;
  readonly warnings: ReadonlyMap<string, StatusWarning>;
  readonly rules: ReadonlySet<VersionRule>;
  /** Codes were taken away by another version of their code system. */
  readonly crossed: boolean;
  /** Whether the value set names several versions of a code system. */
  severalVersions(system: string): boolean;
  seeSystem(concepts: Concepts, said: string | undefined, from: ValueSet): void;
  /** `from`: the value set that includes it; itself for the one that is expanded. */
  seeValueSet(set: ValueSet, from: ValueSet): void;
  seeCrossing(): void;
  pin(rules: readonly VersionRule[], url: string, version: string | undefined): string | undefined;
}

export function createUsage(): Usage {
  const systems = new Map<string, Concepts>();
  const valueSets = new Set<string>();
  const warnings = new Map<string, StatusWarning>();
  const rules = new Set<VersionRule>();
  const said = new Map<string, Set<string | undefined>>();
  let crossed = false;

  function judge(head: ResourceHead, from: ResourceHead): void {
    const status = doubtfulStatus(head, from);
    const canonical = canonicalOf(head);
    if (status) warnings.set(`${status} ${canonical}`, { name: `warning-${status}`, canonical });
  }

  return {
    systems,
    valueSets,
    warnings,
    rules,
    get crossed() {
      return crossed;
    },
    severalVersions: system => (said.get(system)?.size ?? 0) > 1,
    seeSystem(concepts, version, from) {
      const url = concepts.url ?? '';
      systems.set(canonicalOf(concepts), concepts);
      const versions = said.get(url) ?? new Set();
      said.set(url, versions.add(version ?? concepts.version));
      judge(concepts.head, from);
    },
    seeValueSet(set, from) {
      if (set !== from) valueSets.add(canonicalOf(set));
      judge(set, from);
    },
    seeCrossing() {
      crossed = true;
    },
    pin(all, url, version) {
      const pinned = pinVersion(all, url, version);
      if (pinned.rule) rules.add(pinned.rule);
      return pinned.version;
    },
  };
}
