/**
 * The words for a resource that the gate refused: walks it along the definitions and returns one issue per fault, in
 * document order, linear in its size and at most 50. https://hl7.org/fhir/R4/validation.html, aspects structure,
 * cardinality and value domain; https://hl7.org/fhir/R4/json.html
 *
 * Codes: unknown, empty or of the wrong shape → `structure`; missing → `required`; not of the form or range of its type
 * → `value`; not in the required code list → `code-invalid`. Texts name elements and allowed codes, never a value.
 */
import type { Definitions, ElementDefinition, TypeDefinition } from '../fhir/definitions.js';
import type { Issue } from '../fhir/error.js';
import type { Decimals, Resource } from '../fhir/resource.js';
import {
  haveOwnIds,
  isBase64,
  isOneOrOther,
  isRealDay,
  isShort,
  MAX_STRING_CHARACTERS,
  MAX_NESTED_RESOURCES,
} from './checks.js';
import { nearest } from '../platform/nearest.js';
import { faultOfNarrative } from './narrative.js';
import { codeListOf, hasSibling, INTEGER_RANGES, isRepeating, propertyName } from './shape.js';

const MAX_STRUCTURE_ISSUES = 50;
/** Longer lists are named by their value set. */
const MAX_CODES_NAMED = 20;
/** Names that may be repeated in a text: those that could be an element's. */
const PLAIN_NAME = /^_?[A-Za-z][A-Za-z0-9]{0,63}$/;

