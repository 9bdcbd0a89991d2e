/** What the stamps of one process promise, whatever its clock does. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { createStamps, firstStamp, type Stamps } from '../../../src/store/stamps.js';

describe('the stamps of a process', () => {
  let now = 1000;
  let stamps: Stamps;
  beforeEach(() => {
    now = 1000;
    stamps = createStamps(() => now);
  });
  /** One that has given a time. */
  const taken = () => {
    const stamp = stamps.open();
    return { stamp, at: stamp.now() };
  };

  it('hold the horizon at the oldest that is open, and at the time when none is', () => {
    const long = taken();
    now = 1005;
    const short = taken();
    now = 1010;
    assert.deepEqual([long.at, short.at, stamps.horizon()], [1000, 1005, 1000]);
    short.stamp.close();
    assert.equal(stamps.horizon(), 1000);
    long.stamp.close();
    assert.equal(stamps.horizon(), 1010);
  });

  it('are open from the first time that they give, which is their oldest', () => {
    const stamp = stamps.open();
    now = 1005;
    assert.equal(stamps.horizon(), 1005);
    assert.equal(stamp.now(), 1005);
    now = 1010;
    assert.equal(stamp.now(), 1010);
    assert.equal(stamps.horizon(), 1005);
  });

  it('never fall below a horizon or each other when the clock is set back', () => {
    const first = taken();
    now = 400;
    const second = taken();
    assert.equal(second.at, 1000);
    first.stamp.close();
    second.stamp.close();
    assert.equal(stamps.horizon(), 1000);
    assert.equal(taken().at, 1000);
    now = 1001;
    assert.equal(taken().at, 1001);
  });

  it('stay at a time that stands still', () => {
    for (let i = 0; i < 3; i++) {
      const { stamp, at } = taken();
      assert.deepEqual([at, stamps.horizon()], [1000, 1000]);
      stamp.close();
    }
  });

  it('let go what is released, and begin anew', () => {
    const { stamp } = taken();
    now = 1005;
    stamp.release();
    assert.equal(stamps.horizon(), 1005);
    now = 1010;
    assert.equal(stamp.now(), 1010);
    assert.equal(stamps.horizon(), 1010);
  });

  it('are not given after the commit', () => {
    const { stamp } = taken();
    stamp.close();
    assert.throws(() => stamp.now(), { kind: 'fault' });
    stamp.release();
    assert.throws(() => stamp.now(), { kind: 'fault' });
  });

  it('are outdated below a floor, and go on at it', () => {
    const old = taken();
    now = 1005;
    const young = taken();
    stamps.raise(1005);
    assert.deepEqual([old.stamp.outdated, young.stamp.outdated, stamps.horizon()], [true, false, 1005]);
    stamps.raise(2000);
    assert.deepEqual([young.stamp.outdated, stamps.horizon(), taken().at], [true, 2000, 2000]);
    old.stamp.close();
    assert.equal(old.stamp.outdated, true);
  });

  it('are kept where nobody knows yet whether they were committed', () => {
    const { stamp } = taken();
    const [letGo, another] = [stamps.keep(stamp), stamps.keep(stamp)];
    stamp.close();
    now = 1010;
    assert.equal(stamps.horizon(), 1000);
    letGo();
    assert.equal(stamps.horizon(), 1000);
    another();
    assert.equal(stamps.horizon(), 1010);
  });

  it('follow a clock that is set back where they are told to', () => {
    stamps = createStamps(() => now, true);
    const first = taken();
    now = 400;
    const second = taken();
    now = 700;
    assert.deepEqual([first.at, second.at, stamps.horizon()], [1000, 400, 400]);
    second.stamp.close();
    assert.equal(stamps.horizon(), 700);
    first.stamp.close();
    assert.equal(stamps.horizon(), 700);
  });

  it('begin behind what is stored, unless a clock was wrong', () => {
    const day = 86_400_000;
    assert.equal(firstStamp(1000, 0), 1000);
    assert.equal(firstStamp(1000, 1000 + day), 1000 + day);
    assert.equal(firstStamp(1000, 1001 + day), 1000);
  });
});
