/**
 * The port over a SQLite driver: `node:sqlite` where Node has it (it halves the CPU of reads), else `libsql`.
 * Rows are arrays. Binding is strict, because libsql aborts the process on a boolean, a Date or a lone Buffer, and both
 * drivers are lax about the number of values. A number is bound as REAL: only a column's type makes an integer of it,
 * so every column is typed. Bare `?` only.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

export type SqlValue = string | number | Uint8Array | null;
export type SqlRow = readonly SqlValue[];

export interface Statement {
  /** Runs it and returns how many rows it changed. */
  run(...values: readonly SqlValue[]): number;
  all(...values: readonly SqlValue[]): SqlRow[];
  /** The first row alone: half the work of `all`. */
  first(...values: readonly SqlValue[]): SqlRow | undefined;
}

export interface Connection {
  /** Cached by its text. */
  prepare(sql: string): Statement;
  exec(sql: string): void;
  pragma(text: string): SqlRow[];
  /** Runs `write` in one transaction that holds the write lock from its beginning. */
  atomic<T>(write: () => T): T;
  /** Runs statements that see one state of the store. Never across an await: an old reader keeps the WAL growing. */
  snapshot<T>(read: () => T): T;
  /** From now on tables may be written in which SQLite keeps an index of words: Node.js 24 refuses that where nobody says so. */
  writeShadowTables(): void;
  close(): void;
}

interface RawStatement {
  run(...values: unknown[]): { changes: number | bigint };
  all(...values: unknown[]): unknown[];
  get(...values: unknown[]): unknown;
  raw?(on: boolean): unknown;
  setReturnArrays?(on: boolean): void;
}
interface RawConnection {
  prepare(sql: string): RawStatement;
  exec(sql: string): unknown;
  close(): unknown;
  /** From Node.js 24 on, and in force from the beginning. */
  enableDefensive?(on: boolean): void;
  readonly inTransaction?: boolean;
  readonly isTransaction?: boolean;
}
type Constructor = new (file: string) => RawConnection;

const CACHED_STATEMENTS = 500;
/** Characters of a statement that is not kept. */
const UNCACHED_LENGTH = 4096;

/** Enough of `node:sqlite` only where statements can return arrays. */
function builtin(): Constructor | undefined {
  const module = withoutWarning(() => process.getBuiltinModule?.('node:sqlite')) as
    | { DatabaseSync: Constructor; StatementSync: { prototype: object } }
    | undefined;
  return module && 'setReturnArrays' in module.StatementSync.prototype ? module.DatabaseSync : undefined;
}

/** Node 22 prints at the first look that SQLite is experimental: nothing that whoever runs a command could do about. */
function withoutWarning<T>(look: () => T): T {
  const usual = Object.getOwnPropertyDescriptor(process, 'emitWarning')!;
  Object.defineProperty(process, 'emitWarning', { ...usual, value: () => {} });
  try {
    return look();
  } finally {
    Object.defineProperty(process, 'emitWarning', usual);
  }
}

const bindable = (value: unknown): boolean =>
  value === null || typeof value === 'string' || Number.isFinite(value) || value instanceof Uint8Array;

/** SQLite would make a file that is missing, and on its empty file delete the WAL that holds the last commits. */
const existing = (file: string): string => `${pathToFileURL(file).href}?mode=rw`;

/** Opens a file that is there; `pragmas` are set in order, after a busy timeout. */
export function connect(file: string, pragmas: readonly string[] = [], busyTimeout = 5000): Connection {
  const Builtin = builtin();
  const Driver = Builtin ?? (createRequire(import.meta.url)('libsql') as Constructor);
  const raw = new Driver(existing(file));
  const compile = (sql: string): Statement => compileStatement(raw, sql, Builtin !== undefined);
  const pragma = (text: string): SqlRow[] => compile(`PRAGMA ${text}`).all();
  try {
    for (const text of [`busy_timeout=${busyTimeout}`, ...pragmas]) pragma(text);
  } catch (error) {
    raw.close();
    throw error;
  }
  const cache = new Map<string, Statement>();
  return {
    prepare: cachedIn(cache, compile),
    exec: sql => void raw.exec(sql),
    pragma,
    ...transactionsOf(raw),
    writeShadowTables: () => raw.enableDefensive?.(false),
    close: () => {
      cache.clear();
      raw.close();
    },
  };
}

/** `spread`: the driver takes values one by one. */
function compileStatement(raw: RawConnection, sql: string, spread: boolean): Statement {
  const statement = raw.prepare(sql);
  const parameters = sql.replaceAll(/'[^']*'/g, '').split('?').length - 1;
  if (statement.setReturnArrays) statement.setReturnArrays(true);
  else {
    try {
      statement.raw?.(true);
    } catch {
      // It returns no rows.
    }
  }
  const bound = (values: readonly SqlValue[]): unknown[] => {
    if (values.length !== parameters)
      throw new RangeError(`${values.length} values for ${parameters} parameters: ${sql}`);
    for (const value of values) if (!bindable(value)) throw new TypeError(`Cannot bind a ${typeof value}: ${sql}`);
    // libsql takes one array; it would take a lone Buffer for named parameters.
    return spread ? [...values] : [values];
  };
  return {
    run: (...values) => Number(statement.run(...bound(values)).changes),
    all: (...values) => statement.all(...bound(values)) as SqlRow[],
    first: (...values) => statement.get(...bound(values)) as SqlRow | undefined,
  };
}

/** `compile`, with the statements in the cache. */
function cachedIn(cache: Map<string, Statement>, compile: (sql: string) => Statement) {
  return (sql: string): Statement => {
    const hit = cache.get(sql);
    if (hit) return hit;
    const statement = compile(sql);
    // Five hundred statements of a hundred conditions each would take half a gigabyte.
    if (sql.length > UNCACHED_LENGTH) return statement;
    if (cache.size >= CACHED_STATEMENTS) cache.delete(cache.keys().next().value!);
    cache.set(sql, statement);
    return statement;
  };
}

function transactionsOf(raw: RawConnection): Pick<Connection, 'atomic' | 'snapshot'> {
  const isOpen = (): boolean => (raw.inTransaction ?? raw.isTransaction) === true;
  return {
    atomic: write => {
      // IMMEDIATE: a transaction that began with a read cannot be upgraded once another has written.
      raw.exec('BEGIN IMMEDIATE');
      try {
        const result = write();
        raw.exec('COMMIT');
        return result;
      } catch (error) {
        // After a full disk SQLite has rolled back by itself; a second ROLLBACK would hide the error.
        if (isOpen()) raw.exec('ROLLBACK');
        throw error;
      }
    },
    snapshot: read => {
      raw.exec('BEGIN');
      try {
        return read();
      } finally {
        if (isOpen()) raw.exec('COMMIT');
      }
    },
  };
}

/** A blob column of a row. node:sqlite gives plain Uint8Arrays. */
export const blobBytes = (value: SqlValue | undefined): Buffer | undefined =>
  value instanceof Uint8Array
    ? Buffer.isBuffer(value)
      ? value
      : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : undefined;
