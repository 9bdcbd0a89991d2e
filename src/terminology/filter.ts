/**
 * Applies the filters of an include. https://hl7.org/fhir/R4/valueset.html#compose,
 * https://hl7.org/fhir/R4/valueset-filter-operator.html
 *
 * Every filter compares the values that a concept has for a property: `concept` and `code` are its own code, `parent` and
 * `child` come from the hierarchy, all others from concept.property. Choices: `inactive` and `notSelectable` are false
 * where a concept does not say; lists of `in` and `not-in` are separated by commas; a concept that only groups others is
 * not a member; a property that the code system neither declares nor uses is an error, not an empty list.
 */
import type { Budget } from './budget.js';
import type { Concepts } from './code-system.js';
import { compilePattern } from './pattern.js';
import { badFilter, noSubsumption, unknownCode } from './refuse.js';
import type { ConceptFilterDefinition, Property } from './resources.js';

type ConceptFilter = (concept: number) => boolean;

/** The codes that pass all filters (all codes, if there are none), in the order of the code system. */
export function filterConcepts(
  system: Concepts,
  filters: readonly ConceptFilterDefinition[],
  budget: Budget,
): Set<string> {
  const tests = filters.map(filter => testOf(system, filter, budget));
  budget.examineCodes(system.codes.length);
  const found = new Set<string>();
  system.codes.forEach((code, concept) => {
    if (system.isSelectable(concept) && tests.every(test => test(concept))) found.add(code);
  });
  return found;
}

function testOf(system: Concepts, { property, op, value }: ConceptFilterDefinition, budget: Budget): ConceptFilter {
  if (property === undefined || op === undefined || value === undefined)
    throw badFilter(system.url, 'it lacks its property, its operator or its value');
  const values = propertyReader(system, property);
  const some =
    (test: (text: string) => boolean): ConceptFilter =>
    concept =>
      values(concept).some(test);
  switch (op) {
    case '=':
      return some(text => text === value);
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
      return some(inHierarchy(system, value, 'below', true));
    case 'descendent-of':
      return some(inHierarchy(system, value, 'below', false));
    case 'generalizes':
      return some(inHierarchy(system, value, 'above', true));
    case 'is-not-a': {
      const under = inHierarchy(system, value, 'below', true);
      return concept => !values(concept).some(under);
    }
    default:
      throw badFilter(system.url, 'its operator is none of the standard');
  }
}

/** Codes on one side of a concept, with itself or without. */
function inHierarchy(
  system: Concepts,
  code: string,
  side: 'below' | 'above',
  itself: boolean,
): (text: string) => boolean {
  const reached = closureOf(system, code, side);
  return text => {
    const concept = system.find(text);
    return concept !== undefined && reached.has(concept) && (itself || text !== code);
  };
}

/** The concept and what it subsumes (`below`) or what subsumes it (`above`). Throws for a hierarchy that is no is-a. */
export function closureOf(system: Concepts, code: string, side: 'below' | 'above'): ReadonlySet<number> {
  const concept = system.find(code);
  if (concept === undefined) throw unknownCode(system.url);
  if (system.otherMeaning !== undefined) throw noSubsumption(system.url, system.otherMeaning);
  return system[side](concept);
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
    case 'notSelectable':
      return concept => [String(!system.isSelectable(concept))];
    default: {
      const read = system.property(property);
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
