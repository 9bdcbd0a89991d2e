/** What the threads behind read-document.ts run. */
import { answerTasks } from '../../../platform/pool.js';
import { limitBuffers } from './buffer-limit.js';
import { READ_LIMITS } from './document-metadata.js';
import { metadataIn } from './kinds.js';
import type { ReadingAnswer, ReadingTask } from './read-document.js';

limitBuffers(READ_LIMITS.inflated);

answerTasks<ReadingTask, ReadingAnswer>(async ({ contentType, bytes }) => ({
  answer: await metadataIn(bytes, contentType),
}));
