/**
 * The reader threads: walks take turns in one; what must be done in one piece waits for its like in another. Each starts when it is
 * first asked, and makes sure that it has opened the file that the store has.
 */
import { FhirError } from '../../fhir/error.js';
import { realNow } from '../../platform/real-time.js';
import type { Plan } from '../plan.js';
import type { SqlRow } from './connection.js';
import { type KnownFile, lost } from './files.js';
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
  readonly close: () => Promise<unknown>;
}

type Reader = Pick<Thread<ReadRequest, ReadAnswer>, 'ask' | 'close'>;

/** `known`: the files that the store has opened. */
function openLater(data: { readonly file: string; readonly known: readonly KnownFile[] }): Reader {
  let thread: Thread<ReadRequest, ReadAnswer> | undefined;
  let closed = false;
  return {
    ask(request) {
      if (!thread) {
        const failure = closed ? new FhirError('unavailable', 'The store is closed.') : lost(data.known);
        if (failure) return Promise.reject(failure);
        thread = startThread(new URL('./reader.js', import.meta.url), data);
      }
      return thread.ask(request);
    },
    async close() {
      closed = true;
      await thread?.close();
    },
  };
}

export interface ReadersOptions {
  readonly file: string;
  /** What is there of it. */
  readonly known: readonly KnownFile[];
  /** ms that a query may take. */
  readonly queryTimeout: number;
  /** Candidates of a piece of a walk. */
  readonly piece: number;
}

export function createReaders({ file, known, queryTimeout, piece }: ReadersOptions): Readers {
  const [walker, sorter] = [openLater({ file, known }), openLater({ file, known })];
  const askOf = async (reader: Reader, request: ReadRequest): Promise<RowPage> => {
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
    close: () => Promise.all([walker.close(), sorter.close()]),
  };
}
