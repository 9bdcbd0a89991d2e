/** A lane (src/store/lane.ts): what it seals counts when it is kept. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { askForIds, newId } from '../../../src/platform/ids.js';
import { type Deed, deedsIn } from '../../../src/store/deeds.js';
import { Lane } from '../../../src/store/lane.js';
import { leafHash, treeRoot } from '../../../src/store/ledger.js';
import { deedOfEntry, LEDGER_SHAPE } from '../../../src/store/ledger-entry.js';

const HASH = Buffer.alloc(32, 7);
const deed = (text: string, at = 1000): Deed => ({
  ...{ at, events: 1, shape: LEDGER_SHAPE, keys: [] },
  bytes: Buffer.from(text),
});
const openLane = (): Lane<Deed> => {
  const lane = new Lane<Deed>({ shapeHashOf: () => HASH, deedOfEntry });
  lane.openLedger({ key: 'key', process: 'process', heads: [] });
  return lane;
};

describe('lanes', () => {
  it('seal nothing before the ledger is open', () => {
    const lane = new Lane<Deed>({ shapeHashOf: () => HASH, deedOfEntry });
    const { rows, kept } = lane.seal([deed('a')]);
    kept();
    assert.deepEqual([rows.length, rows[0]!.seal, lane.head], [1, undefined, undefined]);
  });

  it('leave the stream where it was until a group is kept', () => {
    const lane = openLane();
    lane.seal([deed('lost')]);
    const head = () => lane.head;
    assert.equal(head(), undefined);
    lane.seal([deed('a')]).kept();
    const before = head()!;
    lane.seal([deed('lost'), deed('too')]);
    assert.deepEqual(head(), before);
    const { rows, kept } = lane.seal([deed('b'), deed('c')]);
    assert.deepEqual([rows[0]!.seal!.first, rows[0]!.seal!.stream], [2, before.stream]);
    kept();
    assert.equal(head()!.size, 4);
    assert.deepEqual(head()!.root, rows[0]!.seal!.root);
  });

  it('open another stream when nobody knows where the last one is', () => {
    const lane = openLane();
    lane.seal([deed('a')]).kept();
    const before = lane.head!;
    lane.abandon();
    const [row] = lane.seal([deed('b')]).rows;
    assert.equal(row!.seal!.first, 0);
    assert.notEqual(row!.seal!.stream, before.stream);
  });

  it('take no ids from a seed: when a stream begins or says something is a matter of time', () => {
    let drawn = 0;
    const seeded = (): string => `seeded${++drawn}`;
    askForIds({ id: seeded, uuid: seeded });
    try {
      openLane()
        .seal([deed('a')])
        .kept();
      assert.equal(drawn, 0);
      assert.equal(newId(1000), 'seeded1');
    } finally {
      askForIds({ id: () => undefined, uuid: () => undefined });
    }
  });

  it('give each row its place and root, and tiles when they are full', () => {
    const lane = openLane();
    const deeds = Array.from({ length: 600 }, (_, i) => deed(`d${i}`, 1000 + i * 10));
    const { rows, tiles } = lane.seal(deeds);
    const leaves: Buffer[] = [];
    for (const { bytes, seal } of rows) {
      assert.equal(seal!.first, leaves.length);
      leaves.push(...deedsIn(bytes).map(each => leafHash(HASH, each)));
      assert.deepEqual(seal!.root, treeRoot(leaves));
    }
    assert.equal(leaves.length, 601);
    assert.ok(rows.length > 5);
    assert.deepEqual(
      tiles.map(({ value }) => value),
      [Buffer.concat(leaves.slice(0, 256)), Buffer.concat(leaves.slice(256, 512))],
    );
  });

  it('end with a last leaf, whatever comes with it', () => {
    const lane = openLane();
    lane.endWithNext(5000);
    lane.seal([deed('a')]).kept();
    assert.equal(lane.head!.size, 2, 'there was no stream to end');
    lane.endWithNext(5000);
    const { rows, kept } = lane.seal([deed('b', 6000)]);
    const last = deedsIn(rows.at(-1)!.bytes).at(-1)!;
    assert.match(Buffer.from(last).toString(), /"closed"/);
    kept();
    assert.equal(lane.head, undefined);
  });
});
