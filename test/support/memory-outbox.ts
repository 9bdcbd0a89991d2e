/** An outbox in memory, as a store keeps it: for unit tests of what works by messages. */
import { acknowledgedMeanwhile } from '../../src/store/outbox.js';
import type { Commit, PendingMessage } from '../../src/store/store.js';

export interface MemoryOutbox {
  readonly pending: readonly PendingMessage[];
  pendingMessages(topic: string, limit: number): Promise<PendingMessage[]>;
  commit(commit: Commit): Promise<void>;
}

/** `strict: false`: as no store may be, for showing what goes wrong then. */
export function memoryOutbox({ strict = true } = {}): MemoryOutbox {
  let pending: PendingMessage[] = [];
  let sequence = 0;
  return {
    get pending() {
      return pending;
    },
    pendingMessages: async (topic, limit) => pending.filter(each => each.topic === topic).slice(0, limit),
    async commit({ acknowledges = [], messages = [] }) {
      const there = new Set(pending.map(each => each.sequence));
      if (strict && !acknowledges.every(each => there.has(each))) throw acknowledgedMeanwhile();
      pending = pending.filter(each => !acknowledges.includes(each.sequence));
      for (const message of messages) pending.push({ ...message, sequence: ++sequence });
    },
  };
}
