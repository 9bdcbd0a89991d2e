/** Worker threads: one task breaks a limit, the others never notice. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, describe, it } from 'mocha';
import { createPool, type Pool, TaskStopped } from '../../../src/platform/pool.js';
import type { Task } from '../../support/pool-worker.js';

const module = new URL('../../support/pool-worker.js', import.meta.url);
const pools: Pool<Task, unknown>[] = [];
const poolOf = (options: { threads?: number; time?: number; idle?: number } = {}) => {
  const pool = createPool<Task, unknown>({ module, threads: 2, memory: 32, time: 60_000, ...options });
  pools.push(pool);
  return pool;
};
const stopped = (reason: TaskStopped['reason']) => (error: unknown) =>
  error instanceof TaskStopped && error.reason === reason;

describe('a pool of worker threads', () => {
  after(() => Promise.all(pools.map(pool => pool.close())));

  it('answers more tasks than it has threads, each its own', async () => {
    const pool = poolOf();
    const numbers = Array.from({ length: 20 }, (_, i) => i);
    const answers = await Promise.all(numbers.map(number => pool.run({ do: 'double', number })));
    assert.deepEqual(
      answers,
      numbers.map(number => number * 2),
    );
  });

  it('keeps a process alive for its tasks, and no longer', async () => {
    const pool = JSON.stringify(new URL('../../../src/platform/pool.js', import.meta.url).href);
    const script = `(async () => {
      const { createPool } = await import(${pool});
      const pool = createPool({ module: new URL(${JSON.stringify(module.href)}), memory: 32, time: 60_000, idle: 600_000 });
      process.stdout.write(String(await pool.run({ do: 'double-later', number: 3 })));
      // Met by a process that has nothing left to do and lives.
      setTimeout(() => process.exit(9), 5000).unref();
    })();`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (part: Buffer) => void (said += part.toString()));
    const [status] = (await once(child, 'close')) as [number];
    assert.deepEqual([status, said], [0, '6']);
  });

  it('waits for an answer that is promised', async () => {
    assert.equal(await poolOf().run({ do: 'double-later', number: 3 }), 6);
  });

  it('moves buffers both ways', async () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const answer = await poolOf().run({ do: 'overwrite', bytes }, [bytes.buffer]);
    assert.equal(bytes.length, 0);
    assert.deepEqual(answer, Uint8Array.of(7, 7, 7));
  });

  it('stops what takes too much memory, and goes on', async () => {
    const pool = poolOf({ threads: 1 });
    await assert.rejects(pool.run({ do: 'fill' }), stopped('memory'));
    assert.equal(await pool.run({ do: 'double', number: 4 }), 8);
  });

  it('stops what takes too long, and goes on', async () => {
    const pool = poolOf({ threads: 1, time: 1000 });
    const spun = assert.rejects(pool.run({ do: 'spin' }), stopped('time'));
    // A busy machine may take as long to start the next thread, and then for the one after it.
    const double = async (): Promise<unknown> =>
      pool.run({ do: 'double', number: 4 }).catch((error: unknown) => {
        assert.ok(stopped('time')(error));
        return double();
      });
    const [answer] = await Promise.all([double(), spun]);
    assert.equal(answer, 8);
  });

  it('gives a task its time from when its thread has started', async () => {
    const late = new URL('../../support/late-worker.js', import.meta.url);
    const pool = createPool<number, number>({ module: late, threads: 1, memory: 32, time: 1000 });
    assert.equal(await pool.run(4), 8);
    await pool.close();
  });

  it('stops what nobody waits for any more, under way or not begun, and goes on', async () => {
    const pool = poolOf({ threads: 1 });
    const [first, second] = [new AbortController(), new AbortController()];
    const spun = assert.rejects(pool.run({ do: 'spin' }, [], first.signal), stopped('time'));
    const queued = assert.rejects(pool.run({ do: 'spin' }, [], second.signal), stopped('time'));
    const doubled = pool.run({ do: 'double', number: 4 });
    second.abort();
    await queued;
    first.abort();
    await spun;
    assert.equal(await doubled, 8);
    await assert.rejects(pool.run({ do: 'spin' }, [], first.signal), stopped('time'));
    const late = new AbortController();
    assert.equal(await pool.run({ do: 'double', number: 5 }, [], late.signal), 10);
    late.abort();
    assert.equal(await pool.run({ do: 'double', number: 6 }), 12, 'what has ended is not ended again');
  });

  it('tells a task that threw from one that was stopped, and keeps the thread', async () => {
    const pool = poolOf({ threads: 1 });
    await assert.rejects(pool.run({ do: 'throw' }), (error: unknown) => {
      assert.ok(stopped('fault')(error));
      return (error as Error).cause instanceof RangeError;
    });
    assert.equal(await pool.run({ do: 'double', number: 1 }), 2);
  });

  it('ends threads that have nothing to do, and starts others when they are needed', async () => {
    const pool = poolOf({ idle: 1 });
    assert.equal(await pool.run({ do: 'double', number: 1 }), 2);
    await new Promise(done => setTimeout(done, 50));
    assert.equal(await pool.run({ do: 'double', number: 2 }), 4);
  });

  it('takes nothing more once it is closed', async () => {
    const pool = poolOf();
    const under = pool.run({ do: 'spin' });
    await Promise.all([assert.rejects(under, stopped('fault')), pool.close()]);
    await assert.rejects(pool.run({ do: 'double', number: 1 }), stopped('fault'));
  });
});
