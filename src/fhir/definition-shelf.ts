/**
 * Published definitions as they are handed out to clients, read-only: those of guides in their order, then R4's own. By canonical or by
 * id; whole, or marked as a part where nothing else is kept. https://hl7.org/fhir/R4/resource.html#simple-tags
 */
import type { DefinitionFile, DefinitionRow, WholeDefinition } from './definition-file.js';
import type { Resource } from './resource.js';
import type { Origin } from './structure-definition.js';
import { withSubsetted } from './subsetted.js';

/** One definition, before it is read. */
export interface ShelvedDefinition {
  readonly origin: Origin;
  readonly type: string;
  readonly url: string;
  readonly version: string | undefined;
  readonly id: string | undefined;
  /** As it was published, or tagged SUBSETTED. Undefined: its guide was taken away meanwhile. */
  read(): Promise<Resource | undefined>;
}

export interface DefinitionShelf {
  /** All that have the canonical, and the version if one is asked for. */
  list(type: string, url: string, version?: string): Promise<readonly ShelvedDefinition[]>;
  /** Ids are unique within a guide alone: the first. */
  byId(type: string, id: string): Promise<ShelvedDefinition | undefined>;
}

export const shelfOf = (file: DefinitionFile): DefinitionShelf => {
  const shelved = (row: DefinitionRow): ShelvedDefinition => ({
    ...{ origin: file.origin, type: row.type, url: row.url, version: row.version, id: row.id },
    read: async () => asPublished(await file.readWhole(row)),
  });
  return {
    list: (type, url, version) =>
      Promise.resolve(
        file
          .versions(type, url)
          .filter(row => version === undefined || row.version === version)
          .map(shelved),
      ),
    byId(type, id) {
      const row = file.byId(type, id);
      return Promise.resolve(row && shelved(row));
    },
  };
};

export const joinShelves = (shelves: readonly DefinitionShelf[]): DefinitionShelf => ({
  async list(type, url, version) {
    const found: ShelvedDefinition[] = [];
    for (const shelf of shelves) found.push(...(await shelf.list(type, url, version)));
    return found;
  },
  async byId(type, id) {
    for (const shelf of shelves) {
      const found = await shelf.byId(type, id);
      if (found) return found;
    }
    return undefined;
  },
});

/** With the tag that says so, where it is a part. */
export function asPublished(found: WholeDefinition | undefined): Resource | undefined {
  if (!found || found.complete) return found?.resource;
  const { resourceType, id, meta, ...rest } = found.resource;
  return { resourceType, ...(id === undefined ? {} : { id }), meta: withSubsetted(meta), ...rest };
}
