/**
 * Finds ValueSets and CodeSystems: resources in the store come before those of the standard.
 *
 * The store is asked every time, so that a changed resource counts as soon as its write is answered; what is kept is the
 * index of a CodeSystem, by id, version and time of the resource it was made from.
 */
import { parseCanonical } from '../fhir/reference.js';
import type { Resource } from '../fhir/resource.js';
import { createLruCache } from '../platform/lru-cache.js';
import { type Concepts, indexConcepts, isUsable } from './code-system.js';
import type { Sources } from './expand.js';
import { implicitValueSet } from './implicit.js';
import type { Canonical, CodeSystem, LoadCanonical, UnparsedResource, ValueSet } from './resources.js';
import type { Standard } from './standard.js';

export interface CanonicalResources {
  valueSet(by: Canonical): Promise<ValueSet | undefined>;
  /** Undefined where the code system is not known, or not its concepts. */
  concepts(url: string, version?: string): Promise<Concepts | undefined>;
  /** The same for one expansion, which reads every code system once and so sees one state of it. */
  once(): Sources;
}

/** Indexes of stored code systems that are kept: one of 200,000 concepts takes some 40 MB. */
const MAX_CACHED_CODE_SYSTEMS = 4;

/** `open` is called once, when something is not in the store. */
export function createCanonicalResources(load: LoadCanonical, open: () => Promise<Standard>): CanonicalResources {
  let opened: Promise<Standard> | undefined;
  const standard = (): Promise<Standard> => (opened ??= open());
  const indexOf = createStoredIndex();
  const published = new WeakMap<CodeSystem, Concepts>();

  async function valueSet(by: Canonical): Promise<ValueSet | undefined> {
    const stored = await load('ValueSet', by);
    if (stored) return (isUnparsed(stored) ? stored.read() : stored) as unknown as ValueSet;
    return (await standard()).valueSet(by) ?? ('url' in by ? implicitValueSet(by.url) : undefined);
  }

  async function concepts(url: string, version?: string): Promise<Concepts | undefined> {
    const by: Canonical = version === undefined ? { url } : { url, version };
    const stored = await load('CodeSystem', by);
    // A stored one without its concepts (content not-present) does not hide those of the standard.
    const indexed = stored && indexOf(stored);
    if (indexed) return indexed;
    const found = (await standard()).codeSystem(by);
    if (!found || !isUsable(found)) return undefined;
    const known = published.get(found) ?? indexConcepts(found);
    published.set(found, known);
    return known;
  }

  function once(): Sources {
    const read = new Map<string, Promise<Concepts | undefined>>();
    return {
      valueSet: canonical => valueSet(parseCanonical(canonical)),
      concepts(url, version) {
        const key = JSON.stringify([url, version]);
        const found = read.get(key) ?? concepts(url, version);
        read.set(key, found);
        return found;
      },
    };
  }

  return { valueSet, concepts, once };
}

/** Gives the index of a stored CodeSystem, which is parsed and indexed only where its version is not at hand. */
function createStoredIndex(): (stored: Resource | UnparsedResource) => Concepts | undefined {
  const recent = createLruCache<Concepts | undefined>(MAX_CACHED_CODE_SYSTEMS);
  return stored => {
    if (isUnparsed(stored)) return recent.get(stored.key, () => conceptsOf(stored.read()));
    const { id, meta } = stored as unknown as CodeSystem;
    if (meta?.versionId === undefined) return conceptsOf(stored);
    return recent.get(JSON.stringify([id, meta.versionId, meta.lastUpdated]), () => conceptsOf(stored));
  };
}

const isUnparsed = (found: Resource | UnparsedResource): found is UnparsedResource =>
  typeof found['read'] === 'function';

function conceptsOf(resource: Resource): Concepts | undefined {
  const system = resource as unknown as CodeSystem;
  return isUsable(system) ? indexConcepts(system) : undefined;
}
