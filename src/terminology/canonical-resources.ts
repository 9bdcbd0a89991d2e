/**
 * Finds ValueSets, CodeSystems and ConceptMaps: those given along with a question come first, then those in the store, then those of
 * installed guides, then those of the standard. https://hl7.org/fhir/R4/references.html#canonical
 *
 * Whoever gives what is stored is asked every time, so that a changed resource counts as soon as its write is answered; what is kept is
 * the index of a CodeSystem, by id, version and time of the resource it was made from. Where no version is asked for, the highest
 * counts, and of several that are alike the one written last; asked for from within a guide, or by R4, the version that is meant there.
 */
import { parseCanonical } from '../fhir/reference.js';
import { inPieces } from '../platform/pieces.js';
import { CODE_RULES } from './code-rule.js';
import type { Origin } from '../fhir/structure-definition.js';
import { R4 } from '../fhir/structures.js';
import { type Concepts, indexing, isUsable } from './code-system.js';
import { type GuideResources, NO_GUIDES } from './guide-resources.js';
import { implicitValueSet } from './implicit.js';
import type {
  Canonical,
  CodeSystem,
  ConceptMap,
  ListCanonicals,
  LoadCanonical,
  TerminologyResource,
  ValueSet,
} from './resources.js';
import { conceptsByRule } from './rule-concepts.js';
import { type AskedMaps, createLookUp } from './look-up.js';
import type { Standard } from './standard.js';
import { createStoredIndex, createStoredVersions, guideOf, readFound } from './stored-resources.js';
import { compareBusinessVersions, isPattern, matchesVersion, newestMatch } from '../fhir/business-version.js';

/** What one question reads: every code system once, so that it sees one state of it. */
export interface Sources {
  /** By `url` or `url|version`. */
  valueSet(canonical: string): Promise<ValueSet | undefined>;
  /** Undefined where the code system is not known, or not its concepts. The version may be a pattern. */
  concepts(url: string, version?: string): Promise<Concepts | undefined>;
  /** Business versions of a code system that are known with their concepts. */
  versions(url: string): Promise<readonly string[]>;
  /** Without its concepts where `concepts` gives them. */
  codeSystem(canonical: string): Promise<CodeSystem | undefined>;
  /** The same concepts with their definitions and designations, which of the standard's are read when the first is asked for. */
  detailed(concepts: Concepts): Promise<Concepts>;
  /** What is asked for from now on is asked for from within the guide that this value set is from, unless that was said before. */
  within(set: ValueSet): void;
  /** Maps by their canonical, or from or to a code system. */
  conceptMaps(
    by: { readonly url: string; readonly version?: string } | { readonly maps: string },
  ): Promise<readonly ConceptMap[]>;
}

export interface CanonicalResources {
  valueSet(by: Canonical): Promise<ValueSet | undefined>;
  /** Without its concepts where `concepts` gives them. */
  codeSystem(by: Canonical): Promise<CodeSystem | undefined>;
  conceptMap(by: Canonical): Promise<ConceptMap | undefined>;
  /** Undefined where the code system is not known, or not its concepts. */
  concepts(url: string, version?: string): Promise<Concepts | undefined>;
  /** Code systems of the standard whose concepts are known. */
  published(): Promise<readonly CodeSystem[]>;
  /** Canonical of the value set that an element of R4 is bound to: `DocumentReference.type`. */
  boundTo(path: string): Promise<string | undefined>;
  /** `from`: within which definition everything is asked for. */
  once(given?: readonly TerminologyResource[], from?: Origin): Sources;
  /** What R4 itself has, and nothing that is stored or of a guide: whoever writes must not change what R4 demands of everybody. */
  ofStandard(): Sources;
}

/** Indexes of code systems of guides that are kept; none of them is large. */
const KEPT_OF_GUIDES = 64;

/** Indexes of code systems of the standard, whoever asks for them. */
const standardIndexes = new WeakMap<CodeSystem, Promise<Concepts>>();

