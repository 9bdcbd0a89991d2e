/** What the threads of the reader's test run: hostile files, by what they are called. */
import type { ReadingAnswer, ReadingTask } from '../../src/features/documents/read/read-document.js';
import { answerTasks } from '../../src/platform/pool.js';

answerTasks<ReadingTask, ReadingAnswer>(({ contentType }) => {
  switch (contentType) {
    case 'image/tiff':
      for (;;);
    case 'image/jpeg': {
      const held: unknown[] = [];
      for (;;) held.push(Array.from({ length: 1000 }, Math.random));
    }
    default:
      return { answer: { kind: 'png', contentType } };
  }
});
