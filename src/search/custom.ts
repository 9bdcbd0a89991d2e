/**
 * Checks whether a SearchParameter resource can be searched by here. https://hl7.org/fhir/R4/searchparameter.html
 *
 * - Only status `active` is checked; draft, retired and unknown ones are stored and not in force.
 * - A definition with the url of one of the standard's, or derived from one with the same code, repeats the
 *   standard (US Core has a hundred of them): it is kept, and the standard's own stays in force.
 * - Any other may not take a code that the standard, or another parameter in force, has on one of its bases.
 * - `special` has no meaning that a server could know; an expression must lead somewhere on every base.
 * - Beyond the paths that path.ts compiles, expressions may use functions that are quick and always give the same result:
 *   nothing that follows references, reads the clock, matches regular expressions or recurses.
 */
import type { Definitions, SearchParameterDefinition } from '../fhir/definitions.js';
import type { Issue } from '../fhir/error.js';
import { type Json, type Resource, isObject } from '../fhir/resource.js';
import { compileParameter, concreteTypes, hasBase } from './parameters.js';

/** What there is already. */
export interface ParametersInForce {
  readonly definitions: Definitions;
  /** Whether the standard has a parameter with this url. */
  isStandard(url: string): boolean;
  /** The definition in force with this url (without version). */
  byUrl(url: string): SearchParameterDefinition | undefined;
  /** Whether another custom parameter in force has this code on this type. */
  isTaken(type: string, code: string): boolean;
}

export type Verdict =
  | { readonly is: 'in-force'; readonly definition: SearchParameterDefinition }
  /** `standard`: it repeats what is in force without it. `status`: it is not active. */
  | { readonly is: 'kept'; readonly because: 'status' | 'standard' }
  | { readonly is: 'refused'; readonly issues: readonly Issue[] };

const stringOrEmpty = (value: Json | undefined): string => (typeof value === 'string' ? value : '');
const stringsOf = (value: Json | undefined): string[] => (Array.isArray(value) ? value.map(stringOrEmpty) : []);

/** The part of the resource that searching needs. */
function readDefinition(resource: Resource): SearchParameterDefinition {
  const components = Array.isArray(resource['component']) ? resource['component'].filter(isObject) : [];
  const expression = stringOrEmpty(resource['expression']);
  const target = stringsOf(resource['target']);
  return {
    url: stringOrEmpty(resource['url']),
    code: stringOrEmpty(resource['code']),
    type: stringOrEmpty(resource['type']) as SearchParameterDefinition['type'],
    base: stringsOf(resource['base']),
    ...(expression === '' ? {} : { expression }),
    ...(target.length === 0 ? {} : { target }),
    ...(resource['xpathUsage'] === 'phonetic' ? { phonetic: true } : {}),
    ...(components.length === 0
      ? {}
      : {
          components: components.map(component => ({
            definition: stringOrEmpty(component['definition']),
            expression: stringOrEmpty(component['expression']),
          })),
        }),
  };
}

const MAX_EXPRESSION = 8000;
const MAX_COMPONENTS = 3;
const PARAMETER_CODE = /^[A-Za-z][\w-]{0,63}$/;
const CUSTOM_TYPES: ReadonlySet<string> = new Set([
  'number',
  'date',
  'string',
  'token',
  'reference',
  'composite',
  'quantity',
  'uri',
]);

export function checkSearchParameter(resource: Resource, known: ParametersInForce): Verdict {
  if (resource['status'] !== 'active') return { is: 'kept', because: 'status' };
  const definition = readDefinition(resource);
  if (repeatsStandard(definition, stringOrEmpty(resource['derivedFrom']), known))
    return { is: 'kept', because: 'standard' };
  const issues = faultsOf(definition, known);
  return issues.length > 0 ? { is: 'refused', issues } : { is: 'in-force', definition };
}

function repeatsStandard(
  { url, code, base }: SearchParameterDefinition,
  derivedFrom: string,
  known: ParametersInForce,
): boolean {
  if (known.isStandard(url)) return true;
  if (!known.isStandard(derivedFrom.split('|', 1)[0]!)) return false;
  const types = concreteTypes(known.definitions, base);
  return types.length > 0 && types.every(type => hasStandard(known, type, code));
}

/** Those count, too, that name no index: `_text`, `special` ones. Nothing is compiled for it, because a start asks for many. */
const hasStandard = ({ definitions }: ParametersInForce, type: string, code: string): boolean =>
  definitions.searchParameters.some(
    parameter => parameter.code === code && parameter.base.some(base => hasBase(definitions, base, type)),
  );

const fault = (element: string, detail: string, text: string): Issue => ({
  severity: 'error',
  code: 'processing',
  expression: `SearchParameter.${element}`,
  detail,
  text,
});

