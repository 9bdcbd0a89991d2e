/**
 * Adds guides to their folder, and takes them away. What a guide depends on is looked for among those that are there, beside the file it came
 * from, and at the registry; what cannot be had is named, and the guide works without it. The list is written last, in one step: until then
 * nothing has changed for anybody.
 */
import { chmodSync, copyFileSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError } from '../platform/config.js';
import { matchesVersion, newestMatch } from './business-version.js';
import { asFhirError } from './error.js';
import {
  type GuideIndex,
  guideFiles,
  inspectPackage,
  type LeftOut,
  makeGuideFiles,
  readGuideIndex,
  temporaryOf,
  writeWhole,
} from './guide-files.js';
import { changingGuides, packFolder, sweepGuides } from './guide-folder.js';
import { type ListedGuide, listFile, printGuideList, readGuideList } from './guide-list.js';
import type { GuideManifest } from './guide-manifest.js';
import { fullName, type GuideName, isMoving, isPinned, parseGuideName } from './guide-name.js';
import { PACKAGE_LIMITS } from './package.js';

/** Where packages are fetched from. Both throw FhirError, or ConfigError, where that cannot be. */
export interface PackageRegistry {
  versions(name: string): Promise<readonly string[]>;
  /** Writes the package to a file, checked against what the registry says of it. */
  download(guide: GuideName, to: string): Promise<void>;
}

export interface AddedGuide extends GuideName {
  readonly definitions: number;
  readonly leftOut: readonly LeftOut[];
  /** It was in the list before. */
  readonly known: boolean;
}

export interface MissingDependency extends GuideName {
  /** Which guide depends on it. */
  readonly of: string;
  readonly why: string;
}

export interface Addition {
  readonly added: readonly AddedGuide[];
  readonly missing: readonly MissingDependency[];
}

/** Packages that one guide may lead to. */
const MOST_TOGETHER = 100;

export interface AddOptions {
  /** Undefined: nobody is asked. */
  readonly registry: PackageRegistry | undefined;
  /** Before those that are there, instead of behind them. */
  readonly first: boolean;
}

/** `source`: a package (.tgz), a folder with one, or `name@version`. Throws ConfigError or FhirError where it cannot be added. */
export function addGuide(folder: string, source: string, options: AddOptions): Promise<Addition> {
  return changingGuides(folder, async () => {
    const before = readGuideList(folder);
    sweepGuides(folder, before);
    const adding = new Adding(folder, before, source, options.registry);
    const temporary = temporaryOf(join(folder, 'package'));
    try {
      await adding.take(await fetchSource(source, options, temporary), temporary);
      await adding.takeDependencies(temporary);
      const { guides, added, missing } = adding;
      const known = new Set(before.map(fullName));
      const fresh = guides.filter(guide => !known.has(fullName(guide)));
      const list = options.first ? [...fresh, ...before] : [...before, ...fresh];
      if (fresh.length > 0) await writeWhole(listFile(folder), printGuideList(list));
      return { added, missing };
    } finally {
      rmSync(temporary, { force: true });
      sweepGuides(folder, readGuideList(folder));
    }
  });
}

/** Gives the package that was asked for by its name, if it was. */
async function fetchSource(
  source: string,
  { registry }: AddOptions,
  temporary: string,
): Promise<GuideName | undefined> {
  const info = statSync(source, { throwIfNoEntry: false });
  if (info?.isDirectory()) await packFolder(source, temporary);
  else if (info) copyPackage(source, temporary);
  else {
    const { name, version } = parseGuideName(source);
    if (!registry) throw new ConfigError(`${name} is no file here, and no registry may be asked (CHARTROOM_REGISTRY).`);
    if (version === undefined) {
      const newest = newestMatch(undefined, (await registry.versions(name)).filter(isPinned));
      throw new ConfigError(
        `Which version of ${name}?${newest === undefined ? '' : ` The newest is ${name}@${newest}.`}`,
      );
    }
    await registry.download({ name, version }, temporary);
    return { name, version };
  }
  return undefined;
}

function copyPackage(from: string, to: string): void {
  if (statSync(from).size > PACKAGE_LIMITS.file)
    throw new ConfigError(`${from} is larger than ${PACKAGE_LIMITS.file} bytes.`);
  copyFileSync(from, to);
  // A package that may only be read is none that may not be taken away.
  chmodSync(to, 0o600);
}

class Adding {
  /** Those before, and those that are added. */
  readonly guides: ListedGuide[];
  readonly added: AddedGuide[] = [];
  readonly missing: MissingDependency[] = [];
  readonly #folder: string;
  readonly #source: string;
  readonly #registry: PackageRegistry | undefined;
  readonly #waiting: GuideManifest[] = [];
  /** Why the registry is not asked again. */
  #unreachable: string | undefined;

  constructor(folder: string, before: readonly ListedGuide[], source: string, registry: PackageRegistry | undefined) {
    this.#folder = folder;
    this.guides = [...before];
    this.#source = source;
    this.#registry = registry;
  }

