/** What the threads behind read-item.ts run. */
import { answerTasks } from '../../../../platform/pool.js';
import { answerPages } from './answer-pages.js';
import { TooCostly } from './limits.js';
import type { PageAnswer, PageTask } from './page-task.js';
import { endPdfium } from '../../../../fhir/content/pdfium.js';

/** zlib says so of what it would unpack to more than it may. */
const isCostly = (error: unknown): boolean =>
  error instanceof TooCostly || (error as NodeJS.ErrnoException | undefined)?.code === 'ERR_BUFFER_TOO_LARGE';

answerTasks<PageTask, PageAnswer>(async task => {
  try {
    const answer = await answerPages(task);
    return { answer, moving: answer.kind === 'pages' ? [answer.fragment.bytes.buffer] : [] };
  } catch (error) {
    // Whatever stopped it may have left it broken.
    const isRefused = endPdfium();
    if (isRefused || isCostly(error)) return { answer: { kind: 'none', reason: 'too-costly' } };
    throw error;
  }
});
