/**
 * What the driver throws, as one of the server's kinds of error. Driver texts stay in `cause`: they can hold keys and
 * host names. The driver is loaded lazily, so errors are told by name, code and label, not by class.
 */
import { FhirError, type Kind } from '../../fhir/error.js';

interface DriverError extends Error {
  readonly code?: number | string;
  hasErrorLabel?(label: string): boolean;
}

/** Server error codes: https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml */
const KINDS: ReadonlyMap<number, Kind> = new Map<number, Kind>([
  [50, 'too-costly'], // MaxTimeMSExpired
  [292, 'too-costly'], // QueryExceededMemoryLimitNoDiskUseAllowed
  [11000, 'conflict'],
  [10334, 'too-large'], // BSONObjectTooLarge
  [14031, 'no-space'], // OutOfDiskSpace
  [64, 'timeout'], // WriteConcernFailed
  // Shutting down, stepping down, no primary, write conflicts that outlasted all retries.
  ...[6, 7, 89, 91, 112, 133, 134, 189, 202, 251, 262, 317, 358, 9001, 10058, 10107, 11600, 11602, 13435, 13436].map(
    (code): [number, Kind] => [code, 'unavailable'],
  ),
]);

const AWAY = new Set([
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
  'MongoExpiredSessionError',
  'MongoWaitQueueTimeoutError',
  'WaitQueueTimeoutError',
]);

const MESSAGES: Partial<Record<Kind, string>> = {
  unavailable: 'The store does not answer just now. Try again.',
  timeout: 'The store did not confirm the change in time: it may or may not have been kept. Read before trying again.',
  'too-costly': 'The query takes too long. Add criteria (a patient, a date range) or ask for fewer results.',
  conflict: 'The resource was created or changed by someone else meanwhile. Read it and try again.',
  'too-large': 'The resource is too large for one document of the store (16 MB). Keep large content in Binary.',
  'no-space': 'The store has no disk space left.',
};

export const hasLabel = (error: unknown, label: string): boolean =>
  error instanceof Error && (error as DriverError).hasErrorLabel?.(label) === true;

export const isDuplicate = (error: unknown): boolean => error instanceof Error && (error as DriverError).code === 11000;

function kindOf(error: unknown): Kind {
  if (!(error instanceof Error)) return 'fault';
  const { name, code } = error as DriverError;
  if (AWAY.has(name)) return 'unavailable';
  if (name === 'MongoOperationTimeoutError') return 'timeout';
  if (code === 'ERR_OUT_OF_RANGE' || /larger than the maximum|BSONObj size/.test(error.message)) return 'too-large';
  const kind = typeof code === 'number' ? KINDS.get(code) : undefined;
  if (kind) return kind;
  return hasLabel(error, 'RetryableWriteError') || hasLabel(error, 'TransientTransactionError')
    ? 'unavailable'
    : 'fault';
}

/** Any thrown value as a FhirError. */
export function toFhirError(error: unknown): FhirError {
  if (error instanceof FhirError) return error;
  const kind = kindOf(error);
  return new FhirError(kind, MESSAGES[kind] ?? 'Something went wrong in the store.', { cause: error });
}

/** Runs a store operation; whatever it throws becomes a FhirError. */
export async function guarded<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw toFhirError(error);
  }
}
