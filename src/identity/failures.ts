/**
 * How often an address may do something within a time: guessing costs time, and asking an issuer about rubbish costs us nothing. Each process counts
 * for itself; what is counted for all of them is identity/server/shared-limit.ts. Of IPv6 a network of 64 bits counts as one address, as whoever has one has all of it.
 */
import { FhirError } from '../fhir/error.js';
import { parseAddress } from '../platform/address.js';

/** Addresses that are counted at a time, each by itself; those beyond are counted together. */
const MOST_ADDRESSES = 10_000;
const CROWD = 'all others';

export interface AddressLimit {
  /** ms until the address may do it again; 0: it may now. */
  wait(address: string): number;
  note(address: string): void;
}

export interface AddressLimitOptions {
  readonly most: number;
  /** ms. */
  readonly within: number;
  /** ms of any clock that only rises. */
  readonly now?: (() => number) | undefined;
}

export function createAddressLimit({ most, within, now = () => performance.now() }: AddressLimitOptions): AddressLimit {
  let since = -Infinity;
  const counts = new Map<string, number>();
  const forgetOld = (): void => {
    if (now() - since < within) return;
    since = now();
    counts.clear();
  };
  const placeOf = (address: string): string => {
    const network = networkOf(address);
    return counts.size < MOST_ADDRESSES || counts.has(network) ? network : CROWD;
  };
  return {
    wait(address) {
      forgetOld();
      return (counts.get(placeOf(address)) ?? 0) < most ? 0 : Math.max(1, since + within - now());
    },
    note(address) {
      forgetOld();
      const place = placeOf(address);
      counts.set(place, (counts.get(place) ?? 0) + 1);
    },
  };
}

const NETWORK_BYTES = 8;

/** What counts as one address. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const network = parseAddress(address)?.slice(0, NETWORK_BYTES) ?? [];
  return network.some(byte => byte !== 0) ? network.join('.') : address;
}

/** Refusals of one address within a second, after which nothing more of it is looked at until that is over. */
export const createFailureLimit = (now?: () => number): AddressLimit =>
  createAddressLimit({ most: 20, within: 1000, now });

export interface Failures {
  /** Throws `throttled` for an address that has had enough. */
  check(address: string): void;
  note(address: string): void;
}

/** Refusals of tokens. */
export function createFailures(now?: () => number): Failures {
  const limit = createFailureLimit(now);
  return {
    check(address) {
      if (limit.wait(address) === 0) return;
      throw new FhirError('throttled', 'Too many requests from this address were refused: try again in a second.', {
        retryAfter: 1,
      });
    },
    note: address => limit.note(address),
  };
}
