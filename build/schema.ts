/**
 * A JSON schema (for Ajv) of all R4 types, generated from the compact definitions. What schemas cannot say goes into
 * keywords of our own: `codes`, `check`, `short`, `resource`, `choices` and `rules`; build/validators.ts gives them code.
 *
 * The published fhir.schema.json is not used: it never requires a primitive, lets two types of a choice pass, takes
 * arrays without elements, empty objects and strings, refuses `null` in arrays of primitives, lacks the siblings of
 * canonicals, and has a pattern that takes exponential time. https://hl7.org/fhir/R4/json.html
 */
import type { DefinitionsFile, ElementDefinition, TypeDefinition } from '../src/fhir/definitions.js';
import { codeListOf, hasSibling, INTEGER_RANGES, isRepeating, propertyName } from '../src/validation/gate/shape.js';

export type Schema = { readonly [key: string]: unknown };

/** What the keyword `rules` of an object holds. */
export interface Rules {
  /** Properties that must be present; `_name` will do where `sibling` is true. */
  readonly required: readonly { readonly name: string; readonly sibling: boolean }[];
  /** Repeating primitives. */
  readonly arrays: readonly string[];
  /** Every property, with its place as in hasRightKeys. */
  readonly places: Readonly<Record<string, number>>;
  readonly requiredChoices: number;
  readonly extension: boolean;
  readonly contained: boolean;
}

const CHECKS: Readonly<Record<string, string>> = {
  date: 'isRealDay',
  dateTime: 'isRealDay',
  instant: 'isRealDay',
  base64Binary: 'isBase64',
  xhtml: 'isNarrative',
};

/** A type with more properties of choices than this has them in the keyword `choices`. */
const MANY_CHOICES = 16;

/** The schema with one definition per complex, backbone and resource type. */
export function schemaOf(file: DefinitionsFile): Schema {
  const types = new Map(file.types.map(type => [type.name, type]));
  const complex = file.types.filter(type => type.kind !== 'primitive' && (type.kind !== 'resource' || !type.abstract));
  return {
    $id: 'fhir',
    definitions: Object.fromEntries(complex.map(type => [type.name, objectSchema(type)])),
  };

  function objectSchema(owner: TypeDefinition): Schema {
    const properties: Record<string, Schema> = {};
    const choices = owner.elements.filter(element => element.choice);
    const many = choices.reduce((count, element) => count + element.types.length, 0) > MANY_CHOICES;
    const chosen: Record<string, Schema> = {};
    const places: Record<string, number> = owner.kind === 'resource' ? { resourceType: -1 } : {};
    const arrays: string[] = [];
    const required: { name: string; sibling: boolean }[] = [];
    for (const element of owner.elements) {
      element.types.forEach(({ code }, index) => {
        const name = propertyName(element, code);
        const sibling = hasSibling(owner.name, element, types.get(code));
        const value = valueSchema(element, code, sibling && isRepeating(element));
        const into = many && element.choice ? chosen : properties;
        into[name] = isRepeating(element) ? { type: 'array', minItems: 1, items: value } : value;
        if (sibling) into[`_${name}`] = siblingSchema(element);
        if (sibling && isRepeating(element)) arrays.push(name);
        const place = element.choice ? choices.indexOf(element) * 64 + index : -1;
        places[name] = place;
        if (sibling) places[`_${name}`] = place;
        if (!element.choice && element.min > 0) required.push({ name, sibling });
      });
    }
    const rules: Rules = {
      required,
      arrays,
      places,
      requiredChoices: choices.reduce((bits, choice, index) => (choice.min > 0 ? bits | (1 << index) : bits), 0),
      extension: owner.name === 'Extension',
      contained: owner.elements.some(element => element.name === 'contained'),
    };
    return { type: 'object', properties, ...(many ? { choices: chosen } : {}), rules };
  }

  function valueSchema(element: ElementDefinition, code: string, nullable: boolean): Schema {
    if (element.children) return { $ref: `#/definitions/${element.children}` };
    if (code === 'Resource') return { type: 'object', resource: element.name === 'contained' };
    const type = types.get(code);
    if (type?.kind !== 'primitive') return { $ref: `#/definitions/${code}` };
    return primitiveSchema(type, codeListOf(element, code), nullable);
  }

  function primitiveSchema(type: TypeDefinition, canonical: string | undefined, nullable: boolean): Schema {
    const typed = (name: string): string | readonly string[] => (nullable ? [name, 'null'] : name);
    if (type.name === 'boolean') return { type: typed('boolean') };
    if (type.name === 'decimal') return { type: typed('number') };
    const bounds = INTEGER_RANGES[type.name];
    if (bounds) return { type: typed('integer'), minimum: bounds[0], maximum: bounds[1] };
    if (canonical !== undefined && file.codeLists[canonical]) return { type: typed('string'), codes: canonical };
    const check = CHECKS[type.name];
    const whole = ['base64Binary', 'xhtml'].includes(type.name);
    return {
      type: typed('string'),
      ...(whole ? {} : { short: true }),
      // base64 and narratives are checked whole by their function.
      ...(type.pattern && !whole ? { pattern: filled(type.pattern) } : {}),
      ...(check ? { check } : {}),
    };
  }
}

/** No string may be empty in FHIR, whatever the pattern of its type says. */
const filled = (pattern: string): string => (new RegExp(pattern).test('') ? pattern.replace('^', '^(?=[^])') : pattern);

function siblingSchema(element: ElementDefinition): Schema {
  if (!isRepeating(element)) return { $ref: '#/definitions/Element' };
  return { type: 'array', minItems: 1, items: { anyOf: [{ type: 'null' }, { $ref: '#/definitions/Element' }] } };
}
