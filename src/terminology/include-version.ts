/**
 * Which version of a code system an include means for a code, and what is wrong where the code says another.
 * https://hl7.org/fhir/R4/valueset.html#code-system-versions
 */
import type { CodeCheck } from './code-check.js';
import { unknownSystem, versionMismatch } from './code-issues.js';
import { conceptNames } from './languages.js';
import type { ValueSetInclude } from './resources.js';
import { compareBusinessVersions, isPattern, matchesVersion } from '../fhir/business-version.js';
import { pinVersion } from './versions.js';

/** The newer version of a code system comes first. */
export const sortedIncludes = (includes: readonly ValueSetInclude[]): ValueSetInclude[] =>
  includes.toSorted((a, b) =>
    a.system === b.system && a.version !== undefined && b.version !== undefined
      ? compareBusinessVersions(b.version, a.version)
      : 0,
  );

/**
 * Where the value set names several versions of the code system and the code none: the newest that has the code, under this display.
 * Undefined where all of them do, or there is nothing to choose from.
 */
export async function preferredVersion(
  { coding, sources }: CodeCheck,
  includes: readonly ValueSetInclude[],
): Promise<string | undefined> {
  if (coding.version !== undefined) return undefined;
  const { system = '', code = '', display } = coding;
  const versions = [...new Set(includes.flatMap(each => (each.system === system ? (each.version ?? []) : [])))];
  if (versions.length < 2) return undefined;
  const having: string[] = [];
  for (const version of versions) {
    const concepts = await sources.concepts(system, version);
    const concept = concepts?.locate(code);
    if (concept === undefined) continue;
    if (display === undefined || conceptNames(concepts, concept).some(({ value }) => value === display))
      having.push(version);
  }
  if (having.length === versions.length) return undefined;
  return (having.length > 0 ? having : versions).toSorted(compareBusinessVersions).at(-1);
}

/** The version in which the code is looked up; undefined: whichever is known. Notes where the code says another. */
export async function meantVersion(check: CodeCheck, include: ValueSetInclude): Promise<string | undefined> {
  const { coding, sources, options, issues, unknown, path } = check;
  const { system = '', version } = coding;
  const { version: meant } = pinVersion(options.rules, system, include.version);
  if (version === undefined) return meant;
  if (meant !== undefined && isPattern(meant) && matchesVersion(meant, version)) return version;
  const versions = await sources.versions(system);
  if (meant === undefined && versions.includes(version)) return version;
  const concepts = await sources.concepts(system, meant);
  if (!concepts) {
    if (meant !== undefined && meant !== version) issues.add(versionMismatch(path, coding, { said: meant, meant }));
    return meant;
  }
  // A rule has no versions that could differ.
  if (concepts.version === version || concepts.rule) return meant;
  issues.add(versionMismatch(path, coding, { said: include.version, meant, used: concepts.version }));
  if (!versions.includes(version)) {
    unknown.add(`${system}|${version}`);
    issues.add(unknownSystem(path, system, version, versions));
  }
  return meant;
}
