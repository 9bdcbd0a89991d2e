/**
 * What the driver throws, as one of the server's kinds of error. Driver errors hold whole documents (the operations of a
 * bulk write) and keys: what is kept as `cause`, for the log, is their name, code and the harmless head of their text.
 * The driver is loaded lazily, so errors are told by name, code and label, not by class.
 */
import { FhirError, type Kind } from '../../fhir/error.js';

interface DriverError extends Error {
  readonly code?: number | string;
  readonly errorResponse?: unknown;
  hasErrorLabel?(label: string): boolean;
}

/** Server error codes: https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml */
const KIND_OF_CODE: ReadonlyMap<number, Kind> = new Map<number, Kind>([
  [50, 'too-costly'], // MaxTimeMSExpired
  [292, 'too-costly'], // QueryExceededMemoryLimitNoDiskUseAllowed
  [11000, 'conflict'],
  [10334, 'too-large'], // BSONObjectTooLarge
  [257, 'too-large'], // TransactionTooLarge
  [388, 'too-large'], // TransactionTooLargeForCache
  [14031, 'no-space'], // OutOfDiskSpace
  [64, 'timeout'], // WriteConcernFailed
  [13, 'unavailable'], // Unauthorized
  // Shutting down, stepping down, no primary, write conflicts that outlasted all retries.
  ...[6, 7, 89, 91, 112, 133, 134, 189, 202, 251, 262, 317, 358, 9001, 10058, 10107, 11600, 11602, 13435, 13436].map(
    (code): [number, Kind] => [code, 'unavailable'],
  ),
]);

const AWAY_ERRORS = new Set([
  'MongoServerSelectionError',
  'MongoNetworkError',
  'MongoNetworkTimeoutError',
  'MongoNotConnectedError',
  'MongoTopologyClosedError',
  'MongoPoolClearedError',
  'PoolClearedOnNetworkError',
  'PoolClearedError',
  'MongoPoolClosedError',
  'PoolClosedError',
  'MongoClientClosedError',
  'MongoServerClosedError',
  'MongoExpiredSessionError',
  'MongoWaitQueueTimeoutError',
  'WaitQueueTimeoutError',
]);

/** What a socket throws itself: the driver does not wrap what befalls it before its command is under way. */
const CUT_OFF = new Set<unknown>(['EPIPE', 'ECONNRESET', 'ECONNREFUSED', 'ENOTCONN', 'ERR_STREAM_DESTROYED']);

const MESSAGE_OF_KIND = {
  unavailable: 'The store does not answer just now. Try again.',
  timeout: 'The store did not confirm the change in time: it may or may not have been kept. Read before trying again.',
  'too-costly':
    'The query takes too long: too many resources would have to be looked at. Add criteria (a patient, a code, a date range) or leave out _sort.',
  conflict: 'The resource was created or changed by someone else meanwhile. Read it and try again.',
  'too-large':
    'The change is too large for the store: 16 MB for a resource, and for a Bundle less than the cache of the database takes. Split the Bundle, or give MongoDB more cache; keep large content in Binary.',
  'no-space': 'The disk of the store is full. Free some space and try again.',
} as const satisfies Partial<Record<Kind, string>>;

/** What an operator can change is said. */
const NOT_PRIMARY =
  'The MongoDB server takes no writes just now: it is not the primary of its replica set. Wait until there is one, or look at rs.status().';
const MESSAGE_OF_CODE: ReadonlyMap<unknown, string> = new Map<number, string>([
  [13, 'The MongoDB user of the connection string may not do this: it needs readWrite on the database.'],
  ...[10058, 10107, 13435, 13436, 189].map((code): [number, string] => [code, NOT_PRIMARY]),
]);

export const notPrimary = (): FhirError => new FhirError('unavailable', NOT_PRIMARY);

/** Bulk operations wrap what befell the whole command, a lost connection for example. */
export function innermost(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name, errorResponse } = error as DriverError;
  return name === 'MongoBulkWriteError' && errorResponse instanceof Error ? innermost(errorResponse) : error;
}

export const hasLabel = (error: unknown, label: string): boolean =>
  [error, innermost(error)].some(one => one instanceof Error && (one as DriverError).hasErrorLabel?.(label) === true);

/** No server was found in time. */
export const isWithoutServer = (error: unknown): boolean =>
  (innermost(error) as Error | undefined)?.name === 'MongoServerSelectionError';

/** What a write command says of single documents, at their places in it. */
export class WriteRefused extends Error {
  readonly code: number | undefined;
  readonly writeErrors: readonly {
    readonly index: number;
    readonly code: number;
    readonly keyPattern?: { readonly _id?: unknown; readonly s?: unknown; readonly f?: unknown };
  }[];
  readonly #labels: readonly string[];

  constructor(writeErrors: WriteRefused['writeErrors'], labels: readonly string[] = []) {
    super('Some documents were not written.');
    this.name = 'WriteRefused';
    this.code = writeErrors[0]?.code;
    this.writeErrors = writeErrors;
    this.#labels = labels;
  }

  hasErrorLabel(label: string): boolean {
    return this.#labels.includes(label);
  }
}

export const isDuplicate = (error: unknown): boolean => error instanceof Error && (error as DriverError).code === 11000;

/** All that it refuses it has already, by ids that nobody else has. */
export const areThereByIds = (error: unknown): boolean =>
  error instanceof WriteRefused &&
  error.writeErrors.every(({ code, keyPattern }) => code === 11000 && !!keyPattern?._id);