/** `open` is called once, when something is not in the store. `list`: absent, only one resource of a url is known. */
export function createCanonicalResources(
  load: LoadCanonical,
  open: () => Promise<Standard>,
  list?: ListCanonicals,
  guides: GuideResources = NO_GUIDES,
): CanonicalResources {
  let opened: Promise<Standard> | undefined;
  const standard = (): Promise<Standard> => (opened ??= open());
  const indexOf = createStoredIndex();
  const indexOfGuides = createStoredIndex(KEPT_OF_GUIDES);
  const origins = new WeakMap<ValueSet, Origin>();
  const ofGuide = (set: ValueSet, origin: Origin | undefined): ValueSet => {
    if (origin !== undefined) origins.set(set, origin);
    return set;
  };
  const versionOf = createStoredVersions();

  const listed: ListCanonicals = list ?? (() => Promise.resolve([]));
  const { stored, pinned, storedOrOfGuide, conceptMap, conceptMaps } = createLookUp({
    ...{ load, list, guides, standard, versionOf },
  });

  async function valueSet(asked: Canonical): Promise<ValueSet | undefined> {
    const by = await pinned('ValueSet', asked);
    const found = await storedOrOfGuide('ValueSet', by);
    if (found) return ofGuide((await readFound(found)) as ValueSet, guideOf(found));
    return (await standard()).valueSet(by) ?? ('url' in by ? implicitValueSet(by.url) : undefined);
  }

  async function codeSystem(asked: Canonical): Promise<CodeSystem | undefined> {
    const by = await pinned('CodeSystem', asked);
    const own = await stored('CodeSystem', by);
    const found = own ?? guides.load('CodeSystem', by);
    if (!found) return (await standard()).codeSystem(by);
    return (await (own ? indexOf : indexOfGuides)(found))?.head ?? ((await readFound(found)) as CodeSystem);
  }

  async function versions(url: string): Promise<string[]> {
    const all = await listed('CodeSystem', { url });
    const ofStandard = (await standard()).codeSystem({ url });
    const known: (string | undefined)[] = [];
    for (const each of all) if (await indexOf(each)) known.push(await versionOf(each));
    for (const each of await guides.list('CodeSystem', { url }))
      if (await indexOfGuides(each)) known.push(await versionOf(each));
    if (ofStandard && isUsable(ofStandard)) known.push(ofStandard.version);
    return [...new Set(known.filter(each => each !== undefined))];
  }

  async function concepts(url: string, version?: string, from?: Origin): Promise<Concepts | undefined> {
    if (version !== undefined && isPattern(version)) {
      const newest = newestMatch(version, await versions(url));
      return newest === undefined ? undefined : concepts(url, newest, from);
    }
    const by = await pinned('CodeSystem', version === undefined ? { url, from } : { url, version, from });
    const found = await stored('CodeSystem', by);
    // One without its concepts (content not-present) does not hide those of the next.
    const indexed = found && (await indexOf(found));
    if (indexed) return indexed;
    const inGuide = guides.load('CodeSystem', by);
    const indexedOfGuide = inGuide && (await indexOfGuides(inGuide));
    if (indexedOfGuide) return indexedOfGuide;
    const ofStandard = (await standard()).codeSystem(by);
    if (ofStandard && isUsable(ofStandard)) return indexOnce(standardIndexes, ofStandard);
    return conceptsByRule(CODE_RULES.get(url), version);
  }

  const detailed = createDetails(standard);
  const kept = { valueSet, codeSystem, conceptMap, concepts };
  const boundTo = async (path: string): Promise<string | undefined> => {
    const { bindings } = await (await standard()).texts();
    return Object.hasOwn(bindings, path) ? bindings[path] : undefined;
  };
  return {
    ...kept,
    published: async () => (await standard()).codeSystems.filter(isUsable),
    boundTo,
    ofStandard: () => createCanonicalResources(() => Promise.resolve(undefined), standard).once([], R4),
    once: (given, from) => createSources({ ...kept, versions, detailed, conceptMaps, origins }, given ?? [], from),
  };
}

