/**
 * Parses one link of a chain, for names with dots and for paths of _filter. https://hl7.org/fhir/R4/search.html#chaining
 *
 * Choice: an untyped link follows every type that the parameter can refer to and that has the next parameter; where
 * these are too many, the client must name one. A parameter that holds resources (Bundle's `composition`) leads into them.
 */
import { FhirError } from '../fhir/error.js';
import { LINK_COST, zeroCost, spend } from './cost.js';
import { unknownModifier } from './modifier.js';
import { any, type Where } from './query.js';
import {
  byCanonical,
  splitName,
  holdsResources,
  isReference,
  referableTypes,
  needParameter,
  unsupportedName,
  type SearchScope,
  printableName,
} from './scope.js';

/** Links of one chain. */
export const MAX_CHAIN = 6;
/** Target types that one untyped link may follow. */
const MAX_TARGETS = 20;
/** Types that all links of one search may try: links without a type multiply. */
export const MAX_CHAIN_TYPES = 2000;

/**
 * `subject` or `subject:Patient` as `head`: `next` reads what follows, `rest`, for each type that the reference can
 * lead to. `optional`: where the client names none, to those that count, however many there are. Throws FhirError `not-supported`,
 * `too-costly`, and what `next` throws.
 */
export function followReference(
  head: string,
  rest: string,
  scope: SearchScope,
  next: (inner: SearchScope) => Where,
  optional?: 'optional',
): Where {
  const [code, type] = splitName(head);
  const marked = optional && type === undefined ? ({ optional: true } as const) : {};
  const candidates = reachableTypes(head, code, type, scope);
  const cost = scope.cost ?? zeroCost();
  const found: Where[] = [];
  const reached: string[] = [];
  let first: unknown;
  for (const to of candidates) {
    if (++cost.chainTypes > MAX_CHAIN_TYPES)
      throw new FhirError(
        'too-costly',
        `The chains of this search can lead through too many types: name them, as in ${printableName(code)}:${exampleOf(candidates)}.${printableName(rest)}.`,
        { expression: `http.${printableName(code)}` },
      );
    try {
      found.push({ kind: 'chain', code, to, where: next({ ...scope, types: [to], cost }), ...marked });
      spend({ cost, types: [to] }, printableName(code), LINK_COST);
      reached.push(to);
    } catch (error) {
      // A type without the next parameter is not meant, unless no type has it.
      if (candidates.length === 1 || !(error instanceof FhirError) || error.kind !== 'not-supported') throw error;
      if (first === undefined || to === exampleOf(candidates)) first = error;
    }
  }
  if (found.length === 0) throw first;
  if (found.length > MAX_TARGETS && !marked.optional)
    throw unsupportedName(
      head,
      `${printableName(code)} can refer to many types here: name one, as in ${code}:${exampleOf(reached)}.${printableName(rest)}.`,
    );
  return any(...found);
}

/** The types that the link can lead to. Throws FhirError `not-supported` for a parameter or type that leads nowhere. */
function reachableTypes(head: string, code: string, type: string | undefined, scope: SearchScope): readonly string[] {
  const parameter = needParameter(code, scope, isReference);
  if (parameter.type !== 'reference' || !(parameter.elements.has('Reference') || holdsResources(parameter)))
    throw unsupportedName(
      head,
      parameter.nature === 'canonical'
        ? `${printableName(code)} ${byCanonical}`
        : `${printableName(code)} refers to no resource, so nothing can be chained to it.`,
    );
  const types = referableTypes(parameter, scope);
  if (type === undefined) return types;
  if (!types.includes(type)) throw unknownModifier(parameter, type, scope);
  return [type];
}

/** A type to name in an advice: the one that most would mean, where it can be meant. */
const exampleOf = (types: readonly string[]): string => (types.includes('Patient') ? 'Patient' : types[0]!);
