/** What SQLite says of a page: its statements, its own plan for them, and how many candidates the driver yields. */
import type { Plan } from '../plan.js';
import type { Explanation } from '../store.js';
import { compile } from './compile.js';
import { compileProbe } from './compile-all.js';
import { connect, type Connection } from './connection.js';
import { findPage } from './find.js';
import { PRAGMAS } from './schema.js';
import type { Sql } from './sql.js';

/** Candidates are counted up to here. */
const ALL_ROWS = 1_000_000;

/** The statement with its values set in, for reading; it is never run. */
export function printSql({ text, values }: Sql): string {
  let at = 0;
  return text.replaceAll('?', () => {
    const value = values[at++];
    return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value);
  });
}

/** On a connection of its own: libsql leaves the statement of an EXPLAIN open, and with it an old state of the store. */
export function explainPage(file: string, plan: Plan): Explanation {
  const connection = connect(file, PRAGMAS);
  try {
    return explainOn(connection, plan);
  } finally {
    connection.close();
  }
}

function explainOn(connection: Connection, plan: Plan): Explanation {
  const statements = compile(plan).scans.map(scan => scan.page(plan.limit + 1));
  const steps = statements.flatMap(({ text, values }) =>
    connection
      .prepare(`EXPLAIN QUERY PLAN ${text}`)
      .all(...values)
      .map(row => String(row[3])),
  );
  const probe = compileProbe(plan, ALL_ROWS);
  const keys = probe ? Number(connection.prepare(probe.text).first(...probe.values)![0]) : 0;
  const started = performance.now();
  const { rows } = findPage(connection, plan);
  const { driver, filter, order, ordered } = plan;
  const milliseconds = performance.now() - started;
  return {
    driver,
    filter,
    order,
    ordered,
    statements: statements.map(printSql),
    steps,
    keys,
    rows: rows.length,
    milliseconds,
  };
}
