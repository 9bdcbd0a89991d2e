/** The table that is printed and the JSON that is kept. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';

export interface Row {
  readonly store: string;
  readonly name: string;
  readonly requests: number;
  readonly perSecond: number;
  /** ms. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** µs of CPU per request, of all threads: the server's processes, and mongod. */
  readonly serverCpu?: number;
  readonly mongodCpu?: number;
  /** Bytes, at the end. */
  readonly serverMemory?: number;
  readonly mongodMemory?: number;
}

export interface Space {
  readonly store: string;
  readonly type: string;
  readonly documents: number;
  /** B-tree keys, and bytes of a document, on average. */
  readonly keys: number;
  readonly bytes: number;
}

const whole = (value: number | undefined) => (value === undefined ? 'n/a' : Math.round(value).toLocaleString('en'));
const fine = (value: number) => value.toFixed(value < 10 ? 2 : 1);
const mega = (value: number | undefined) => (value === undefined ? '' : (value / 1024 / 1024).toFixed(0));

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map(row => (row[column] ?? '').length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ');
  return [line(head), ...rows.map(line)].join('\n');
}

/** CPU of server and mongod together. */
const totalCpu = ({ serverCpu, mongodCpu }: Row): number | undefined =>
  serverCpu === undefined ? undefined : serverCpu + (mongodCpu ?? 0);

/** The row in whose CPU all others are expressed. */
export const UNIT = '(plain express)';

/** Mean CPU of the unit rows beside a row. */
function unitOf(rows: readonly Row[], store: string): number | undefined {
  const units = rows.filter(row => row.store === store && row.name === UNIT).map(totalCpu);
  return units.reduce<number>((sum, cpu) => sum + (cpu ?? NaN), 0) / units.length || undefined;
}

export function rowsTable(rows: readonly Row[]): string {
  const head = [
    'store',
    'workload',
    'req/s',
    'p50 ms',
    'p95',
    'p99',
    'CPU µs',
    'mongod µs',
    '× express',
    'MB',
    'mongod MB',
  ];
  return table(
    head,
    rows.map(row => {
      const [cpu, unit] = [totalCpu(row), unitOf(rows, row.store)];
      return [
        row.store,
        row.name,
        whole(row.perSecond),
        fine(row.p50),
        fine(row.p95),
        fine(row.p99),
        whole(row.serverCpu),
        row.mongodCpu === undefined ? '' : whole(row.mongodCpu),
        cpu === undefined || !unit ? 'n/a' : (cpu / unit).toFixed(1),
        mega(row.serverMemory),
        mega(row.mongodMemory),
      ];
    }),
  );
}

export const spaceTable = (rows: readonly Space[]): string =>
  table(
    ['store', 'type', 'documents', 'keys each', 'bytes each'],
    rows.map(row => [row.store, row.type, whole(row.documents), row.keys.toFixed(1), whole(row.bytes)]),
  );

/** Gives the path of the file. */
export function keep(folder: string, results: Readonly<Record<string, unknown>>): string {
  mkdirSync(folder, { recursive: true });
  const taken = new Date().toISOString();
  const file = join(folder, `${taken.replaceAll(':', '-').slice(0, 19)}.json`);
  const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version };
  writeFileSync(file, `${JSON.stringify({ taken, machine, ...results }, undefined, 2)}\n`);
  return file;
}
