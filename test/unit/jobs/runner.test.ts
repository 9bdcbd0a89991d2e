/** What becomes of jobs, over an outbox in memory and by a clock that goes on when the test says so. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Registry } from 'prom-client';
import { FhirError } from '../../../src/fhir/error.js';
import type { JobKind, JobNote, JobRequest } from '../../../src/jobs/kind.js';
import { JobBoard } from '../../../src/jobs/board.js';
import { RunningJob } from '../../../src/jobs/running.js';
import type { JobRunnerOptions } from '../../../src/jobs/desk.js';
import { JobRunner } from '../../../src/jobs/runner.js';
import { createClock } from '../../../src/platform/clock.js';
import { createLog } from '../../../src/platform/log.js';
import type { Change } from '../../../src/store/store.js';
import { deedCalled, effectsOf, memoryOutbox, type MemoryOutbox } from '../../support/outbox.js';
import { steppedTime } from '../../support/stepped-time.js';

const ANNA: JobRequest = {
  principal: { name: 'anna', role: 'writer' },
  requestId: 'r1',
  address: '::1',
  request: 'POST x',
};
const log = createLog('silent');
const effect = (id: string): Change => ({ type: 'Basic', id }) as Change;

/** Counts to its input, with an effect for each number. */
const counting: JobKind<number, { at: number }> = {
  kind: 'counting',
  begin: ({ input }) => ({ state: { at: 0 }, total: input }),
  step: ({ id, state: { at }, input }) => ({
    state: { at: at + 1 },
    done: at + 1,
    last: at + 1 === input,
    with: { changes: [effect(`${id}/${at}`)] },
  }),
  finish: ({ state }) => ({ result: { resourceType: 'Parameters', counted: state.at } }),
};

function runnerOver(
  kinds: readonly JobKind[],
  {
    outbox = memoryOutbox(),
    time = steppedTime(),
    ...more
  }: { outbox?: MemoryOutbox; time?: ReturnType<typeof steppedTime> } & Partial<JobRunnerOptions> = {},
) {
  const runner = new JobRunner({ store: outbox.store, clock: createClock(log, time), log, kinds, ...more });
  /** Resolves with the job once it satisfies the condition. */
  const until = async (id: string, is: (job: JobNote | undefined) => boolean): Promise<JobNote | undefined> => {
    for (;;) {
      const job = await runner.find(id);
      if (is(job)) return job;
      await new Promise(setImmediate);
    }
  };
  const over = async (id: string) => (await until(id, job => job?.ended !== undefined))!;
  const effects = () => effectsOf(outbox);
  return { runner, time, outbox, until, over, effects };
}

/** A kind whose steps wait until the test lets them go on. */
function gatedKind(kind = 'gated', more: Partial<JobKind> = {}) {
  let go = (): void => undefined;
  const seen = { begun: 0, aborted: 0 };
  const gated: JobKind = {
    kind,
    async step({ id, signal }) {
      seen.begun += 1;
      signal.addEventListener('abort', () => (seen.aborted += 1));
      await new Promise<void>(resolve => (go = resolve));
      return { state: 1, last: true, with: { changes: [effect(id)] } };
    },
    ...more,
  };
  return { gated, seen, go: () => go() };
}
const turns = async (is: () => boolean): Promise<void> => {
  while (!is()) await new Promise(setImmediate);
};

