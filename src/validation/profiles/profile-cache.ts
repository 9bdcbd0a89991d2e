/**
 * Profiles and base definitions, compiled when they are first needed. Profiles are kept in the order of their use; the definitions of types
 * for good, as there are few of them and every resource needs some.
 */
import type { Definitions } from '../../fhir/definitions.js';
import { FhirError } from '../../fhir/error.js';
import type { FoundDefinition, Origin, StructureHead } from '../../fhir/structure-definition.js';
import { createLruCache } from '../../platform/lru-cache.js';
import { compileProfile } from './compile.js';
import { type CompileBinding, coreTypeOf, type ProfileContext } from './compile-context.js';
import { type CompiledProfile, emptyNode, type ProfileRef, type TypeLink, type UnusableProfile } from './compiled.js';
import {
  createDefinitionReader,
  type DefinitionReader,
  elementOfCanonical,
  headOfFound,
  identityOf,
  type ReaderSource,
} from './definition-reader.js';
import { createExtensionCheck } from './extension.js';
import type { CompileConstraint } from '../invariants/invariant.js';
import type { ElementCheck } from '../run.js';

export interface ProfileSource extends ReaderSource {
  readonly definitions: Definitions;
  readonly compileConstraint: CompileConstraint;
  readonly compileBinding: CompileBinding;
  readonly compileCoding?: ((from: Origin) => ElementCheck) | undefined;
  /** Changes when definitions do: what was compiled before is forgotten. */
  readonly generation: () => number;
}

export interface ProfileCache {
  /** Undefined: it must be loaded. */
  peek(ref: ProfileRef): CompiledProfile | UnusableProfile | undefined;
  /** What is forgotten meanwhile, or has changed, is given all the same. */
  load(ref: ProfileRef): Promise<CompiledProfile | UnusableProfile>;
  linkTo(type: string): TypeLink;
  loadType(link: TypeLink): Promise<void>;
}

/** Compiled profiles that are kept, and names under which they were asked for. */
const KEPT_PROFILES = 1000;
const KEPT_NAMES = 2000;

export function createProfileCache(source: ProfileSource): ProfileCache {
  const { definitions, compileConstraint, compileBinding, compileCoding } = source;
  const reader = createDefinitionReader(source);
  const links = new Map<string, TypeLink>();
  const extensionCheck = createExtensionCheck(definitions);
  let generation = source.generation();
  let known = new Map<string, CompiledProfile | UnusableProfile>();
  let compiled = createLruCache<Promise<CompiledProfile | UnusableProfile>>(KEPT_PROFILES);

  const refresh = (): void => {
    if (generation === source.generation()) return;
    generation = source.generation();
    known = new Map();
    compiled = createLruCache(KEPT_PROFILES);
    reader.clear();
  };
  const linkTo = (type: string): TypeLink => {
    const link = links.get(type) ?? { type, node: undefined };
    links.set(type, link);
    return link;
  };
  const { readProfile, headOf, baseElements } = reader;
  const context: ProfileContext = {
    definitions,
    compileConstraint,
    compileBinding,
    compileCoding,
    readProfile,
    headOf,
    baseElements,
    linkTo,
  };
  const compileOnce = async (
    found: FoundDefinition,
    element: string | undefined,
  ): Promise<CompiledProfile | UnusableProfile> => {
    try {
      return await compiled.get(identityOf(found, element), () => compileFound(found, element, reader, context));
    } catch (error) {
      // What failed is not kept.
      compiled = createLruCache(KEPT_PROFILES);
      throw error;
    }
  };
  return {
    linkTo,
    peek(ref) {
      refresh();
      return known.get(ref.key);
    },
    async load(ref) {
      refresh();
      const at = generation;
      const found = await reader.find(ref.canonical, ref.from);
      const profile = found
        ? await compileOnce(found, elementOfCanonical(ref.canonical))
        : ({ usable: false, reason: undefined } as const);
      if (at === generation) {
        if (known.size >= KEPT_NAMES) known.clear();
        known.set(ref.key, profile);
      }
      return profile;
    },
    async loadType(link) {
      const base = await reader.readBase(link.type);
      const root = base ? (await compileProfile(base, context)).root : emptyNode();
      if (link.type === 'Extension') root.checks.push(extensionCheck);
      link.node ??= root;
    },
  };
}

async function compileFound(
  found: FoundDefinition,
  element: string | undefined,
  reader: DefinitionReader,
  context: ProfileContext,
): Promise<CompiledProfile | UnusableProfile> {
  const head = headOfFound(found);
  if (head.kind === 'logical') return { usable: false, reason: 'It defines a logical model.' };
  // The definition of a type is walked anyway.
  if (coreTypeOf(head.url, context.definitions) === head.type) return emptyProfile(head, found.origin);
  try {
    return await compileProfile(await reader.read(found, element), context);
  } catch (error) {
    // The store is away, or busy.
    if (error instanceof FhirError && error.kind !== 'unprocessable') throw error;
    const reason = error instanceof FhirError ? error.message : 'Its elements cannot be understood.';
    return { usable: false, reason };
  }
}

const emptyProfile = ({ url, version, type }: StructureHead, origin: Origin): CompiledProfile => ({
  usable: true,
  name: version === undefined ? url : `${url}|${version}`,
  url,
  origin,
  type,
  root: emptyNode(),
  flaws: [],
  extension: undefined,
});
