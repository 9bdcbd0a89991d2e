/** What operators and starts ask of the store: its layout, its health, a copy of it, and a check of everything. */
import type { StoreUpkeep } from '../store.js';
import type { Writable } from '../writable.js';
import { createCheck } from './check.js';
import { checkSpace, type KnownFile, lost } from './files.js';
import type { Job } from './job.js';
import type { OpenedStore } from './reads.js';
import { migrate, needsReindex } from './schema.js';
import { sql } from './sql.js';
import type { Thread } from './thread.js';

export interface UpkeepSurroundings {
  readonly file: string;
  /** The files as they were when the store was opened. */
  readonly known: readonly KnownFile[];
  readonly thread: Thread<Job, number>;
  readonly writable: Writable;
}

export function openUpkeep(opened: OpenedStore, { file, known, thread, writable }: UpkeepSurroundings): StoreUpkeep {
  const { connection, layout, catalog, readers, answer } = opened;
  return {
    check: createCheck({
      layout,
      catalog,
      one: ({ text, values }) => connection.prepare(text).first(...values),
      rows: statement => answer(() => readers.rows(statement)),
    }),
    migrate: () => answer(() => migrate(connection, layout.hash)),
    needsReindex: () => answer(() => needsReindex(connection, layout.hash)),
    markReindexed: () =>
      answer(async () => void (await writable.watch(thread.ask({ kind: 'mark', layout: layout.hash })))),
    ping: () =>
      answer(async () => {
        const failure = thread.failure ?? lost(known);
        if (failure) throw failure;
        await checkSpace(file);
        await writable.check();
        await readers.rows(sql`SELECT 1`);
      }),
    backup: to => answer(async () => void (await readers.sort({ kind: 'backup', to }))),
  };
}
