/** Reads definitions for compiling: their heads, and their elements, which are made where a profile has a differential alone. */
import { FhirError } from '../fhir/error.js';
import type {
  FindDefinition,
  FoundDefinition,
  Origin,
  ProfileElement,
  StructureDefinition,
  StructureHead,
} from '../fhir/structure-definition.js';
import { R4 } from '../fhir/structures.js';
import { createLruCache } from '../platform/lru-cache.js';
import type { ProfileContext, ReadProfile } from './compile-context.js';
import { elementTreeOf } from './element-tree.js';

export interface ReaderSource {
  readonly find: FindDefinition;
  /** Makes the elements of a profile that has a differential alone. Throws FhirError where that cannot be. */
  readonly generateSnapshot: (
    definition: StructureDefinition,
    find: FindDefinition,
    from: Origin,
  ) => Promise<readonly ProfileElement[]>;
}

export interface DefinitionReader extends Pick<ProfileContext, 'readProfile' | 'headOf' | 'baseElements'> {
  find(canonical: string, from: Origin | undefined): Promise<FoundDefinition | undefined>;
  /** Throws FhirError where its elements cannot be used. */
  read(found: FoundDefinition): Promise<ReadProfile>;
  /** The definition of a type. Undefined: it is not known. */
  readBase(type: string): Promise<ReadProfile | undefined>;
  /** Forgets what may have changed. */
  clear(): void;
}

/** Definitions whose elements are kept. */
const KEPT_DEFINITIONS = 100;

export function createDefinitionReader({ find, generateSnapshot }: ReaderSource): DefinitionReader {
  const bases = new Map<string, ReadonlyMap<string, ProfileElement>>();
  let kept = createLruCache<Promise<ReadProfile | undefined>>(KEPT_DEFINITIONS);
  const findStructure = (canonical: string, from: Origin | undefined) =>
    find('StructureDefinition', canonical, from) as Promise<FoundDefinition<StructureDefinition> | undefined>;
  const findBase = async (type: string) => {
    const found = await findStructure(`http://hl7.org/fhir/StructureDefinition/${type}`, R4);
    return found?.origin === R4 ? found : undefined;
  };
  const read = async (found: FoundDefinition): Promise<ReadProfile> => {
    const head = headOfFound(found);
    const elements =
      head.snapshot?.element ?? (await generateSnapshot(found.resource as StructureDefinition, find, found.origin));
    return { head, origin: found.origin, tree: elementTreeOf(elements) };
  };
  /** Undefined: its elements cannot be used, which is told where it is asked for on its own. */
  const readOrPass = async (found: FoundDefinition): Promise<ReadProfile | undefined> => {
    try {
      return await read(found);
    } catch (error) {
      if (error instanceof FhirError && error.kind === 'unprocessable') return undefined;
      throw error;
    }
  };
  const forget = (): void => {
    kept = createLruCache(KEPT_DEFINITIONS);
  };
  return {
    find: findStructure,
    read,
    async readBase(type) {
      const found = await findBase(type);
      return found && read(found);
    },
    clear: forget,
    async readProfile(canonical, from) {
      const found = await findStructure(canonical, from);
      try {
        return found && (await kept.get(identityOf(found), () => readOrPass(found)));
      } catch (error) {
        forget();
        throw error;
      }
    },
    async headOf(canonical, from) {
      const found = await findStructure(canonical, from);
      return found && headOfFound(found);
    },
    async baseElements(type) {
      const known = bases.get(type);
      if (known) return known;
      const found = await findBase(type);
      const elements = found ? (headOfFound(found).snapshot?.element ?? []) : [];
      const byPath = new Map(elements.map(element => [element.path, element]));
      if (bases.size >= KEPT_DEFINITIONS) bases.clear();
      bases.set(type, byPath);
      return byPath;
    },
  };
}

export const headOfFound = (found: FoundDefinition): StructureHead => found.resource as unknown as StructureHead;

/** One text for one definition. */
export const identityOf = (found: FoundDefinition): string => {
  const { url, version } = headOfFound(found);
  return `${found.origin}\n${url}|${version ?? ''}`;
};
