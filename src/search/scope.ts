/** Looks up the names of a search, and makes the errors for those that are unknown. https://hl7.org/fhir/R4/search.html#errors */
import type { Definitions } from '../fhir/definitions.js';
import { FhirError } from '../fhir/error.js';
import { didYouMean } from '../platform/nearest.js';
import type { SearchCost } from './cost.js';
import type { SearchParameter, SearchParameters } from './parameters.js';

/** The context in which a condition is parsed. */
export interface SearchScope {
  /** Concrete resource types, at least one. With several, only parameters that all of them share. */
  readonly types: readonly string[];
  readonly parameters: SearchParameters;
  readonly definitions: Definitions;
  /** The server's own FHIR addresses without a trailing slash. */
  readonly bases: readonly string[];
  /** For `ap` on dates, ms since 1970. */
  readonly now: number;
  /** The cost of the whole search so far. */
  readonly cost?: SearchCost;
  /** False: `_text` and `_content` are switched off. */
  readonly fullText?: boolean;
}

/** The parameter, if all types searched have it with one type; then with everything that any of them reads. */
export function findParameter(code: string, { types, parameters }: SearchScope): SearchParameter | undefined {
  const [first, ...others] = types.map(type => parameters.get(type, code));
  if (!first || others.length === 0) return first;
  const same = others.filter(other => other?.type === first.type).map(other => other!);
  if (same.length < others.length) return undefined;
  const whole = [first, ...same];
  return {
    ...first,
    elements: new Set(whole.flatMap(({ elements }) => [...elements])),
    targets: whole.some(({ targets }) => targets.length === 0)
      ? []
      : [...new Set(whole.flatMap(({ targets }) => targets))],
  };
}

/** The parameter, or an error that helps: what it advises is a parameter that `fits`. */
export function needParameter(
  code: string,
  scope: SearchScope,
  fits?: (parameter: SearchParameter) => boolean,
): SearchParameter {
  const parameter = findParameter(code, scope);
  if (parameter) return parameter;
  const without = scope.types.filter(type => !scope.parameters.get(type, code));
  const [first, ...others] = without.length > 0 ? without : scope.types;
  const types =
    others.length > 2 ? `${first} and ${others.length} more of the types searched` : [first, ...others].join(', ');
  const what = without.length > 0 ? 'is not known for' : 'is not the same for';
  throw unsupportedName(
    code,
    `The search parameter ${printableName(code)} ${what} ${types}.${hint(code, scope, fits)}`,
  );
}

/** Whether a search can go on to other resources by it. */
export const isReference = ({ type }: SearchParameter): boolean => type === 'reference';

/** The parameter by which resources of a type are parts of others of the same type: `Location.partof`. */
export function partOf(type: string, parameters: SearchParameters): string | undefined {
  return ['partof', 'part-of'].find(code => parameters.get(type, code)?.targets.includes(type));
}

/** The advice where a reference is needed and the parameter has canonicals. */
export const byCanonical =
  'names definitions by their canonical URL, and chains follow references alone: search by that URL, or use _include.';

/** Its values are resources inside the resource, whose content chains search: `composition` and `message` of a Bundle. */
export const holdsResources = ({ elements }: SearchParameter): boolean => elements.has('Resource');

export const isType = (name: string, { definitions }: SearchScope): boolean => definitions.resourceTypes.includes(name);

/** `code` and what follows the first colon. */
export function splitName(name: string): [code: string, suffix: string | undefined] {
  const colon = name.indexOf(':');
  return colon < 0 ? [name, undefined] : [name.slice(0, colon), name.slice(colon + 1)];
}

/** Types that a reference parameter can point at. */
export const referableTypes = ({ targets }: SearchParameter, { definitions }: SearchScope): readonly string[] =>
  targets.length > 0 ? targets : definitions.resourceTypes;

export const unsupportedName = (name: string, message: string) =>
  new FhirError('not-supported', message, { detail: 'unknown-parameter', expression: `http.${printableName(name)}` });

export const invalidValue = (name: string, message: string) =>
  new FhirError('invalid', message, { detail: 'invalid-value', expression: `http.${printableName(name)}` });

/** Throws that a value of the parameter must be something else. */
export function reject(parameter: SearchParameter, wanted: string): never {
  throw invalidValue(parameter.code, `The parameter ${parameter.code} needs ${wanted}.`);
}

/** A name as a message may carry it. */
export const printableName = (name: string) => (/^[\w:.-]{1,64}$/.test(name) ? name : '(a name with other characters)');

/** " Did you mean …?" for the nearest parameter that all types searched have and that `fits`, or where to look. */
export function hint(
  code: string,
  scope: SearchScope,
  fits: (parameter: SearchParameter) => boolean = () => true,
): string {
  const known = sharedNames(scope, fits);
  const found = didYouMean(code, known) || didYouMean(code.replaceAll('_', '-'), known);
  return found || ' The CapabilityStatement lists what is.';
}

/** Parameters of all types searched that fit. */
export const sharedNames = (scope: SearchScope, fits: (parameter: SearchParameter) => boolean): readonly string[] =>
  [...scope.parameters.of(scope.types[0] ?? '').keys()].filter(name => {
    const parameter = findParameter(name, scope);
    return parameter !== undefined && fits(parameter);
  });
