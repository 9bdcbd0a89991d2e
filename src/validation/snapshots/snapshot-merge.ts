/**
 * What a profile says of an element, laid over what the definition below it says: cardinality, types, bindings and values take the place of
 * what was there, constraints and conditions add up. https://hl7.org/fhir/R4/elementdefinition.html, https://hl7.org/fhir/R4/profiling.html#snapshot
 */
import type { Constraint, ProfileElement } from '../../fhir/structure-definition.js';

/** What holds for every element. https://hl7.org/fhir/R4/element.html */
export const ELEMENT_RULES: readonly Constraint[] = [
  {
    key: 'ele-1',
    severity: 'error',
    human: 'All FHIR elements must have a @value or children',
    expression: 'hasValue() or (children().count() > id.count())',
    source: 'http://hl7.org/fhir/StructureDefinition/Element',
  },
];

/** An element of a snapshot under what a differential says of it. `source` is the canonical of the differential's definition. */
export function mergeElement(base: ProfileElement, over: ProfileElement, source: string): ProfileElement {
  const merged: Record<string, unknown> = { ...base, ...over };
  const constraint = mergeConstraints(base.constraint, over.constraint, source);
  if (constraint) merged['constraint'] = constraint;
  const condition = union(base.condition, over.condition);
  if (condition) merged['condition'] = condition;
  if (base.binding && over.binding) merged['binding'] = { ...base.binding, ...over.binding };
  if (base.slicing && over.slicing) merged['slicing'] = { ...base.slicing, ...over.slicing };
  // `base` tells where the element was defined first, which no profile changes.
  if (base.base) merged['base'] = base.base;
  return merged as unknown as ProfileElement;
}

/** A key that is there already means what it meant: a profile cannot loosen what it is built on. */
function mergeConstraints(
  base: readonly Constraint[] | undefined,
  over: readonly Constraint[] | undefined,
  source: string,
): readonly Constraint[] | undefined {
  if (!over) return base;
  const keys = new Set(base?.map(({ key }) => key));
  const added = over.filter(({ key }) => !keys.has(key));
  if (added.length === 0) return base;
  return [...(base ?? []), ...added.map(each => (each.source === undefined ? { ...each, source } : each))];
}

function union(
  one: readonly string[] | undefined,
  other: readonly string[] | undefined,
): readonly string[] | undefined {
  return one && other ? [...new Set([...one, ...other])] : (one ?? other);
}

/** An extension as its definition has it: that says how many there may be, what holds for each, and whether it changes what an element means. */
export function asDefined(base: ProfileElement, { min, max, isModifier, ...root }: ProfileElement): ProfileElement {
  const constraint = mergeConstraints(base.constraint, root.constraint, '');
  return {
    ...base,
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(isModifier === undefined ? {} : { isModifier }),
    ...(constraint ? { constraint } : {}),
  };
}
