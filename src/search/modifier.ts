/**
 * The modifiers of search parameters: which there are, which parameter has which. `missing` is no Modifier here, because it is
 * about the parameter and not about a value. https://hl7.org/fhir/R4/search.html#modifiers
 */
import { FhirError } from '../fhir/error.js';
import { didYouMean } from '../platform/nearest.js';
import type { SearchParameter, SearchType } from './parameters.js';
import { holdsResources, partOf, printableName, referableTypes, type SearchScope } from './scope.js';

/**
 * The modifiers offered, by parameter type; `[type]` stands for the names of resource types. One that is added does not compile
 * before the reader of its type knows it (READERS in parse-value.ts).
 */
export const MODIFIERS = {
  string: ['exact', 'contains', 'missing'],
  token: ['not', 'text', 'in', 'not-in', 'above', 'below', 'of-type', 'missing'],
  reference: ['[type]', 'identifier', 'above', 'below', 'missing'],
  date: ['missing'],
  number: ['missing'],
  quantity: ['missing'],
  uri: ['above', 'below', 'missing'],
  composite: ['missing'],
  special: ['missing'],
} as const satisfies Readonly<Record<SearchType, readonly string[]>>;

type OfferedModifier<T extends SearchType = SearchType> = (typeof MODIFIERS)[T][number];
type ReadModifier<Name> = Name extends 'missing'
  ? never
  : Name extends '[type]'
    ? { readonly kind: 'type'; readonly type: string }
    : { readonly kind: Name };

/** What a parameter of this type may have. Kind `type` is the name of a resource type. */
export type ModifierOf<T extends SearchType> = ReadModifier<OfferedModifier<T>>;
export type Modifier = ModifierOf<SearchType>;

/** Undefined: the parameter does not have it. */
export function parseModifier(parameter: SearchParameter, suffix: string, scope: SearchScope): Modifier | undefined {
  // A canonical has no type beside it.
  if (parameter.type === 'reference' && parameter.elements.has('Reference')) {
    const allowed = parameter.targets.length === 0 || parameter.targets.includes(suffix);
    if (scope.definitions.types.get(suffix)?.kind === 'resource')
      return allowed ? { kind: 'type', type: suffix } : undefined;
  }
  const kind = allowedModifiers(parameter, scope).find(candidate => candidate === suffix);
  return kind === undefined || kind === 'missing' || kind === '[type]' ? undefined : { kind };
}

/** Those that the parameter has, as messages list them. */
export function allowedModifiers(parameter: SearchParameter, { parameters }: SearchScope): readonly OfferedModifier[] {
  const { type, targets, elements, nature } = parameter;
  const offered: readonly OfferedModifier[] = MODIFIERS[type];
  return offered.filter(modifier => {
    if (modifier === 'missing') return true;
    if (modifier === 'of-type') return elements.has('Identifier');
    // The index holds phonetic codes alone, so that there is nothing else to compare with.
    if (nature === 'sound') return false;
    if (type !== 'reference') return true;
    if (modifier !== 'above' && modifier !== 'below') return elements.has('Reference');
    return nature === 'canonical' || targets.some(target => partOf(target, parameters) !== undefined);
  });
}

export function unknownModifier(parameter: SearchParameter, suffix: string, scope: SearchScope): FhirError {
  const { code, type, targets } = parameter;
  const types = targets.length === 0 || targets.length > 8 ? 'a resource type' : targets.join(', ');
  const modifiers = allowedModifiers(parameter, scope);
  const allowed = modifiers.map(allow => (allow === '[type]' ? types : allow)).join(', ');
  const named = modifiers.includes('[type]') || holdsResources(parameter) ? referableTypes(parameter, scope) : [];
  return new FhirError(
    'not-supported',
    `The parameter ${code} (${type}) has no modifier ${printableName(suffix)} here; it allows ${allowed}.${didYouMean(suffix, [...modifiers, ...named])}`,
    { detail: 'unknown-modifier', expression: `http.${code}` },
  );
}