/** Gives concepts of the standard their definitions and designations. */
function createDetails(standard: () => Promise<Standard>): Sources['detailed'] {
  return async of => {
    const url = of.url ?? '';
    const ofStandard = await standard();
    const system = ofStandard.codeSystem({ url });
    if (!system || (await standardIndexes.get(system)) !== of) return of;
    const { definitions, designations } = await ofStandard.texts();
    return {
      ...of,
      definition: concept => definitions[url]?.[of.codes[concept]!],
      designations: concept => designations[url]?.[of.codes[concept]!] ?? [],
    };
  };
}

interface KeptResources
  extends Omit<CanonicalResources, 'once' | 'ofStandard' | 'published' | 'boundTo' | 'concepts'>,
    Pick<Sources, 'versions' | 'detailed'> {
  concepts(url: string, version?: string, from?: Origin): Promise<Concepts | undefined>;
  conceptMaps(by: AskedMaps): Promise<readonly ConceptMap[]>;
  /** Of value sets that are from guides. */
  readonly origins: { get(set: ValueSet): Origin | undefined };
}

/** What is given along is looked at before everything else. */
function createSources(
  kept: KeptResources,
  given: readonly TerminologyResource[],
  within: Origin | undefined,
): Sources {
  let from = within;
  const read = new Map<string, Promise<Concepts | undefined>>();
  const indexed = new WeakMap<CodeSystem, Promise<Concepts>>();
  const versionsRead = new Map<string, Promise<readonly string[]>>();

  /** The highest version of those given. */
  function givenOf<R extends TerminologyResource>(
    type: R['resourceType'],
    url: string,
    version?: string,
  ): R | undefined {
    const found = given.filter(
      (each): each is R =>
        each.resourceType === type &&
        each.url === url &&
        (version === undefined || matchesVersion(version, each.version)),
    );
    return found.toSorted((a, b) => compareBusinessVersions(a.version, b.version)).at(-1);
  }

  async function concepts(url: string, version?: string): Promise<Concepts | undefined> {
    const found = givenOf<CodeSystem>('CodeSystem', url, version);
    return found && isUsable(found) ? indexOnce(indexed, found) : kept.concepts(url, version, from);
  }

  async function versions(url: string): Promise<readonly string[]> {
    const ofGiven = given.flatMap(each =>
      each.resourceType === 'CodeSystem' && each.url === url && each.version !== undefined && isUsable(each)
        ? [each.version]
        : [],
    );
    return [...new Set([...ofGiven, ...(await kept.versions(url))])].toSorted(compareBusinessVersions);
  }

  return {
    valueSet(canonical) {
      const { url, version } = parseCanonical(canonical);
      const found = givenOf<ValueSet>('ValueSet', url, version);
      return found
        ? Promise.resolve(found)
        : kept.valueSet(version === undefined ? { url, from } : { url, version, from });
    },
    concepts(url, version) {
      const key = JSON.stringify([url, version, from]);
      const found = read.get(key) ?? concepts(url, version);
      read.set(key, found);
      return found;
    },
    versions(url) {
      const found = versionsRead.get(url) ?? versions(url);
      versionsRead.set(url, found);
      return found;
    },
    codeSystem(canonical) {
      const { url, version } = parseCanonical(canonical);
      const found = givenOf<CodeSystem>('CodeSystem', url, version);
      return found
        ? Promise.resolve(found)
        : kept.codeSystem(version === undefined ? { url, from } : { url, version, from });
    },
    detailed: kept.detailed,
    within(set) {
      from ??= kept.origins.get(set);
    },
    async conceptMaps(by) {
      const own = given.filter(
        (each): each is ConceptMap =>
          each.resourceType === 'ConceptMap' &&
          ('url' in by ? each.url === by.url && (by.version === undefined || each.version === by.version) : true),
      );
      return 'url' in by && own.length > 0
        ? own
        : [...own, ...(await kept.conceptMaps('url' in by ? { ...by, from } : by))];
    },
  };
}

function indexOnce(known: WeakMap<CodeSystem, Promise<Concepts>>, system: CodeSystem): Promise<Concepts> {
  const found = known.get(system) ?? inPieces(indexing(system));
  known.set(system, found);
  return found;
}
