/** What the threads of the pool's test run: each task says what it does. */
import { answerTasks } from '../../src/platform/pool.js';

export type Task =
  | { readonly do: 'double' | 'double-later'; readonly number: number }
  | { readonly do: 'overwrite'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly do: 'throw' | 'spin' | 'fill' };

answerTasks<Task, number | Uint8Array>(task => {
  switch (task.do) {
    case 'double':
      return { answer: task.number * 2 };
    case 'double-later':
      return Promise.resolve({ answer: task.number * 2 });
    case 'overwrite':
      task.bytes.fill(7);
      return { answer: task.bytes, moving: [task.bytes.buffer] };
    case 'throw':
      throw new RangeError('as it was told');
    case 'spin':
      for (;;);
    case 'fill': {
      const held: unknown[] = [];
      for (;;) held.push(Array.from({ length: 1000 }, Math.random));
    }
  }
});