type Code = 'structure' | 'required' | 'value' | 'code-invalid';
type Obj = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Obj => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The faults of a resource; empty where there are none. */
export function explainFaults(resource: Resource, definitions: Definitions, decimals?: Decimals): Issue[] {
  const { types, codeLists } = definitions;
  const issues: Issue[] = [];
  const report = (code: Code, expression: string, text: string): void => {
    if (issues.length < MAX_STRUCTURE_ISSUES) issues.push({ severity: 'error', code, text, expression });
  };
  const isFull = (): boolean => issues.length >= MAX_STRUCTURE_ISSUES;

  function walkResource(value: unknown, path: string, depth: number, contained: boolean): void {
    if (!isObject(value)) return report('structure', path, 'A resource must be an object.');
    const name = value['resourceType'];
    const type = typeof name === 'string' ? types.get(name) : undefined;
    const at = path === '' ? 'Resource' : path;
    if (name === undefined) return report('required', `${at}.resourceType`, 'resourceType is missing.');
    if (typeof name !== 'string' || type?.kind !== 'resource' || type.abstract) {
      const meant = typeof name === 'string' ? nearest(name, definitions.resourceTypes) : undefined;
      return report('structure', `${at}.resourceType`, `resourceType is not a type of R4${didYouMean(meant)}.`);
    }
    if (depth > MAX_NESTED_RESOURCES) return report('structure', path, 'Resources are nested too deeply.');
    if (contained && value['contained'] !== undefined)
      report('structure', `${path}.contained`, 'A contained resource must not contain others.');
    return walkObject(value, type, path === '' ? name : path, depth);
  }

  function walkObject(value: unknown, type: TypeDefinition, path: string, depth: number): void {
    if (!isObject(value)) return report('structure', path, `${lastName(path)} must be an object.`);
    const keys = Object.keys(value);
    if (keys.length === 0) return report('structure', path, `${lastName(path)} must not be empty.`);
    const chosen = new Map<ElementDefinition, string>();
    for (const key of keys) {
      if (isFull()) return;
      if (key === 'resourceType' && type.kind === 'resource') continue;
      const sibling = key.startsWith('_');
      const name = sibling ? key.slice(1) : key;
      const found = definitions.property(type.name, name);
      const code = (found?.type ?? found?.element.types[0])?.code ?? '';
      if (!found || (sibling && !hasSibling(type.name, found.element, types.get(code)))) {
        reportUnknown(type, key, path);
        continue;
      }
      const { element } = found;
      const expression = `${path}.${element.name}`;
      if (element.choice) {
        const before = chosen.get(element);
        if (before !== undefined && before !== name)
          report('structure', expression, `${element.name}[x] must have one type only.`);
        chosen.set(element, name);
      }
      if (!isRepeating(element)) {
        if (sibling) walkSibling(value[key], expression);
        else walkValue(value, key, element, code, type, expression, depth);
      } else if (hasSibling(type.name, element, types.get(code))) {
        // Both halves of the pair at the first of the two keys.
        if (!sibling || value[name] === undefined) walkPrimitives(value, name, element, code, type, expression);
      } else if (isFilledArray(value[key], expression, key)) {
        const list = value[key];
        list.forEach((_, index) => {
          if (!isFull()) walkValue(list, index, element, code, type, `${expression}[${index}]`, depth);
        });
      }
    }
    walkRules(value, type, path);
  }

  /** Required elements, and what concerns several elements at once. */
  function walkRules(value: Obj, type: TypeDefinition, path: string): void {
    for (const element of type.elements) {
      if (element.min === 0) continue;
      const present = element.types.some(({ code }) => {
        const name = propertyName(element, code);
        const sibling = hasSibling(type.name, element, types.get(code)) ? value[`_${name}`] : undefined;
        return value[name] !== undefined || sibling !== undefined;
      });
      const label = element.choice ? `${element.name}[x]` : element.name;
      if (!present) report('required', `${path}.${element.name}`, `${label} is missing.`);
    }
    if (type.name === 'Extension' && !isOneOrOther(value))
      report('structure', path, 'An extension must have either a value or extensions of its own.');
    if (!haveOwnIds(value['contained']))
      report('structure', `${path}.contained`, 'Contained resources must have different ids.');
  }

  /** A repeating primitive and its siblings: `given`, `_given`. */
  function walkPrimitives(
    owner: Obj,
    name: string,
    element: ElementDefinition,
    code: string,
    type: TypeDefinition,
    expression: string,
  ): void {
    const [values, siblings] = [owner[name], owner[`_${name}`]];
    if (values !== undefined && !isFilledArray(values, expression, name)) return;
    if (siblings !== undefined && !isFilledArray(siblings, expression, `_${name}`)) return;
    const length = Math.max(values?.length ?? 0, siblings?.length ?? 0);
    if (values && siblings && siblings.length > values.length)
      report('structure', expression, `_${name} must not be longer than ${name}.`);
    for (let index = 0; index < length && !isFull(); index++) {
      const at = `${expression}[${index}]`;
      const [value, sibling] = [values?.[index] ?? null, siblings?.[index] ?? null];
      if (value === null && sibling === null) report('structure', at, `${name} has a place without a value.`);
      if (value !== null && values) walkValue(values, index, element, code, type, at, 0);
      if (sibling !== null) walkSibling(sibling, at);
    }
  }

  function walkSibling(value: unknown, expression: string): void {
    const element = types.get('Element');
    if (element) walkObject(value, element, expression, 0);
  }

  function walkValue(
    owner: Obj | readonly unknown[],
    key: string | number,
    element: ElementDefinition,
    code: string,
    ownerType: TypeDefinition,
    expression: string,
    depth: number,
  ): void {
    const value = (owner as Obj)[key];
    if (Array.isArray(value) && typeof key === 'string')
      return report('structure', expression, `${element.name} must not be an array.`);
    if (code === 'Resource')
      return walkResource(value, expression, depth + 1, ownerType.kind === 'resource' && element.name === 'contained');
    const type = types.get(element.children ?? code);
    if (!type) return undefined;
    if (type.kind !== 'primitive') return walkObject(value, type, expression, depth);
    return walkPrimitive(value, type, element, expression, decimals?.get(owner)?.[key]);
  }

  function walkPrimitive(
    value: unknown,
    type: TypeDefinition,
    element: ElementDefinition,
    expression: string,
    literal: string | undefined,
  ): void {
    const { name } = element;
    const bounds = INTEGER_RANGES[type.name];
    const wanted = bounds || type.name === 'decimal' ? 'number' : type.name === 'boolean' ? 'boolean' : 'string';
    if (typeof value !== wanted) return report('structure', expression, `${name} must be a JSON ${wanted}.`);
    if (typeof value === 'number') {
      if (!Number.isFinite(value)) return report('value', expression, `${name} is not a number that can be kept.`);
      if (!bounds) return undefined;
      if (!Number.isInteger(value)) return report('value', expression, `${name} must be a whole number.`);
      if (value < bounds[0] || value > bounds[1])
        return report('value', expression, `${name} must be between ${bounds[0]} and ${bounds[1]}.`);
      if (literal !== undefined && !isWrittenWhole(literal, type))
        return report('value', expression, `${name} must be written without a fraction or an exponent.`);
      return undefined;
    }
    if (typeof value !== 'string') return undefined;
    if (value === '') return report('structure', expression, `${name} must not be empty.`);
    const canonical = codeListOf(element, type.name);
    const list = canonical === undefined ? undefined : codeLists.get(canonical);
    if (list) {
      if (list.codes.includes(value)) return undefined;
      const named = list.codes.length <= MAX_CODES_NAMED;
      const allowed = named ? `one of ${list.codes.join(', ')}` : `a code of ${canonical}`;
      return report('code-invalid', expression, `${name} must be ${allowed}.`);
    }
    const fault = faultOfText(value, type);
    if (fault !== undefined) report('value', expression, `${name} ${fault}.`);
    return undefined;
  }

  function reportUnknown(type: TypeDefinition, key: string, path: string): void {
    const names = type.elements.flatMap(element => element.types.map(({ code }) => propertyName(element, code)));
    const sibling = key.startsWith('_') && names.includes(key.slice(1));
    const meant = sibling ? undefined : nearest(key, names);
    const name = PLAIN_NAME.test(key) ? ` ${key}` : ' of that name';
    const untyped = type.elements.some(element => element.choice && element.name === key);
    const why = sibling
      ? ': this element takes no extensions'
      : untyped
        ? `: the name of ${key}[x] ends with its type`
        : didYouMean(meant);
    report('structure', path, `${type.name} has no property${name}${why}.`);
  }

  function isFilledArray(value: unknown, expression: string, name: string): value is readonly unknown[] {
    if (Array.isArray(value) && value.length > 0) return true;
    report('structure', expression, `${name} must ${Array.isArray(value) ? 'not be empty' : 'be an array'}.`);
    return false;
  }

  walkResource(resource, '', 0, false);
  return issues;
}

