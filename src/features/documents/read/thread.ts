/** What the threads behind read-document.ts run. */
import { answerTasks } from '../../../platform/pool.js';
import { shownPage } from '../render/pages.js';
import { bodyInCda } from '../render/unstructured-body.js';
import { blankIn } from './blank.js';
import { limitBuffers } from './buffer-limit.js';
import { READ_LIMITS } from './document-metadata.js';
import { metadataIn } from './kinds.js';
import type { ReadingAnswer, ReadingTask } from './read-document.js';

limitBuffers(READ_LIMITS.inflated);

answerTasks<ReadingTask, ReadingAnswer>(async ({ do: what, contentType, bytes }) => {
  if (what === 'metadata') return { answer: await metadataIn(bytes, contentType) };
  if (what === 'blank') return { answer: await blankIn(bytes, contentType) };
  if (what === 'body') return bodyAnswer(bytes);
  const page = shownPage(Buffer.from(bytes.buffer), contentType);
  if (page === undefined) return { answer: undefined };
  const answer = new TextEncoder().encode(page);
  return { answer, moving: [answer.buffer] };
});

function bodyAnswer(document: Uint8Array): {
  readonly answer: ReadingAnswer;
  readonly moving?: readonly ArrayBuffer[];
} {
  const body = bodyInCda(document, READ_LIMITS);
  if (!body) return { answer: undefined };
  const bytes = new Uint8Array(body.bytes);
  return { answer: { contentType: body.contentType, bytes }, moving: [bytes.buffer] };
}
