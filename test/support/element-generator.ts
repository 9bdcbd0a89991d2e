/** Random elements of R4's types, which the gate would accept but for their required elements, code lists and formats. */
import type { Definitions, ElementDefinition } from '../../src/fhir/definitions.js';
import type { Json, JsonObject } from '../../src/fhir/resource.js';
import type { Random } from './random.js';

const DATES = [
  '2012',
  '2012-05',
  '2012-05-01',
  '2012-05-01T10:00:00Z',
  '2012-05-01T10:00:00.500Z',
  '2013-01-01T00:00:00+02:00',
];
const MOST_DEEP = 4;

export interface ElementGenerator {
  /** A value of the type, or undefined for a primitive that has extensions alone. */
  value(type: string): Json;
}

/** `texts`: what texts may be, so that expressions find what they compare with. */
export function elementGenerator(definitions: Definitions, random: Random, texts: readonly string[]): ElementGenerator {
  const { types } = definitions;
  const primitive = (type: string): Json => {
    switch (type) {
      case 'boolean':
        return random.chance(0.5);
      case 'integer':
      case 'unsignedInt':
      case 'positiveInt':
        return random.below(4);
      case 'decimal':
        return random.pick([0, 1, 2.5, 100, 101]);
      case 'date':
        return random.pick(DATES.slice(0, 3));
      case 'dateTime':
        return random.pick(DATES);
      case 'instant':
        return random.pick(DATES.slice(3));
      case 'time':
        return '10:00:00';
      case 'xhtml':
        return '<div xmlns="http://www.w3.org/1999/xhtml">a</div>';
      default:
        return random.pick(texts);
    }
  };
  const contents = (type: string, depth: number): JsonObject => {
    const object: JsonObject = {};
    const definition = types.get(type)!;
    if (definition.kind === 'resource') object['resourceType'] = type;
    for (const element of definition.elements) if (random.chance(0.45)) member(object, element, depth);
    if (Object.keys(object).length === 0) object['id'] = random.pick(texts);
    return object;
  };
  const member = (object: JsonObject, element: ElementDefinition, depth: number): void => {
    const { code } = random.pick(element.types);
    const type = element.children ?? code;
    const isPrimitive = types.get(type)?.kind === 'primitive';
    if (!isPrimitive && (depth >= MOST_DEEP || random.chance(depth * 0.2))) return;
    const name = element.choice ? element.name + code.charAt(0).toUpperCase() + code.slice(1) : element.name;
    const beside =
      isPrimitive && element.name !== 'id' && element.name !== 'url' && code !== 'xhtml' && random.chance(0.1);
    const one = (): Json => made(type, depth + 1);
    if (element.max === 1) {
      if (beside) object[`_${name}`] = { extension: [{ url: 'http://example.org/e', valueString: 'x' }] };
      else object[name] = one();
      return;
    }
    object[name] = Array.from({ length: 1 + random.below(3) }, one);
  };
  const made = (type: string, depth: number): Json => {
    const definition = types.get(type)!;
    if (definition.kind === 'primitive') return primitive(type);
    return contents(definition.abstract ? 'Basic' : type, depth);
  };
  return { value: type => made(type, 0) };
}
