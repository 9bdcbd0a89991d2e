/**
 * What is read of stored resources: their parsed text, the indexes of CodeSystems and the business versions. What is found once is
 * kept by id, version and time, because a code system may take a second to read.
 */
import type { Resource } from '../fhir/resource.js';
import type { Origin } from '../fhir/structure-definition.js';
import { createLruCache } from '../platform/lru-cache.js';
import { inPieces } from '../platform/pieces.js';
import { type Concepts, indexing, isUsable } from './code-system.js';
import type { CodeSystem, TerminologyResource, UnparsedResource } from './resources.js';
import { compareBusinessVersions } from '../fhir/business-version.js';

export type StoredResource = Resource | UnparsedResource;

/** Indexes of stored code systems that are kept: one of 200,000 concepts takes some 100 MB. */
const MAX_CACHED_CODE_SYSTEMS = 4;
/** Versions of stored resources that share their url with others. */
const MAX_CACHED_VERSIONS = 1000;

/** Gives the index of a stored CodeSystem, which is parsed and indexed only where its version is not at hand. */
export function createStoredIndex(
  most: number = MAX_CACHED_CODE_SYSTEMS,
): (stored: StoredResource) => Promise<Concepts | undefined> {
  const recent = createLruCache<Promise<Concepts | undefined>>(most);
  return stored => {
    if (isUnparsed(stored)) return recent.get(stored.key, async () => conceptsOf(await stored.read()));
    const { id, meta } = stored as unknown as CodeSystem;
    if (meta?.versionId === undefined) return conceptsOf(stored);
    return recent.get(JSON.stringify([id, meta.versionId, meta.lastUpdated]), () => conceptsOf(stored));
  };
}

/** Gives the business version of a stored resource. */
export function createStoredVersions(): (stored: StoredResource) => Promise<string | undefined> {
  const recent = createLruCache<Promise<string | undefined>>(MAX_CACHED_VERSIONS);
  const read = async (stored: StoredResource): Promise<string | undefined> =>
    ((await readFound(stored)) as CodeSystem).version;
  return stored => (isUnparsed(stored) ? recent.get(stored.key, () => read(stored)) : read(stored));
}

/** The one with the highest version; of those that are alike the first. */
export async function highestOf(
  all: readonly StoredResource[],
  versionOf: ReturnType<typeof createStoredVersions>,
): Promise<StoredResource | undefined> {
  const told: { readonly resource: StoredResource; readonly version: string | undefined }[] = [];
  for (const resource of all) told.push({ resource, version: await versionOf(resource) });
  return told.toSorted((a, b) => compareBusinessVersions(b.version, a.version))[0]?.resource;
}

const isUnparsed = (found: StoredResource): found is UnparsedResource => typeof found['read'] === 'function';

/** The guide that it is from; undefined: it is stored. */
export const guideOf = (found: StoredResource): Origin | undefined => (isUnparsed(found) ? found.origin : undefined);

export const readFound = async (found: StoredResource): Promise<TerminologyResource> =>
  (isUnparsed(found) ? await found.read() : found) as unknown as TerminologyResource;

export async function readAllFound(all: readonly StoredResource[]): Promise<TerminologyResource[]> {
  const found: TerminologyResource[] = [];
  for (const each of all) found.push(await readFound(each));
  return found;
}

async function conceptsOf(resource: Resource): Promise<Concepts | undefined> {
  const system = resource as unknown as CodeSystem;
  return isUsable(system) ? inPieces(indexing(system)) : undefined;
}
