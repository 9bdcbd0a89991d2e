/**
 * The log: pino, one JSON object a line on standard error. Nothing that could be PHI goes in: no query values, no ids
 * of resources, no bodies; errors are logged by kind and by the stack of their cause.
 */
import { type Logger, pino } from 'pino';

export type Log = Logger;
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export function createLog(level: LogLevel): Log {
  return pino(
    {
      level,
      base: null,
      redact: { paths: ['*.authorization', 'authorization', '*.token', 'token'], censor: '[secret]' },
    },
    pino.destination({ dest: 2, sync: false, minLength: 4096, periodicFlush: 500 }),
  );
}
