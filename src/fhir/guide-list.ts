/**
 * The list of guides, `guides.lock.json` in their folder: which are installed, in which order, and what their packages must be, byte for
 * byte. Its order decides which version an unversioned canonical means where nothing else does; a person may change it by hand.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../platform/config.js';
import { fullName, type GuideName, isGuideName, isPinned } from './guide-name.js';
import { isObject, itemsOf, type Json } from './resource.js';

export interface ListedGuide extends GuideName {
  /** Of the package (.tgz), in hexadecimal. */
  readonly sha256: string;
}

const LIST = 'guides.lock.json';
const LIST_FORMAT = 1;

export const listFile = (folder: string): string => join(folder, LIST);

/** Nothing where there is no list. Throws the system's error where it cannot be read, and ConfigError where it cannot be understood: a guide that is passed over would be one that nobody misses. */
export function readGuideList(folder: string): readonly ListedGuide[] {
  const file = listFile(folder);
  const wrong = (what: string, cause?: unknown) => new ConfigError(`${file}: ${what}.`, { cause });
  const text = readIfThere(file);
  if (text === undefined) return [];
  let parsed: Json;
  try {
    parsed = JSON.parse(text) as Json;
  } catch (error) {
    throw wrong('it is not JSON', error);
  }
  if (!isObject(parsed) || parsed['format'] !== LIST_FORMAT || !Array.isArray(parsed['guides']))
    throw wrong('it is no list of guides that this version understands');
  const guides = itemsOf(parsed['guides']).map((each): ListedGuide => {
    const { name, version, sha256 } = isObject(each) ? each : {};
    if (!isGuideName(name) || !isPinned(version) || typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256))
      throw wrong('each guide needs name, version and sha256');
    return { name, version, sha256 };
  });
  const twice = guides.find((each, at) => guides.findIndex(other => fullName(other) === fullName(each)) !== at);
  if (twice) throw wrong(`${fullName(twice)} is in it twice`);
  return guides;
}

/** Undefined where there is no such file, nor can be: that a folder of data is none is told by whoever opens it. */
function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (/^ENO(?:ENT|TDIR)$/.test((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

export const printGuideList = (guides: readonly ListedGuide[]): string =>
  `${JSON.stringify({ format: LIST_FORMAT, guides: guides.map(({ name, version, sha256 }) => ({ name, version, sha256 })) }, null, 2)}\n`;

/** Equal where two processes have the same guides in the same order. */
export const hashOfList = (guides: readonly ListedGuide[]): string =>
  createHash('sha256')
    .update(JSON.stringify(guides.map(({ name, version, sha256 }) => [name, version, sha256])))
    .digest('hex');
