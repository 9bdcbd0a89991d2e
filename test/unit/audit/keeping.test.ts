/** How anchors are handed to those who keep them: what is wrong is said once, and who refuses for good is asked ever more rarely (src/audit/ledger/keeping.ts). */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { AnchorKeeping } from '../../../src/audit/ledger/keeping.js';
import { checkpointText, signNote } from '../../../src/audit/ledger/note.js';
import { FhirError } from '../../../src/fhir/error.js';
import { LEDGER, newLedgerKey } from '../../support/audit-trail.js';
import { notesIn } from '../../support/ledger.js';
import { memoryOutbox } from '../../support/memory-outbox.js';

const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 1);

function stage() {
  const key = { ...newLedgerKey(), made: 0 };
  const outbox = memoryOutbox();
  const said: unknown[] = [];
  const asked: string[] = [];
  let now = START;
  let trouble: FhirError | undefined;
  let holds = true;
  let held: Promise<void> | undefined;
  const keeping = new AnchorKeeping({
    store: Object.assign(outbox, { deeds: { notes: notesIn(new Map()) } }) as never,
    ...{ ledger: LEDGER, key: () => key, clock: { now: () => now } },
    log: { warn: (...told: unknown[]) => void said.push(told[0]) },
    keepers: [
      {
        ...{ way: 'mail', every: 0 },
        async keep({ time }) {
          asked.push(time);
          await held;
          if (trouble) throw trouble;
        },
      },
    ],
  });
  return {
    ...{ keeping, said, asked, outbox },
    make: async (): Promise<void> => {
      const time = new Date(now).toISOString();
      const text = checkpointText({ origin: `${LEDGER}/anchor`, size: 1, root: Buffer.alloc(32), extensions: [time] });
      const body = JSON.stringify({ note: signNote(text, LEDGER, key.secret), heads: [] });
      await outbox.commit({ changes: [], messages: [{ topic: 'audit-anchor-mail', body }] });
    },
    minutes: async (count: number): Promise<void> => {
      for (let minute = 0; minute < count; minute++) {
        now += MINUTE;
        keeping.send(async () => holds);
        await keeping.settled();
      }
    },
    /** Keeps the keeper from answering until what it gives is called. */
    hold: (): (() => void) => {
      let answer = (): void => {};
      held = new Promise(done => (answer = done));
      return answer;
    },
    set: (ms: number) => void (now = ms),
    meet: (other: FhirError | undefined) => void (trouble = other),
    leave: (): void => {
      holds = false;
      keeping.leave();
    },
  };
}

const refused = new FhirError('unprocessable', 'It does not take it.', { detail: 'mail-refused' });
const away = new FhirError('unavailable', 'It is away.', { detail: 'outgoing-broken' });

describe('anchors that are handed to a keeper', () => {
  it('who refuses for good are offered ever more rarely, once an hour at last, which is said once', async () => {
    const { keeping, said, asked, make, minutes, meet, outbox } = stage();
    await make();
    meet(refused);
    await minutes(24 * 60);
    assert.ok(asked.length >= 24 && asked.length <= 31, String(asked.length));
    assert.deepEqual(said, [{ way: 'mail', code: 'mail-refused' }]);
    assert.deepEqual(keeping.states, [{ way: 'mail', state: 'mail-refused', lacks: START, failures: asked.length }]);
    assert.equal(outbox.pending.length, 1);
    meet(undefined);
    await minutes(61);
    assert.deepEqual([outbox.pending.length, said.length], [0, 2]);
    assert.deepEqual([keeping.states[0]!.state, keeping.states[0]!.lacks], ['kept', undefined]);
    // And then it is asked at once.
    await make();
    await minutes(1);
    assert.equal(outbox.pending.length, 0);
  });

  it('who is away are offered each minute, which is said once for each cause', async () => {
    const { said, asked, make, minutes, meet } = stage();
    await make();
    meet(away);
    await minutes(30);
    assert.equal(asked.length, 30);
    meet(refused);
    await minutes(1);
    meet(away);
    await minutes(3);
    assert.deepEqual(
      said.map(told => (told as { code: string }).code),
      ['outgoing-broken', 'mail-refused', 'outgoing-broken'],
    );
  });

  it('are not waited for by a clock that was set back, nor known by a process that sends no more', async () => {
    const { keeping, asked, make, minutes, meet, set, leave } = stage();
    await make();
    meet(refused);
    await minutes(10);
    const before = asked.length;
    set(START - 24 * 60 * MINUTE);
    await minutes(1);
    assert.equal(asked.length, before + 1);
    leave();
    assert.deepEqual([keeping.states[0]!.state, keeping.states[0]!.lacks], ['standby', undefined]);
  });

  it('are not called kept by a process that may not send them, or ends', async () => {
    for (const stop of ['leave', 'end'] as const) {
      const { keeping, make, minutes, outbox, ...by } = stage();
      await make();
      by.meet(away);
      await minutes(1);
      if (stop === 'leave') by.leave();
      else await keeping.end(0, 0);
      await minutes(1);
      assert.deepEqual([keeping.states[0]!.state, outbox.pending.length], ['standby', 1], stop);
      assert.equal(keeping.states[0]!.lacks, stop === 'leave' ? undefined : START);
    }
  });

  it('are all handed over, however many wait, and the oldest is what is lacking meanwhile', async () => {
    const { keeping, asked, make, minutes, meet, set, outbox, hold } = stage();
    for (let i = 0; i < 150; i++) {
      set(START + i * MINUTE);
      await make();
    }
    // After a start, before anybody has answered.
    const answer = hold();
    const sent = minutes(1);
    while (asked.length === 0) await new Promise(setImmediate);
    assert.deepEqual([keeping.states[0]!.state, keeping.states[0]!.lacks], ['standby', START]);
    answer();
    await sent;
    assert.deepEqual(
      [keeping.states[0]!.state, keeping.states[0]!.lacks, outbox.pending.length],
      ['kept', undefined, 0],
    );
    meet(away);
    await make();
    await minutes(1);
    assert.equal(keeping.states[0]!.state, 'outgoing-broken');
  });
});
