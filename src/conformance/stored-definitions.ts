/**
 * Definitions that users store, as validation and the terminology module read them: found by their canonical, and counting in every process
 * as soon as they are stored. Each process hears of changes (../live/live-tables.ts) and raises a generation, by which whatever was made of
 * a definition is forgotten, and what is known not to be stored is asked for anew; long texts stay in the store. They are definitions, not
 * records of anybody, and read without an access decision, as SearchParameters are.
 *
 * Of several with one url the highest version counts, the one written last where versions are alike; retired ones only where there is no
 * other.
 */
import type { DefinitionSource } from '../fhir/definition-file.js';
import { STORED } from '../fhir/find-definition.js';
import type { Resource } from '../fhir/resource.js';
import type { ChangeTable } from '../live/live-table.js';
import { ANY_RESOURCE } from '../search/query.js';
import type { Store } from '../store/store.js';
import { compareBusinessVersions } from '../fhir/business-version.js';
import type { ListCanonicals, LoadCanonical, UnparsedResource } from '../terminology/terminology.js';
import { type FoundCanonical, listAny, listByUrl, listFrom, loadFrom } from './stored-canonicals.js';

/** Types of which something is kept that is made of them. */
const DEFINING_TYPES = [
  'StructureDefinition',
  'ValueSet',
  'CodeSystem',
  'ConceptMap',
  'Questionnaire',
  'ImplementationGuide',
] as const;

type DefiningType = (typeof DEFINING_TYPES)[number];

/** Canonicals that are known not to be stored: most are asked for again and again. */
const KEPT_ABSENT = 10_000;
/** Definitions that are kept, and how long their text may be. */
const KEPT_STORED = 50;
const MOST_KEPT = 256 * 1024;
/** What was found for the terminology module: so often, and so many bytes of text each time. */
const KEPT_FOUND = 100;
const MOST_FOUND = 64 * 1024;

export class StoredDefinitions implements DefinitionSource {
  readonly origin = STORED;
  readonly #store: Pick<Store, 'read' | 'find' | 'findIds'>;
  readonly #generations = new Map<string, number>();
  /** Types of which nothing is stored. */
  #without = new Map<string, Promise<boolean>>();
  #absent = new Set<string>();
  #kept = new Map<string, Resource>();
  #guides: Promise<readonly Resource[]> | undefined;
  #found = new Map<string, readonly UnparsedResource[]>();

  constructor(store: Pick<Store, 'read' | 'find' | 'findIds'>) {
    this.#store = store;
  }

  /** Changes whenever something of these types does. */
  generationOf(...types: readonly DefiningType[]): number {
    return types.reduce((sum, type) => sum + (this.#generations.get(type) ?? 0), 0);
  }

  tables(): readonly ChangeTable[] {
    return DEFINING_TYPES.map(type => ({
      name: `stored-${type.toLowerCase()}`,
      type,
      changed: () => this.#changed(type),
    }));
  }

  /** Throws what the store throws. */
  async find(type: string, url: string, version?: string): Promise<Resource | undefined> {
    if (await this.#isWithout(type)) return undefined;
    const key = JSON.stringify([type, url, version]);
    // What is found is kept only as long as nothing has changed meanwhile.
    const [absent, kept] = [this.#absent, this.#kept];
    if (absent.has(key)) return undefined;
    const known = kept.get(key);
    if (known) return known;
    const all: { readonly resource: Resource; readonly bytes: number }[] = [];
    for (const { read, bytes } of await listByUrl(this.#store, type, url)) all.push({ resource: await read(), bytes });
    const [found] = all
      .filter(({ resource }) => version === undefined || resource['version'] === version)
      .toSorted((a, b) => byPrecedence(a.resource, b.resource));
    if (!found) remember(KEPT_ABSENT, absent, () => absent.add(key));
    else if (found.bytes <= MOST_KEPT) remember(KEPT_STORED, kept, () => kept.set(key, found.resource));
    return found?.resource;
  }

  /** Stored ImplementationGuides that are not retired, the one written last first; so many that each may be read. */
  guides(): Promise<readonly Resource[]> {
    const asked = (this.#guides ??= listAny(this.#store, 'ImplementationGuide'));
    // What could not be asked is asked again.
    asked.catch(() => (this.#guides = undefined));
    return asked.then(all => all.filter(({ status }) => status !== 'retired'));
  }

  /** As the terminology module asks for them. What is found by a url is asked for once, until something changes. */
  canonicals(): { readonly load: LoadCanonical; readonly list: ListCanonicals } {
    const [load, list] = [loadFrom(this.#store), listFrom(this.#store)];
    return {
      load: async (type, by) => {
        if ('id' in by) return load(type, by);
        const found = await this.#askOnce(type, [by.url, by.version, 'newest'], async () => {
          const one = await load(type, by);
          return one ? [one] : [];
        });
        return found[0];
      },
      list: (type, by) =>
        'url' in by ? this.#askOnce(type, [by.url, undefined, 'all'], () => list(type, by)) : list(type, by),
    };
  }

  async #askOnce(
    type: string,
    [url, version, which]: readonly [url: string, version: string | undefined, which: string],
    ask: () => Promise<readonly FoundCanonical[]>,
  ): Promise<readonly UnparsedResource[]> {
    if (await this.#isWithout(type)) return [];
    const absence = JSON.stringify([type, url, version]);
    const key = `${which} ${absence}`;
    const [absent, kept] = [this.#absent, this.#found];
    if (absent.has(absence)) return [];
    const known = kept.get(key);
    if (known) return known;
    const found = await ask();
    if (found.length === 0) remember(KEPT_ABSENT, absent, () => absent.add(absence));
    if (found.length === 0 || found.reduce((sum, { bytes }) => sum + bytes, 0) > MOST_FOUND) return found;
    const once = found.map(readOnce);
    remember(KEPT_FOUND, kept, () => kept.set(key, once));
    return once;
  }

  #isWithout(type: string): Promise<boolean> {
    const known = this.#without.get(type);
    if (known) return known;
    const asked = this.#store
      .findIds({ types: [type], where: ANY_RESOURCE }, 1)
      .then(({ found }) => found.length === 0);
    this.#without.set(type, asked);
    // What could not be asked is asked again.
    asked.catch(() => this.#without.delete(type));
    return asked;
  }

  #changed(type: string): void {
    this.#generations.set(type, (this.#generations.get(type) ?? 0) + 1);
    this.#without = new Map();
    this.#absent = new Set();
    this.#kept = new Map();
    this.#guides = undefined;
    this.#found = new Map();
  }
}

/** Parsed once, where its text is at hand. */
function readOnce({ bytes, ...found }: FoundCanonical): UnparsedResource {
  if (bytes === 0) return found;
  let parsed: Promise<Resource> | undefined;
  return { ...found, read: () => (parsed ??= found.read()) };
}

/** Forgets everything where it is too much: nothing is read often that is not read often again. */
function remember(most: number, of: Set<unknown> | Map<unknown, unknown>, add: () => void): void {
  if (of.size >= most) of.clear();
  add();
}

/** The one that counts comes first. */
const byPrecedence = (a: Resource, b: Resource): number =>
  inForceRank(b) - inForceRank(a) || compareBusinessVersions(versionOf(b), versionOf(a));
const inForceRank = ({ status }: Resource): number => (status === 'retired' ? 0 : 1);
const versionOf = ({ version }: Resource): string | undefined => (typeof version === 'string' ? version : undefined);
