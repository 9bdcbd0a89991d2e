/** Pages of scans in another order, by a thread: whatever a file does to its reader, it costs the request, and not the process. */
import { FhirError } from '../../../fhir/error.js';
import { createPool, type Pool, TaskStopped } from '../../../platform/pool.js';
import type { ArrangedPages, PagesToArrange } from './arrange-thread.js';

/** Pages of a file, and bytes of all documents that are made. */
const MOST_OF_SCAN = 200;
const MOST_BYTES = 64 * 1024 * 1024;

let pool: Pool<PagesToArrange, ArrangedPages | number | undefined> | undefined;

export interface PagesMade {
  readonly counts: readonly number[];
  /** Undefined: a page is not there. */
  readonly documents: ArrangedPages['documents'];
}

/** `expressions`: of the files. Throws `unprocessable` where a file cannot be read or has too many pages, or the documents are too large. */
export async function arrangedPages(
  asked: Pick<PagesToArrange, 'files' | 'documents'>,
  expressions: readonly string[],
): Promise<PagesMade> {
  pool ??= createPool({ module: new URL('./arrange-thread.js', import.meta.url), memory: 256, time: 30_000 });
  const answer = await madeBy(pool, { ...asked, mostPages: MOST_OF_SCAN, mostBytes: MOST_BYTES });
  if (answer === undefined || typeof answer === 'number')
    throw new FhirError(
      'unprocessable',
      'The pages of this scan cannot be read: reject it, and scan the paper again.',
      {
        ...{ detail: 'pages-unreadable', expression: expressions[answer ?? 0] ?? 'Parameters.parameter' },
      },
    );
  const long = answer.counts.findIndex(count => count > MOST_OF_SCAN);
  if (long >= 0)
    throw new FhirError(
      'unprocessable',
      `This scan has ${answer.counts[long]} pages, and pages are arranged of scans of ${MOST_OF_SCAN} at most: reject it, and scan the paper in parts.`,
      { detail: 'too-many-pages', expression: expressions[long] ?? 'Parameters.parameter' },
    );
  if (answer.isTooLarge)
    throw new FhirError('unprocessable', 'These documents have 64 MB at most together: arrange fewer pages at once.', {
      ...{ detail: 'arranged-too-large', expression: 'Parameters.parameter' },
    });
  if (answer.isShared)
    throw new FhirError(
      'unprocessable',
      'Pages of this scan share what they are drawn with, and nobody can tell what is of which: print the pages, and scan them apart.',
      { ...{ detail: 'pages-share-resources', expression: 'Parameters.parameter' } },
    );
  return { counts: answer.counts, documents: answer.documents };
}

async function madeBy(
  threads: NonNullable<typeof pool>,
  asked: PagesToArrange,
): Promise<ArrangedPages | number | undefined> {
  try {
    return await threads.run(
      asked,
      asked.files.map(({ bytes }) => bytes.buffer),
    );
  } catch (error) {
    if (error instanceof TaskStopped) return undefined;
    throw error;
  }
}
