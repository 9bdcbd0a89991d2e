/**
 * In which order a resource is looked for: among those that are stored, then in installed guides; and which version is meant where none
 * is named: within a guide its own, within R4 R4's.
 */
import type { Origin } from '../fhir/structure-definition.js';
import { R4 } from '../fhir/structures.js';
import type { GuideResources } from './guide-resources.js';
import type {
  Canonical,
  CodeSystem,
  ConceptMap,
  ListCanonicals,
  LoadCanonical,
  TerminologyType,
  ValueSet,
} from './resources.js';
import { finder, type Standard } from './standard.js';
import {
  type createStoredVersions,
  highestOf,
  readAllFound,
  readFound,
  type StoredResource,
} from './stored-resources.js';

export interface LookUpParts {
  readonly load: LoadCanonical;
  readonly list: ListCanonicals | undefined;
  readonly guides: GuideResources;
  readonly standard: () => Promise<Standard>;
  readonly versionOf: ReturnType<typeof createStoredVersions>;
}

/** ConceptMaps by their canonical, or from or to a code system. */
export type AskedMaps =
  | { readonly url: string; readonly version?: string; readonly from?: Origin | undefined }
  | { readonly maps: string };

export function createLookUp({ load, list, guides, standard, versionOf }: LookUpParts) {
  const ofStandard = async (type: TerminologyType, by: Canonical): Promise<ValueSet | CodeSystem | undefined> => {
    if (type === 'ConceptMap') return undefined;
    return type === 'ValueSet' ? (await standard()).valueSet(by) : (await standard()).codeSystem(by);
  };

  const mapsOfStandard = async (): Promise<readonly ConceptMap[]> => (await standard()).conceptMaps();

  /** The highest version of those that are stored, or the one that is asked for. */
  const stored = async (type: TerminologyType, by: Canonical): Promise<StoredResource | undefined> => {
    if ('id' in by || by.version !== undefined || !list) return load(type, by);
    const all = await list(type, by);
    return all.length < 2 ? all[0] : highestOf(all, versionOf);
  };

  /** With the version that is meant where it is asked for. */
  const pinned = async (type: TerminologyType, by: Canonical): Promise<Canonical> => {
    if ('id' in by || by.version !== undefined || by.from === undefined) return by;
    const { url, from } = by;
    const version = from === R4 ? (await ofStandard(type, { url }))?.version : guides.meant(type, url, from);
    return version === undefined ? by : { url, version, from };
  };

  const storedOrOfGuide = async (type: TerminologyType, by: Canonical): Promise<StoredResource | undefined> =>
    (await stored(type, by)) ?? guides.load(type, by);

  const conceptMap = async (asked: Canonical): Promise<ConceptMap | undefined> => {
    const by = await pinned('ConceptMap', asked);
    const found = await storedOrOfGuide('ConceptMap', by);
    return found ? ((await readFound(found)) as ConceptMap) : finder(await mapsOfStandard())(by);
  };

  const conceptMaps = async (by: AskedMaps): Promise<readonly ConceptMap[]> => {
    if ('maps' in by) {
      const all = [...((await list?.('ConceptMap', by)) ?? []), ...(await guides.list('ConceptMap', by))];
      const found = (await readAllFound(all)) as ConceptMap[];
      const mine = (await mapsOfStandard()).filter(({ group = [] }) =>
        group.some(({ source, target }) => source === by.maps || target === by.maps),
      );
      // One with the same canonical replaces that of the standard.
      return [...found, ...mine.filter(each => found.every(({ url }) => url !== each.url))];
    }
    const found = await conceptMap(by);
    return found ? [found] : [];
  };

  return { stored, pinned, storedOrOfGuide, conceptMap, conceptMaps };
}
