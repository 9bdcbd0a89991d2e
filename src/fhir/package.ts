/**
 * Conformance resources from files: a folder of JSON (one resource, or a Bundle of them) and of FHIR packages (.tgz).
 * https://hl7.org/fhir/R4/packages.html, https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
 *
 * A package is read as a stream: one entry at a time is in memory, and only if it can hold what is wanted. Of a package
 * only `package/*.json` counts: what lies deeper (`example`, `other`) is not meant to be in force.
 */
import { createReadStream, existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ConfigError } from '../platform/config.js';
import type { Json, Resource } from './resource.js';

/** Bytes: of a file, of an unpacked package, of one resource. Larger resources are passed over; nothing wanted is. */
export const PACKAGE_LIMITS = {
  file: 128 * 1024 * 1024,
  unpacked: 1024 * 1024 * 1024,
  resource: 8 * 1024 * 1024,
} as const;
const BLOCK = 512;

export interface ConformanceResource {
  /** File name, and inside a package the name of the entry: for messages. */
  readonly from: string;
  readonly resource: Resource;
}

/** Throws ConfigError where a file cannot be read. The resources of these types in a folder, in the order of the file names; nothing where there is no folder. */
export async function* readProfiles(folder: string, types: ReadonlySet<string>): AsyncGenerator<ConformanceResource> {
  if (!existsSync(folder)) return;
  for (const name of (await readdir(folder)).toSorted()) {
    const file = join(folder, name);
    if (!/\.(json|tgz|tar\.gz)$/.test(name)) continue;
    const info = await stat(file);
    if (!info.isFile()) continue;
    if (info.size > PACKAGE_LIMITS.file) throw new ConfigError(`${file} is larger than ${PACKAGE_LIMITS.file} bytes.`);
    if (name.endsWith('.json')) yield* resourcesIn(name, await readFile(file), types);
    else yield* packed(name, file, types);
  }
}

async function* packed(name: string, file: string, types: ReadonlySet<string>): AsyncGenerator<ConformanceResource> {
  try {
    for await (const entry of readPackage(file))
      if ('bytes' in entry) yield* resourcesIn(`${name}: ${entry.name}`, entry.bytes, types);
  } catch (cause) {
    throw cannotUnpack(file, cause);
  }
}

/** The error of a package, told so that a person knows which. */
export const cannotUnpack = (file: string, cause: unknown): Error =>
  cause instanceof ConfigError
    ? cause
    : new ConfigError(`${file} cannot be unpacked: it is no gzip of a tar archive, or it is broken.`, { cause });

function* resourcesIn(from: string, bytes: Buffer, types: ReadonlySet<string>): Generator<ConformanceResource> {
  // Cheaper than parsing: most of a package is of other types.
  if (![...types].some(type => bytes.includes(`"${type}"`))) return;
  let parsed: Json;
  try {
    parsed = JSON.parse(bytes.toString('utf8')) as Json;
  } catch (cause) {
    throw new ConfigError(`${from} is not JSON.`, { cause });
  }
  for (const resource of unbundle(parsed)) if (types.has(resource.resourceType)) yield { from, resource };
}

function unbundle(parsed: Json | undefined): Resource[] {
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return [];
  const { resourceType, entry } = parsed;
  if (typeof resourceType !== 'string') return [];
  if (resourceType !== 'Bundle') return [parsed as Resource];
  return (Array.isArray(entry) ? entry : []).flatMap(each =>
    typeof each === 'object' && each !== null && !Array.isArray(each) ? unbundle(each['resource']) : [],
  );
}

/** An entry of a package below `package/`, or why it cannot be had. */
export type PackageEntry =
  | { readonly name: string; readonly bytes: Buffer }
  | { readonly name: string; readonly passedOver: 'a link' | 'too large' };

/**
 * The JSON files of a package (.tgz), each directly in `package/`, one at a time. Nothing is written anywhere, so that names and links lead
 * nowhere. Throws ConfigError where it is too large or broken, or whatever its gzip does. The form of the archive:
 * https://www.gnu.org/software/tar/manual/html_node/Standard.html, with long names of GNU and of pax.
 */
export async function* readPackage(file: string): AsyncGenerator<PackageEntry> {
  const unpacked = createGunzip();
  // An error of the file becomes one of what is read here.
  pipeline(createReadStream(file), unpacked, () => undefined);
  const take = taker(unpacked, file);
  let longName: string | undefined;
  for (;;) {
    const block = await take(BLOCK, true);
    if (block === undefined || block[0] === 0) return;
    const { kind, size, name: shortName } = readTarHeader(block, file);
    const name = longName ?? shortName;
    const isName = kind === 'L' || kind === 'x';
    const isWanted = !isName && /^package\/[^/]+\.json$/.test(name);
    const isFile = kind === '0' || kind === '';
    const bytes = await take(size, (isName || (isWanted && isFile)) && size <= PACKAGE_LIMITS.resource);
    await take((BLOCK - (size % BLOCK)) % BLOCK, false);
    longName = isName && bytes ? longNameOf(kind, bytes.toString('utf8')) : undefined;
    if (!isWanted) continue;
    if (kind === '1' || kind === '2') yield { name, passedOver: 'a link' };
    else if (isFile && !bytes) yield { name, passedOver: 'too large' };
    else if (bytes && bytes.length > 0) yield { name, bytes };
  }
}

function readTarHeader(block: Buffer, file: string) {
  const text = (at: number, length: number): string => block.toString('utf8', at, at + length).replace(/\0.*$/s, '');
  const size = Number.parseInt(text(124, 12).trim() || '0', 8);
  if (!Number.isSafeInteger(size) || size < 0) throw new ConfigError(`${file} is not a tar archive.`);
  const prefix = text(345, 155);
  return { kind: text(156, 1), size, name: (prefix ? `${prefix}/` : '') + text(0, 100) };
}

/** The name of the next entry, from one of GNU (`L`) or of pax. */
const longNameOf = (kind: string, content: string): string | undefined =>
  kind === 'L' ? content.replace(/\0.*$/s, '') : /\d+ path=(.*)\n/.exec(content)?.[1];

/** Takes the next bytes of a stream, or passes over them (undefined). At its end: undefined for a block, else an error. */
function taker(stream: AsyncIterable<Buffer>, file: string) {
  const source = stream[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  let seen = 0;
  return async (length: number, keep: boolean): Promise<Buffer | undefined> => {
    const parts: Buffer[] = [];
    for (let left = length; left > 0; ) {
      if (rest.length === 0) {
        const next = await source.next();
        if (next.done) {
          if (length === BLOCK && left === length) return undefined;
          throw new ConfigError(`${file} ends early.`);
        }
        rest = next.value;
        seen += rest.length;
        if (seen > PACKAGE_LIMITS.unpacked)
          throw new ConfigError(`${file} unpacks to more than ${PACKAGE_LIMITS.unpacked} bytes.`);
      }
      const part = rest.subarray(0, left);
      if (keep) parts.push(part);
      left -= part.length;
      rest = rest.subarray(part.length);
    }
    return keep ? Buffer.concat(parts) : undefined;
  };
}