/** Another process has written a row at this place of the stream. */
export const isPlaceTaken = (error: unknown): boolean => {
  const { keyPattern, writeErrors } = (innermost(error) ?? {}) as Partial<WriteRefused> & {
    readonly keyPattern?: Readonly<Record<string, unknown>>;
  };
  return [keyPattern, ...(writeErrors ?? []).map(one => one.keyPattern)].some(key => key?.['s'] && key['f']);
};

/** Another transaction holds the document; it may belong to a process that was killed (see queue.ts). */
export const isWriteConflict = (error: unknown): boolean => (innermost(error) as DriverError).code === 112;

function kindOf(thrown: unknown): Kind {
  if (!(thrown instanceof Error)) return 'fault';
  const error = innermost(thrown) as Error;
  const { name, code } = error as DriverError;
  if (AWAY_ERRORS.has(name) || CUT_OFF.has(code)) return 'unavailable';
  if (name === 'MongoOperationTimeoutError') return 'timeout';
  if (code === 'ERR_OUT_OF_RANGE' || /larger than the maximum|BSONObj size/.test(error.message)) return 'too-large';
  const kind = typeof code === 'number' ? KIND_OF_CODE.get(code) : undefined;
  if (kind) return kind;
  return hasLabel(error, 'RetryableWriteError') || hasLabel(error, 'TransientTransactionError')
    ? 'unavailable'
    : 'fault';
}

/** The error without documents, values and keys. */
function cleaned(thrown: unknown): unknown {
  const error = innermost(thrown);
  if (!(error instanceof Error) || !(error.name.startsWith('Mongo') || 'code' in error)) return error;
  const { code, name, stack } = error as DriverError;
  const text = error.message.split(/[{"]/, 1)[0]!.trim();
  const clean = new Error(`${name}${code === undefined ? '' : ` ${code}`}: ${text}`);
  const frames = stack?.split('\n').filter(line => /^ +at /.test(line)) ?? [];
  clean.stack = [clean.message, ...frames].join('\n');
  return clean;
}

const REFUSED_CREDENTIALS = new Set<unknown>([13, 18, 8000]);

/** The view of the servers with which the driver gave up: https://github.com/mongodb/specifications (server discovery). */
interface Topology {
  readonly setName?: string | null;
  readonly servers?: ReadonlyMap<
    string,
    { readonly address: string; readonly type: string; readonly error?: { readonly cause?: unknown } | null }
  >;
}

export const NOT_INITIATED = 'but its replica set is not initiated: run rs.initiate() in mongosh on it, once.';

/** What is wrong with the servers that the connection string names; undefined: nothing that can be told. */
function faultOfServers({ setName, servers }: Topology): string | undefined {
  const [first] = servers?.values() ?? [];
  if (!first)
    return setName
      ? `No MongoDB server of the connection string belongs to a replica set called ${setName}. Compare replicaSet=${setName} with rs.status().set; a lone server is started anew with --replSet, then initiated.`
      : undefined;
  const { address, type, error } = first;
  if (type === 'RSGhost') return `The MongoDB server at ${address} answers, ${NOT_INITIATED}`;
  const { code } = (error?.cause ?? {}) as { readonly code?: string };
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return `The host of ${address}, which the connection string names, is not known to this machine.`;
  return code === undefined
    ? undefined
    : `No MongoDB server answers at ${address} (${code}). Start it, or correct CHARTROOM_STORE.`;
}

/** Why there is no connection: what an operator can change is said. Only a start meets it, so addresses may be named. */
export function connectError(error: unknown): FhirError {
  const { name, code, syscall } = innermost(error) as DriverError & { readonly syscall?: string };
  const because = (message: string) => new FhirError('unavailable', message, { cause: cleaned(error) });
  if (name === 'MongoParseError' || name === 'MongoInvalidArgumentError' || name === 'MongoAPIError')
    return because('The connection string of the store cannot be read. It has the form mongodb://host:port/database.');
  if (REFUSED_CREDENTIALS.has(code))
    return because('The MongoDB server refuses the credentials of the connection string.');
  const { reason } = innermost(error) as { readonly reason?: Topology };
  const fault = isWithoutServer(error) && reason ? faultOfServers(reason) : undefined;
  if (fault !== undefined) return because(fault);
  if (syscall?.startsWith('query')) return because('The host of the connection string has no SRV record.');
  return toFhirError(error);
}

/** A commit of which nobody knows whether it was kept. */
export const unconfirmed = (cause: unknown): FhirError =>
  new FhirError('timeout', MESSAGE_OF_KIND.timeout, { cause: cleaned(cause) });

export const changeTooLarge = (): FhirError => new FhirError('too-large', MESSAGE_OF_KIND['too-large']);

/** Any thrown value as a FhirError. */
export function toFhirError(error: unknown): FhirError {
  if (error instanceof FhirError) return error;
  const kind = kindOf(error);
  const message =
    MESSAGE_OF_CODE.get((innermost(error) as DriverError | undefined)?.code) ??
    (MESSAGE_OF_KIND as Partial<Record<Kind, string>>)[kind] ??
    'Something went wrong in the store.';
  return new FhirError(kind, message, { cause: cleaned(error) });
}

/** Runs a store operation; whatever it throws becomes a FhirError. */
export async function guarded<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw toFhirError(error);
  }
}
