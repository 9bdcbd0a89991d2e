/** What a server knows of the streams of a ledger (src/audit/ledger/streams.ts): of those that are final for long one id is enough. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { LedgerStreams } from '../../../src/audit/ledger/streams.js';
import type { LedgerNote } from '../../../src/store/seals.js';
import type { Store } from '../../../src/store/store.js';
import { newId } from '../../../src/platform/ids.js';

const MONTH = 30 * 24 * 3_600_000;

/** The part of a store that is asked. */
function storeOf(streams: readonly string[]) {
  const notes = new Map<string, LedgerNote>();
  const asked: (string | undefined)[] = [];
  const deeds = {
    streams: async (after = '') => {
      asked.push(after);
      return streams.filter(stream => stream > after);
    },
    heads: async () => [],
    notes: {
      keep: async (kept: readonly LedgerNote[]) => kept.forEach(note => notes.set(note.name, note)),
      find: async ({
        prefix,
        after = '',
        newestFirst,
        limit,
      }: {
        prefix: string;
        after?: string;
        newestFirst?: true;
        limit: number;
      }) => {
        const names = [...notes.keys()].filter(name => name.startsWith(prefix) && name > after).toSorted();
        return (newestFirst ? names.toReversed() : names).slice(0, limit).map(name => notes.get(name)!);
      },
      drop: async (names: readonly string[]) => names.forEach(name => notes.delete(name)),
    },
  } as unknown as Store['deeds'];
  return { known: new LedgerStreams({ deeds, shared: false }, 'one', () => 0), notes, asked };
}

describe('streams of a ledger that are final for long', () => {
  const ids = Array.from({ length: 6 }, () => newId(Date.now()));
  const streams = [...new Set(ids)].toSorted();

  it('are forgotten up to the first one that is not', async () => {
    const { known, notes, asked } = storeOf(streams);
    const [a, b, c, d] = streams as [string, string, string, string];
    await known.noteFinal([a, b, d]);
    await known.tidy(Date.now());
    assert.deepEqual(
      [...notes.keys()].filter(name => name === 'stream/settled'),
      [],
      'not for long yet',
    );
    await known.tidy(Date.now() + MONTH);
    assert.deepEqual([...notes.keys()].toSorted(), [`stream/final/${d}`, 'stream/settled']);
    const underWay = await known.underWay();
    assert.equal(asked.at(-1), b);
    assert.deepEqual(
      underWay.map(({ stream }) => stream),
      [c, ...streams.slice(4)],
    );
    // One that went on after all, as that of a process that was stopped.
    await known.noteOwn(a);
    assert.ok((await known.underWay()).some(({ stream }) => stream === a));
  });
});
