/** What the threads behind page-findings.ts run. */
import { endPdfium } from '../../../fhir/content/pdfium.js';
import { answerTasks } from '../../../platform/pool.js';
import { lookAtPages, type ScanToSee, type SeenPages } from './look-at-pages.js';

answerTasks<ScanToSee, SeenPages | undefined>(async task => {
  try {
    const answer = await lookAtPages(task);
    return { answer, moving: (answer?.parts ?? []).map(({ bytes }) => bytes.buffer) };
  } catch {
    // Whatever stopped it may have left its reader broken. Files of others make readers throw whatever they like.
    endPdfium();
    return { answer: undefined };
  }
});
