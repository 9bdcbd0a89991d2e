/** What the threads behind page-findings.ts run. */
import { endPdfium } from '../../../fhir/content/pdfium.js';
import { answerTasks } from '../../../platform/pool.js';
import { lookAtPages, type ScanToSee, type SeenPages } from './look-at-pages.js';

answerTasks<ScanToSee, SeenPages | undefined>(async task => {
  try {
    return { answer: await lookAtPages(task) };
  } catch {
    // Whatever stopped it may have left its reader broken. Files of others make readers throw whatever they like.
    endPdfium();
    return { answer: undefined };
  }
});
