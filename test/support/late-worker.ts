/** A thread of the pool's test that takes long to start, as on a machine that has much to do. */
import { answerTasks } from '../../src/platform/pool.js';

Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
answerTasks<number, number>(task => ({ answer: task * 2 }));
