/**
 * Parses the value of a reference parameter. https://hl7.org/fhir/R4/search.html#reference, #canonical
 *
 * Choices: a bare id takes the type of the modifier, or of the parameter's only target. Canonicals take `|version`, and
 * `:above` and `:below` of them are about versions; of other references they are about hierarchies.
 */
import { ID_PATTERN } from '../fhir/id.js';
import { parseCanonical, parseReference } from '../fhir/reference.js';
import { IN_VERSIONS } from './below.js';
import type { ModifierOf } from './modifier.js';
import type { SearchParameter } from './parameters.js';
import { parseTokens } from './parse-token.js';
import { needFewParts } from './parse-uri.js';
import type { ReferenceValue, Test } from './query.js';
import { reject } from './scope.js';
import { unescapeValue } from './split.js';

/** None: nothing can match. Throws FhirError `invalid`, `too-costly`. */
export const parseReferenceValue = (
  parameter: SearchParameter,
  modifier: ModifierOf<'reference'> | undefined,
  text: string,
  bases: readonly string[],
): readonly Test[] =>
  parseReferences(parameter, modifier, text, bases).map(to => toReferenceTest(parameter, modifier, to));

function parseReferences(
  parameter: SearchParameter,
  modifier: ModifierOf<'reference'> | undefined,
  text: string,
  bases: readonly string[],
): readonly ReferenceValue[] {
  if (modifier?.kind === 'identifier')
    return parseTokens(parameter, text).map(value => ({ kind: 'identifier', value }));
  const value = unescapeValue(text);
  const type = modifier?.kind === 'type' ? modifier.type : undefined;
  const canonicals: readonly ReferenceValue[] =
    parameter.nature === 'canonical' && type === undefined ? [{ kind: 'url', ...parseCanonical(value) }] : [];
  const isLiteral = ['Reference', 'Resource', 'url'].some(element => parameter.elements.has(element));
  return isLiteral ? [...canonicals, ...parseLiteral(parameter, type, value, bases)] : canonicals;
}

/** `Reference.reference`: an id, `Type/id` or an absolute URL, which is left out where the canonical alternative covers it. */
function parseLiteral(
  parameter: SearchParameter,
  type: string | undefined,
  value: string,
  bases: readonly string[],
): readonly ReferenceValue[] {
  const isCanonical = parameter.nature === 'canonical';
  const target = parseReference(value, bases);
  if (target?.kind === 'local') return type === undefined || type === target.type ? [target] : [];
  if (target?.kind === 'url' || target?.kind === 'urn') return isCanonical ? [] : [{ kind: 'url', url: target.url }];
  if (ID_PATTERN.test(value)) {
    const only = type ?? (parameter.targets.length === 1 ? parameter.targets[0] : undefined);
    return [only === undefined ? { kind: 'local', id: value } : { kind: 'local', type: only, id: value }];
  }
  return isCanonical ? [] : reject(parameter, 'an id, Type/id or an absolute URL');
}

function toReferenceTest(
  parameter: SearchParameter,
  modifier: ModifierOf<'reference'> | undefined,
  to: ReferenceValue,
): Test {
  switch (modifier?.kind) {
    case 'above':
    case 'below':
      return toLevelTest(parameter, modifier.kind, to);
    case 'type':
    case 'identifier':
    case undefined:
      return { kind: 'reference', to };
  }
}

/** Of canonicals about their versions, else about hierarchies. */
function toLevelTest(parameter: SearchParameter, mode: 'above' | 'below', to: ReferenceValue): Test {
  if (to.kind === 'url' && parameter.nature === 'canonical') {
    if (to.version === undefined) return { kind: 'reference', to };
    if (mode === 'above') needFewParts(parameter, to.version, IN_VERSIONS);
    return { kind: 'reference', to: { ...to, versions: mode } };
  }
  if (to.kind !== 'local') return reject(parameter, `a resource of this server with the modifier ${mode}`);
  return { kind: 'hierarchy', mode, to };
}