  /** Takes over a package that lies in a temporary file. `wanted`: what it must be. */
  async take(wanted: GuideName | undefined, temporary: string): Promise<void> {
    const { sha256, ...manifest } = await inspectPackage(temporary);
    const guide: ListedGuide = { name: manifest.name, version: manifest.version, sha256 };
    if (wanted && fullName(wanted) !== fullName(guide))
      throw new ConfigError(`The package for ${fullName(wanted)} says that it is ${fullName(guide)}.`);
    const same = this.guides.find(each => fullName(each) === fullName(guide));
    if (same && same.sha256 !== sha256)
      throw new ConfigError(
        `${fullName(guide)} is installed with another content (SHA-256 ${same.sha256}; this one: ${sha256}). Take it away first: chartroom ig remove ${fullName(guide)}.`,
      );
    const files = guideFiles(this.#folder, guide);
    renameSync(temporary, files.tgz);
    const index = (same && readGuideIndex(files)) ?? (await makeGuideFiles(files, manifest));
    if (!same) this.guides.push(guide);
    this.added.push({ ...guide, definitions: index.rows.length, leftOut: index.leftOut, known: same !== undefined });
    this.#waiting.push(manifest);
  }

  /** Looks for everything that the guides so far depend on, and for what that depends on. */
  async takeDependencies(temporary: string): Promise<void> {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift())
      for (const [name, version] of Object.entries(next.dependencies)) {
        if (this.#isThere({ name, version })) continue;
        const why = await this.#obtain({ name, version }, temporary);
        if (why !== undefined) this.missing.push({ name, version, of: fullName(next), why });
      }
  }

  #isThere({ name, version }: GuideName): boolean {
    return this.guides.some(each => each.name === name && matchesVersion(version, each.version));
  }

  /** Gives why it cannot be had; undefined: it is there now. */
  async #obtain(wanted: GuideName, temporary: string): Promise<string | undefined> {
    if (isMoving(wanted.version)) return 'it names no version that stays';
    if (this.added.length >= MOST_TOGETHER) return `it would be one of more than ${MOST_TOGETHER} packages`;
    const told = this.missing.find(each => each.name === wanted.name && each.version === wanted.version);
    if (told) return told.why;
    try {
      const beside = this.#beside(wanted);
      if (beside !== undefined) copyPackage(beside, temporary);
      const found = beside === undefined ? await this.#download(wanted, temporary) : undefined;
      if (typeof found === 'string') return found;
      await this.take(found, temporary);
      return undefined;
    } catch (error) {
      if (error instanceof ConfigError) return error.message;
      const { kind, message } = asFhirError(error);
      if (kind === 'fault') throw error;
      if (kind === 'unavailable' || kind === 'timeout') this.#unreachable = message;
      return message;
    } finally {
      rmSync(temporary, { force: true });
    }
  }

  /** A package beside the file that is added. */
  #beside({ name, version }: GuideName): string | undefined {
    const info = statSync(this.#source, { throwIfNoEntry: false });
    if (!info?.isFile()) return undefined;
    const folder = dirname(this.#source);
    const versions = new Map<string, string>();
    for (const file of readdirSync(folder)) {
      const found = /^(.+)\.tgz$/.exec(file)?.[1];
      if (found?.startsWith(name) && /[-@#]/.test(found[name.length] ?? ''))
        versions.set(found.slice(name.length + 1), file);
    }
    const newest = newestMatch(version, [...versions.keys()]);
    return newest === undefined ? undefined : join(folder, versions.get(newest)!);
  }

  /** Gives which version it is, or why there is none. */
  async #download({ name, version }: GuideName, temporary: string): Promise<GuideName | string> {
    if (!this.#registry) return 'no registry may be asked';
    if (this.#unreachable !== undefined) return this.#unreachable;
    const one = isPinned(version)
      ? version
      : newestMatch(version, (await this.#registry.versions(name)).filter(isPinned));
    if (one === undefined) return 'the registry has no version that fits';
    await this.#registry.download({ name, version: one }, temporary);
    return { name, version: one };
  }
}

export interface Removal {
  /** Those left that depend on it. */
  readonly neededBy: readonly string[];
}

/** Throws ConfigError where there is no such guide. */
export function removeGuide(folder: string, text: string): Promise<Removal> {
  return changingGuides(folder, async () => {
    const before = readGuideList(folder);
    const gone = before.find(each => fullName(each) === text.replace('#', '@'));
    if (!gone) throw new ConfigError(`There is no guide ${JSON.stringify(text.slice(0, 200))}. See chartroom ig list.`);
    const left = before.filter(each => each !== gone);
    await writeWhole(listFile(folder), printGuideList(left));
    sweepGuides(folder, left);
    const isNeeded = ({ manifest }: GuideIndex): boolean =>
      Object.entries(manifest.dependencies).some(
        ([name, version]) => name === gone.name && matchesVersion(version, gone.version),
      );
    const neededBy = left.filter(each => {
      const index = readGuideIndex(guideFiles(folder, each));
      return index && isNeeded(index);
    });
    return { neededBy: neededBy.map(fullName) };
  });
}
