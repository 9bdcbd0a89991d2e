/**
 * What an import reads: NDJSON line by line, Bundles whole, both plain or gzipped, from files and folders in the order
 * of their names. Memory is bounded by the longest line and the largest Bundle.
 */
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { FhirError } from '../fhir/error.js';
import { ConfigError } from '../platform/config.js';

export interface SourceFile {
  readonly path: string;
  readonly form: 'ndjson' | 'json';
  /** Tells a file from a later one of the same name. */
  readonly stamp: string;
}

const NAME = /\.(ndjson|jsonl|json)(\.gz)?$/i;

/** Every importable file below the paths. Throws ConfigError for a path that is not there or holds nothing. */
export async function findSources(paths: readonly string[]): Promise<SourceFile[]> {
  const found: SourceFile[] = [];
  for (const path of paths) {
    const before = found.length;
    await collect(path, found, true);
    if (found.length === before)
      throw new ConfigError(`${path} holds no .json, .ndjson or .jsonl files (or .gz of them).`);
  }
  return found;
}

async function collect(path: string, found: SourceFile[], named: boolean): Promise<void> {
  const info = await stat(path).catch(() => {
    throw new ConfigError(`${path} cannot be read.`);
  });
  if (info.isDirectory()) {
    for (const name of (await readdir(path)).toSorted()) await collect(join(path, name), found, false);
    return;
  }
  const form = NAME.exec(path)?.[1]?.toLowerCase();
  if (form === undefined) {
    if (named) throw new ConfigError(`${path} is neither .json nor .ndjson nor .jsonl (or .gz of them).`);
    return;
  }
  found.push({ path, form: form === 'json' ? 'json' : 'ndjson', stamp: `${info.size}:${Math.floor(info.mtimeMs)}` });
}

function openBytes(path: string): NodeJS.ReadableStream {
  const file = createReadStream(path);
  if (!/\.gz$/i.test(path)) return file;
  const plain = createGunzip();
  file.on('error', error => plain.destroy(error));
  return file.pipe(plain);
}

/** Lines with their numbers from 1; empty ones are left out. */
export async function* readLines(path: string): AsyncGenerator<{ line: number; bytes: Buffer }> {
  let line = 0;
  for await (const text of createInterface({ input: openBytes(path), crlfDelay: Infinity })) {
    line++;
    if (text.trim() !== '') yield { line, bytes: Buffer.from(text) };
  }
}

/** The whole file. Throws `too-large` beyond `limit` bytes. */
export async function readWhole(path: string, limit: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of openBytes(path) as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > limit) throw new FhirError('too-large', 'A bundle file is too large: split it or use NDJSON.');
    parts.push(part);
  }
  return Buffer.concat(parts);
}
