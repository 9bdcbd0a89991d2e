/**
 * Tasks that one process alone may do at a time: a document per task that says who has it, and until when. All times
 * are the database's own ($$NOW), so clocks of machines may differ as they like; the holder counts its time from before
 * it asked, so that it never believes longer than the database does.
 */
import { randomUUID } from 'node:crypto';
import { isDuplicate } from './errors.js';
import type { Collections } from './schema.js';

const TASK_PREFIX = 'task/';

export interface Leases {
  /** Takes, prolongs or (0 ms) gives back a task. False: another process has it. */
  hold(task: string, ms: number): Promise<boolean>;
}

export function openLeases(connected: () => Promise<Collections>): Leases {
  const owner = randomUUID();
  return {
    async hold(task, ms) {
      const { fact } = await connected();
      const _id = TASK_PREFIX + task;
      if (ms <= 0) {
        await fact.deleteOne({ _id, owner });
        return false;
      }
      const free = { $or: [{ $eq: ['$owner', owner] }, { $lt: ['$ends', '$$NOW'] }] };
      const ends = { $dateAdd: { startDate: '$$NOW', unit: 'millisecond' as const, amount: ms } };
      const take = [{ $set: { owner, ends } }];
      const { matchedCount } = await fact.updateOne({ _id, $expr: free }, take);
      if (matchedCount > 0) return true;
      try {
        // An upsert may not have $expr: this one makes the document, or meets another owner's.
        await fact.updateOne({ _id, owner }, take, { upsert: true });
        return true;
      } catch (error) {
        if (isDuplicate(error)) return false;
        throw error;
      }
    },
  };
}