describe('a job', () => {
  it('has each step done with the state that follows from it, and ends with its result', async () => {
    const moments: unknown[] = [];
    const { runner, over, effects, outbox } = runnerOver([counting], {
      record: (moment, { status }, by) => (moments.push([moment, status, by?.principal.name]), [deedCalled(moment)]),
    });
    const id = await runner.start(ANNA, 'counting', 3);
    assert.equal((await runner.find(id))?.status, 'waiting');
    runner.run();
    const job = await over(id);
    assert.deepEqual(
      [job.status, job.done, job.total, job.result],
      ['completed', 3, 3, { resourceType: 'Parameters', counted: 3 }],
    );
    assert.deepEqual(effects(), ['begin', `${id}/0`, `${id}/1`, `${id}/2`, 'end']);
    assert.deepEqual(moments, [
      ['begin', 'waiting', 'anna'],
      ['end', 'completed', 'anna'],
    ]);
    // Every commit of a step takes one note and leaves one.
    for (const { acknowledges, messages } of outbox.commits.slice(1))
      assert.deepEqual([acknowledges?.length, messages?.length], [1, 1]);
    await runner.stop();
    assert.deepEqual(runner.known(), []);
  });

  it('remembers who asked, and what was asked, for its steps', async () => {
    const seen: unknown[] = [];
    const kind: JobKind = {
      kind: 'seeing',
      step: ({ by, input }) => (seen.push(by, input), { state: 0, last: true }),
    };
    const { runner, over } = runnerOver([kind]);
    const id = await runner.start({ ...ANNA, engine: 'not kept' } as JobRequest, 'seeing', { a: [1] });
    runner.run();
    await over(id);
    assert.deepEqual(seen, [ANNA, { a: [1] }]);
    await runner.stop();
  });

  it('goes on after a stop from the last step that was committed', async () => {
    const outbox = memoryOutbox();
    const first = gatedKind();
    const before = runnerOver([first.gated], { outbox });
    const id = await before.runner.start(ANNA, 'gated', 0);
    before.runner.run();
    await turns(() => first.seen.begun === 1);
    const stopped = before.runner.stop();
    await turns(() => first.seen.aborted === 1);
    first.go();
    await stopped;
    assert.equal((await before.runner.find(id))?.last, true);
    const after = runnerOver([first.gated], { outbox });
    after.runner.run();
    assert.equal((await after.over(id)).status, 'completed');
    assert.deepEqual([first.seen.begun, before.effects()], [1, [id]]);
    await after.runner.stop();
  });

  it('rests after a failure, twice as long after the next, and goes on as if nothing had been', async () => {
    let failing = 3;
    const kind: JobKind = {
      kind: 'failing',
      step() {
        if (failing-- > 0) throw new Error('Mrs. Secret');
        return { state: 1, last: true };
      },
    };
    const { runner, time, until, over } = runnerOver([kind]);
    const id = await runner.start(ANNA, 'failing', 0);
    runner.run();
    for (const [failures, rest] of [
      [1, 1000],
      [2, 2000],
      [3, 4000],
    ] as const) {
      const job = await until(id, each => each?.failures === failures);
      assert.equal(job!.notBefore! - time.now(), rest);
      time.step(rest - 1);
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      assert.equal((await runner.find(id))?.failures, failures);
      time.step(1);
    }
    const job = await over(id);
    assert.deepEqual([job.status, job.failures], ['completed', 0]);
    await runner.stop();
  });

  it('does not rest for longer because the clock was set back', async () => {
    let failing = true;
    const kind: JobKind = {
      kind: 'failing',
      step() {
        if (!failing) return { state: 1, last: true };
        failing = false;
        throw new Error('once');
      },
    };
    const { runner, time, until, over } = runnerOver([kind]);
    const id = await runner.start(ANNA, 'failing', 0);
    runner.run();
    await until(id, each => each?.failures === 1);
    time.set(time.now() - 3_600_000);
    runner.wake();
    assert.equal((await over(id)).status, 'completed');
    await runner.stop();
  });

  it('is given up after so many failures, with a reason that tells nothing of what it met', async () => {
    const kind: JobKind = {
      kind: 'failing',
      attempts: 3,
      step() {
        throw new Error('Mrs. Secret');
      },
    };
    const { runner, time, over, until, outbox } = runnerOver([kind]);
    const id = await runner.start(ANNA, 'failing', 0);
    runner.run();
    for (const failures of [1, 2]) {
      await until(id, each => each?.failures === failures);
      time.step(60_000);
    }
    const job = await over(id);
    assert.deepEqual([job.status, job.failures, job.error?.kind], ['failed', 3, 'fault']);
    assert.ok(!JSON.stringify(outbox.commits).includes('Secret'));
    await runner.stop();
  });

  it('is given up at once where a refusal will not change', async () => {
    const kind: JobKind = {
      kind: 'refused',
      step() {
        throw new FhirError('unprocessable', 'No.');
      },
    };
    const { runner, over } = runnerOver([kind]);
    const id = await runner.start(ANNA, 'refused', 0);
    runner.run();
    const job = await over(id);
    assert.deepEqual([job.status, job.error?.kind, job.error?.issues[0]?.text], ['failed', 'unprocessable', 'No.']);
    await runner.stop();
  });

  const bad: [what: string, step: JobKind['step'], patience?: number][] = [
    ['never answers', () => new Promise(() => undefined), 1],
    ['gives nothing', () => undefined as never],
    ['gives no state', () => ({}) as never],
    ['gives a count that is none', () => ({ state: 1, done: Number.NaN })],
    ['gives a state that is no JSON', () => ({ state: 1n })],
    ['gives a state that is far too large', () => ({ state: 'x'.repeat(5_000_000) })],
  ];
  for (const [what, step, patience] of bad)
    it(`fails where a step ${what}, and others go on`, async () => {
      const kind: JobKind = { kind: 'bad', attempts: 1, step, ...(patience ? { patience } : {}) };
      const { runner, over } = runnerOver([kind, counting]);
      const id = await runner.start(ANNA, 'bad', 0);
      const other = await runner.start(ANNA, 'counting', 2);
      runner.run();
      const job = await over(id);
      assert.deepEqual([job.status, job.error?.kind], ['failed', 'fault']);
      assert.equal((await over(other)).status, 'completed');
      await runner.stop();
    });

  it('leaves no effect of the step under way when it is cancelled', async () => {
    const { gated, seen, go } = gatedKind();
    const { runner, effects, over } = runnerOver([gated]);
    const id = await runner.start(ANNA, 'gated', 0);
    runner.run();
    await turns(() => seen.begun === 1);
    assert.equal(await runner.cancel(id, ANNA), true);
    assert.equal(seen.aborted, 1);
    go();
    assert.equal((await over(id)).status, 'cancelled');
    await runner.stop();
    assert.deepEqual(effects(), []);
    assert.equal(await runner.cancel(id, ANNA), false);
    assert.equal(await runner.find(id), undefined);
  });

  it('waits for as long as a step says', async () => {
    const kind: JobKind<number, number> = {
      kind: 'daily',
      step: ({ state }) =>
        state === 2 ? { state, last: true } : { state: state + 1, done: state + 1, wait: 86_400_000 },
    };
    const { runner, time, until, over } = runnerOver([kind]);
    const id = await runner.start(ANNA, 'daily', 0);
    runner.run();
    for (const done of [1, 2]) {
      await until(id, job => job?.done === done);
      time.step(86_399_999);
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      assert.equal((await runner.find(id))?.done, done);
      time.step(1);
    }
    await over(id);
    await runner.stop();
  });

  it('does what its step says instead where the commit is refused', async () => {
    const kind: JobKind<number, string> = {
      kind: 'refused',
      begin: () => ({ state: '' }),
      step: () => ({
        state: 'written',
        last: true,
        commit: async () => {
          throw new FhirError('unprocessable', 'No.');
        },
        refused: ({ kind: why }) => ({ state: why, last: true }),
      }),
      finish: ({ state }) => ({ result: state }),
    };
    const { runner, over } = runnerOver([kind]);
    const id = await runner.start(ANNA, 'refused', 0);
    runner.run();
    assert.equal((await over(id)).result, 'unprocessable');
    await runner.stop();
  });

  it('cannot be started where there is no such kind, or a thousand wait', async () => {
    const { runner } = runnerOver([counting]);
    await assert.rejects(runner.start(ANNA, 'unknown', 1), /no kind of job/);
    for (let at = 0; at < 1000; at++) await runner.start(ANNA, 'counting', 1);
    await runner.refresh();
    await assert.rejects(runner.start(ANNA, 'counting', 1), { kind: 'throttled' });
  });
});

