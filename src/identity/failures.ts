/** Who is refused too often waits: guessing costs time, and asking an issuer about rubbish costs us nothing. */
import { FhirError } from '../fhir/error.js';

/** Refusals of one address within a second, after which no more of its tokens are looked at until that is over. */
const MOST_FAILURES = 20;
/** Addresses that are counted in one second. */
const MOST_ADDRESSES = 10_000;
const SECOND = 1000;

export interface Failures {
  /** Throws `throttled` for an address that has had enough. */
  check(address: string): void;
  note(address: string): void;
}

/** `now`: ms of any clock that only rises. */
export function createFailures(now: () => number = () => performance.now()): Failures {
  let since = -Infinity;
  const counts = new Map<string, number>();
  const forgetOld = (): void => {
    if (now() - since < SECOND) return;
    since = now();
    counts.clear();
  };
  return {
    check(address) {
      forgetOld();
      if ((counts.get(address) ?? 0) < MOST_FAILURES) return;
      throw new FhirError('throttled', 'Too many requests from this address were refused: try again in a second.', {
        retryAfter: 1,
      });
    },
    note(address) {
      forgetOld();
      if (counts.size < MOST_ADDRESSES || counts.has(address)) counts.set(address, (counts.get(address) ?? 0) + 1);
    },
  };
}
