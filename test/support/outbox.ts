/** An outbox in memory, for what works on messages. Several may have one of them, as processes have one database. */
import { FhirError } from '../../src/fhir/error.js';
import type { Deed } from '../../src/store/deeds.js';
import type { Commit, PendingMessage, Store } from '../../src/store/store.js';

export interface MemoryOutbox {
  readonly store: Pick<Store, 'shared' | 'pendingMessages' | 'commit' | 'openStamp' | 'acquireLease'>;
  /** What was committed, in order. */
  readonly commits: Commit[];
  readonly bodies: (topic: string) => Readonly<Record<string, unknown>>[];
}

/** `lenient`: acknowledging what is gone is no conflict, as in a store that would be wrong. `before`: called before each commit. */
export function memoryOutbox({
  shared = false,
  lenient = false,
  before = async (_commit: Commit): Promise<void> => undefined,
} = {}): MemoryOutbox {
  let outbox: PendingMessage[] = [];
  let sequence = 0;
  const commits: Commit[] = [];
  const of = (topic: string) => outbox.filter(each => each.topic === topic);
  return {
    commits,
    bodies: topic => of(topic).map(({ body }) => JSON.parse(body) as Readonly<Record<string, unknown>>),
    store: {
      shared,
      pendingMessages: async (topic, limit) => of(topic).slice(0, limit),
      async commit(commit) {
        await before(commit);
        const { acknowledges = [], messages = [] } = commit;
        if (!lenient && !acknowledges.every(one => outbox.some(each => each.sequence === one)))
          throw new FhirError('conflict', 'A message was acknowledged meanwhile.');
        outbox = outbox.filter(each => !acknowledges.includes(each.sequence));
        for (const message of messages) outbox.push({ ...message, sequence: ++sequence });
        commits.push(commit);
      },
      openStamp: () => ({ now: () => 0, release: () => undefined, close: () => undefined, outdated: false }),
      acquireLease: async () => true,
    },
  };
}

/** A deed that says nothing but this. */
export const deedCalled = (text: string): Deed => ({
  at: 0,
  events: 1,
  keys: [],
  shape: { id: 0, text },
  bytes: Buffer.from(text),
});

/** Ids of changes, and the texts of deeds, in the order of their commits. */
export const effectsOf = ({ commits }: Pick<MemoryOutbox, 'commits'>): string[] =>
  commits.flatMap(({ changes, deeds = [] }) => [
    ...changes.map(({ id }) => id),
    ...deeds.map(({ shape }) => shape.text),
  ]);
