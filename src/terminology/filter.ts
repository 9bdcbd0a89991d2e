/**
 * Applies the filters of an include. https://hl7.org/fhir/R4/valueset.html#compose,
 * https://hl7.org/fhir/R4/valueset-filter-operator.html
 *
 * Every filter compares the values that a concept has for a property: `concept` and `code` are its own code, `parent` and
 * `child` come from the hierarchy, all others from concept.property. Choices: `inactive` is false where a concept does not
 * say; `notSelectable` has no value then, so that neither `= true` nor `= false` finds it; lists of `in` and `not-in` are
 * separated by commas; true and false may be written in capitals; a property that the code system neither declares nor uses is
 * an error, not an empty list. `child-of` and `descendent-leaf` are operators of R5, which R4 carries in an extension.
 */
import { paced, type Pieces } from '../platform/pieces.js';
import type { Budget } from './budget.js';
import type { Concepts } from './code-system.js';
import type { Codes } from './members.js';
import { compilePattern } from './pattern.js';
import { badFilter, noSubsumption, notListed, unknownCode } from './refuse.js';
import { type ConceptFilterDefinition, extensionText, type Property } from './resources.js';

/** Concepts that are tested before others may have their turn. */
const CONCEPTS_IN_A_TURN = 2_000;

export type ConceptFilter = (concept: number) => boolean;

const LATER_OPERATOR = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.compose.include.filter.op';

/** The operator, wherever it stands. */
export const operatorOf = ({ op, _op, extension }: ConceptFilterDefinition): string | undefined =>
  op ?? extensionText(_op?.extension, LATER_OPERATOR) ?? extensionText(extension, LATER_OPERATOR);

/**
 * The codes of the concepts that pass all filters (of all, if there are none), in the order of the code system. `groupers`: with
 * those that only group others.
 */
export function* filteringConcepts(
  system: Concepts,
  filters: readonly ConceptFilterDefinition[],
  budget: Budget,
  groupers = false,
): Pieces<Codes> {
  if (system.rule) throw notListed(system.url);
  const each = Math.max(1, filters.length);
  budget.examineCodes(system.codes.length * each);
  const tests: ConceptFilter[] = [];
  for (const filter of filters) {
    if (tests.length > 0) yield;
    tests.push(testOf({ system, budget, asked: 'many', seen: new Map() }, filter));
  }
  const test: ConceptFilter = concept => tests.every(passes => passes(concept));
  const turn = Math.max(1, Math.floor(CONCEPTS_IN_A_TURN / each));
  return yield* codesWhere(system, concept => (groupers || system.isSelectable(concept)) && test(concept), turn);
}

/** `turn`: concepts that are tested before others may have their turn. */
export function* codesWhere(system: Concepts, test: ConceptFilter, turn = CONCEPTS_IN_A_TURN): Pieces<Codes> {
  const isLong = paced(turn);
  const found = new Map<string, undefined>();
  for (const [concept, code] of system.codes.entries()) {
    if (isLong()) yield;
    if (test(concept)) found.set(code, undefined);
  }
  return found;
}

/** For a test of one concept: hierarchies are read upwards from it. */
export function compileFilters(
  system: Concepts,
  filters: readonly ConceptFilterDefinition[],
  budget: Budget,
): ConceptFilter {
  const filtering = { system, budget, asked: 'one', seen: new Map() } as const;
  const tests = filters.map(filter => testOf(filtering, filter));
  return concept => tests.every(test => test(concept));
}

interface Filtering {
  readonly system: Concepts;
  readonly budget: Budget;
  /** Of how many concepts. */
  readonly asked: 'one' | 'many';
  /** What was reached from a concept, for the filters after the first that asks. */
  readonly seen: Map<string, ReadonlySet<number>>;
}

function testOf(filtering: Filtering, filter: ConceptFilterDefinition): ConceptFilter {
  const { system } = filtering;
  const { property, value } = filter;
  const op = operatorOf(filter);
  if (property === undefined || op === undefined || value === undefined)
    throw badFilter(system.url, 'it lacks its property, its operator or its value');
  const byRule = system.rule?.filter?.(property, op, value);
  return byRule ? concept => byRule(system.codes[concept]!) : operatorTest(filtering, { property, op, value });
}

interface CompleteFilter {
  readonly property: string;
  readonly op: string;
  readonly value: string;
}

