/**
 * How often an address may do something within a time, in all processes on one store together: a record for each address that did. Each process
 * asks its own limit (../failures.ts) first, so that an address costs the store no more than its limit does. https://www.rfc-editor.org/rfc/rfc6585#section-4
 */
import { realNow } from '../../platform/real-time.js';
import type { Records } from '../../store/records.js';
import { networkOf } from '../failures.js';

export interface SharedLimit {
  /** Counts once more; gives the ms to wait where that is too often, 0 where it may go on. */
  count(address: string): Promise<number>;
}

export interface SharedLimitOptions {
  readonly records: Pick<Records, 'get' | 'put'>;
  /** Of the records. */
  readonly kind: string;
  readonly most: number;
  /** ms. */
  readonly within: number;
  /** ms of the machine's clock, by which records end. */
  readonly now?: (() => number) | undefined;
}

interface CountedSince {
  readonly count: number;
  /** ms since 1970. */
  readonly until: number;
}

/** Those who count the same address at once come one after the other; who has tried so often goes on uncounted. */
const MOST_TRIES = 8;

export function createSharedLimit({ records, kind, most, within, now = realNow }: SharedLimitOptions): SharedLimit {
  return {
    async count(address) {
      const id = networkOf(address);
      for (let tries = 0; tries < MOST_TRIES; tries++) {
        const record = await records.get(kind, id);
        const kept = record ? (JSON.parse(record.value) as CountedSince) : undefined;
        const before = kept && kept.until > now() ? kept : { count: 0, until: now() + within };
        if (before.count >= most) return Math.max(1, before.until - now());
        const value = JSON.stringify({ ...before, count: before.count + 1 } satisfies CountedSince);
        const put = { kind, id, value, expires: before.until };
        if ((await records.put(put, record?.revision ?? null)) !== undefined) return 0;
      }
      return 0;
    },
  };
}
