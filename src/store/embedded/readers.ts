/** The reader threads: walks take turns in one; what must be done in one piece waits for its like in another. */
import { realNow } from '../../platform/real-time.js';
import type { Plan } from '../plan.js';
import type { SqlRow } from './connection.js';
import type { Patience, RowPage } from './find.js';
import type { ReadAnswer, ReadRequest } from './reader.js';
import { unpack } from './rows.js';
import type { Sql } from './sql.js';
import { startThread, type Thread } from './thread.js';

/** How many times the time of a query one waits for others. */
const WAITING_FACTOR = 3;

/** Candidates that are looked at and sorted in a millisecond, at least. */
const CANDIDATES_PER_MS = 100;

export interface Readers {
  /** What one query may cost. */
  readonly patience: Patience;
  /** How long a search waits for others. */
  readonly waiting: () => { readonly until: number };
  /** A reading that can be laid aside between two pieces. */
  readonly walk: (request: ReadRequest) => Promise<RowPage>;
  /** A reading in one piece. */
  readonly sort: (request: ReadRequest) => Promise<RowPage>;
  /** The rows of a statement. `limit`: it selects COLUMNS with this limit. `among`: it looks at the candidates of this plan. */
  readonly rows: (statement: Sql, more?: { limit?: number; among?: Plan }) => Promise<readonly SqlRow[]>;
  /** Resolves when both threads have opened the file. */
  readonly opened: Promise<unknown>;
  readonly close: () => Promise<unknown>;
}

export function startReaders(file: string, queryTimeout: number, piece: number): Readers {
  const start = () => startThread<ReadRequest, ReadAnswer>(new URL('./reader.js', import.meta.url), { file });
  const [walker, sorter] = [start(), start()];
  const askOf = async (reader: Thread<ReadRequest, ReadAnswer>, request: ReadRequest): Promise<RowPage> => {
    const page = await reader.ask(request);
    return { ...page, rows: unpack(page) };
  };
  const most = queryTimeout * CANDIDATES_PER_MS;
  // A thread's performance.now() begins with the thread: what two of them compare is the time of the machine.
  const waiting: Readers['waiting'] = () => ({ until: realNow() + WAITING_FACTOR * Math.max(queryTimeout, 1000) });
  return {
    patience: { milliseconds: queryTimeout, candidates: most, piece },
    waiting,
    walk: request => askOf(walker, request),
    sort: request => askOf(sorter, request),
    async rows(statement, { limit, among } = {}) {
      const guard = among && { ...waiting(), among: { plan: among, most } };
      const page = await askOf(sorter, {
        kind: 'rows',
        sql: statement,
        ...(limit === undefined ? {} : { limit }),
        ...guard,
      });
      return page.rows;
    },
    opened: Promise.all([walker.opened, sorter.opened]),
    close: () => Promise.all([walker.close(), sorter.close()]),
  };
}
