/**
 * Indexes a CodeSystem: the hierarchy of its concepts, which of them may be selected, and their properties. The index is
 * made once for a version of the resource, in time and memory that grow with its concepts (children are integers).
 * https://hl7.org/fhir/R4/codesystem.html#hierarchy, https://hl7.org/fhir/R4/codesystem.html#defined-props
 *
 * Choices: children are nested concepts and the properties `child`, `parent` and `subsumedBy`. A hierarchy whose meaning
 * is not said is taken as is-a, as in the standard's own code systems. `subsumedBy` is is-a whatever the hierarchy means.
 * A code that stands in several places is one concept, with the texts of the first. A concept is inactive by its property
 * `inactive`, or by a status retired or inactive; a deprecated one is not.
 */
import { atOnce, paced, type Pieces } from '../platform/pieces.js';
import type { CodeRule } from './code-rule.js';
import { closure, edges, link } from './concept-graph.js';
import {
  type CodeSystem,
  type Concept,
  type Designation,
  type Extension,
  extensionText,
  type Property,
  type PropertyDefinition,
} from './resources.js';

/** A designation, and the supplement that it comes from. */
export interface Described extends Designation {
  readonly source?: string;
}

export interface Concepts {
  readonly url: string | undefined;
  readonly version: string | undefined;
  /** The resource, of which concepts are not to be read. */
  readonly head: Omit<CodeSystem, 'concept'>;
  /** It is known by rule: `codes` are those that were looked up, and nothing lists them all. */
  readonly rule?: CodeRule;
  /** In the order of the resource; a concept is an index into it. */
  readonly codes: readonly string[];
  /** What the hierarchy means, where it is not is-a. */
  readonly otherMeaning: string | undefined;
  /** The concept with exactly this code. */
  find(code: string): number | undefined;
  /** The concept that is meant by a code: in a code system that says so, whatever the case of its letters. */
  locate(code: string): number | undefined;
  display(concept: number): string | undefined;
  definition(concept: number): string | undefined;
  designations(concept: number): readonly Described[];
  extensions(concept: number): readonly Extension[];
  properties(concept: number): readonly Property[];
  /** Declared properties, and those of supplements. */
  readonly declared: readonly PropertyDefinition[];
  /** Its property `status`, or the standards status: `retired`, `deprecated` … */
  status(concept: number): string | undefined;
  /** Canonicals of the supplements that these concepts have something from. */
  readonly supplements: readonly string[];
  /** Undefined: no property of this name is declared or used. */
  property(name: string): ((concept: number) => readonly Property[]) | undefined;
  /** False: the concept only groups others. */
  isSelectable(concept: number): boolean;
  isActive(concept: number): boolean;
  parents(concept: number): readonly number[];
  children(concept: number): readonly number[];
  /** The concept and all that it subsumes. */
  below(concept: number): ReadonlySet<number>;
  /** The concept and all that subsume it. */
  above(concept: number): ReadonlySet<number>;
}

const CONCEPT_PROPERTY = 'http://hl7.org/fhir/concept-properties#';
/** Properties of the standard that are read here. */
const STANDARD_NAMES = ['notSelectable', 'inactive', 'status', 'parent', 'child', 'subsumedBy'];
export const STANDARDS_STATUS = 'http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status';
const NONE: readonly never[] = [];
/** Concepts after which others may have their turn. */
const CONCEPTS_IN_A_TURN = 5_000;

/** True where the concepts of the resource are those of the code system, or some of them. */
export const isUsable = (system: CodeSystem): boolean =>
  (system.content === 'complete' || system.content === 'fragment') && (system.concept?.length ?? 0) > 0;

export const indexConcepts = (system: CodeSystem): Concepts => atOnce(indexing(system));

export function* indexing(system: CodeSystem): Pieces<Concepts> {
  const { concepts, codes, positions, properties, nested } = yield* collectConcepts(system.concept);
  const { used, explicit, asProperties, abstract, inactive, statuses } = yield* readProperties(
    system,
    properties,
    positions,
  );
  const isA = system.hierarchyMeaning === undefined || system.hierarchyMeaning === 'is-a';
  const structure = [nested, asProperties];
  const shape = yield* link(codes.length, isA ? [...structure, explicit] : structure);
  const subsumption = isA ? shape : yield* link(codes.length, [explicit]);
  const { concept: _concept, ...head } = system;
  return {
    url: system.url,
    version: system.version,
    head,
    codes,
    otherMeaning: isA || shape.count === 0 || subsumption.count > 0 ? undefined : system.hierarchyMeaning,
    find: code => positions.get(code),
    locate: locator(codes, positions, system.caseSensitive !== false),
    display: concept => concepts[concept]!.display,
    definition: concept => concepts[concept]!.definition,
    designations: concept => concepts[concept]!.designation ?? NONE,
    extensions: concept => concepts[concept]!.extension ?? NONE,
    properties: concept => properties[concept]!,
    declared: system.property ?? NONE,
    status: concept => statuses.get(concept) ?? extensionText(concepts[concept]!.extension, STANDARDS_STATUS),
    supplements: NONE,
    property: name =>
      used.has(name) ? concept => properties[concept]!.filter(({ code }) => code === name) : undefined,
    isSelectable: concept => abstract[concept] === 0,
    isActive: concept => inactive[concept] === 0,
    parents: shape.parents,
    children: shape.children,
    below: concept => closure(concept, subsumption.children),
    above: concept => closure(concept, subsumption.parents),
  };
}

