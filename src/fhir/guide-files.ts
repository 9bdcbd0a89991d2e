/**
 * What is kept of each guide in the folder of guides: its package as it was given (.tgz), and what is made of it once, so that a start reads
 * an index and nothing else: definitions as checkers read them (.ndjson), the same as they were published, each packed by itself (.whole),
 * and where each stands (.index.json).
 *
 * The names of the files hold the hash of the package and the format: what is stale has another name, and is made anew. None changes once
 * it has its name, so that a server may read while a guide is added or taken away.
 */
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { ConfigError } from '../platform/config.js';
import { hashOfFile } from '../platform/file-hash.js';
import { compactDefinition, DEFINITION_TYPES } from './compact-definition.js';
import { DEFINITIONS_FORMAT, type DefinitionsIndex, definitionLine } from './definition-file.js';
import type { ListedGuide } from './guide-list.js';
import { type GuideManifest, readManifest } from './guide-manifest.js';
import { fullName } from './guide-name.js';
import { MAX_DEPTH, parseJson } from './json/json.js';
import { cannotUnpack, PACKAGE_LIMITS, readPackage } from './package.js';
import type { Resource } from './resource.js';

/** Definitions of one guide. */
const MOST_DEFINITIONS = 50_000;
/** Resources that are left out and named. */
const MOST_NAMED = 100;

export interface LeftOut {
  /** Of the entry in the package. */
  readonly name: string;
  readonly why: string;
}

/** The index of a guide as JSON. */
export interface GuideIndex extends DefinitionsIndex {
  readonly manifest: GuideManifest;
  /** Resources that cannot be used, as many as are named. */
  readonly leftOut: readonly LeftOut[];
  readonly files: { readonly lines: FileMark; readonly whole: FileMark };
}

interface FileMark {
  readonly bytes: number;
  readonly sha256: string;
}

export interface GuideFiles {
  readonly tgz: string;
  readonly lines: string;
  readonly whole: string;
  readonly index: string;
}

export function guideFiles(folder: string, guide: ListedGuide): GuideFiles {
  const base = join(folder, `${fullName(guide)}.${guide.sha256.slice(0, 16)}`);
  const made = `${base}.${DEFINITIONS_FORMAT}`;
  return { tgz: `${base}.tgz`, lines: `${made}.ndjson`, whole: `${made}.whole`, index: `${made}.index.json` };
}

