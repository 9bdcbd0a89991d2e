/** Rows of the store contract: numbers of custom parameter codes, tasks, messages without changes. */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import type { Subject } from './store-suite.js';

export function numberRows(subject: Subject): void {
  it('numbers codes once and for all, across a restart', async () => {
    const first = await subject.store.assignParameterCodes(['race', 'ethnicity', 'race']);
    assert.deepEqual([...first.keys()], ['race', 'ethnicity']);
    assert.equal(new Set(first.values()).size, 2);
    for (const number of first.values()) assert.match(number, /^[0-9A-Za-z]{2}$/);
    const again = await subject.reopen();
    const more = await again.assignParameterCodes(['a-new-one', 'ethnicity', 'race']);
    assert.deepEqual([more.get('race'), more.get('ethnicity')], [first.get('race'), first.get('ethnicity')]);
    assert.ok(![...first.values()].includes(more.get('a-new-one')!));
    assert.deepEqual(await again.assignParameterCodes([]), new Map());
  });

  it('gives one number to a code that is asked for several times at once', async () => {
    const asked = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        subject.store.assignParameterCodes([`at-once-${i % 4}`, `at-once-${(i + 1) % 4}`]),
      ),
    );
    const all = new Map(asked.flatMap(numbers => [...numbers]));
    for (const numbers of asked) for (const [code, number] of numbers) assert.equal(number, all.get(code));
    assert.equal(new Set(all.values()).size, 4);
  });

  it('lets one process hold a task, prolong it and give it back', async () => {
    const { store } = subject;
    assert.equal(await store.acquireLease('a-task', 60_000), true);
    assert.equal(await store.acquireLease('a-task', 60_000), true);
    assert.equal(await store.acquireLease('another-task', 60_000), true);
    assert.equal(await store.acquireLease('a-task', 0), false);
    assert.equal(await store.acquireLease('a-task', 60_000), true);
  });

  it('keeps messages without changes, and takes them away with others in one commit', async () => {
    const message = (body: string) => ({ topic: 'rows', body });
    await subject.store.commit({ changes: [], messages: [message('one'), message('two')] });
    const store = await subject.reopen();
    const [one, two] = await store.pendingMessages('rows', 10);
    assert.deepEqual([one?.body, two?.body], ['one', 'two']);
    await store.commit({ changes: [], acknowledges: [one!.sequence], messages: [message('three')] });
    assert.deepEqual(
      (await store.pendingMessages('rows', 10)).map(({ body }) => body),
      ['two', 'three'],
    );
  });
}
