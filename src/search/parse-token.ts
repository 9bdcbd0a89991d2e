/**
 * Parses the value of a token parameter: codes with their systems, and what the modifiers make of them.
 * https://hl7.org/fhir/R4/search.html#token
 *
 * Choices: a token with several `|` splits at the first. A media type is below its base part, whatever its parameters.
 */
import { baseOfMediaType } from './media-type.js';
import type { ModifierOf } from './modifier.js';
import { normalise } from './normalise.js';
import type { SearchParameter } from './parameters.js';
import type { Test, TokenValue } from './query.js';
import { reject } from './scope.js';
import { splitValue, unescapeValue } from './split.js';

/** `not` and the not of `not-in` are the caller's. Throws FhirError `invalid`. */
export function parseToken(parameter: SearchParameter, modifier: ModifierOf<'token'> | undefined, text: string): Test {
  switch (modifier?.kind) {
    case 'text': {
      const value = normalise(unescapeValue(text));
      return value === '' ? reject(parameter, 'some text beside blanks and accents') : { kind: 'text', value };
    }
    case 'of-type':
      return parseIdentifierOfType(parameter, text);
    case 'in':
    case 'not-in':
      return { kind: 'concept', relation: 'in', value: unescapeValue(text) };
    case 'above':
    case 'below':
      return parameter.nature === 'media-type'
        ? parseMediaTypeLevel(parameter, modifier.kind, text)
        : parseConcept(parameter, modifier.kind, text);
    case 'not':
    case undefined:
      return { kind: 'token', any: parseTokens(parameter, text) };
  }
}

function parseIdentifierOfType(parameter: SearchParameter, text: string): Test {
  const [system = '', code = '', value = '', ...more] = splitValue(text, '|').map(unescapeValue);
  if (code === '' || value === '' || more.length > 0)
    return reject(parameter, 'system|code|value with the modifier of-type: the type of the identifier, its value');
  return { kind: 'of-type', system, code, value };
}

function parseConcept(parameter: SearchParameter, relation: 'above' | 'below', text: string): Test {
  const [{ system, code } = {}] = parseTokens(parameter, text);
  if (code === undefined) return reject(parameter, `a code, with its system before it: system|code`);
  // A code element's own system is implied, whether the value names it or not.
  const known = system || parameter.implied || system;
  return { kind: 'concept', relation, value: code, ...(known === undefined ? {} : { system: known }) };
}

/** Above is what the type itself says, and its base part: codes are compared as they stand. */
function parseMediaTypeLevel(parameter: SearchParameter, mode: 'above' | 'below', text: string): Test {
  const [{ system, code } = {}] = parseTokens(parameter, text);
  const base = baseOfMediaType(code ?? '');
  if (base === '') return reject(parameter, `a media type with the modifier ${mode}`);
  if (system !== undefined && system !== '') return { kind: 'token', any: [] };
  if (mode === 'below') return { kind: 'media-type', base };
  return { kind: 'token', any: [...new Set([code!, base])].map(each => ({ system: '', code: each })) };
}

/** `code`, `system|code`, `system|` or `|code`. */
export function parseTokens(parameter: SearchParameter, text: string): readonly TokenValue[] {
  const [first = '', ...rest] = splitValue(text, '|');
  if (rest.length === 0) return [{ code: unescapeValue(first) }];
  const system = unescapeValue(first);
  const code = unescapeValue(rest.join('|'));
  if (code === '' && system === '') return reject(parameter, 'a code, system|code, system| or |code');
  return tokensFor(parameter, [code === '' ? { system } : { system, code }]);
}

/** Codes with their systems, as the parameter's entries hold them: `code` and `boolean` elements have no system there. */
export function tokensFor(parameter: SearchParameter, values: readonly TokenValue[]): readonly TokenValue[] {
  const bareAlone = [...parameter.elements].every(type => type === 'code' || type === 'boolean');
  return values.flatMap(value => {
    if (value.system === undefined || value.system !== parameter.implied) return [value];
    const bare = { ...value, system: '' };
    return bareAlone ? [bare] : [bare, value];
  });
}
