/** What compiling a profile needs from outside. */
import type { Definitions } from '../../fhir/definitions.js';
import { isObject, itemsOf, type JsonObject } from '../../fhir/resource.js';
import type { Binding, Origin, ProfileElement, ProfileType, StructureHead } from '../../fhir/structure-definition.js';
import type { ElementNode, TypeLink } from './compiled.js';
import type { ElementTree } from './element-tree.js';
import type { CompileConstraint } from '../invariants/invariant.js';
import type { ElementCheck } from '../run.js';

/** A definition whose elements are at hand as a tree. */
export interface ReadProfile {
  readonly head: StructureHead;
  readonly origin: Origin;
  readonly tree: ElementTree;
}

/** A binding as a check of values of the type; undefined: nothing is left to check. */
export type CompileBinding = (binding: Binding, type: string, from: Origin) => ElementCheck | undefined;

export interface ProfileContext {
  readonly definitions: Definitions;
  readonly compileConstraint: CompileConstraint;
  readonly compileBinding: CompileBinding;
  /** What the codes of every Coding and Quantity are checked for, whatever their binding. */
  readonly compileCoding?: ((from: Origin) => ElementCheck) | undefined;
  /** Undefined: it is not known, or has no elements that can be used. */
  readProfile(canonical: string, from: Origin): Promise<ReadProfile | undefined>;
  /** Undefined: it is not known. */
  headOf(canonical: string, from: Origin): Promise<StructureHead | undefined>;
  /** The elements of a base type by their paths; none where it is not known. */
  baseElements(type: string): Promise<ReadonlyMap<string, ProfileElement>>;
  /** The base definition of a complex type. */
  linkTo(type: string): TypeLink;
}

export interface SliceContext extends ProfileContext {
  /** Where the profile comes from. */
  readonly origin: string;
  /** Compiles what an element of the profile says, whatever its base says; undefined where that leads too far. */
  compileAll(tree: ElementTree, owners: readonly string[]): Promise<ElementNode | undefined>;
}

const PROFILE_ELEMENT = 'http://hl7.org/fhir/StructureDefinition/elementdefinition-profile-element';

/**
 * The profiles of a type; where an extension names an element of one, its id follows after `#`.
 * https://hl7.org/fhir/extensions/StructureDefinition-elementdefinition-profile-element.html
 */
export function profilesOfType(type: ProfileType): readonly string[] {
  const { profile = [] } = type;
  const beside = (type as unknown as JsonObject)['_profile'];
  if (!Array.isArray(beside)) return profile;
  return profile.map((canonical, i) => {
    const one = beside[i];
    const extensions = isObject(one) ? itemsOf(one['extension']) : [];
    const named = extensions.find(each => isObject(each) && each['url'] === PROFILE_ELEMENT);
    const id = isObject(named) ? named['valueString'] : undefined;
    return typeof id === 'string' ? `${canonical}#${id}` : canonical;
  });
}

const CORE = 'http://hl7.org/fhir/StructureDefinition/';

/** The type that a canonical means, where it is that of a type of R4. */
export function coreTypeOf(canonical: string, { types }: Definitions): string | undefined {
  if (!canonical.startsWith(CORE)) return undefined;
  const bar = canonical.indexOf('|');
  const name = canonical.slice(CORE.length, bar < 0 ? undefined : bar);
  return types.has(name) ? name : undefined;
}
