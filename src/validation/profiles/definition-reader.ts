/** Reads definitions for compiling: their heads, and their elements, which are made where a profile has a differential alone. */
import { FhirError } from '../../fhir/error.js';
import type {
  FindDefinition,
  FoundDefinition,
  Origin,
  ProfileElement,
  StructureDefinition,
  StructureHead,
} from '../../fhir/structure-definition.js';
import { R4 } from '../../fhir/structures.js';
import { createLruCache } from '../../platform/lru-cache.js';
import type { ProfileContext, ReadProfile } from './compile-context.js';
import { elementTreeOf, elementWithId } from './element-tree.js';

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
  /** `element`: the id of the one element that is meant. Throws FhirError where its elements cannot be used. */
  read(found: FoundDefinition, element: string | undefined): Promise<ReadProfile>;
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
  const read = async (found: FoundDefinition, element: string | undefined): Promise<ReadProfile> => {
    const head = headOfFound(found);
    const elements =
      head.snapshot?.element ?? (await generateSnapshot(found.resource as StructureDefinition, find, found.origin));
    const root = elementTreeOf(elements);
    const tree = element === undefined ? root : elementWithId(root, element);
    if (!tree) throw new FhirError('unprocessable', 'The profile has no element of that id.');
    return { head, origin: found.origin, tree };
  };
  /** Undefined: its elements cannot be used, which is told where it is asked for on its own. */
  const readOrPass = async (found: FoundDefinition, element: string | undefined): Promise<ReadProfile | undefined> => {
    try {
      return await read(found, element);
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
      return found && read(found, undefined);
    },
    clear: forget,
    async readProfile(canonical, from) {
      const found = await findStructure(canonical, from);
      try {
        const element = elementOfCanonical(canonical);
        return found && (await kept.get(identityOf(found, element), () => readOrPass(found, element)));
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

/** The id of an element of a profile that a canonical ends with. */
export function elementOfCanonical(canonical: string): string | undefined {
  const hash = canonical.indexOf('#');
  return hash < 0 ? undefined : canonical.slice(hash + 1);
}

/** One text for one definition, or an element of it. */
export const identityOf = (found: FoundDefinition, element: string | undefined): string => {
  const { url, version } = headOfFound(found);
  return `${found.origin}\n${url}|${version ?? ''}#${element ?? ''}`;
};
