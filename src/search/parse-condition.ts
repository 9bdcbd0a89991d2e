/**
 * Parses one `name=value` of a search to a condition: parameters with their modifiers, chains, `_has`, `_list`, `_filter`, words.
 * https://hl7.org/fhir/R4/search.html#chaining, #has, #list. Always strict: what is not understood is thrown, and the
 * caller (parse.ts) turns the error into a warning where the client asked for lenient handling.
 *
 * Choice: `_has` and chains go through references to resources of this server.
 */
import { FhirError } from '../fhir/error.js';
import { alternativeCost, LINK_COST, MISSING_COST, spend, WORDS_COST } from './cost.js';
import { followReference, MAX_CHAIN } from './chain.js';
import { parseFilter } from './filter.js';
import { didYouMean } from '../platform/nearest.js';
import type { SearchParameter } from './parameters.js';
import { parseModifier, unknownModifier } from './modifier.js';
import { comparisonsOf, conditionOn, parseValue } from './parse-value.js';
import { all, any, type Where } from './query.js';
import {
  byCanonical,
  splitName,
  holdsResources,
  invalidValue,
  isReference,
  isType,
  needParameter,
  unsupportedName,
  type SearchScope,
  printableName,
} from './scope.js';
import { splitValue } from './split.js';
import { type Among, parseWords } from './words.js';
import { NOT_TEXT_SEARCHED } from './words-of.js';

/** Limits of one condition: its values, and the bytes of one of them. */
export const MAX_ALTERNATIVES = 1000;
export const MAX_ALTERNATIVE_BYTES = 8192;

/** Throws FhirError `not-supported` (unknown parameter, modifier), `invalid` (value), `too-costly` (limits). */
export function parseCondition(name: string, value: string, scope: SearchScope, depth = 0): Where {
  if (depth > MAX_CHAIN)
    throw new FhirError('too-costly', `A chain may have ${MAX_CHAIN} links at most.`, { expression: 'http' });
  if (name.startsWith('_has:')) return parseHas(name, value, scope, depth);
  const refusal = UNSUPPORTED.get(name.split(':', 1)[0]!);
  if (refusal !== undefined) throw unsupportedName(name, refusal);
  const among = AMONG.get(name.split(':', 1)[0]!);
  if (among) return parseFullText(among, name, value, scope);
  if (name === '_filter') checkLength(name, value);
  if (name === '_list') return parseList(value, scope);
  if (name === '_filter') return parseFilter(value, scope, depth);
  const dot = name.indexOf('.');
  if (dot >= 0) {
    const [head, rest] = [name.slice(0, dot), name.slice(dot + 1)];
    if (rest === 'identifier' && asksEvents(scope)) return parseIdentifier(head, value, scope, depth);
    return followReference(head, rest, scope, inner => parseCondition(rest, value, inner, depth + 1));
  }
  return parsePlain(name, value, scope);
}

const asksEvents = ({ types }: SearchScope): boolean => types.length === 1 && types[0] === 'AuditEvent';

/**
 * `agent.identifier` and its like of audit events, which name most things by `Reference.identifier` alone: that, or the identifier of
 * the resource that is referred to. https://profiles.ihe.net/ITI/TF/Volume2/ITI-81.html
 */
function parseIdentifier(head: string, value: string, scope: SearchScope, depth: number): Where {
  const linked = followReference(
    head,
    'identifier',
    scope,
    inner => parseCondition('identifier', value, inner, depth + 1),
    'optional',
  );
  return head.includes(':') ? linked : any(parsePlain(`${head}:identifier`, value, scope), linked);
}

function parsePlain(name: string, value: string, scope: SearchScope): Where {
  const [code, suffix] = splitName(name);
  const parameter = needParameter(code, scope);
  if (suffix === 'missing') {
    spend(scope, code, MISSING_COST);
    if (value !== 'true' && value !== 'false') throw invalidValue(name, `${printableName(name)} needs true or false.`);
    const present: Where = { kind: 'present', code };
    return value === 'true' ? { kind: 'not', of: present } : present;
  }
  const modifier = suffix === undefined ? undefined : parseModifier(parameter, suffix, scope);
  if (suffix !== undefined && !modifier) throw unknownModifier(parameter, suffix, scope);
  const values = splitValue(value, ',');
  if (values.length > MAX_ALTERNATIVES)
    throw new FhirError('too-costly', `The parameter ${code} has more than ${MAX_ALTERNATIVES} values.`);
  spend(scope, code, alternativeCost(parameter.type, modifier?.kind) * comparisonsOf(parameter, values));
  for (const each of values) checkLength(code, each);
  if (values.includes('')) throw invalidValue(name, `The parameter ${code} has an empty value between commas.`);
  const condition = conditionOn(parameter, values, each => parseValue(parameter, modifier, each, scope));
  const negative = modifier?.kind === 'not' || modifier?.kind === 'not-in';
  return negative ? { kind: 'not', of: condition } : condition;
}

