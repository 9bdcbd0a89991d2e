/**
 * The ValueSets, CodeSystems and ConceptMaps of R4 itself, from the artefacts that build/terminology.ts writes; each read on first
 * use. https://hl7.org/fhir/R4/terminologies-valuesets.html, https://hl7.org/fhir/R4/terminologies-systems.html
 */
import { readFile } from 'node:fs/promises';
import type { DefinitionSource } from '../fhir/definition-file.js';
import { asPublished, type DefinitionShelf, type ShelvedDefinition } from '../fhir/definition-shelf.js';
import type { Resource } from '../fhir/resource.js';
import { R4 } from '../fhir/structures.js';
import type { Canonical, CodeSystem, ConceptMap, Designation, ValueSet } from './resources.js';

/** The artefact as JSON: resources with the elements that are read here. `id` only where it is not the end of the url. */
export interface StandardFile {
  readonly codeSystems: readonly CodeSystem[];
  readonly valueSets: readonly ValueSet[];
}

type BySystem<T> = Readonly<Record<string, Readonly<Record<string, T>>>>;

/** The other artefact: what is seldom asked for, of concepts by the url of the code system and by code. */
export interface TextsFile {
  readonly definitions: BySystem<string>;
  readonly designations: BySystem<readonly Designation[]>;
  /** Canonicals of the value sets that elements of R4 are bound to, by the path of the element. */
  readonly bindings: Readonly<Record<string, string>>;
}

export interface Standard {
  readonly codeSystems: readonly CodeSystem[];
  codeSystem(by: Canonical): CodeSystem | undefined;
  valueSet(by: Canonical): ValueSet | undefined;
  /** Reads the second file when it is called first. */
  texts(): Promise<TextsFile>;
  /** Reads the third file when it is called first. */
  conceptMaps(): Promise<readonly ConceptMap[]>;
}

const ARTEFACT = new URL('../../r4/terminology.json', import.meta.url);
const TEXTS = new URL('../../r4/concept-texts.json', import.meta.url);
const MAPS = new URL('../../r4/concept-maps.json', import.meta.url);

/** Decoded at once: in pieces, as readFile itself would, it takes five times as long. */
const readArtefact = async (file: URL): Promise<unknown> =>
  JSON.parse((await readFile(file)).toString('utf8')) as unknown;

let loaded: Promise<Standard> | undefined;

/** Reads the artefact once in a process. Rejects if it has not been built. */
export const loadStandard = (): Promise<Standard> =>
  (loaded ??= readArtefact(ARTEFACT).then(read =>
    standardFrom(
      read as StandardFile,
      async () => (await readArtefact(TEXTS)) as TextsFile,
      async () => (await readArtefact(MAPS)) as readonly ConceptMap[],
    ),
  ));

/** What R4 has of them, as definitions are found. `open` is called at the first look-up. */
export const standardDefinitions = (open: () => Promise<Standard>): DefinitionSource => ({
  origin: R4,
  async find(type, url, version) {
    if (type !== 'ValueSet' && type !== 'CodeSystem') return undefined;
    const standard = await open();
    const by = version === undefined ? { url } : { url, version };
    return (type === 'ValueSet' ? standard.valueSet(by) : standard.codeSystem(by)) as Resource | undefined;
  },
});

/** The same for clients. What only people read is not kept. */
export function standardShelf(open: () => Promise<Standard>): DefinitionShelf {
  const find = async (type: string, by: Canonical) =>
    type === 'ValueSet'
      ? (await open()).valueSet(by)
      : type === 'CodeSystem'
        ? (await open()).codeSystem(by)
        : undefined;
  const shelved = (found: ValueSet | CodeSystem): ShelvedDefinition => {
    const { resourceType, url = '', version, id = url.slice(url.lastIndexOf('/') + 1), ...rest } = found;
    const resource = { resourceType, id, url, version, ...rest } as unknown as Resource;
    return {
      ...{ origin: R4, type: resourceType, url, version, id },
      read: () => Promise.resolve(asPublished({ resource, complete: false })),
    };
  };
  return {
    async list(type, url, version) {
      const found = await find(type, version === undefined ? { url } : { url, version });
      return found ? [shelved(found)] : [];
    },
    async byId(type, id) {
      const found = await find(type, { id });
      return found && shelved(found);
    },
  };
}

export function standardFrom(
  { codeSystems, valueSets }: StandardFile,
  readTexts: () => Promise<TextsFile> = () => Promise.resolve({ definitions: {}, designations: {}, bindings: {} }),
  readMaps: () => Promise<readonly ConceptMap[]> = () => Promise.resolve([]),
): Standard {
  let texts: Promise<TextsFile> | undefined;
  let maps: Promise<readonly ConceptMap[]> | undefined;
  return {
    codeSystems,
    codeSystem: finder(codeSystems),
    valueSet: finder(valueSets),
    texts: () => (texts ??= readTexts()),
    conceptMaps: () => (maps ??= readMaps()),
  };
}

/** Finds one by its canonical or its id. */
export function finder<R extends { readonly id?: string; readonly url?: string; readonly version?: string }>(
  all: readonly R[],
) {
  const byUrl = new Map(all.map(each => [each.url, each]));
  const byId = new Map(all.map(each => [each.id ?? each.url?.slice(each.url.lastIndexOf('/') + 1), each]));
  return (by: Canonical): R | undefined => {
    if ('id' in by) return byId.get(by.id);
    const found = byUrl.get(by.url);
    return by.version === undefined || found?.version === by.version ? found : undefined;
  };
}
