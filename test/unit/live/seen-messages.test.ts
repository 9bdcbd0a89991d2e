/** Which messages a process has taken up, and when they may go. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { SeenMessages } from '../../../src/live/seen-messages.js';

const messages = (...sequences: number[]) => sequences.map(sequence => ({ sequence, topic: 'one', body: 'x' }));

describe('seen messages', () => {
  it('are no news', () => {
    const seen = new SeenMessages();
    seen.add(messages(1, 2), 0);
    assert.deepEqual(seen.news(messages(1, 2, 3)), messages(3));
  });

  it('keep the time at which they were seen first, so that they grow old however often everything is read', () => {
    const seen = new SeenMessages();
    seen.add(messages(1), 10);
    seen.add(messages(1, 2), 20);
    assert.deepEqual(seen.olderThan(10), []);
    assert.deepEqual(seen.olderThan(20), [1]);
    assert.deepEqual(seen.olderThan(21), [1, 2]);
  });

  it('are forgotten when they are gone from the outbox, or were deleted', () => {
    const seen = new SeenMessages();
    seen.add(messages(1, 2, 3), 0);
    seen.keepOnly(messages(2, 3));
    seen.forget([3]);
    assert.deepEqual(seen.olderThan(1), [2]);
  });
});