/** Undefined where it was not made, or not to its end. Throws ConfigError where it cannot be read. */
export function readGuideIndex(files: GuideFiles): GuideIndex | undefined {
  try {
    const index = JSON.parse(readFileSync(files.index, 'utf8')) as GuideIndex;
    const isThere = (file: string, { bytes }: FileMark) => statSync(file, { throwIfNoEntry: false })?.size === bytes;
    return isThere(files.lines, index.files.lines) && isThere(files.whole, index.files.whole) ? index : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Whether each file holds what the list and the index say: the names of those that do not. */
export async function damagedFiles(files: GuideFiles, { sha256 }: ListedGuide, index: GuideIndex | undefined) {
  const wanted: readonly (readonly [string, string | undefined])[] = [
    [files.tgz, sha256],
    [files.lines, index?.files.lines.sha256],
    [files.whole, index?.files.whole.sha256],
  ];
  const damaged: string[] = [];
  for (const [file, hash] of wanted) if ((await hashOfFile(file).catch(() => '')) !== hash) damaged.push(file);
  return damaged;
}

/** The manifest of a package, with the hash of its bytes. Throws ConfigError where the file is no package for R4, or too large. */
export async function inspectPackage(tgz: string): Promise<GuideManifest & ListedGuide> {
  const { size } = statSync(tgz);
  if (size > PACKAGE_LIMITS.file) throw new ConfigError(`${tgz} is larger than ${PACKAGE_LIMITS.file} bytes.`);
  const sha256 = await hashOfFile(tgz);
  try {
    for await (const entry of readPackage(tgz))
      if (entry.name === 'package/package.json' && 'bytes' in entry)
        return { ...readManifest(tgz, entry.bytes), sha256 };
  } catch (cause) {
    throw cannotUnpack(tgz, cause);
  }
  throw new ConfigError(`${tgz} is no FHIR package: it has no package/package.json.`);
}

/** Makes the files of a guide from its package, the index last: where that is, all is. Throws ConfigError. */
export async function makeGuideFiles(files: GuideFiles, manifest: GuideManifest): Promise<GuideIndex> {
  const lines = await openCounted(files.lines);
  const whole = await openCounted(files.whole);
  try {
    const found = await readDefinitions(files.tgz, lines, whole);
    const index: GuideIndex = {
      format: DEFINITIONS_FORMAT,
      manifest,
      leftOut: found.leftOut,
      files: { lines: await lines.finish(), whole: await whole.finish() },
      rows: found.rows,
    };
    await writeWhole(files.index, JSON.stringify(index));
    return index;
  } catch (error) {
    await Promise.all([lines.abandon(), whole.abandon()]);
    throw cannotUnpack(files.tgz, error);
  }
}

type WriteCounted = Awaited<ReturnType<typeof openCounted>>;

async function readDefinitions(tgz: string, lines: WriteCounted, whole: WriteCounted) {
  const rows: DefinitionsIndex['rows'][number][] = [];
  const leftOut: LeftOut[] = [];
  const seen = new Set<string>();
  const leave = (name: string, why: string): void => {
    if (leftOut.length < MOST_NAMED) leftOut.push({ name: printable(name), why });
  };
  for await (const entry of readPackage(tgz)) {
    const { name } = entry;
    // Files of the package itself: package.json, .index.json.
    if (name === 'package/package.json' || name.startsWith('package/.')) continue;
    if ('passedOver' in entry) {
      leave(name, entry.passedOver);
      continue;
    }
    if (!mayDefine(entry.bytes)) continue;
    const read = definitionIn(entry.bytes);
    if (read === 'other') continue;
    if (typeof read === 'string') {
      leave(name, read);
      continue;
    }
    const [type, url, version] = read.row;
    const key = JSON.stringify([type, url, version]);
    if (seen.has(key)) {
      leave(name, 'another one before it has this url and version');
      continue;
    }
    if (seen.size >= MOST_DEFINITIONS) throw new ConfigError(`${tgz} has more than ${MOST_DEFINITIONS} definitions.`);
    seen.add(key);
    const packed = deflateRawSync(read.text, { level: 4 });
    await lines.write(read.line, NEWLINE);
    await whole.write(packed);
    rows.push([...(read.row.slice(0, 6) as FirstMembers), packed.length]);
  }
  return { rows, leftOut };
}

type FirstMembers = [string, string, string | null, string | null, number, string | null];

const NEWLINE = Buffer.from('\n');

/** Cheaper than parsing: half of a package is of other types. */
const mayDefine = (bytes: Buffer): boolean => [...DEFINITION_TYPES].some(type => bytes.includes(`"${type}"`));

/** `other`: it is none of the types that are kept; any other text says why it cannot be used. */
function definitionIn(bytes: Buffer) {
  let resource: Resource;
  try {
    ({ resource } = parseJson(bytes, { maxDepth: MAX_DEPTH }));
  } catch {
    return 'it is no JSON of a resource';
  }
  if (!DEFINITION_TYPES.has(resource.resourceType)) return 'other' as const;
  const found = definitionLine(compactDefinition(resource));
  return found ? { ...found, text: bytes } : 'it has no url';
}

/** Names of entries may hold anything, and are printed. */
const printable = (name: string): string => name.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 200);

/** A file that gets its name when it is finished. */
async function openCounted(file: string) {
  const temporary = temporaryOf(file);
  const handle: FileHandle = await open(temporary, 'w', 0o600);
  const hash = createHash('sha256');
  let bytes = 0;
  return {
    async write(...parts: readonly Buffer[]): Promise<void> {
      for (const part of parts) {
        hash.update(part);
        bytes += part.length;
        await handle.writeFile(part);
      }
    },
    async finish(): Promise<FileMark> {
      await handle.sync();
      await handle.close();
      await rename(temporary, file);
      return { bytes, sha256: hash.digest('hex') };
    },
    async abandon(): Promise<void> {
      await handle.close().catch(() => {});
      rmSync(temporary, { force: true });
    },
  };
}

export const TEMPORARY = '.part';

/** No other process writes the same. */
export const temporaryOf = (file: string): string => `${file}.${process.pid}${TEMPORARY}`;

/** Whoever reads the file sees all of it, or what was there before, whatever ends this process. */
export async function writeWhole(file: string, content: string): Promise<void> {
  const writer = await openCounted(file);
  try {
    await writer.write(Buffer.from(content));
    await writer.finish();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}
