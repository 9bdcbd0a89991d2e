/**
 * The guides that a server has, as its start found them: of each the index alone is read, and a definition when somebody asks for it.
 * Their order is that of the list (guide-list.ts).
 */
import { matchesVersion, newestMatch } from './business-version.js';
import { DefinitionFile, type DefinitionRow } from './definition-file.js';
import {
  damagedFiles,
  type GuideIndex,
  guideFiles,
  inspectPackage,
  type LeftOut,
  makeGuideFiles,
  readGuideIndex,
} from './guide-files.js';
import { changingGuides } from './guide-folder.js';
import { hashOfList, type ListedGuide, readGuideList } from './guide-list.js';
import { fullName } from './guide-name.js';
import type { ConformanceResource } from './package.js';
import type { Origin } from './structure-definition.js';
import { ConfigError } from '../platform/config.js';
import { hashOfFile } from '../platform/file-hash.js';

export interface InstalledGuide extends ListedGuide {
  /** `name@version`. */
  readonly origin: Origin;
  readonly title: string | undefined;
  readonly definitions: DefinitionFile;
  readonly leftOut: readonly LeftOut[];
  /** Origins of those that it depends on and that are there. */
  readonly dependencies: readonly Origin[];
  /** `name@version` of those that are not. */
  readonly missing: readonly string[];
}

export class Guides {
  readonly all: readonly InstalledGuide[];
  /** Equal where another process has the same. */
  readonly hash: string;
  readonly #byOrigin: ReadonlyMap<Origin, InstalledGuide>;
  readonly #dependencies = new Map<Origin, readonly Origin[]>();

  constructor(all: readonly InstalledGuide[]) {
    this.all = all;
    this.hash = hashOfList(all);
    this.#byOrigin = new Map(all.map(guide => [guide.origin, guide]));
  }

  /** Everything that a guide depends on, nearest first; itself is not among them. */
  dependencies(origin: Origin): readonly Origin[] {
    const known = this.#dependencies.get(origin);
    if (known) return known;
    const found = new Set([origin]);
    for (const each of found) for (const next of this.#byOrigin.get(each)?.dependencies ?? []) found.add(next);
    const nearest = [...found].slice(1);
    this.#dependencies.set(origin, nearest);
    return nearest;
  }

  /** The definitions of a type in all guides, in their order. */
  rows(type: string): readonly { readonly guide: InstalledGuide; readonly row: DefinitionRow }[] {
    return this.all.flatMap(guide => guide.definitions.rowsOf(type).map(row => ({ guide, row })));
  }

  /** Their SearchParameters, of each url the first: guides of several versions would be in each other's way. */
  searchParameters(): readonly ConformanceResource[] {
    const seen = new Set<string>();
    return this.rows('SearchParameter').flatMap(({ guide, row }) => {
      if (seen.has(row.url)) return [];
      seen.add(row.url);
      const resource = guide.definitions.read(row);
      return resource ? [{ from: `${guide.origin}: ${row.url}`, resource }] : [];
    });
  }
}

/**
 * Throws ConfigError where the list names a guide that is not there, or that is not what the list says. What was made by another version
 * of this program is made anew, which `told` hears of.
 */
export async function openGuides(folder: string, told: (origin: Origin) => void): Promise<Guides> {
  const list = readGuideList(folder);
  const indexes = list.map(guide => readGuideIndex(guideFiles(folder, guide)));
  if (indexes.includes(undefined)) await remakeGuides(folder, list, told);
  const read = list.map((guide, at) => {
    const files = guideFiles(folder, guide);
    const index = indexes[at] ?? readGuideIndex(files);
    if (!index) throw new ConfigError(`The guide ${fullName(guide)} cannot be read: ${files.index} is not there.`);
    return { guide, files, index };
  });
  return new Guides(
    read.map(({ guide, files, index }) => {
      const origin = fullName(guide);
      const { title, dependencies } = index.manifest;
      const wanted = Object.entries(dependencies).map(([name, version]) => ({
        name,
        version,
        found: meant(list, name, version),
      }));
      return {
        ...{ origin, title, leftOut: index.leftOut },
        ...guide,
        definitions: new DefinitionFile(origin, files.lines, index, files.whole),
        dependencies: wanted.flatMap(({ found }) => found ?? []),
        missing: wanted.filter(({ found }) => found === undefined).map(fullName),
      };
    }),
  );
}

/** The guide of the list that a dependency means. */
function meant(list: readonly ListedGuide[], name: string, version: string): Origin | undefined {
  const versions = list.filter(each => each.name === name && matchesVersion(version, each.version));
  const newest = newestMatch(
    undefined,
    versions.map(each => each.version),
  );
  return newest === undefined ? undefined : fullName({ name, version: newest });
}

/** ms that processes that start at the same time wait for the one that is quicker. */
const PATIENCE = 60_000;

/** Makes the files of those guides whose files are not there, from their packages. */
async function remakeGuides(
  folder: string,
  list: readonly ListedGuide[],
  told: (origin: Origin) => void,
): Promise<void> {
  await changingGuides(
    folder,
    async () => {
      for (const guide of list) {
        const files = guideFiles(folder, guide);
        // Another process may have done it meanwhile.
        if (readGuideIndex(files)) continue;
        told(fullName(guide));
        if ((await hashOfFile(files.tgz).catch(() => '')) !== guide.sha256)
          throw new ConfigError(
            `The guide ${fullName(guide)} is in the list, and ${files.tgz} is not there or holds something else. Take it away (chartroom ig remove ${fullName(guide)}) and add it again.`,
          );
        await makeGuideFiles(files, await inspectPackage(files.tgz));
      }
    },
    PATIENCE,
  );
}

export interface GuideVerdict {
  readonly guide: ListedGuide;
  /** Files that are not there, or do not hold what they must. */
  readonly damaged: readonly string[];
}

/** Compares every byte with the hashes in the list and in the indexes. */
export async function verifyGuides(folder: string): Promise<readonly GuideVerdict[]> {
  const verdicts: GuideVerdict[] = [];
  for (const guide of readGuideList(folder)) {
    const files = guideFiles(folder, guide);
    const index: GuideIndex | undefined = readGuideIndex(files);
    verdicts.push({ guide, damaged: await damagedFiles(files, guide, index) });
  }
  return verdicts;
}
