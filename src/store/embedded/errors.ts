/**
 * From the errors of SQLite and its drivers to the kinds of the server. Result codes: https://www.sqlite.org/rescode.html
 * An error that crosses a thread arrives as a plain object and becomes a FhirError again here.
 */
import { FhirError, type Kind } from '../../fhir/error.js';

/** Primary result codes of SQLite that mean something to us. */
const CODES: Readonly<Record<string, number>> = {
  BUSY: 5,
  LOCKED: 6,
  NOMEM: 7,
  READONLY: 8,
  IOERR: 10,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  TOOBIG: 18,
  CONSTRAINT: 19,
  NOTADB: 26,
};

type SqliteFailure = readonly [Kind, string];

const CANNOT_READ_OR_WRITE =
  'The store cannot be read or written. Look at the disk of the data folder and its permissions.';
const DAMAGED = 'The store file is damaged. Start on the latest backup.';
const FAILURES: Readonly<Record<number, SqliteFailure>> = {
  5: ['unavailable', 'The store is busy. Try again.'],
  6: ['unavailable', 'The store is busy. Try again.'],
  7: ['unavailable', 'The store has no memory left. Try again.'],
  8: ['unavailable', 'The store cannot be written. Look at the permissions of the data folder.'],
  10: ['unavailable', CANNOT_READ_OR_WRITE],
  11: ['fault', DAMAGED],
  13: ['no-space', 'The disk of the store is full. Free some space and try again.'],
  14: ['unavailable', CANNOT_READ_OR_WRITE],
  18: ['too-costly', 'The resources asked for are too large for one answer. Ask for fewer at once (_count).'],
  26: ['fault', DAMAGED],
};

/** The primary result code of whatever a driver threw; 0 if it is not SQLite's. */
export function resultCode(error: unknown): number {
  if (typeof error !== 'object' || error === null) return 0;
  const { rawCode, errcode, code, message } = error as Readonly<Record<string, unknown>>;
  // libsql tells why it could not open a file in the text alone.
  const opening = typeof message === 'string' ? /^ConnectionFailed\(.*: (\d+)"\)$/s.exec(message)?.[1] : undefined;
  const number = [rawCode, errcode, Number(opening ?? 0)].find(one => typeof one === 'number') ?? 0;
  if (number !== 0) return number & 255;
  const name = typeof code === 'string' ? /^SQLITE_([A-Z]+)/.exec(code)?.[1] : undefined;
  return name === undefined ? 0 : (CODES[name] ?? 0);
}

/** What the system says of a file itself is as bad as what SQLite hears from it. */
function failureOf(error: unknown): SqliteFailure | undefined {
  const { syscall, code } = (error ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof syscall === 'string') return FAILURES[code === 'ENOSPC' ? CODES['FULL']! : CODES['CANTOPEN']!];
  return FAILURES[resultCode(error)];
}

/** Any thrown value as a FhirError; what SQLite did not say, or said about our own statements, is a `fault`. */
export function fromDriver(error: unknown): FhirError {
  if (error instanceof FhirError) return error;
  const [kind, message] = failureOf(error) ?? ['fault', 'Something went wrong in the store.'];
  return new FhirError(kind, message, { cause: error });
}

/** The form in which an error crosses a thread. `detail` is for the log alone. */
export interface Wire {
  readonly kind: Kind;
  readonly message: string;
  readonly detail: string;
}

export function toWire(error: unknown): Wire {
  const { kind, message, cause, stack } = fromDriver(error);
  return { kind, message, detail: (cause instanceof Error ? cause.stack : stack) ?? message };
}

export const fromWire = ({ kind, message, detail }: Wire): FhirError =>
  new FhirError(kind, message, { cause: new Error(detail) });
