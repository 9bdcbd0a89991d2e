/**
 * The reader thread: pages and statements that could take long (exact counts, sorts, rare filters, scans, backup), one
 * after the other, so that the main thread's loop stays free.
 */
import { existsSync, rmSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { FhirError } from '../../fhir/error.js';
import type { Plan } from '../plan.js';
import type { HistoryQuery } from '../store.js';
import { compileCount } from './compile-all.js';
import { type Connection, connect } from './driver.js';
import { toWire } from './errors.js';
import { explainPage } from './explain.js';
import { historyPage } from './history.js';
import { checkCandidates, findPage, type Patience, type RowPage } from './pages.js';
import { PRAGMAS } from './schema.js';
import { type Packed, pack, readRows } from './row.js';
import type { Sql } from './sql.js';
import type { Answer, Question } from './thread.js';

export type Reading =
  | { readonly kind: 'find'; readonly plan: Plan; readonly patience: Patience }
  /** One row, the number; as far as `limit`. */
  | { readonly kind: 'count'; readonly plan: Plan; readonly limit: number | undefined; readonly patience: Patience }
  | { readonly kind: 'history'; readonly query: HistoryQuery; readonly types: readonly string[] }
  /** `limit`: the statement is one of COLUMNS with this limit. */
  | { readonly kind: 'rows'; readonly sql: Sql; readonly limit?: number }
  /** One row: an Explanation as JSON. */
  | { readonly kind: 'explain'; readonly plan: Plan }
  | { readonly kind: 'backup'; readonly to: string };
/** `rows`: those of a statement or a page; the rest is that of a page. */
export interface Read extends Packed, Omit<RowPage, 'rows'> {}

const { file } = (workerData ?? { file: '' }) as { file: string };

function read(connection: Connection, reading: Reading): RowPage {
  switch (reading.kind) {
    case 'find':
      return findPage(connection, reading.plan, reading.patience);
    case 'count': {
      const { plan, limit, patience } = reading;
      if (plan.filter.length > 0) checkCandidates(connection, plan, patience.candidates);
      const count = compileCount(plan, limit);
      const rows = count ? connection.prepare(count.text).all(...count.values) : [[0]];
      return { rows, more: false };
    }
    case 'history':
      return historyPage(connection, reading.query, reading.types);
    case 'rows': {
      const { sql, limit } = reading;
      const rows =
        limit === undefined ? connection.prepare(sql.text).all(...sql.values) : readRows(connection, sql, limit, 0);
      return { rows, more: false };
    }
    case 'explain':
      return { rows: [[JSON.stringify(explainPage(file, reading.plan))]], more: false };
    case 'backup':
      backup(connection, reading.to);
      return { rows: [], more: false };
  }
}

/** A consistent copy as of its start, beside the writer; checked before anyone relies on it. */
function backup(connection: Connection, to: string): void {
  if (existsSync(to))
    throw new FhirError('conflict', 'There is a file already where the backup should go. Name another one.');
  try {
    connection.prepare('VACUUM INTO ?').run(to);
    const copy = connect(to);
    const [result] = copy.pragma('integrity_check');
    copy.close();
    if (result?.[0] !== 'ok') throw new FhirError('fault', 'The backup is damaged and was removed. Look at the disk.');
  } catch (error) {
    rmSync(to, { force: true });
    throw error;
  }
}

// This file is a thread's entry; on the main thread only its types are used.
if (parentPort) {
  const port = parentPort;
  const connection = connect(file, PRAGMAS);
  port.on('message', (message: readonly Question<Reading>[] | 'close') => {
    if (message === 'close') {
      connection.close();
      port.close();
      return;
    }
    for (const { ticket, ask } of message) {
      let answer: Answer<Read>;
      const moving: ArrayBuffer[] = [];
      try {
        const page = read(connection, ask);
        const packed = pack(page.rows);
        moving.push(packed.bytes.buffer);
        answer = { ticket, answer: { ...page, ...packed } };
      } catch (error) {
        answer = { ticket, failed: toWire(error) };
      }
      port.postMessage([answer], moving);
    }
  });
}
