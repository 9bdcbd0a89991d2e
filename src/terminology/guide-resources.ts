/** ValueSets, CodeSystems and ConceptMaps of installed guides, as the terminology module finds them: behind what is stored, before R4's own. */
import type { DefinitionFile, DefinitionRow } from '../fhir/definition-file.js';
import { isObject, itemsOf, type Resource } from '../fhir/resource.js';
import type { Origin } from '../fhir/structure-definition.js';
import type { Canonical, TerminologyType, UnparsedResource } from './resources.js';

export interface GuideResources {
  /** With a version that one alone; without, the first. What is asked for from within a guide is looked for near it. */
  load(type: TerminologyType, by: Canonical): UnparsedResource | undefined;
  /** All versions of a canonical, or the ConceptMaps from or to a code system. */
  list(
    type: TerminologyType,
    by: { readonly url: string } | { readonly maps: string },
  ): Promise<readonly UnparsedResource[]>;
  /** The version that a canonical without one means within this guide: its own, or that of what it depends on. */
  meant(type: TerminologyType, url: string, from: Origin): string | undefined;
}

export const NO_GUIDES: GuideResources = {
  load: () => undefined,
  list: () => Promise.resolve([]),
  meant: () => undefined,
};

interface GuideRow {
  readonly file: DefinitionFile;
  readonly row: DefinitionRow;
}

/** `files`: of guides in their order, and of R4, which has maps; `dependencies`: what a guide depends on, nearest first. */
export function guideResources(
  files: readonly DefinitionFile[],
  dependencies: (from: Origin) => readonly Origin[],
): GuideResources {
  const byOrigin = new Map(files.map(file => [file.origin, file]));
  let maps: readonly MapEnds[] | undefined;

  const within = (file: DefinitionFile, type: string, url: string): GuideRow[] =>
    file.versions(type, url).map(row => ({ file, row }));
  const near = (type: string, url: string, from: Origin | undefined): GuideRow[] => {
    const origins = from === undefined ? [] : [from, ...dependencies(from)];
    return origins.flatMap(origin => byOrigin.get(origin) ?? []).flatMap(file => within(file, type, url));
  };
  const everywhere = (type: string, url: string): GuideRow[] => files.flatMap(file => within(file, type, url));
  const readMaps = (): MapEnds[] =>
    files
      .flatMap(file => file.rowsOf('ConceptMap').map(row => ({ file, row })))
      .map(found => ({ found, ends: endsOf(found.file.read(found.row)) }));

  return {
    load(type, by) {
      if ('id' in by) {
        for (const file of files) {
          const row = file.byId(type, by.id);
          if (row) return unparsedOf({ file, row });
        }
        return undefined;
      }
      const all = [...near(type, by.url, by.from), ...everywhere(type, by.url)];
      const found = all.find(({ row }) => by.version === undefined || row.version === by.version);
      return found && unparsedOf(found);
    },
    list(type, by) {
      if ('url' in by) return Promise.resolve(everywhere(type, by.url).map(unparsedOf));
      maps ??= readMaps();
      return Promise.resolve(maps.filter(({ ends }) => ends.has(by.maps)).map(({ found }) => unparsedOf(found)));
    },
    meant: (type, url, from) => near(type, url, from)[0]?.row.version,
  };
}

interface MapEnds {
  readonly found: GuideRow;
  readonly ends: ReadonlySet<string>;
}

/** The code systems that a ConceptMap leads from or to. */
function endsOf(map: Resource | undefined): ReadonlySet<string> {
  const groups = itemsOf(map?.['group']).filter(isObject);
  const systems = groups.flatMap(({ source, target }) => [source, target]);
  return new Set(systems.filter(system => typeof system === 'string'));
}

const unparsedOf = ({ file, row }: GuideRow): UnparsedResource => ({
  origin: file.origin,
  key: `${file.origin} ${row.type} ${row.url}|${row.version ?? ''}`,
  // What was taken away while the server runs says nothing.
  read: () => Promise.resolve(file.read(row) ?? { resourceType: row.type }),
});
