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
import { createMemberships } from '../../src/terminology/membership.js';
import { createTerminology } from '../../src/terminology/terminology.js';
import { createBindings } from '../../src/validation/binding.js';
import { createProfileChecker, type ProfileTask } from '../../src/validation/check-profiles.js';
import { checkerParts } from '../../src/validation/resource-checker.js';
import { globalProfilesOf } from '../../src/validation/global-profiles.js';
import type { ProfileOptions } from '../../src/validation/run.js';
import { readArchive, shared } from './shared.js';
import { loadFrom } from './terms.js';

export const definitions = loadDefinitions();

export const OPTIONS: ProfileOptions = {
  unknownExtensions: 'ignore',
  bestPractice: 'ignore',
  htmlInStrings: 'ignore',
  exampleUrls: 'ignore',
  mustSupport: false,
};

/** Definitions of one origin. */
export interface DefinitionSet {
  readonly origin: string;
  readonly resources: readonly Resource[];
}

const WANTED =
  /^ {0,4}"resourceType"\s*:\s*"(StructureDefinition|ValueSet|CodeSystem|Questionnaire)"|^\{"resourceType":"(StructureDefinition|ValueSet|CodeSystem|Questionnaire)"/m;

/** The definitions of a package; undefined where it is not at hand. */
export function readPackage(folder: string, name: string): DefinitionSet | undefined {
  const file = shared('data', folder, `${name}.tgz`);
  return file === undefined ? undefined : readArchived(readArchive(file), originOf(name));
}

/** `name@version`, of the name of a file: `name-version`. */
export const originOf = (name: string): string => basename(name).replace(/-(\d[^-]*)$/, '@$1');

/** Where the type of a resource stands, if it is at the beginning. */
const HEAD = 2000;

const isWanted = (text: string): boolean => {
  const head = text.slice(0, HEAD);
  return WANTED.test(head.includes('"resourceType"') ? head : text);
};

/** The definitions of an archive. */
export function readArchived(
  files: Iterable<{ readonly name: string; readonly text: string }>,
  origin: string,
): DefinitionSet {
  const resources: Resource[] = [];
  for (const { name, text } of files) {
    if (!/^package\/[^/]+\.json$/.test(name) || !isWanted(text)) continue;
    resources.push(JSON.parse(text) as Resource);
  }
  return { origin, resources };
}

let core: DefinitionSet | undefined;

/** Those of R4; undefined where they are not at hand. */
export function readCore(): DefinitionSet | undefined {
  if (core) return core;
  const read = readPackage('r4-packages', 'hl7.fhir.r4.core-4.0.1');
  core = read && { ...read, origin: 'r4' };
  return core;
}

/** What is made of a set, whoever asks for it. */
function onceForSets<V>(make: (set: DefinitionSet) => V): (set: DefinitionSet) => V {
  const kept = new WeakMap<DefinitionSet, V>();
  return set => {
    const made = kept.get(set) ?? make(set);
    kept.set(set, made);
    return made;
  };
}

const byCanonical = onceForSets(({ origin, resources }) => {
  const byUrl = new Map<string, FoundDefinition[]>();
  for (const resource of resources) {
    const key = `${resource.resourceType} ${resource['url'] as string}`;
    byUrl.set(key, [...(byUrl.get(key) ?? []), { resource, origin }]);
  }
  return byUrl;
});

export function findIn(sets: readonly DefinitionSet[]): FindDefinition {
  return async (type, canonical, from) => {
    const { url, version } = parseCanonical(canonical);
    const all = sets.flatMap(set => byCanonical(set).get(`${type} ${url}`) ?? []);
    if (version !== undefined)
      return all.find(
        ({ resource: { version: own } }) =>
          own === version || (typeof own === 'string' && own.startsWith(`${version}.`)),
      );
    return all.find(({ origin }) => origin === from) ?? all[0];
  };
}

const termsOf = onceForSets(({ resources }) =>
  resources.filter(({ resourceType }) => resourceType === 'CodeSystem' || resourceType === 'ValueSet'),
);

/** A checker over these definitions, those of R4 among them; of several versions of a canonical the first is meant. */
export function checkerOf(sets: readonly DefinitionSet[]) {
  const terms = sets.filter(({ origin }) => origin !== 'r4').flatMap(termsOf);
  const { resources: known } = createTerminology(
    loadFrom(terms.toReversed() as unknown as Parameters<typeof loadFrom>[0]),
    {
      bases: [],
    },
  );
  const globals = () =>
    Promise.resolve(
      globalProfilesOf(
        sets.flatMap(({ origin, resources }) =>
          resources
            .filter(({ resourceType }) => resourceType === 'ImplementationGuide')
            .map(resource => ({ resource, origin })),
        ),
      ),
    );
  const bindings = createBindings(createMemberships({ sources: () => known.once() }));
  return createProfileChecker(
    checkerParts({ find: findIn(sets), definitions, bindings, generation: () => 0, globals }),
  );
}

export const parsedOf = (resource: Json): Parsed => parseJson(Buffer.from(JSON.stringify(resource)), STORED_JSON);

/** The canonical of `profileOf`, where no other is given. */
export const PROFILE = 'http://test.example/StructureDefinition/p';

/** A profile of a type whose snapshot has these elements. */
export const profileOf = (type: string, elements: readonly JsonObject[], more: JsonObject = {}): Resource => ({
  resourceType: 'StructureDefinition',
  url: PROFILE,
  version: '1.0.0',
  name: 'P',
  status: 'active',
  kind: type === 'Extension' ? 'complex-type' : 'resource',
  abstract: false,
  type,
  baseDefinition: `http://hl7.org/fhir/StructureDefinition/${type}`,
  derivation: 'constraint',
  snapshot: { element: [{ path: type, min: 0, max: '*' }, ...elements] },
  ...more,
});

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

/** Whether a place is met: the same element, one above or one below. */
export function isNear(found: string, wanted: string): boolean {
  const [a, b] = [found, wanted].map(path => path.replace(/\.ofType\(\w+\)/g, '').split('.')) as [string[], string[]];
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return long.length - short.length <= 1 && short.every((part, i) => part === long[i]);
}

/** Issues in few words, without those that say what is not known of a code. */
export const brief = (issues: readonly Issue[]): string[] =>
  issues
    .filter(({ severity }) => severity !== 'information')
    .map(({ severity, detail, expression }) => `${severity} ${detail} ${expression}`);

export { isObject };
