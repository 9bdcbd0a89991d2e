/** The SHA-256 of a file as it lies on the disk, in hex. Read in pieces of a megabyte: nobody else waits for the whole of it. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

export async function hashOfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(file, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>)
    hash.update(part);
  return hash.digest('hex');
}
