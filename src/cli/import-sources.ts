/**
 * What an import reads: files of NDJSON and of Bundles, plain or gzipped, from files and folders in the order of their names.
 * Memory is bounded by the longest line and the largest Bundle that the settings allow.
 */
import { createReadStream, type ReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { FhirError } from '../fhir/error.js';
import { ConfigError } from '../platform/config.js';

export interface SourceFile {
  readonly path: string;
  readonly form: 'ndjson' | 'json' | 'xml';
  /** Bytes on the disk. */
  readonly size: number;
}

interface FileKinds {
  readonly pattern: RegExp;
  readonly names: string;
}
const IMPORTABLE: FileKinds = { pattern: /\.(ndjson|jsonl|json)(\.gz)?$/i, names: '.json, .ndjson or .jsonl' };
/** What chartroom validate reads. */
export const CHECKABLE: FileKinds = {
  pattern: /\.(ndjson|jsonl|json|xml)(\.gz)?$/i,
  names: '.json, .ndjson, .jsonl or .xml',
};

/** Every file below the paths that can be read. Throws ConfigError for a path that is not there or holds nothing. */
export async function findSources(paths: readonly string[], kinds = IMPORTABLE): Promise<SourceFile[]> {
  const found: SourceFile[] = [];
  for (const path of paths) {
    const before = found.length;
    await collect(path, found, kinds, true);
    if (found.length === before) throw new ConfigError(`${path} holds no ${kinds.names} files (or .gz of them).`);
  }
  return found;
}

async function collect(path: string, found: SourceFile[], kinds: FileKinds, named: boolean): Promise<void> {
  const info = await stat(path).catch(() => {
    throw new ConfigError(`${path} cannot be read.`);
  });
  if (info.isDirectory()) {
    for (const name of (await readdir(path)).toSorted()) await collect(join(path, name), found, kinds, false);
    return;
  }
  const form = kinds.pattern.exec(path)?.[1]?.toLowerCase();
  if (form === undefined) {
    if (named) throw new ConfigError(`${path} is none of ${kinds.names} (or .gz of them).`);
    return;
  }
  found.push({ path, form: form === 'json' || form === 'xml' ? form : 'ndjson', size: info.size });
}

/** A file that is being read. */
export interface Opened {
  readonly bytes: AsyncIterable<Buffer>;
  /** Bytes of the disk that have been read so far. */
  readonly read: () => number;
}

export function openSource({ path }: SourceFile): Opened {
  const file: ReadStream = createReadStream(path);
  const read = (): number => file.bytesRead;
  if (!/\.gz$/i.test(path)) return { bytes: file as AsyncIterable<Buffer>, read };
  const plain = createGunzip();
  file.on('error', error => plain.destroy(error));
  return { bytes: file.pipe(plain) as AsyncIterable<Buffer>, read };
}

/** The whole file. Throws `too-large` beyond `limit` bytes. */
export async function readWhole({ bytes }: Opened, limit: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of bytes) {
    size += part.length;
    if (size > limit)
      throw new FhirError(
        'too-large',
        `A file that is one Bundle may have ${limit} bytes (CHARTROOM_MAX_BUNDLE). Split it, or write its resources as NDJSON, which may be of any size.`,
      );
    parts.push(part);
  }
  return Buffer.concat(parts);
}
