/**
 * Definitions for tests of profiles: those of R4 and of packages, read from their archives, and those that a test gives. Unversioned
 * canonicals are looked for in the package that they stand in, then in the packages in their order.
 */
import { basename } from 'node:path';
import { loadDefinitions } from '../../src/fhir/definitions.js';
import type { Issue } from '../../src/fhir/error.js';
import { parseJson, STORED_JSON } from '../../src/fhir/json/json.js';
import { parseCanonical } from '../../src/fhir/reference.js';
import { isObject, type Json, type JsonObject, type Parsed, type Resource } from '../../src/fhir/resource.js';
import type { FindDefinition, FoundDefinition } from '../../src/fhir/structure-definition.js';
import {
  createProfileChecker,
  type ProfileCheckerParts,
  type ProfileTask,
} from '../../src/validation/check-profiles.js';
import { createResourceChecks } from '../../src/validation/resource-checks.js';
import { generateSnapshot } from '../../src/validation/snapshot.js';
import type { ProfileOptions } from '../../src/validation/run.js';
import { readArchive, shared } from './shared.js';

export const definitions = loadDefinitions();

export const OPTIONS: ProfileOptions = {
  unknownExtensions: 'ignore',
  bestPractice: 'ignore',
  htmlInStrings: 'ignore',
  mustSupport: false,
};

/** Definitions of one origin. */
export interface DefinitionSet {
  readonly origin: string;
  readonly resources: readonly Resource[];
}

const WANTED =
  /^ {0,2}"resourceType"\s*:\s*"(StructureDefinition|ValueSet|CodeSystem)"|^\{"resourceType":"(StructureDefinition|ValueSet|CodeSystem)"/m;

/** The definitions of a package; undefined where it is not at hand. */
export function readPackage(folder: string, name: string): DefinitionSet | undefined {
  const file = shared('data', folder, `${name}.tgz`);
  if (file === undefined) return undefined;
  const resources: Resource[] = [];
  for (const { name: entry, text } of readArchive(file)) {
    if (!/^package\/[^/]+\.json$/.test(entry) || !WANTED.test(text)) continue;
    resources.push(JSON.parse(text) as Resource);
  }
  return { origin: basename(name).replace(/-(\d[^-]*)$/, '@$1'), resources };
}

let core: DefinitionSet | undefined;

/** Those of R4; undefined where they are not at hand. */
export function readCore(): DefinitionSet | undefined {
  if (core) return core;
  const read = readPackage('r4-packages', 'hl7.fhir.r4.core-4.0.1');
  core = read && { ...read, origin: 'r4' };
  return core;
}

export function findIn(sets: readonly DefinitionSet[]): FindDefinition {
  const byUrl = new Map<string, FoundDefinition[]>();
  for (const { origin, resources } of sets)
    for (const resource of resources) {
      const key = `${resource.resourceType} ${resource['url'] as string}`;
      byUrl.set(key, [...(byUrl.get(key) ?? []), { resource, origin }]);
    }
  return async (type, canonical, from) => {
    const { url, version } = parseCanonical(canonical);
    const all = byUrl.get(`${type} ${url}`) ?? [];
    if (version !== undefined)
      return all.find(
        ({ resource: { version: own } }) =>
          own === version || (typeof own === 'string' && own.startsWith(`${version}.`)),
      );
    return all.find(({ origin }) => origin === from) ?? all[0];
  };
}

export function checkerOf(sets: readonly DefinitionSet[], more: Partial<ProfileCheckerParts> = {}) {
  const find = findIn(sets);
  return createProfileChecker({
    find,
    definitions,
    compileConstraint: () => undefined,
    compileBinding: () => undefined,
    generateSnapshot,
    generation: () => 0,
    isMember: () => undefined,
    checksOf: createResourceChecks({ find, definitions }),
    ...more,
  });
}

export const parsedOf = (resource: Json): Parsed => parseJson(Buffer.from(JSON.stringify(resource)), STORED_JSON);

/** Checks a resource against profiles, and what R4 says. */
export async function issuesOf(
  checker: ReturnType<typeof checkerOf>,
  resource: JsonObject | string,
  profiles: readonly string[],
  task: Partial<ProfileTask> = {},
  options: Partial<ProfileOptions> = {},
): Promise<readonly Issue[]> {
  const parsed = typeof resource === 'string' ? parseJson(Buffer.from(resource), STORED_JSON) : parsedOf(resource);
  return checker.check(
    parsed,
    { base: true, profiles: profiles.map(canonical => ({ canonical })), claims: true, ...task },
    { ...OPTIONS, ...options },
  );
}

export const errorsOf = (issues: readonly Issue[]): readonly Issue[] =>
  issues.filter(({ severity }) => severity === 'error');

/** Issues in few words. */
export const brief = (issues: readonly Issue[]): string[] =>
  issues.map(({ severity, detail, expression }) => `${severity} ${detail} ${expression}`);

export { isObject };
