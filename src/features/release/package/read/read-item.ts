/**
 * Reads items in threads, with limits of time and memory: whatever a file does to its reader costs its place among the pages, and neither the
 * package nor the process.
 */
import { createPool, type Pool, type PoolOptions, TaskStopped } from '../../../../platform/pool.js';
import type { LaidOut } from '../text/lay-out.js';
import type { DrawPages, LayOutTexts, MeasurePages, PageAnswer, PageTask, ReadPages, ReadWords } from './page-task.js';

export type ItemPool = Pool<PageTask, PageAnswer>;

/** Of a thread: MB of objects, ms. What pdfium holds is bounded by itself (pdfium.ts). */
export const ITEM_POOL: PoolOptions = {
  module: new URL('./thread.js', import.meta.url),
  threads: 1,
  memory: 192,
  time: 9500,
};

let itemPool: ItemPool | undefined;
export const theItemPool = (): ItemPool => (itemPool ??= createPool(ITEM_POOL));

/** It throws nothing but what stops the pool itself. */
export async function readPagesOf(
  pool: ItemPool,
  task: ReadPages | DrawPages | MeasurePages | ReadWords,
): Promise<PageAnswer> {
  try {
    return await pool.run(task, [task.bytes.buffer]);
  } catch (error) {
    if (!(error instanceof TaskStopped)) throw error;
    return { kind: 'none', reason: error.reason === 'fault' ? 'damaged' : 'too-costly' };
  }
}

/** Tries of what is ours, and takes too long only where a machine has too much to do. */
const TRIES = 5;

/** Texts of our own. */
export async function laidOut(pool: ItemPool, documents: LayOutTexts['documents']): Promise<LaidOut> {
  const answer = await laidOutOnce(pool, documents, TRIES);
  if (answer.kind !== 'laid-out') throw new Error('A text was not laid out.');
  return answer.text;
}

async function laidOutOnce(pool: ItemPool, documents: LayOutTexts['documents'], tries: number): Promise<PageAnswer> {
  try {
    return await pool.run({ do: 'lay-out', documents });
  } catch (error) {
    if (tries <= 1 || !(error instanceof TaskStopped) || error.reason !== 'time') throw error;
    return laidOutOnce(pool, documents, tries - 1);
  }
}
