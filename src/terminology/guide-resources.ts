/** ValueSets, CodeSystems and ConceptMaps of installed guides, as the terminology module finds them: behind what is stored, before R4's own. */
import type { DefinitionRow } from '../fhir/definition-file.js';
import type { Guides, InstalledGuide } from '../fhir/guides.js';
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
  readonly guide: InstalledGuide;
  readonly row: DefinitionRow;
}

export function guideResources(guides: Guides): GuideResources {
  const byOrigin = new Map(guides.all.map(guide => [guide.origin, guide]));
  let maps: readonly MapEnds[] | undefined;

  const inGuide = (guide: InstalledGuide, type: string, url: string): GuideRow[] =>
    guide.definitions.versions(type, url).map(row => ({ guide, row }));
  const near = (type: string, url: string, from: Origin | undefined): GuideRow[] => {
    const origins = from === undefined ? [] : [from, ...guides.dependencies(from)];
    return origins.flatMap(origin => byOrigin.get(origin) ?? []).flatMap(guide => inGuide(guide, type, url));
  };
  const everywhere = (type: string, url: string): GuideRow[] => guides.all.flatMap(guide => inGuide(guide, type, url));

  return {
    load(type, by) {
      if ('id' in by) {
        const found = guides.rows(type).find(({ row }) => row.id === by.id);
        return found && unparsedOf(found);
      }
      const all = [...near(type, by.url, by.from), ...everywhere(type, by.url)];
      const found = all.find(({ row }) => by.version === undefined || row.version === by.version);
      return found && unparsedOf(found);
    },
    list(type, by) {
      if ('url' in by) return Promise.resolve(everywhere(type, by.url).map(unparsedOf));
      maps ??= guides
        .rows('ConceptMap')
        .map(found => ({ found, ends: endsOf(found.guide.definitions.read(found.row)) }));
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

const unparsedOf = ({ guide, row }: GuideRow): UnparsedResource => ({
  key: `${guide.origin} ${row.type} ${row.url}|${row.version ?? ''}`,
  // What was taken away while the server runs says nothing.
  read: () => Promise.resolve(guide.definitions.read(row) ?? { resourceType: row.type }),
});
