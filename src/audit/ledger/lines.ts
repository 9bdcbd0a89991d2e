/** Bytes of a file → its lines, however it was damaged: no line is kept that is longer than anything that is written. */

/** The longest line that is read: a row with a deed of a large answer, or a received event, has some megabytes. */
const MOST_BYTES = 64 * 1024 * 1024;
const LINE_END = 10;
const RETURN = 13;

export interface FileLine {
  /** From 1. */
  readonly number: number;
  /** Without its end; undefined: it is too long, or no UTF-8. */
  readonly text: string | undefined;
  /** It ends as lines of other systems do: another program has written it. */
  readonly hasReturn: boolean;
}

/** The last one may have no end. Empty ones are left out, and counted. */
export async function* fileLines(
  chunks: AsyncIterable<Uint8Array>,
  most: number = MOST_BYTES,
): AsyncGenerator<FileLine> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let number = 0;
  let parts: Uint8Array[] = [];
  let size = 0;
  const taken = (): FileLine | undefined => {
    number += 1;
    const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    const hasReturn = bytes.at(-1) === RETURN;
    const isEmpty = size === 0 || (size === 1 && hasReturn);
    const text = size > most ? undefined : decoded(decoder, hasReturn ? bytes.subarray(0, -1) : bytes);
    parts = [];
    size = 0;
    return isEmpty ? undefined : { number, text, hasReturn };
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(LINE_END); end !== -1; end = chunk.indexOf(LINE_END, from)) {
      if (size <= most) parts.push(chunk.subarray(from, end));
      size += end - from;
      from = end + 1;
      const line = taken();
      if (line) yield line;
    }
    size += chunk.length - from;
    // A copy: whoever gives chunks may use their memory again.
    if (from < chunk.length && size <= most) parts.push(new Uint8Array(chunk.subarray(from)));
  }
  if (size > 0) {
    const line = taken();
    if (line) yield line;
  }
}

/** A mark of the order of bytes, as editors set it, is left out. */
function decoded(decoder: InstanceType<typeof TextDecoder>, bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
