/** Turns at one host: how many, who waits, and when it rests. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { HostGate, HOST_REST_MS, type TurnResult } from '../../../src/outgoing/host-gate.js';
import { outgoingCode, type OutgoingCode } from '../../../src/outgoing/trouble.js';

const NEVER = new AbortController().signal;
const is = (code: OutgoingCode) => (error: unknown) => outgoingCode(error) === code;

function gate(atOnce = 2, waiting = 2) {
  let time = 0;
  const made = new HostGate({ atOnce, waiting }, () => time);
  return {
    enter: (signal = NEVER) => made.enter(signal),
    pass: async (result: TurnResult) => (await made.enter(NEVER))(result),
    later: (ms: number) => void (time += ms),
    isIdle: () => made.isIdle,
  };
}

describe('the gate of a host', () => {
  it('lets some in, some wait in their order, and refuses the others', async () => {
    const { enter, isIdle } = gate();
    const [first, second] = await Promise.all([enter(), enter()]);
    const order: string[] = [];
    const third = enter().then(leave => (order.push('third'), leave));
    const fourth = enter().then(leave => (order.push('fourth'), leave));
    await assert.rejects(enter(), is('outgoing-busy'));
    assert.deepEqual(order, []);
    second('void');
    (await third)('void');
    (await fourth)('void');
    assert.deepEqual(order, ['third', 'fourth']);
    first('void');
    assert.ok(isIdle());
  });

  it('lets one go who waits no longer, and gives its place to nobody twice', async () => {
    const { enter, isIdle } = gate(1);
    const leave = await enter();
    const ending = new AbortController();
    const waits = enter(ending.signal);
    const next = enter();
    ending.abort(new Error('gone'));
    await assert.rejects(waits, /gone/);
    leave('void');
    (await next)('void');
    await assert.rejects(enter(AbortSignal.abort(new Error('before'))), /before/);
    assert.ok(isIdle());
  });

  it('rests after five failures in 30 seconds, then lets one try', async () => {
    const { enter, pass, later } = gate();
    for (let i = 0; i < 4; i++) await pass('failed');
    later(30_001);
    for (let i = 0; i < 4; i++) await pass('failed');
    await pass('failed');
    await assert.rejects(enter(), is('outgoing-resting'));
    later(HOST_REST_MS - 1);
    await assert.rejects(enter(), is('outgoing-resting'));
    later(1);
    const tries = await enter();
    await assert.rejects(enter(), is('outgoing-resting'));
    tries('failed');
    await assert.rejects(enter(), is('outgoing-resting'));
    later(HOST_REST_MS);
    // Who gives up says nothing, and the next one tries.
    await pass('void');
    const again = await enter();
    await assert.rejects(enter(), is('outgoing-resting'));
    again('well');
    for (let i = 0; i < 4; i++) await pass('failed');
    await pass('well');
  });

  it('says when it may be asked again', async () => {
    const { enter, pass, later } = gate();
    for (let i = 0; i < 5; i++) await pass('failed');
    later(10_500);
    await assert.rejects(enter(), { retryAfter: 50 });
  });

  it('does not rest where most requests go well, nor for what says nothing of the host', async () => {
    const { enter, pass } = gate();
    for (let i = 0; i < 40; i++) await pass(i % 4 === 0 ? 'failed' : 'well');
    for (let i = 0; i < 10; i++) await pass('void');
    (await enter())('well');
  });

  it('turns away who waited while it failed', async () => {
    const { enter, pass } = gate(1, 10);
    for (let i = 0; i < 4; i++) await pass('failed');
    const last = await enter();
    const waits = [enter(), enter()];
    last('failed');
    for (const each of waits) await assert.rejects(each, is('outgoing-resting'));
  });
});