function faultsOf(definition: SearchParameterDefinition, known: ParametersInForce): Issue[] {
  const { code, type, base, target = [] } = definition;
  const { definitions } = known;
  const issues: Issue[] = [];
  if (definition.url === '') issues.push(fault('url', 'parameter-url', 'A search parameter in force needs a url.'));
  if (!PARAMETER_CODE.test(code))
    issues.push(
      fault('code', 'parameter-code', 'A code has 1 to 64 letters, digits, - and _, and starts with a letter.'),
    );
  if (!CUSTOM_TYPES.has(type))
    issues.push(
      fault(
        'type',
        'parameter-type',
        `Parameters of this type cannot be searched; offered: ${[...CUSTOM_TYPES].join(', ')}.`,
      ),
    );
  base.forEach((name, i) => {
    const types = concreteTypes(definitions, [name]);
    if (types.length === 0)
      issues.push(fault(`base[${i}]`, 'parameter-base', 'The base must be a resource type of FHIR R4.'));
    const standard = types.find(each => hasStandard(known, each, code));
    const custom = types.find(each => known.isTaken(each, code));
    if (standard !== undefined)
      issues.push(
        fault(
          `base[${i}]`,
          'parameter-taken',
          `The standard has a search parameter of this code for ${standard}: choose another code, or say derivedFrom if it is the same.`,
        ),
      );
    else if (custom !== undefined)
      issues.push(
        fault(
          `base[${i}]`,
          'parameter-taken',
          `Another search parameter in force has this code for ${custom}: choose another code, or retire that one first.`,
        ),
      );
  });
  target.forEach((name, i) => {
    if (concreteTypes(definitions, [name]).length === 0)
      issues.push(fault(`target[${i}]`, 'parameter-target', 'The target must be a resource type of FHIR R4.'));
  });
  issues.push(...componentFaults(definition, known));
  // What an expression leads to is a question only where everything else is clear.
  return issues.length > 0 ? issues : expressionFaults(definition, known);
}

function componentFaults({ type, components = [] }: SearchParameterDefinition, known: ParametersInForce): Issue[] {
  if (type !== 'composite')
    return components.length === 0
      ? []
      : [fault('component', 'parameter-component', 'Only a composite has components.')];
  if (components.length < 2 || components.length > MAX_COMPONENTS)
    return [fault('component', 'parameter-component', `A composite has 2 to ${MAX_COMPONENTS} components.`)];
  return components.flatMap(({ definition }, i) => {
    const part = known.byUrl(definition.split('|', 1)[0]!);
    if (!part)
      return fault(
        `component[${i}].definition`,
        'parameter-component',
        'The component must be the url of a search parameter that is in force.',
      );
    if (part.type === 'composite' || part.type === 'special')
      return fault(
        `component[${i}].definition`,
        'parameter-component',
        'A component may be neither composite nor special.',
      );
    return [];
  });
}

function expressionFaults(definition: SearchParameterDefinition, known: ParametersInForce): Issue[] {
  const refuse = (text: string) => [fault('expression', 'parameter-expression', text)];
  const { expression, components = [] } = definition;
  if (!expression) return refuse('A search parameter in force needs an expression.');
  for (const text of [expression, ...components.map(component => component.expression)]) {
    if (text.length > MAX_EXPRESSION) return refuse(`An expression may have ${MAX_EXPRESSION} characters.`);
    const refused = refusedFunction(text);
    if (refused !== undefined)
      return refuse(`Expressions may not use the function ${refused.slice(0, 40)} here: it cannot be indexed.`);
  }
  const { definitions } = known;
  const context = { definitions, byUrl: (url: string) => known.byUrl(url) };
  /** Compiled, and tried on a resource that holds nothing: what is not implemented shows. */
  const leads = (type: string): boolean => {
    const parameter = compileParameter(context, definition, expression, type);
    parameter?.read({ resourceType: type, id: 'a' }, { root: { resourceType: type, id: 'a' }, out: [], bases: [] });
    return parameter !== undefined;
  };
  try {
    for (const name of definition.base) {
      const types = concreteTypes(definitions, [name]);
      if (!types.some(leads))
        return refuse(
          `The expression leads to nothing on ${name} that a parameter of the type ${definition.type} can hold.`,
        );
    }
  } catch {
    return refuse('The expression is not FHIRPath that this server can evaluate.');
  }
  return [];
}

/** A function of an expression that takes long, or does not always give the same result; undefined where there is none. */
export const refusedFunction = (expression: string): string | undefined =>
  functionsOf(expression).find(name => !INDEXABLE_FUNCTIONS.has(name));

/** Names that are followed by a parenthesis, outside of texts. `resolve() is T` looks at the reference alone. */
function functionsOf(expression: string): string[] {
  // In one go: a comment may hold a quote, a string the signs of a comment. A name in back quotes is none that is offered.
  const apart = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`/g;
  const bare = expression
    .replaceAll(apart, part => (part.startsWith('/') ? ' ' : part.startsWith('`') ? '_' : "''"))
    .replaceAll(/\bresolve\(\s*\)\s+is\b/g, '');
  return [...bare.matchAll(/([A-Za-z_]\w*)\s*\(/g)]
    .map(([, name]) => name!)
    .filter(name => !FHIRPATH_OPERATORS.has(name));
}
const FHIRPATH_OPERATORS: ReadonlySet<string> = new Set(['and', 'or', 'xor', 'implies', 'in', 'is', 'div', 'mod']);
const INDEXABLE_FUNCTIONS: ReadonlySet<string> = new Set([
  ...['all', 'as', 'combine', 'contains', 'count', 'distinct', 'empty', 'endsWith', 'exclude', 'exists', 'extension'],
  ...['first', 'hasValue', 'iif', 'indexOf', 'intersect', 'is', 'isDistinct', 'last', 'length', 'lower', 'not'],
  ...['ofType', 'replace', 'select', 'single', 'skip', 'startsWith', 'substring', 'tail', 'take'],
  ...['toBoolean', 'toDate', 'toDateTime', 'toDecimal', 'toInteger', 'toQuantity', 'toString', 'trim', 'union'],
  ...['upper', 'where'],
]);