/** The last name of a path, without an index. */
const lastName = (path: string): string => path.slice(path.lastIndexOf('.') + 1).replace(/\[\d+\]$/, '');

const didYouMean = (name: string | undefined): string => (name === undefined ? '' : `; did you mean ${name}`);

const patterns = new Map<string, RegExp>();

/** What is wrong with the text of a primitive, after "must …" and the like; undefined where nothing is. */
function faultOfText(text: string, type: TypeDefinition): string | undefined {
  if (type.name === 'xhtml') return faultOfNarrative(text);
  if (type.name === 'base64Binary') return isBase64(text) ? undefined : 'must be base64';
  if (!isShort(text)) return `must not have more than ${MAX_STRING_CHARACTERS} characters`;
  const pattern = patterns.get(type.name) ?? new RegExp(type.pattern ?? '');
  patterns.set(type.name, pattern);
  if (!pattern.test(text)) return `must have the form of ${type.name}`;
  const dated = type.name === 'date' || type.name === 'dateTime' || type.name === 'instant';
  return dated && !isRealDay(text) ? 'names a day that does not exist' : undefined;
}

/** True for the literal of an integer type: `1.0` and `1e2` have whole values and are no integers. */
export const isWrittenWhole = (literal: string, type: TypeDefinition): boolean =>
  new RegExp(type.pattern ?? '').test(literal);
