/**
 * How far a long command is: on a terminal one line that is written anew, elsewhere (a log, a container) a line every ten
 * seconds. Both say the share that is done and the time that is left, as far as the command can tell.
 */
import { sep } from 'node:path';
import { realInterval } from '../platform/real-time.js';

export interface Status {
  /** 0 to 1. */
  readonly share: number;
  /** What is counted, and how many of it: the rate is told beside it. */
  readonly count: number;
  readonly what: string;
  /** Anything else worth a word. */
  readonly more?: string;
  /** What is being worked at; the first to be shortened. */
  readonly path?: string;
}

export interface ProgressOptions {
  /** ms between two lines where there is no terminal. */
  readonly every: number;
  readonly out: Pick<NodeJS.WriteStream, 'write'> & { readonly isTTY?: boolean; readonly columns?: number };
}

const LINE_MS = 10_000;
const TERMINAL_MS = 500;
/** Looks back that the time left is reckoned by: what was fast an hour ago tells nothing. */
const REMEMBERED = 12;

/** Tells `look` again and again; call what it gives back to end it. Never keeps the process alive. */
export function showProgress(look: () => Status, given: Partial<ProgressOptions> = {}): () => void {
  const { out = process.stderr, every = LINE_MS } = given;
  const started = performance.now();
  const seen = [{ at: started, share: look().share, count: look().count }];
  const show = (): void => {
    const status = look();
    const now = { at: performance.now(), share: status.share, count: status.count };
    const from = seen[0]!;
    seen.push(now);
    if (seen.length > REMEMBERED) seen.shift();
    const text = lineOf(status, from, now, out.isTTY ? (out.columns ?? 80) - 1 : Number.POSITIVE_INFINITY);
    out.write(out.isTTY ? `\r\u001b[K${text}` : `${text}\n`);
  };
  const timer = realInterval(out.isTTY ? TERMINAL_MS : every, show);
  timer.unref();
  return () => {
    clearInterval(timer);
    if (out.isTTY) out.write('\r\u001b[K');
  };
}

interface Seen {
  readonly at: number;
  readonly share: number;
  readonly count: number;
}

function lineOf({ share, count, what, more, path }: Status, from: Seen, now: Seen, room: number): string {
  const seconds = Math.max((now.at - from.at) / 1000, 0.001);
  const rate = (now.count - from.count) / seconds;
  const speed = (now.share - from.share) / seconds;
  const parts = [
    `${Math.floor(Math.min(share, 1) * 100)} %`,
    `${count.toLocaleString('en')} ${what}`,
    `${Math.round(rate).toLocaleString('en')}/s`,
    ...(more === undefined ? [] : [more]),
    ...(speed > 0 && share < 1 ? [`${timeOf((1 - share) / speed)} left`] : []),
  ];
  const text = parts.join(', ');
  if (path === undefined) return text.slice(0, Math.min(room, text.length));
  const short = shortened(path, room - text.length - 2);
  return short === '' ? text.slice(0, Math.min(room, text.length)) : `${text}: ${short}`;
}

/** Rounded up, so that nobody is told that nothing is left. */
function timeOf(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.ceil(seconds))} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.ceil(minutes / 60)} h`;
}

/** The end of a path, cut where folders meet; within a name only where that alone is too long. Empty: there is no room. */
export function shortened(path: string, room: number): string {
  if (path.length <= room) return path;
  const names = path.split(sep);
  for (let from = 1; from < names.length; from++) {
    const tail = ['…', ...names.slice(from)].join(sep);
    if (tail.length <= room) return tail;
  }
  const name = names.at(-1)!;
  return room < 8 ? '' : `${name.slice(0, Math.floor((room - 1) / 2))}…${name.slice(-Math.ceil((room - 1) / 2))}`;
}
