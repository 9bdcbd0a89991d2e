/** Creation numbers of a database that one process alone uses: 1, 2, 3 …, so that the same writes get the same ones. */
import type { Collections } from './schema.js';
import type { Sequence } from './sequence.js';

export interface CountedSequence extends Sequence {
  /** The number that is given next. */
  at(): Promise<number>;
  /** What is stored was exchanged as a whole. */
  goOnAt(next: number): void;
}

export function openCountedSequence(connected: () => Promise<Collections>): CountedSequence {
  let next: number | undefined;
  let looking: Promise<number> | undefined;
  const at = async (): Promise<number> => {
    if (next !== undefined) return next;
    looking ??= connected()
      .then(firstFree)
      .finally(() => (looking = undefined));
    const free = await looking;
    return (next ??= free);
  };
  return {
    at,
    goOnAt: from => void (next = from),
    async take(count) {
      await at();
      const first = next!;
      next = first + count;
      return Array.from({ length: count }, (_, i) => first + i);
    },
    close: async () => undefined,
  };
}

/** Above every number that is in use; it looks at everything. */
async function firstFree({ resource, outbox, deed }: Collections): Promise<number> {
  const [newest] = await resource.aggregate<{ n: number }>([{ $group: { _id: null, n: { $max: '$n' } } }]).toArray();
  const message = await outbox.findOne({}, { sort: { _id: -1 }, projection: { _id: 1 } });
  const row = await deed.findOne({}, { sort: { _id: -1 }, projection: { _id: 1 } });
  return Math.max(newest?.n ?? 0, message?._id ?? 0, row?._id ?? 0) + 1;
}