function checkLength(code: string, value: string): void {
  if (value.length > MAX_ALTERNATIVE_BYTES || Buffer.byteLength(value) > MAX_ALTERNATIVE_BYTES)
    throw new FhirError(
      'too-costly',
      `A value of ${printableName(code)} is longer than ${MAX_ALTERNATIVE_BYTES} bytes.`,
      {
        expression: `http.${printableName(code)}`,
      },
    );
}

/** `_has:Observation:patient:code=…`: https://hl7.org/fhir/R4/search.html#has */
function parseHas(name: string, value: string, scope: SearchScope, depth: number): Where {
  const [, from = '', code = '', ...rest] = name.split(':');
  const form = 'as in _has:Observation:patient:code=1234-5';
  if (!isType(from, scope)) {
    const near = didYouMean(from, scope.definitions.resourceTypes);
    throw unsupportedName('_has', `_has needs a resource type after the first colon, ${form}.${near}`);
  }
  if (rest.length === 0 || code === '')
    throw unsupportedName('_has', `_has needs a reference and a parameter, ${form}.`);
  const inner: SearchScope = { ...scope, types: [from] };
  const parameter = needParameter(code, inner, isReference);
  const reaches = parameter.targets.length === 0 || scope.types.some(type => parameter.targets.includes(type));
  if (parameter.type !== 'reference' || !parameter.elements.has('Reference') || !reaches)
    throw unsupportedName('_has', `${from}.${printableName(code)} ${whyUnlinked(parameter, scope.types)}`);
  spend({ ...scope, types: [from] }, code, LINK_COST);
  return { kind: 'has', from, code, where: parseCondition(rest.join(':'), value, inner, depth + 1) };
}

/** Why nothing can be asked through the parameter backwards, and what to do in its place. */
function whyUnlinked(parameter: SearchParameter, types: readonly string[]): string {
  if (parameter.nature === 'canonical') return byCanonical;
  if (holdsResources(parameter)) return 'holds copies of resources; ask for what holds them, by a chain.';
  return `does not refer to ${types.slice(0, 3).join(', ')}.`;
}

/** `_list=42`: the items of List/42. https://hl7.org/fhir/R4/search.html#list */
function parseList(value: string, scope: SearchScope): Where {
  if (value.startsWith('$'))
    throw unsupportedName('_list', 'Functional lists ($current-…) are not offered: name the id of a List.');
  const where = parsePlain('_id', value.replaceAll(/(^|,)List\//g, '$1'), { ...scope, types: ['List'] });
  return all({ kind: 'has', from: 'List', code: 'item', where });
}

/** `_text`, `_content`: https://hl7.org/fhir/R4/search.html#text */
function parseFullText(among: Among, name: string, value: string, scope: SearchScope): Where {
  if (scope.fullText === false)
    throw unsupportedName(
      name,
      `Full text search (_${among}) is switched off here (CHARTROOM_FULLTEXT); use the string parameters of the type.`,
    );
  const [code, suffix] = splitName(name);
  if (suffix !== undefined)
    throw new FhirError('not-supported', `The parameter ${code} has no modifier.`, {
      detail: 'unknown-modifier',
      expression: `http.${code}`,
    });
  if (scope.types.every(type => NOT_TEXT_SEARCHED.has(type)))
    throw unsupportedName(name, `${scope.types.join(', ')} is not searched by words; use the parameters of the type.`);
  checkLength(code, value);
  spend({ ...scope, types: ['Resource'] }, code, WORDS_COST);
  return { kind: 'words', among, words: parseWords(code, value) };
}

const AMONG: ReadonlyMap<string, Among> = new Map([
  ['_text', 'text'],
  ['_content', 'content'],
]);

const UNSUPPORTED: ReadonlyMap<string, string> = new Map([
  ['_query', 'Named queries (_query) are not offered.'],
  ['_has', '_has needs a type, a reference and a parameter, as in _has:Observation:patient:code=1234-5.'],
  ['_containedType', 'Contained resources are not searched; leave _containedType out.'],
]);
