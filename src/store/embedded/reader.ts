/**
 * A reader thread: pages and statements that could take long (exact counts, sorts, rare filters, scans, backup), so that
 * the main thread's loop stays free. What can be read in pieces takes turns with others, piece by piece: nobody waits for
 * the longest walk. SQLite cannot be interrupted, so all else is bounded by the number of its candidates before it starts.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { FhirError } from '../../fhir/error.js';
import { realNow } from '../../platform/real-time.js';
import type { Plan } from '../plan.js';
import type { HistoryQuery } from '../store.js';
import { writeBackup } from './backup.js';
import { type Connection, connect } from './connection.js';
import { toWire } from './errors.js';
import { type KnownFile, lost } from './files.js';
import { explainPage } from './explain.js';
import { historyPage } from './history.js';
import {
  checkCandidates,
  countMatches,
  type InPieces,
  type Patience,
  type RowPage,
  queryTooCostly,
  walkPage,
} from './find.js';
import { PRAGMAS } from './schema.js';
import { type Packed, pack, readRows } from './rows.js';
import type { Sql } from './sql.js';
import type { WorkerAnswer, WorkerQuestion } from './thread.js';

export type ReadRequest = (
  | { readonly kind: 'find'; readonly plan: Plan; readonly patience: Patience }
  /** One row, the number; as far as `limit`. */
  | { readonly kind: 'count'; readonly plan: Plan; readonly limit: number | undefined; readonly patience: Patience }
  | { readonly kind: 'history'; readonly query: HistoryQuery; readonly types: readonly string[] }
  /** `limit`: the statement is one of COLUMNS with this limit. `among`: it looks at the candidates of this plan. */
  | {
      readonly kind: 'rows';
      readonly sql: Sql;
      readonly limit?: number;
      readonly among?: { readonly plan: Pick<Plan, 'driver' | 'filter'>; readonly most: number };
    }
  /** One row: an Explanation as JSON. */
  | { readonly kind: 'explain'; readonly plan: Plan; readonly patience: Patience }
  | { readonly kind: 'backup'; readonly to: string }
) & {
  /** ms since 1970: what has not begun by then, or is not done, is refused as `timeout`. Undefined: it waits. */
  readonly until?: number;
};
/** `rows`: those of a statement or a page; the rest is that of a page. */
export interface ReadAnswer extends Packed, Omit<RowPage, 'rows'> {}

const { file, known } = (workerData ?? { file: '', known: [] }) as { file: string; known: readonly KnownFile[] };

/** The work of a reading: with `milliseconds` it is done in pieces, each in a snapshot, and may take so long in all. */
interface ReadTask {
  readonly ticket: number;
  readonly until: number;
  readonly work: InPieces<RowPage>;
  readonly milliseconds?: number;
  spent: number;
}

function* counting(
  connection: Connection,
  { plan, limit, patience }: ReadRequest & { kind: 'count' },
): InPieces<RowPage> {
  return { rows: [[yield* countMatches(connection, plan, limit, patience)]], more: false };
}

function taskOf(connection: Connection, { ticket, ask }: WorkerQuestion<ReadRequest>): ReadTask {
  const task = { ticket, until: ask.until ?? Infinity, spent: 0 };
  if (ask.kind === 'find')
    return { ...task, work: walkPage(connection, ask.plan, ask.patience), milliseconds: ask.patience.milliseconds };
  if (ask.kind === 'count')
    return { ...task, work: counting(connection, ask), milliseconds: ask.patience.milliseconds };
  return { ...task, work: inOnePiece(() => answerAtOnce(connection, ask)) };
}

// eslint-disable-next-line require-yield
function* inOnePiece(work: () => RowPage): InPieces<RowPage> {
  return work();
}

function answerAtOnce(connection: Connection, reading: Exclude<ReadRequest, { kind: 'find' | 'count' }>): RowPage {
  switch (reading.kind) {
    case 'history':
      return historyPage(connection, reading.query, reading.types);
    case 'rows': {
      const { sql, limit, among } = reading;
      if (among && among.plan.filter.length > 0) checkCandidates(connection, among.plan, among.most);
      const rows =
        limit === undefined ? connection.prepare(sql.text).all(...sql.values) : readRows(connection, sql, limit, 0);
      return { rows, more: false };
    }
    case 'explain': {
      const { plan, patience } = reading;
      if (plan.filter.length > 0 || !plan.ordered) checkCandidates(connection, plan, patience.candidates);
      return { rows: [[JSON.stringify(explainPage(file, plan))]], more: false };
    }
    case 'backup':
      writeBackup(connection, reading.to);
      return { rows: [], more: false };
  }
}

/** Milliseconds of a turn. */
const TURN_MS = 15;

/** A turn of the task: its page, or undefined where it is not done. Throws `too-costly` and `timeout`. */
function takeTurn(connection: Connection, task: ReadTask): RowPage | undefined {
  if (realNow() > task.until)
    throw new FhirError(
      'timeout',
      'The store is busy with other searches, and this one has waited too long. Try again.',
    );
  const { work, milliseconds } = task;
  if (milliseconds === undefined) {
    const { done, value } = work.next();
    return done ? value : undefined;
  }
  return connection.snapshot(() => {
    const began = performance.now();
    for (;;) {
      const { done, value } = work.next();
      if (done) return value;
      const took = performance.now() - began;
      if (task.spent + took > milliseconds) throw queryTooCostly();
      if (took < TURN_MS) continue;
      task.spent += took;
      return undefined;
    }
  });
}

// This file is a thread's entry; on the main thread only its types are used.
if (parentPort) {
  const port = parentPort;
  const connection = connect(file, PRAGMAS);
  // What was opened later than by the store could be another one.
  const gone = lost(known);
  if (gone) throw gone;
  const tasks: ReadTask[] = [];
  let closing = false;
  const work = (): void => {
    const task = tasks.shift()!;
    let answer: WorkerAnswer<ReadAnswer> | undefined;
    const moving: ArrayBuffer[] = [];
    try {
      const page = takeTurn(connection, task);
      if (page) {
        const packed = pack(page.rows);
        moving.push(packed.bytes.buffer);
        answer = { ticket: task.ticket, answer: { ...page, ...packed } };
      } else tasks.push(task);
    } catch (error) {
      answer = { ticket: task.ticket, failed: toWire(error) };
    }
    if (answer) port.postMessage([answer], moving);
    if (tasks.length > 0) setImmediate(work);
    else if (closing) close();
  };
  const close = (): void => {
    connection.close();
    port.close();
  };
  port.postMessage([]);
  port.on('message', (message: readonly WorkerQuestion<ReadRequest>[] | 'close') => {
    if (message === 'close') {
      closing = true;
      if (tasks.length === 0) close();
      return;
    }
    if (tasks.length === 0) setImmediate(work);
    for (const question of message) tasks.push(taskOf(connection, question));
  });
}
