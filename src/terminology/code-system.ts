/**
 * Indexes a CodeSystem: the hierarchy of its concepts, which of them may be selected, and their properties. The index is
 * made once for a version of the resource, in time and memory that grow with its concepts (no displays, children as integers).
 * https://hl7.org/fhir/R4/codesystem.html#hierarchy, https://hl7.org/fhir/R4/codesystem.html#defined-props
 *
 * Choices: children are nested concepts and the properties `child`, `parent` and `subsumedBy`. A hierarchy whose meaning
 * is not said is taken as is-a, as in the standard's own code systems. `subsumedBy` is is-a whatever the hierarchy means.
 * A code that stands in several places is one concept. Codes are compared exactly.
 */
import type { CodeSystem, Concept, Property } from './resources.js';

export interface Concepts {
  readonly url: string | undefined;
  /** In the order of the resource; a concept is an index into it. */
  readonly codes: readonly string[];
  /** What the hierarchy means, where it is not is-a. */
  readonly otherMeaning: string | undefined;
  find(code: string): number | undefined;
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
const NO_PROPERTIES: readonly Property[] = [];

/** True where the concepts of the resource are those of the code system, or some of them. */
export const isUsable = (system: CodeSystem): boolean =>
  (system.content === 'complete' || system.content === 'fragment') && (system.concept?.length ?? 0) > 0;

export function indexConcepts(system: CodeSystem): Concepts {
  const { codes, positions, properties, nested } = collectConcepts(system.concept);
  const { declared, explicit, asProperties, abstract, inactive } = readProperties(system, properties, positions);
  const isA = system.hierarchyMeaning === undefined || system.hierarchyMeaning === 'is-a';
  const structure = [nested, asProperties];
  const shape = link(codes.length, isA ? [...structure, explicit] : structure);
  const subsumption = isA ? shape : link(codes.length, [explicit]);
  return {
    url: system.url,
    codes,
    otherMeaning: isA || shape.count === 0 || subsumption.count > 0 ? undefined : system.hierarchyMeaning,
    find: code => positions.get(code),
    property: name =>
      declared.has(name) ? concept => properties[concept]!.filter(({ code }) => code === name) : undefined,
    isSelectable: concept => abstract[concept] === 0,
    isActive: concept => inactive[concept] === 0,
    parents: shape.parents,
    children: shape.children,
    below: concept => closure(concept, subsumption.children),
    above: concept => closure(concept, subsumption.parents),
  };
}

/** Every code once, in the order of the resource, with the properties of all its places; `nested`: who stands in whom. */
function collectConcepts(concepts: readonly Concept[] | undefined) {
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
  wait(concepts, -1);
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { concept, parent } = next;
    let own = parent;
    if (typeof concept.code === 'string') {
      own = positions.get(concept.code) ?? codes.length;
      if (own === codes.length) {
        positions.set(concept.code, own);
        codes.push(concept.code);
        properties.push(concept.property ?? NO_PROPERTIES);
      } else if (concept.property) properties[own] = [...properties[own]!, ...concept.property];
      if (parent >= 0 && parent !== own) nested.add(parent, own);
    }
    wait(concept.concept, own);
  }
  return { codes, positions, properties, nested };
}

/** What the standard's properties say of the concepts. `explicit`: `subsumedBy`; `asProperties`: `parent` and `child`. */
function readProperties(
  system: CodeSystem,
  properties: readonly (readonly Property[])[],
  positions: ReadonlyMap<string, number>,
) {
  const names = propertyNames(system);
  const declared = new Set((system.property ?? []).map(({ code }) => code));
  const explicit = edges();
  const asProperties = edges();
  const abstract = new Uint8Array(properties.length);
  const inactive = new Uint8Array(properties.length);
  properties.forEach((list, concept) => {
    for (const property of list) {
      declared.add(property.code);
      const name = names.get(property.code ?? '');
      switch (name) {
        case 'notSelectable':
          if (property.valueBoolean === true) abstract[concept] = 1;
          break;
        case 'inactive':
          if (property.valueBoolean === true) inactive[concept] = 1;
          break;
        case 'status':
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
  });
  return { declared, explicit, asProperties, abstract, inactive };
}

const conceptNamedBy = (
  { valueCode, valueCoding, valueString }: Property,
  positions: ReadonlyMap<string, number>,
): number | undefined => positions.get(valueCode ?? valueCoding?.code ?? valueString ?? '');

/** Codes of properties → the name that the standard gives them: by declared uri, else by the code itself. */
function propertyNames(system: CodeSystem): ReadonlyMap<string, string> {
  const names = new Map(
    ['notSelectable', 'inactive', 'status', 'parent', 'child', 'subsumedBy'].map(name => [name, name]),
  );
  for (const { code, uri } of system.property ?? [])
    if (code !== undefined && uri?.startsWith(CONCEPT_PROPERTY)) names.set(code, uri.slice(CONCEPT_PROPERTY.length));
  return names;
}

interface Edges {
  readonly parents: number[];
  readonly children: number[];
  add(parent: number, child: number): void;
}

function edges(): Edges {
  const parents: number[] = [];
  const children: number[] = [];
  return {
    parents,
    children,
    add(parent, child) {
      parents.push(parent);
      children.push(child);
    },
  };
}

/** Both directions as look-ups: the neighbours of every concept in one array, one after the other. */
function link(size: number, all: readonly Edges[]) {
  const parents = all.flatMap(each => each.parents);
  const children = all.flatMap(each => each.children);
  return {
    count: parents.length,
    children: adjacency(size, parents, children),
    parents: adjacency(size, children, parents),
  };
}

function adjacency(size: number, from: readonly number[], to: readonly number[]): (concept: number) => number[] {
  const start = new Int32Array(size + 1);
  for (const concept of from) start[concept + 1]! += 1;
  for (let concept = 0; concept < size; concept++) start[concept + 1]! += start[concept]!;
  const place = start.slice();
  const found = new Int32Array(from.length);
  from.forEach((concept, index) => {
    found[place[concept]!++] = to[index]!;
  });
  return concept => [...new Set(found.subarray(start[concept], start[concept + 1]))];
}

/** Cycles do no harm: every concept is visited once. */
function closure(first: number, next: (concept: number) => readonly number[]): ReadonlySet<number> {
  const reached = new Set([first]);
  for (const concept of reached) for (const other of next(concept)) reached.add(other);
  return reached;
}
