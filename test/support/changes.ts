/** Resources as changes that a store takes, with the index entries and words that they really have. */
import { loadDefinitions } from '../../src/fhir/definitions.js';
import type { Resource } from '../../src/fhir/resource.js';
import type { IndexEntry } from '../../src/search/entry.js';
import { extract } from '../../src/search/extract.js';
import { createSearchParameters } from '../../src/search/parameters.js';
import { wordsOf } from '../../src/search/words-of.js';
import { createIndexLayout } from '../../src/store/index-layout.js';
import type { Change, Version } from '../../src/store/store.js';

export const definitions = loadDefinitions();
export const parameters = createSearchParameters(definitions);
export const layout = createIndexLayout(definitions.searchParameters);

export const entriesOf = (resource: Resource): IndexEntry[] => extract(resource, parameters, { bases: [] });

/** The resource with the id and meta that it is stored with. */
export const stamped = (resource: Resource, version: number, updated: number): Resource => ({
  ...resource,
  meta: { versionId: `${version}`, lastUpdated: new Date(updated).toISOString() },
});

export interface ChangeOptions {
  readonly updated?: number;
  /** The version that it replaces. */
  readonly replaces?: Version;
}

/** Writes a resource: a creation, or the next version of what it replaces. */
export function put(resource: Resource, { replaces, updated = Date.now() }: ChangeOptions = {}): Change {
  const version = (replaces?.version ?? 0) + 1;
  const whole = stamped(resource, version, updated);
  return {
    type: resource.resourceType,
    id: resource['id'] as string,
    version,
    updated,
    method: replaces ? 'PUT' : 'POST',
    text: Buffer.from(JSON.stringify(whole)),
    patients: patientsOf(whole),
    entries: entriesOf(whole),
    words: wordsOf(whole, definitions),
    ...(replaces ? { replaces } : {}),
  };
}

/** Deletes what is current. */
export const remove = (replaces: Version, updated = Date.now()): Change => ({
  type: replaces.type,
  id: replaces.id,
  version: replaces.version + 1,
  updated,
  method: 'DELETE',
  patients: replaces.patients,
  entries: [],
  replaces,
});

const patientsOf = (resource: Resource): string[] =>
  resource.resourceType === 'Patient'
    ? [resource['id'] as string]
    : entriesOf(resource).flatMap(entry =>
        entry.parameter === 'patient' && entry.kind === 'reference' && entry.type === 'Patient' ? [entry.id] : [],
      );
