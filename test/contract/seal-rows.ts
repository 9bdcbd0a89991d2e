/** The ledger of a store (src/store/seals.ts): rows of deeds by their place in a stream, and what is kept beside them. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { it } from 'mocha';
import {
  bytesOfRemoved,
  countDeeds,
  type Deed,
  type DeedShape,
  deedsIn,
  hashesOfRemoved,
} from '../../src/store/deeds.js';
import { leafHash } from '../../src/store/ledger.js';
import { deedOfEntry, shapeOfText } from '../../src/store/ledger-entry.js';
import { headOfRow, type StreamOpening } from '../../src/store/seals.js';
import { put } from '../support/changes.js';
import { countStreams, type CountedStream, entryIn } from '../support/ledger.js';
import type { Subject } from './store-suite.js';

const shape: DeedShape = shapeOfText('"test"');
const opening = (heads: StreamOpening['heads'] = []): StreamOpening => ({ key: 'a key', process: 'a process', heads });
const deed = (text: string, at: number): Deed => ({
  ...{ at, events: 1, shape, keys: [7] },
  bytes: Buffer.from(text),
});
const isTest = (bytes: Buffer): DeedShape | undefined => (/^[a-z]\d+$/.test(bytes.toString()) ? shape : undefined);
const textsOf = (streams: readonly CountedStream[]): string[] =>
  streams.flatMap(({ deeds }) => deeds.filter(isTest).map(bytes => bytes.toString()));

export function sealRows(subject: Subject): void {
  const commit = (...deeds: readonly Deed[]) => subject.store.commit({ changes: [], deeds });
  const count = () => countStreams(subject.store, isTest);

  it('has no seals before it is opened, and such rows are found apart', async () => {
    await subject.store.deeds.keepShapes([shape]);
    for (let i = 0; i < 5; i++) await commit(deed(`o${i}`, 5000 - i * 1000));
    assert.deepEqual([await subject.store.deeds.streams(), await subject.store.deeds.heads()], [[], []]);
    await subject.store.deeds.openLedger(opening());
    await commit(deed('n0', 1));
    const old: string[] = [];
    for (let after: readonly [number, number] | undefined; ; ) {
      const rows = await subject.store.deeds.unsealed({ after, limit: 2 });
      old.push(...rows.flatMap(({ bytes }) => deedsIn(bytes).map(each => Buffer.from(each).toString())));
      if (rows.length < 2) break;
      after = [rows.at(-1)!.last, rows.at(-1)!.sequence];
    }
    assert.deepEqual(old, ['o4', 'o3', 'o2', 'o1', 'o0']);
    assert.deepEqual(textsOf(await count()), ['n0']);
  });

  it('gives each deed a place of its own, and each row the root of its stream', async () => {
    const asked = Array.from({ length: 700 }, (_, i) => {
      const changes = i % 5 === 0 ? [put({ resourceType: 'Patient', id: `sealed-${i}` })] : [];
      return subject.store.commit({ changes, deeds: [deed(`m${i}`, 10_000 + i)] });
    });
    await Promise.all(asked);
    const streams = await count();
    const told = textsOf(streams).filter(text => text.startsWith('m'));
    assert.deepEqual(told.toSorted(), Array.from({ length: 700 }, (_, i) => `m${i}`).toSorted());
    for (const head of await subject.store.deeds.heads()) {
      const { leaves } = streams.find(({ stream }) => stream === head.stream)!;
      assert.equal(head.size, leaves.length);
    }
    for (const { stream, leaves, deeds } of streams) {
      assert.deepEqual(entryIn(deeds[0]!), { what: 'opened', stream, ...opening() });
      for (let full = 1; full * 256 <= leaves.length; full++) {
        const name = `tile/${stream}/${String(full - 1).padStart(9, '0')}`;
        const kept = async () => (await subject.store.deeds.notes.find({ prefix: name, limit: 1 }))[0];
        // Nobody waits for it.
        while (!(await kept())) await pause(5);
        assert.deepEqual(Buffer.from((await kept())!.value), Buffer.concat(leaves.slice(full * 256 - 256, full * 256)));
      }
    }
    assert.ok(streams.some(({ leaves }) => leaves.length > 256));
  });

  it('finds the row of an index', async () => {
    const [{ stream, leaves }] = (await count()) as [CountedStream];
    for (const index of [0, 1, 57, leaves.length - 1]) {
      const [row] = await subject.store.deeds.sealed({ stream, upTo: index, limit: 1 });
      assert.ok(row!.seal.first <= index && index < row!.seal.first + deedsIn(row!.bytes).length);
    }
    const [, second] = await subject.store.deeds.sealed({ stream, limit: 2 });
    const behind = await subject.store.deeds.sealed({ stream, after: [stream, 0], limit: 1 });
    assert.deepEqual(behind[0]!.seal, second?.seal);
  });

  it('is where it was after a commit that was refused, alone and in a group', async () => {
    const patient = put({ resourceType: 'Patient', id: 'refused' });
    await subject.store.commit({ changes: [patient], deeds: [deed('r0', 20_000)] });
    await assert.rejects(subject.store.commit({ changes: [patient], deeds: [deed('r1', 20_000)] }));
    const settled = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) =>
        subject.store.commit({
          changes: [i % 3 === 0 ? patient : put({ resourceType: 'Patient', id: `beside-${i}` })],
          deeds: [deed(`s${i}`, 20_001 + i)],
        }),
      ),
    );
    const kept = settled.flatMap(({ status }, i) => (status === 'fulfilled' ? [`s${i}`] : []));
    const streams = await count();
    assert.deepEqual(
      textsOf(streams)
        .filter(text => /^[rs]/.test(text))
        .toSorted(),
      ['r0', ...kept].toSorted(),
    );
    const lanes = subject.store.name === 'mongo' ? 2 : 1;
    assert.equal(streams.length, lanes, 'no stream has ended');
  });

  it('ends its streams, and opens others for what comes later', async () => {
    const before = await subject.store.deeds.streams();
    await subject.store.deeds.endStreams(30_000);
    for (const { deeds } of await count()) assert.deepEqual(entryIn(deeds.at(-1)!), { what: 'closed' });
    await subject.store.deeds.endStreams(30_000);
    await subject.store.deeds.openLedger(opening([{ stream: 'x', size: 3, root: 'AA==' }]));
    await commit(deed('e0', 30_001));
    const known = new Set(before);
    const added = (await count()).find(({ stream }) => !known.has(stream));
    assert.deepEqual(entryIn(added!.deeds[0]!)['heads'], [{ stream: 'x', size: 3, root: 'AA==' }]);
    assert.equal(added!.deeds.length, 2);
  });

  it('goes on in another stream after a start, beside what was there', async () => {
    const before = await count();
    await subject.reopen();
    await subject.store.deeds.openLedger(opening());
    await commit(deed('f0', 40_000), deedOfEntry('{"what":"recovered"}', 40_000));
    const now = await count();
    assert.equal(now.length, before.length + 1);
    for (const { stream, leaves } of before) assert.deepEqual(now.find(one => one.stream === stream)!.leaves, leaves);
  });
  const note = (name: string, value: string) => ({ name, value: Buffer.from(value) });
  const texts = async (asked: Omit<Parameters<typeof subject.store.deeds.notes.find>[0], 'limit'>, limit = 10) =>
    (await subject.store.deeds.notes.find({ ...asked, limit })).map(
      ({ name, value }) => `${name}=${Buffer.from(value).toString()}`,
    );

  it('keeps notes by name, finds them in order from any place, and drops them', async () => {
    const { notes } = subject.store.deeds;
    await notes.keep([note('a/2', 'two'), note('a/1', 'one'), note('ab/1', 'other'), note('a/3', 'three')]);
    assert.deepEqual(await texts({ prefix: 'a/' }), ['a/1=one', 'a/2=two', 'a/3=three']);
    assert.deepEqual(await texts({ prefix: 'a/', newestFirst: true }, 2), ['a/3=three', 'a/2=two']);
    assert.deepEqual(await texts({ prefix: 'a/', after: 'a/1' }), ['a/2=two', 'a/3=three']);
    assert.deepEqual(await texts({ prefix: 'a/', after: 'a/3', newestFirst: true }), ['a/2=two', 'a/1=one']);
    await notes.keep([note('a/2', 'again')]);
    await notes.drop(['a/1', 'no such']);
    await notes.keep([]);
    await subject.reopen();
    assert.deepEqual(await texts({ prefix: 'a/' }), ['a/2=again', 'a/3=three']);
    assert.deepEqual(await texts({ prefix: 'a' }), ['a/2=again', 'a/3=three', 'ab/1=other']);
  });

  it('empties rows but for hashes, which are found by their place alone', async () => {
    const { deeds } = subject.store;
    const rows = (await deeds.find({ keys: [[7]], limit: 1000 })).slice(0, 3);
    const events = await deeds.events();
    const leaves = rows.map(({ bytes }) => deedsIn(bytes).map(each => leafHash(each)));
    const emptied = rows.map(({ sequence, last }, i) => ({
      sequence,
      last,
      bytes: bytesOfRemoved(leaves[i]!),
      keys: [7],
    }));
    await deeds.emptyRows(emptied);
    await deeds.emptyRows([]);
    await subject.reopen();
    const left = await subject.store.deeds.find({ limit: 1000 });
    for (const [i, { sequence, events: had }] of rows.entries()) {
      const row = left.find(each => each.sequence === sequence)!;
      assert.deepEqual([row.events, row.altered, deedsIn(row.bytes)], [0, false, []]);
      assert.deepEqual(Buffer.from(hashesOfRemoved(row.bytes)!), Buffer.concat(leaves[i]!));
      assert.equal(countDeeds(row.bytes), leaves[i]!.length);
      assert.ok(had > 0);
    }
    const gone = rows.reduce((sum, row) => sum + row.events, 0);
    assert.equal(await subject.store.deeds.events(), events - gone);
    const found = await subject.store.deeds.find({ keys: [[7]], limit: 1000 });
    assert.ok(found.length > 0 && found.every(({ sequence }) => rows.every(row => row.sequence !== sequence)));
    const sealed = rows.map(({ sequence }) => subject.store.deeds.sealed({ row: sequence, limit: 1 }));
    for (const [i, [row]] of (await Promise.all(sealed)).entries())
      if (row) assert.equal(headOfRow(row).size, row.seal.first + leaves[i]!.length);
  });
}
