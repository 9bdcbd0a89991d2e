/** Definitions that the server has from files: those of R4, of guides, its own and those of features. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DefinitionSource } from '../fhir/definition-file.js';
import { joinShelves, shelfOf } from '../fhir/definition-shelf.js';
import { createFindDefinition } from '../fhir/find-definition.js';
import { type Guides, openGuides } from '../fhir/guides.js';
import { type ConformanceResource, readProfiles } from '../fhir/package.js';
import type { FindDefinition, Origin } from '../fhir/structure-definition.js';
import { loadStructures } from '../fhir/structures.js';
import type { Operations } from '../interactions/engine.js';
import { type Feature } from '../interactions/feature.js';
import { type Config, ConfigError, guidesFolder } from '../platform/config.js';
import { type Log } from '../platform/log.js';
import { guideResources } from '../terminology/guide-resources.js';
import { loadStandard, standardDefinitions, standardShelf } from '../terminology/standard.js';

const root = new URL('../../../', import.meta.url);

/** Definitions of guides and of R4. Throws ConfigError where a guide of the list cannot be had. */
export async function openDefinitions(config: Config, log: Log) {
  const guides = await openGuides(guidesFolder(config), guide => log.info({ guide }, 'Making files of a guide anew'));
  const files = [...guides.all.map(({ definitions }) => definitions), loadStructures()];
  const sources = [...files, standardDefinitions(loadStandard)];
  const dependencies = (origin: Origin): readonly Origin[] => guides.dependencies(origin);
  /** With what is stored, which comes first. */
  const findWith = (...stored: readonly DefinitionSource[]): FindDefinition =>
    createFindDefinition({ sources: () => [...stored, ...sources], dependencies });
  const shelf = joinShelves([...files.map(shelfOf), standardShelf(loadStandard)]);
  const terminologyParts = { standard: loadStandard, guides: guideResources(files, dependencies) };
  return { guides, shelf, findWith, terminologyParts };
}

/** SearchParameters of files, then those of guides. */
export const parametersIn = (files: readonly ConformanceResource[], guides: Guides): ConformanceResource[] => [
  ...files.filter(({ resource }) => resource.resourceType === 'SearchParameter'),
  ...guides.searchParameters(),
];

const PROFILE_TYPES: ReadonlySet<string> = new Set(['SearchParameter', 'OperationDefinition']);

/** What we add to R4 (profiles/ of the project), what features bring, and what the settings name beside it. */
export async function profiles(config: Config, features: readonly Feature[]): Promise<ConformanceResource[]> {
  const own = fileURLToPath(new URL('profiles', root));
  const given = config.profiles === '' ? own : resolve(config.profiles);
  const found: ConformanceResource[] = [];
  const theirs = features.flatMap(({ profiles: folder }) => (folder ? [fileURLToPath(folder)] : []));
  for (const folder of new Set([own, ...theirs, given]))
    for await (const each of readProfiles(folder, PROFILE_TYPES)) found.push(each);
  if (!existsSync(given) && given !== own)
    throw new ConfigError(`CHARTROOM_PROFILES must name a folder that exists; ${given} does not.`);
  return found;
}

/** Definitions of our operations, each at the address that /metadata gives. Those of guides are no operations here. */
export function operationDefinitions(
  files: readonly ConformanceResource[],
  operations: Operations,
  base: string,
): ReadonlyMap<string, Buffer> {
  const codes = new Set<unknown>(operations.keys());
  return new Map(
    files
      .filter(({ resource }) => resource.resourceType === 'OperationDefinition' && codes.has(resource['code']))
      .map(({ resource: { resourceType, id, ...rest } }) => {
        const path = `${resourceType}/${typeof id === 'string' ? id : ''}`;
        return [path, Buffer.from(JSON.stringify({ resourceType, id, url: `${base}/${path}`, ...rest }))];
      }),
  );
}
