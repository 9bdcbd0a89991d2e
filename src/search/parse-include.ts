/**
 * `_include` and `_revinclude`: `Observation:patient`, `Observation:subject:Group`, `Observation:*`, `*`, with `:iterate`.
 * https://hl7.org/fhir/R4/search.html#revinclude
 */
import { withArticle } from '../fhir/article.js';
import { didYouMean } from '../platform/nearest.js';
import { invalidValue, isReference, needParameter, unsupportedName, type SearchScope, printableName } from './scope.js';

export interface SearchInclude {
  /** `_revinclude`: what refers to the results, not what they refer to. */
  readonly reverse: boolean;
  /** Also from what was included. */
  readonly iterate: boolean;
  /** Type that holds the reference; undefined: any. */
  readonly from?: string;
  /** Its reference parameter; undefined: any. */
  readonly code?: string;
  /** Only targets of this type. */
  readonly to?: string;
}

export const isInclude = (name: string): boolean => /^_(rev)?include(:|$)/.test(name);

/** Throws FhirError `invalid` or `not-supported`; the value says what is wrong. */
export function parseInclude(name: string, value: string, scope: SearchScope): SearchInclude {
  const [word = '', modifier, ...more] = name.split(':');
  if (more.length > 0 || (modifier !== undefined && modifier !== 'iterate'))
    throw unsupportedName(name, `${word} has the modifier iterate and no other.`);
  const kind = { reverse: word === '_revinclude', iterate: modifier === 'iterate' };
  if (value === '*') return kind;
  const [from = '', code = '', to, ...rest] = value.split(':');
  if (code === '' || to === '' || rest.length > 0)
    throw invalidValue(word, `${word} needs Type:parameter, Type:parameter:Target, Type:* or *.`);
  for (const type of [from, to])
    if (type !== undefined && !scope.definitions.resourceTypes.includes(type))
      throw unsupportedName(
        word,
        `${word} names ${printableName(type)}, which is no resource type of R4.${didYouMean(type, scope.definitions.resourceTypes)}`,
      );
  const target = to === undefined ? {} : { to };
  if (code === '*') return { ...kind, from, ...target };
  const parameter = needParameter(code, { ...scope, types: [from] }, isReference);
  if (parameter.type !== 'reference')
    throw invalidValue(
      word,
      `${word} needs a reference parameter; ${from}.${printableName(code)} is ${withArticle(parameter.type)}.`,
    );
  if (to !== undefined && parameter.targets.length > 0 && !parameter.targets.includes(to))
    throw invalidValue(word, `${from}.${printableName(code)} refers to ${parameter.targets.join(', ')}, not to ${to}.`);
  return { ...kind, from, code, ...target };
}