describe('several jobs', () => {
  it('are worked on so many at a time, of a kind and in all', async () => {
    const kinds = Array.from({ length: 5 }, (_, i) => gatedKind(`kind-${i}`));
    const { runner } = runnerOver(kinds.map(({ gated }) => gated));
    for (const { gated } of kinds) for (let i = 0; i < 2; i++) await runner.start(ANNA, gated.kind, 0);
    runner.run();
    const begun = () => kinds.map(({ seen }) => seen.begun);
    await turns(() => begun().filter(count => count > 0).length === 4);
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    assert.deepEqual(begun(), [1, 1, 1, 1, 0]);
    kinds[0]!.go();
    await turns(() => begun().reduce((a, b) => a + b) === 5);
    const stopped = runner.stop();
    await turns(() => kinds.every(({ seen }) => seen.aborted >= Math.min(1, seen.begun)));
    for (const { go } of kinds) go();
    await stopped;
  });

  /** Two processes that both believe that the work is theirs do the same job at once. */
  const together = async (lenient: boolean): Promise<readonly string[]> => {
    let waiting = 0;
    let pass = (): void => undefined;
    let gate = new Promise<void>(resolve => (pass = resolve));
    const outbox = memoryOutbox({
      lenient,
      // Both have made the same step before either commits it.
      async before({ changes }) {
        if (changes.length === 0) return;
        waiting += 1;
        if (waiting % 2 === 0) {
          pass();
          gate = new Promise<void>(resolve => (pass = resolve));
        } else await Promise.race([gate, new Promise(resolve => setTimeout(resolve, 5))]);
      },
    });
    const [one, two] = [runnerOver([counting], { outbox }), runnerOver([counting], { outbox })];
    const id = await one.runner.start(ANNA, 'counting', 5);
    one.runner.run();
    two.runner.run();
    await one.over(id);
    await Promise.all([one.runner.stop(), two.runner.stop()]);
    return one.effects().map(name => name.replace(`${id}/`, ''));
  };

  it('have each step once, whoever believes to hold the lease', async () => {
    assert.deepEqual(await together(false), ['0', '1', '2', '3', '4']);
    // Control: where acknowledging what is gone is no conflict, steps are done twice.
    assert.ok((await together(true)).length > 5);
  });

  it('are listed and counted', async () => {
    const registry = new Registry();
    const { gated, seen, go } = gatedKind();
    const { runner, over } = runnerOver([gated, counting], { metrics: { registry } });
    const one = await runner.start(ANNA, 'gated', 0);
    const two = await runner.start(ANNA, 'counting', 1);
    runner.run();
    await over(two);
    await turns(() => seen.begun === 1);
    assert.deepEqual(
      (await runner.list()).map(({ id, status }) => [id, status]),
      [
        [one, 'running'],
        [two, 'completed'],
      ],
    );
    const lines = (await registry.metrics()).split('\n');
    for (const line of [
      'chartroom_jobs{kind="gated",state="running"} 1',
      'chartroom_jobs_asked_total{kind="counting"} 1',
      'chartroom_job_steps_total{kind="counting"} 3',
      'chartroom_jobs_ended_total{kind="counting",state="completed"} 1',
    ])
      assert.ok(lines.includes(line), line);
    const stopped = runner.stop();
    go();
    await stopped;
  });

  it('are forgotten when their time is over', async () => {
    const outbox = memoryOutbox();
    const time = steppedTime();
    const before = runnerOver([{ ...counting, kept: 1000 }], { outbox, time });
    const id = await before.runner.start(ANNA, 'counting', 1);
    before.runner.run();
    await before.over(id);
    await before.runner.stop();
    for (const [ms, is] of [
      [999, true],
      [1, false],
    ] as const) {
      time.step(ms);
      const { runner } = runnerOver([counting], { outbox, time });
      runner.run();
      await turns(() => !is === (outbox.bodies('job-ended').length === 0));
      await runner.stop();
      assert.equal((await runner.find(id)) !== undefined, is);
    }
  });
});

