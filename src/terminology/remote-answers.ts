/** What another terminology server has told, by question: kept for a while, the least recently used forgotten first. */
import type { MemberVerdict } from './member-test.js';

/** One code. */
export interface RemoteQuestion {
  /** Canonical; absent: whether the code system has the code. */
  readonly valueSet?: string;
  readonly system: string;
  readonly version?: string | undefined;
  readonly code: string;
}

export interface RemoteAnswers {
  /** Undefined: nothing is known (any more). `verdict` undefined: the other server does not know it. */
  at(key: string): { readonly verdict: MemberVerdict } | undefined;
  keep(key: string, verdict: MemberVerdict): void;
}

const MOST_ANSWERS = 20_000;
const HOUR = 3_600_000;
/** ms. What is right today is right tomorrow; what is not may be soon. */
const KEPT_FOR = { right: 24 * HOUR, other: HOUR / 6 } as const;

export const keyOfQuestion = ({ valueSet = '', system, version = '', code }: RemoteQuestion): string =>
  `${valueSet} ${system} ${version} ${code}`;

export function createRemoteAnswers(now: () => number, most = MOST_ANSWERS): RemoteAnswers {
  const kept = new Map<string, { readonly verdict: MemberVerdict; readonly until: number }>();
  return {
    at(key) {
      const found = kept.get(key);
      if (!found) return undefined;
      kept.delete(key);
      if (found.until <= now()) return undefined;
      kept.set(key, found);
      return found;
    },
    keep(key, verdict) {
      kept.delete(key);
      kept.set(key, { verdict, until: now() + (verdict === true ? KEPT_FOR.right : KEPT_FOR.other) });
      if (kept.size > most) kept.delete(kept.keys().next().value!);
    },
  };
}