function operatorTest(filtering: Filtering, { property, op, value }: CompleteFilter): ConceptFilter {
  const { system, budget } = filtering;
  const values = propertyReader(system, property);
  const some =
    (test: (text: string) => boolean): ConceptFilter =>
    concept =>
      values(concept).some(test);
  const under = (itself: boolean) => some(inHierarchy(filtering, value, 'below', itself));
  switch (op) {
    case '=': {
      const truth = /^(?:true|false)$/i.test(value) ? value.toLowerCase() : value;
      return some(text => text === value || text === truth);
    }
    case 'in': {
      const list = commaList(value);
      return some(text => list.has(text));
    }
    case 'not-in': {
      const list = commaList(value);
      return concept => !values(concept).some(text => list.has(text));
    }
    case 'exists': {
      if (value !== 'true' && value !== 'false') throw badFilter(system.url, 'exists needs the value true or false');
      return concept => values(concept).length > 0 === (value === 'true');
    }
    case 'regex': {
      const matches = compilePattern(value);
      return some(text => matches(text, budget));
    }
    case 'is-a':
      return under(true);
    case 'descendent-of':
      return under(false);
    case 'generalizes':
      return some(inHierarchy(filtering, value, 'above', true));
    case 'is-not-a': {
      const within = under(true);
      return concept => !within(concept);
    }
    case 'child-of': {
      const parent = startOf(system, value);
      return some(named(system, concept => system.parents(concept).includes(parent)));
    }
    case 'descendent-leaf': {
      const within = under(false);
      return concept => within(concept) && system.children(concept).length === 0;
    }
    default:
      throw badFilter(system.url, 'its operator is none of the standard');
  }
}

/** Turns a test of concepts into one of their codes. */
const named =
  (system: Concepts, test: ConceptFilter) =>
  (text: string): boolean => {
    const concept = system.locate(text);
    return concept !== undefined && test(concept);
  };

/** Codes on one side of a concept, with itself or without. */
function inHierarchy(
  filtering: Filtering,
  code: string,
  side: 'below' | 'above',
  itself: boolean,
): (text: string) => boolean {
  const { system, asked } = filtering;
  const start = startOf(system, code);
  if (asked === 'one') {
    const other = side === 'below' ? 'above' : 'below';
    return named(system, concept => (concept === start ? itself : reachedFrom(filtering, concept, other).has(start)));
  }
  const reached = system[side](start);
  return named(system, concept => reached.has(concept) && (itself || concept !== start));
}

function reachedFrom(
  { system, budget, seen }: Filtering,
  concept: number,
  side: 'below' | 'above',
): ReadonlySet<number> {
  const known = seen.get(`${side} ${concept}`);
  if (known) return known;
  const reached = system[side](concept);
  budget.examineCodes(reached.size);
  seen.set(`${side} ${concept}`, reached);
  return reached;
}

/** The concept and what it subsumes (`below`) or what subsumes it (`above`). Throws for a hierarchy that is no is-a. */
export const closureOf = (system: Concepts, code: string, side: 'below' | 'above'): ReadonlySet<number> =>
  system[side](startOf(system, code));

function startOf(system: Concepts, code: string): number {
  const concept = system.locate(code);
  if (concept === undefined) throw unknownCode(system.url);
  if (system.otherMeaning !== undefined) throw noSubsumption(system.url, system.otherMeaning);
  return concept;
}

const commaList = (value: string): ReadonlySet<string> => new Set(value.split(',').map(text => text.trim()));

function propertyReader(system: Concepts, property: string): (concept: number) => readonly string[] {
  const code = (concept: number): string => system.codes[concept]!;
  switch (property) {
    case 'concept':
    case 'code':
      return concept => [code(concept)];
    case 'parent':
      return concept => system.parents(concept).map(code);
    case 'child':
      return concept => system.children(concept).map(code);
    case 'inactive':
      return concept => [String(!system.isActive(concept))];
    default: {
      const read = system.property(property) ?? (property === 'notSelectable' ? () => [] : undefined);
      if (!read) throw badFilter(system.url, 'the code system has no such property');
      return concept => read(concept).flatMap(propertyTexts);
    }
  }
}

function propertyTexts(property: Property): string[] {
  const { valueCoding } = property;
  if (valueCoding?.code !== undefined) return [valueCoding.code, `${valueCoding.system ?? ''}|${valueCoding.code}`];
  const value =
    property.valueCode ??
    property.valueString ??
    property.valueBoolean ??
    property.valueInteger ??
    property.valueDateTime ??
    property.valueDecimal;
  return value === undefined ? [] : [String(value)];
}
