/**
 * Creation numbers: (ms since 2020) · 4096 + process · 32 + counter, a safe integer until 2089. They rise within a
 * process, are unique across processes, and roughly follow the clock between them.
 *
 * Uniqueness rests on a lease, not on clocks: a process number is leased with `until`, the owner hands out numbers for
 * milliseconds below it alone, and the next owner starts at or above it. The lease is renewed when numbers are asked for
 * in its second half; a process that idles loses it and takes another. No timers. The time is the machine's, whatever the
 * server's clock says: leases are compared between processes. What must come behind a number of another process, whatever
 * its clock, is drawn above that number.
 */
import { randomUUID } from 'node:crypto';
import { FhirError } from '../../fhir/error.js';
import { realNow } from '../../platform/real-time.js';
import { isDuplicate } from './errors.js';
import type { Collections } from './schema.js';

const NUMBERS_EPOCH = Date.UTC(2020, 0, 1);
const NUMBERS_PER_MS = 4096;
const PROCESSES = 128;
const COUNTERS = NUMBERS_PER_MS / PROCESSES;
const PROCESS_LEASE_MS = 60_000;
/** A lease is left alone for so long after its end: clocks of machines differ. */
const GRACE_MS = 60_000;
const PROCESS_PREFIX = 'process/';

interface ProcessLease {
  readonly process: number;
  readonly owner: string;
  until: number;
}

export interface Sequence {
  /** `count` ascending numbers, above all that this sequence gave before, and above this one, which another process gave. */
  take(count: number, above?: number): Promise<number[]>;
  /** Gives the process number back. */
  close(): Promise<void>;
}

/** Leases a process number that nobody holds. `start`: no owner before has given numbers of this millisecond or later. */
async function leaseProcess(
  { fact }: Pick<Collections, 'fact'>,
  name: string,
): Promise<{ readonly acquired: ProcessLease; readonly start: number }> {
  const owner = randomUUID();
  for (let attempt = 0; attempt < PROCESSES; attempt++) {
    const leases = await fact.find({ _id: { $gte: PROCESS_PREFIX, $lt: `${PROCESS_PREFIX}~` } }).toArray();
    const taken = new Map(leases.map(one => [Number(one._id.slice(PROCESS_PREFIX.length)), one]));
    const now = realNow();
    const process = Array.from({ length: PROCESSES }, (_, i) => i).find(i => {
      const one = taken.get(i);
      return !one || one.free === true || (one.until ?? 0) + GRACE_MS < now;
    });
    if (process === undefined)
      throw new FhirError('unavailable', `All ${PROCESSES} process numbers of the database are in use.`);
    const before = taken.get(process);
    const start = Math.max(now, before?.until ?? 0);
    const next = { owner, until: start + PROCESS_LEASE_MS, name, free: false };
    const _id = leaseId(process);
    try {
      if (before) {
        const { matchedCount } = await fact.updateOne(
          { _id, owner: before.owner ?? '', until: before.until ?? 0 },
          { $set: next },
        );
        if (matchedCount === 0) continue;
      } else await fact.insertOne({ _id, ...next });
    } catch (error) {
      if (isDuplicate(error)) continue;
      throw error;
    }
    return { acquired: { process, owner, until: next.until }, start };
  }
  throw new FhirError('unavailable', 'No process number could be leased: too many servers start at once. Try again.');
}

/** The millisecond of which a number is. */
const msOf = (number: number): number => Math.floor(number / NUMBERS_PER_MS) + NUMBERS_EPOCH;

const leaseId = (process: number): string => PROCESS_PREFIX + String(process).padStart(3, '0');

/** `name` is kept with the lease, for people who look into the database. */
export function openSequence(connected: () => Promise<Collections>, name: string): Sequence {
  let lease: ProcessLease | undefined;
  let renewing: Promise<void> | undefined;
  let ms = 0;
  let counter = 0;

  const acquire = async (): Promise<ProcessLease> => {
    const { acquired, start } = await leaseProcess(await connected(), name);
    if (start > ms) {
      ms = start;
      counter = 0;
    } else advance();
    return acquired;
  };

  const renew = async (): Promise<void> => {
    const held = lease;
    if (held) {
      const { fact } = await connected();
      const until = Math.max(realNow(), ms) + PROCESS_LEASE_MS;
      const _id = leaseId(held.process);
      const { matchedCount } = await fact.updateOne({ _id, owner: held.owner }, { $set: { until } });
      if (matchedCount === 1) {
        held.until = until;
        return;
      }
      lease = undefined;
    }
    lease = await acquire();
  };
  const renewed = (): Promise<void> => {
    renewing ??= renew().finally(() => {
      renewing = undefined;
    });
    return renewing;
  };

  const advance = () => {
    ms += 1;
    counter = 0;
  };

  const next = (process: number): number => {
    const now = realNow();
    if (now > ms) {
      ms = now;
      counter = 0;
    } else if (counter === COUNTERS) advance();
    return (ms - NUMBERS_EPOCH) * NUMBERS_PER_MS + process * COUNTERS + counter++;
  };

  return {
    async take(count, above = 0) {
      const latest = msOf(above);
      if (latest >= ms) {
        ms = latest + 1;
        counter = 0;
      }
      const span = Math.ceil(count / COUNTERS) + 1000;
      for (;;) {
        const last = Math.max(realNow(), ms) + span;
        if (lease && last < lease.until) break;
        await renewed();
      }
      const { process, until } = lease;
      // In the second half the next lease is fetched beside the work; a failure shows when it is needed.
      if (until - ms < PROCESS_LEASE_MS / 2) renewed().catch(() => {});
      return Array.from({ length: count }, () => next(process));
    },
    async close() {
      await renewing?.catch(() => {});
      if (!lease) return;
      const { fact } = await connected();
      const _id = leaseId(lease.process);
      await fact.updateOne({ _id, owner: lease.owner }, { $set: { until: ms + 1, free: true } });
      lease = undefined;
    },
  };
}
