/**
 * The log: pino, one JSON object a line on standard error; on a terminal a line for people. Nothing that could be PHI
 * goes in: no query values, no ids of resources, no bodies; errors are logged by kind and by the stack of their cause.
 */
import { type DestinationStream, levels, type Logger, pino } from 'pino';
import { inSources } from './source-frames.js';

export type Log = Logger;
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** One for all logs of the process: it has a timer, which goes on until the process ends. */
let destination: DestinationStream | undefined;

export function createLog(level: LogLevel): Log {
  return pino(
    {
      level,
      base: null,
      redact: { paths: ['*.authorization', 'authorization', '*.token', 'token'], censor: '[secret]' },
    },
    (destination ??= process.stderr.isTTY
      ? forPeople(process.stderr)
      : pino.destination({ dest: 2, sync: false, minLength: 4096, periodicFlush: 500 })),
  );
}

/** Writes each line of the log as time, level, message and the other members as name=value. */
export function forPeople(out: { write(text: string): unknown }): DestinationStream {
  return {
    write(line: string) {
      const { level, time, msg, ...rest } = JSON.parse(line) as Readonly<Record<string, unknown>>;
      const { at, ...members } = rest;
      const pairs = Object.entries(members).map(([name, value]) => `${name}=${shown(value)}`);
      const head = [
        new Date(Number(time)).toISOString().slice(11, 23),
        (levels.labels[Number(level)] ?? '').padEnd(5),
        ...(typeof msg === 'string' ? [msg] : []),
      ];
      out.write(
        `${[...head, ...pairs].join(' ')}\n${typeof at === 'string' ? `${at.replaceAll(/^/gm, '    ')}\n` : ''}`,
      );
    },
  };
}

function shown(value: unknown): string {
  if (typeof value === 'number') return String(Math.round(value * 1e6) / 1e6);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Where an error came from. Its message stays out: a driver may quote a document in it. */
export function frames(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const lines = (error.stack ?? '').split('\n').filter(text => text.startsWith('    at '));
  return [error.name, ...lines.map(text => inSources(text.trim()))].join('\n');
}