/** The table without regard to case is made when a code is first looked for that is not written as in the resource. */
function locator(codes: readonly string[], positions: ReadonlyMap<string, number>, exactly: boolean) {
  let folded: Map<string, number> | undefined;
  return (code: string): number | undefined => {
    const found = positions.get(code);
    if (found !== undefined || exactly) return found;
    folded ??= new Map(codes.map((each, concept) => [each.toLowerCase(), concept]).toReversed() as [string, number][]);
    return folded.get(code.toLowerCase());
  };
}

/** Every code once, in the order of the resource, with the properties of all its places; `nested`: who stands in whom. */
function* collectConcepts(all: readonly Concept[] | undefined) {
  const isLong = paced(CONCEPTS_IN_A_TURN);
  const concepts: Concept[] = [];
  const codes: string[] = [];
  const positions = new Map<string, number>();
  const properties: (readonly Property[])[] = [];
  const nested = edges();
  // The stack is a list, because nothing says how deep concepts may nest.
  const waiting: { concept: Concept; parent: number }[] = [];
  const wait = (children: readonly Concept[] | undefined, parent: number): void => {
    for (let index = (children?.length ?? 0) - 1; index >= 0; index--)
      waiting.push({ concept: children![index]!, parent });
  };
  wait(all, -1);
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (isLong()) yield;
    const { concept, parent } = next;
    let own = parent;
    if (typeof concept.code === 'string') {
      own = positions.get(concept.code) ?? codes.length;
      if (own === codes.length) {
        positions.set(concept.code, own);
        codes.push(concept.code);
        concepts.push(concept);
        properties.push(concept.property ?? NONE);
      } else if (concept.property) properties[own] = [...properties[own]!, ...concept.property];
      if (parent >= 0 && parent !== own) nested.add(parent, own);
    }
    wait(concept.concept, own);
  }
  return { concepts, codes, positions, properties, nested };
}

/** What the standard's properties say of the concepts. `explicit`: `subsumedBy`; `asProperties`: `parent` and `child`. */
function* readProperties(
  system: CodeSystem,
  properties: readonly (readonly Property[])[],
  positions: ReadonlyMap<string, number>,
) {
  const names = propertyNames(system);
  const used = new Set((system.property ?? []).map(({ code }) => code));
  const explicit = edges();
  const asProperties = edges();
  const abstract = new Uint8Array(properties.length);
  const inactive = new Uint8Array(properties.length);
  const statuses = new Map<number, string>();
  const note = (list: readonly Property[], concept: number): void => {
    for (const property of list) {
      used.add(property.code);
      const name = names.get(property.code ?? '');
      switch (name) {
        case 'notSelectable':
          if (property.valueBoolean === true) abstract[concept] = 1;
          break;
        case 'inactive':
          if (property.valueBoolean === true) inactive[concept] = 1;
          break;
        case 'status':
          if (property.valueCode !== undefined) statuses.set(concept, property.valueCode);
          if (property.valueCode === 'retired' || property.valueCode === 'inactive') inactive[concept] = 1;
          break;
        case 'parent':
        case 'subsumedBy':
        case 'child': {
          const other = conceptNamedBy(property, positions);
          if (other === undefined || other === concept) break;
          if (name === 'child') asProperties.add(concept, other);
          else (name === 'parent' ? asProperties : explicit).add(other, concept);
          break;
        }
        case undefined:
          break;
      }
    }
  };
  const isLong = paced(CONCEPTS_IN_A_TURN);
  for (const [concept, list] of properties.entries()) {
    if (isLong()) yield;
    note(list, concept);
  }
  return { used, explicit, asProperties, abstract, inactive, statuses };
}

const conceptNamedBy = (
  { valueCode, valueCoding, valueString }: Property,
  positions: ReadonlyMap<string, number>,
): number | undefined => positions.get(valueCode ?? valueCoding?.code ?? valueString ?? '');

/** Codes of properties → the name that the standard gives them: by declared uri, else by the code itself. */
function propertyNames(system: CodeSystem): ReadonlyMap<string, string> {
  const names = new Map(STANDARD_NAMES.map(name => [name, name]));
  for (const { code, uri } of system.property ?? []) {
    const name = uri?.startsWith(CONCEPT_PROPERTY) ? uri.slice(CONCEPT_PROPERTY.length) : '';
    if (code !== undefined && STANDARD_NAMES.includes(name)) names.set(code, name);
  }
  return names;
}
