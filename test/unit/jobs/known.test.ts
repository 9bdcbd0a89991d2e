/** What a process knows of jobs never goes back, whichever of its readings comes in first and whoever ends its work meanwhile. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { JobKind } from '../../../src/jobs/kind.js';
import { JobRunner } from '../../../src/jobs/runner.js';
import { createClock } from '../../../src/platform/clock.js';
import { createLog } from '../../../src/platform/log.js';
import { memoryOutbox } from '../../support/outbox.js';
import { steppedTime } from '../../support/stepped-time.js';

const log = createLog('silent');
const turns = async (is: () => boolean): Promise<void> => {
  while (!is()) await new Promise(setImmediate);
};

/** A runner over an outbox whose readings are held back, once `hold` is called, until each is let go. */
function heldRunner(kind: JobKind) {
  const { store } = memoryOutbox();
  const held: (() => void)[] = [];
  let holds = false;
  const pendingMessages: typeof store.pendingMessages = async (...asked) => {
    const read = await store.pendingMessages(...asked);
    if (holds) await new Promise<void>(resolve => held.push(resolve));
    return read;
  };
  const clock = createClock(log, steppedTime());
  const runner = new JobRunner({ store: { ...store, pendingMessages }, clock, log, kinds: [kind] });
  const state = () => runner.known().find(each => each.kind === kind.kind)?.state;
  return { runner, held, state, hold: (is: boolean) => (holds = is) };
}

/** A standing kind whose work begins when the test amends it, and ends when the test says so. */
function standing() {
  let go = (): void => undefined;
  const seen = { begun: 0 };
  const kind: JobKind<null, string> = {
    ...{ kind: 'standing', repeatable: true, standing: { state: 'at rest' } },
    async step({ state }) {
      if (state !== 'asked') return { state, wait: Infinity };
      seen.begun += 1;
      await new Promise<void>(resolve => (go = resolve));
      return { state: 'ready', wait: Infinity };
    },
  };
  return { kind: kind as JobKind, seen, go: () => go() };
}

describe('what is known of jobs', () => {
  it('is that of the reading that began last', async () => {
    const { runner, held, state, hold } = heldRunner(standing().kind);
    await runner.amend('standing', () => 'first');
    hold(true);
    const early = runner.refresh();
    await turns(() => held.length === 1);
    hold(false);
    await runner.amend('standing', () => 'second');
    assert.equal(state(), 'second');
    held[0]!();
    await early;
    assert.equal(state(), 'second');
    await runner.stop();
  });

  it('is what work came to, from its end on', async () => {
    const work = standing();
    const { runner, held, state, hold } = heldRunner(work.kind);
    await runner.amend('standing', () => 'asked');
    runner.run();
    await turns(() => work.seen.begun === 1);
    // Somebody reads before the end, and hears of it after the end.
    hold(true);
    const early = runner.refresh();
    await turns(() => held.length === 1);
    hold(false);
    work.go();
    await turns(() => state() === 'ready');
    const states = new Set<unknown>();
    for (let turn = 0; turn < 20; turn++) {
      states.add(state());
      if (turn === 10) held[0]!();
      await new Promise(setImmediate);
    }
    await early;
    states.add(state());
    assert.deepEqual([...states], ['ready']);
    await runner.stop();
  });
});