describe('a standing job', () => {
  const adding = (): JobKind<null, { todo: number[]; sum: number }> => ({
    kind: 'adding',
    repeatable: true,
    standing: { state: { todo: [], sum: 0 } },
    step({ state: { todo, sum } }) {
      const [next, ...rest] = todo;
      return next === undefined ? { state: { todo, sum }, wait: Infinity } : { state: { todo: rest, sum: sum + next } };
    },
  });
  const add = (n: number) => (state: { todo: number[]; sum: number }) => ({ ...state, todo: [...state.todo, n] });

  it('is there once somebody needs it, sleeps, and goes on when its state is amended', async () => {
    const { runner, outbox } = runnerOver([adding()]);
    const sum = () => (runner.known()[0]?.state as { sum: number } | undefined)?.sum;
    await runner.amend('adding', add(1));
    assert.equal(sum(), 0);
    runner.run();
    await turns(() => sum() === 1 && runner.known()[0]?.idle === true);
    await runner.amend('adding', add(2));
    await runner.amend('adding', add(3));
    await turns(() => sum() === 6 && runner.known()[0]?.idle === true);
    await runner.stop();
    assert.equal(outbox.bodies('job').length, 1);
    await assert.rejects(runner.cancel(runner.known()[0]!.id, ANNA), { kind: 'conflict' });
    await assert.rejects(runner.start(ANNA, 'adding', 1), /no kind of job/);
  });

  it('loses nothing that is amended while a step is under way, and takes up what another process amended', async () => {
    const outbox = memoryOutbox();
    const kind = adding();
    const { runner } = runnerOver([kind], { outbox });
    const other = runnerOver([adding()], { outbox });
    runner.run();
    const amending = Array.from({ length: 40 }, (_, n) =>
      (n % 2 === 0 ? runner : other.runner).amend('adding', add(n)),
    );
    await Promise.all(amending);
    runner.wake();
    await turns(() => (runner.known()[0]?.state as { sum: number } | undefined)?.sum === 780);
    await runner.stop();
  });

  it('notes how far it is when it has to end, and nothing where another process has taken over', async () => {
    for (const isLost of [false, true]) {
      const outbox = memoryOutbox();
      const board = new JobBoard(outbox.store);
      const note = { id: 'a', kind: 'adding', status: 'running', input: null, done: 0, asked: 0, failures: 0 } as const;
      await board.add({ ...note, state: 0 });
      const [noted] = await board.active();
      let asked = 0;
      const clock = createClock(log, steppedTime());
      const around = { board, clock, log, record: () => [], crowded: () => false, counts: undefined };
      const kind: JobKind<null, number> = {
        ...{ kind: 'adding', repeatable: true },
        step({ state }) {
          if (state === 2 && !isLost) running.abort();
          return { state: state + 1 };
        },
      };
      const mayGoOn = async () => !isLost || asked++ < 3;
      const running: RunningJob = new RunningJob({ ...around, mayGoOn }, kind, noted!);
      await running.work();
      assert.equal(running.note?.state, 3);
      // Nothing was noted between, because the note is young.
      assert.equal(outbox.bodies('job')[0]?.['state'], isLost ? 0 : 3);
    }
  });

  it('is never given up', async () => {
    const kind: JobKind = {
      ...{ kind: 'failing', attempts: 1, backOff: { first: 10, most: 10 } },
      standing: { state: 0 },
      step() {
        throw new FhirError('unprocessable', 'No.');
      },
    };
    const { runner, time } = runnerOver([kind]);
    await runner.amend('failing', () => 1);
    runner.run();
    for (let failures = 1; failures < 10; failures++) {
      await turns(() => runner.known()[0]?.failures === failures);
      time.step(10);
    }
    await runner.stop();
  });
});
