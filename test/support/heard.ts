/** What listeners were told (listening-program.ts), compared with what was written. */
import assert from 'node:assert/strict';
import type { FeedChange } from '../../src/feed/change.js';
import type { Cursor } from '../../src/search/query.js';
import type { Store } from '../../src/store/store.js';

export const HEARD = 'heard ';

/** Name → types; undefined: all. */
export const LISTENERS: Readonly<Record<string, readonly string[] | undefined>> = {
  all: undefined,
  'all-too': undefined,
  people: ['Patient'],
  'people-too': ['Patient'],
  basics: ['Basic'],
  both: ['Basic', 'Patient'],
  others: ['Group', 'Basic'],
  nobody: ['Device'],
};

const TYPES = ['Basic', 'Patient', 'Group'];

/** `Type/id/version` of all that was written. */
async function writtenIn(store: Store): Promise<Set<string>> {
  const written = new Set<string>();
  let after: Cursor | undefined;
  for (;;) {
    const page = await store.history({ types: TYPES, limit: 1000, oldestFirst: true, ...(after ? { after } : {}) });
    for (const { type, id, version } of page.rows) written.add(`${type}/${id}/${version}`);
    after = page.cursors.at(-1);
    if (!page.more || !after) return written;
  }
}

/** Each listener was told each version of its types once, under dense numbers, those of one resource in their order. */
export async function assertHeard(store: Store): Promise<number> {
  assert.deepEqual(await store.pendingMessages('change', 1), []);
  const written = await writtenIn(store);
  for (const [name, types] of Object.entries(LISTENERS)) {
    const told = (await store.pendingMessages(HEARD + name, 10_000_000)).flatMap(
      ({ body }) => JSON.parse(body) as FeedChange[],
    );
    const numbers = told.map(({ number }) => number);
    const gap = numbers.findIndex((number, at) => number !== at + 1);
    assert.equal(gap, -1, `${name}: ${numbers[gap]} at ${gap + 1} of ${numbers.length}`);
    const last = new Map<string, number>();
    for (const { type, id, version } of told) {
      assert.equal(
        version,
        (last.get(`${type}/${id}`) ?? 0) + 1,
        `${name}: ${type}/${id}/${version} after ${last.get(`${type}/${id}`)}`,
      );
      last.set(`${type}/${id}`, version);
    }
    const wanted = [...written].filter(each => !types || types.includes(each.split('/')[0]!));
    const heard = new Set(told.map(({ type, id, version }) => `${type}/${id}/${version}`));
    assert.equal(heard.size, told.length, `${name} was told something twice`);
    const lost = wanted.filter(each => !heard.has(each));
    assert.deepEqual(lost.slice(0, 5), [], `${name} lost ${lost.length} of ${wanted.length}`);
    assert.equal(told.length, wanted.length, `${name} was told of what is not there`);
  }
  return written.size;
}
