/**
 * NDJSON, line by line: https://hl7.org/fhir/R4/nd-json.html. Memory is bounded by the longest line that is taken.
 */
import { isBlank } from './scan.js';

const NEWLINE = 10;

/** A line without its end; `bytes` undefined: it was longer than the limit, and its content is gone. */
export interface Line {
  /** From 1. */
  readonly line: number;
  readonly bytes: Buffer | undefined;
  /** Bytes up to the end of the line, from where the reading began. */
  readonly end: number;
}

/** Lines with their numbers; empty ones are left out. `limit`: bytes of a line. */
export async function* readLines(bytes: AsyncIterable<Buffer>, limit: number): AsyncGenerator<Line> {
  let line = 1;
  let parts: Buffer[] = [];
  let size = 0;
  let end = 0;
  const take = (part: Buffer): void => {
    size += part.length;
    if (size <= limit) parts.push(part);
    else parts = [];
  };
  const whole = (): Line | undefined => {
    if (size > limit) return { line, bytes: undefined, end };
    const text = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    return text.every(isBlank) ? undefined : { line, bytes: text, end };
  };
  for await (const part of bytes) {
    let from = 0;
    for (let at = part.indexOf(NEWLINE); at >= 0; at = part.indexOf(NEWLINE, from)) {
      take(part.subarray(from, at));
      end += at + 1 - from;
      const found = whole();
      if (found) yield found;
      line++;
      parts = [];
      size = 0;
      from = at + 1;
    }
    take(part.subarray(from));
    end += part.length - from;
  }
  const last = whole();
  if (last) yield last;
}
