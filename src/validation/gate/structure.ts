/**
 * Structural validation of a resource: shape, cardinality, formats, required codes, for every resource inside it.
 * https://hl7.org/fhir/R4/validation.html
 *
 * A gate compiled at build time accepts or refuses in microseconds; only a refused resource is walked for an explanation.
 * Profiles, invariants, and bindings of Coding and CodeableConcept come after it (check-profiles.ts).
 */
import type { Definitions } from '../../fhir/definitions.js';
import type { Issue } from '../../fhir/error.js';
import type { Decimals, Resource } from '../../fhir/resource.js';
import { explainFaults } from './explain.js';
import { type Gate, readGate, warmGate } from './gate.js';
import { INTEGER_RANGES, propertyName } from './shape.js';

let gate: Gate | undefined;

/** Read on first use: not every process needs it. */
const loadGate = (): Gate => (gate ??= readGate().gate);

/** The results of `validateLargeAhead`. */
const structuredResources = new WeakMap<Resource, boolean>();

/** True for a resource that the gate accepts. Literals such as 1.0 pass as integers. */
export const isStructured = (resource: Resource): boolean => structuredResources.get(resource) ?? loadGate()(resource);

/** Keeps the result for `isStructured`. */
export const rememberStructured = (resource: Resource, structured: boolean): void =>
  void structuredResources.set(resource, structured);

/** Loads the gate, and runs it on small resources of the given types: the first call of each type compiles it. */
export const warmValidators = (types?: readonly string[]): void => warmGate(loadGate(), types);

/**
 * The faults of a resource; empty means fine. `decimals` are the number literals that do not survive parsing.
 * At most 50 issues.
 */
export function validateStructure(resource: Resource, definitions: Definitions, decimals?: Decimals): readonly Issue[] {
  const accepted = loadGate()(resource);
  if (accepted && (!decimals || !mayHoldIntegers(decimals, definitions))) return [];
  const issues = explainFaults(resource, definitions, decimals);
  if (issues.length > 0 || accepted) return issues;
  return [
    {
      severity: 'error',
      code: 'structure',
      text: 'The resource is not valid R4.',
      expression: resource.resourceType,
      detail: 'structure',
    },
  ];
}

const integerNames = new WeakMap<Definitions, ReadonlySet<string>>();

/**
 * The gate sees numbers, for which `1.0` is whole. Few literals in the table sit at a name that any integer element has
 * (`valueInteger`, `rank` …; in an array the name is an index): only for those is the resource walked.
 */
function mayHoldIntegers(decimals: Decimals, definitions: Definitions): boolean {
  let names = integerNames.get(definitions);
  if (!names) {
    names = namesOfIntegers(definitions);
    integerNames.set(definitions, names);
  }
  for (const literals of decimals.values())
    for (const key of Object.keys(literals)) if (names.has(key) || /^\d/.test(key)) return true;
  return false;
}

function namesOfIntegers({ types }: Definitions): Set<string> {
  const names = new Set<string>();
  for (const type of types.values())
    for (const element of type.elements)
      for (const { code } of element.types) if (INTEGER_RANGES[code]) names.add(propertyName(element, code));
  return names;
}
