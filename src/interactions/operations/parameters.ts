/**
 * The parameters of an operation, from the URL and from a Parameters resource, checked against its OperationDefinition: names,
 * types, and how often each is given. One reader for all operations. https://hl7.org/fhir/R4/operations.html#request
 *
 * Choices: a primitive value may come as another primitive type (a valueString for a code) where its text is one of the type
 * that is defined; a date may say more or less than its type asks for, as in a search. A resource alone in the body stands
 * for the one parameter that is a resource.
 */
import { withArticle } from '../../fhir/article.js';
import { parseGivenDateTime } from '../../fhir/datetime.js';
import { FhirError, type Issue } from '../../fhir/error.js';
import { isId } from '../../fhir/id.js';
import { isObject, type Json, type JsonObject, type Parsed } from '../../fhir/resource.js';
import type { Engine, Operation } from '../engine.js';
import type { Of, Parameters } from '../interaction.js';
import { asWarnings, sortOut, unknownParameter } from '../unknown-parameters.js';
import { isPrimitiveType, jsonText, type ParameterDefinition } from './operation.js';

export interface GivenParameter {
  readonly name: string;
  /** Of a primitive: its text. Of what has parts: the parameter. */
  readonly value: Json;
  /** Where it stands, for an OperationOutcome. */
  readonly at: string;
}

export interface GivenParameters {
  /** In the order of the URL, then of the body. */
  readonly given: readonly GivenParameter[];
  /** Warnings of what was passed over. */
  readonly ignored: readonly Issue[];
}

/**
 * What an operation is asked with. `beside`: names that say how the answer is shown, in the URL or the body; `url`: the
 * parameters of the URL, where some are no question. Throws `invalid`, and `not-supported` for names that are not known where
 * they are not passed over: what changes something is never asked leniently.
 */
export function readGiven(
  { operations }: Engine,
  ask: Of<'operation'>,
  beside: readonly string[] = [],
  url: Parameters = ask.parameters,
): GivenParameters {
  const operation = operations.get(ask.operation)!;
  const who = `$${operation.code}`;
  const lenient = ask.lenient && operation.effect === 'reads';
  const definitions = [
    ...operation.parameters,
    ...beside.map(name => ({ name, min: 0, max: Infinity, type: 'string' })),
  ];
  const names = definitions.map(({ name }) => name);
  const { known, ignored } = sortOut(url, names, lenient, who);
  const given: GivenParameter[] = [];
  for (const [name, value] of known) given.push({ name, value, at: `http.${name}` });
  const passedOver = [...ignored];
  for (const { name, item, at } of inBody(operation, ask.body)) {
    const definition = definitions.find(each => each.name === name);
    if (definition) given.push({ name, value: valueIn(item, definition, ask.body!, at), at });
    else {
      const error = unknownParameter(names, who, at);
      if (!lenient) throw error;
      passedOver.push(...asWarnings(error));
    }
  }
  for (const definition of definitions) checkGiven(definition, given, who);
  checkSpan(given);
  return { given, ignored: passedOver };
}

/** Of a time that ends before it begins there is nothing to tell, and an empty answer would not say why. */
function checkSpan(given: readonly GivenParameter[]): void {
  const [start, end] = ['start', 'end'].map(name => given.find(each => each.name === name));
  if (typeof start?.value !== 'string' || typeof end?.value !== 'string') return;
  const [from, to] = [parseGivenDateTime(start.value), parseGivenDateTime(end.value)];
  if (from && to && to.high < from.low)
    throw badParameter('end is before start: give the earlier time as start.', end.at);
}

interface BodyItem {
  readonly name: string;
  readonly item: JsonObject;
  readonly at: string;
}

function inBody({ parameters, code }: Operation, body: Parsed | undefined): BodyItem[] {
  if (!body) return [];
  const { resource } = body;
  if (resource.resourceType !== 'Parameters') {
    const exactly = parameters.filter(({ type }) => type === resource.resourceType);
    const [whole, ...more] = exactly.length > 0 ? exactly : parameters.filter(({ type }) => type === 'Resource');
    if (!whole || more.length > 0)
      throw badParameter(`The body of $${code} must be a Parameters resource.`, 'resourceType');
    return [{ name: whole.name, item: { resource }, at: resource.resourceType }];
  }
  const list = Array.isArray(resource['parameter']) ? resource['parameter'].filter(isObject) : [];
  return list.map((item, at) => ({ name: jsonText(item['name']), item, at: `Parameters.parameter[${at}]` }));
}

/** What an item of the body holds, if it is what is defined. The item itself is valid R4. */
function valueIn(item: JsonObject, { name, type }: ParameterDefinition, body: Parsed, at: string): Json {
  if (type === undefined) return item;
  const key = Object.keys(item).find(each => each.startsWith('value'));
  const value = (key === undefined ? item['resource'] : item[key]) ?? null;
  const isResource = isObject(value) && key === undefined && (type === 'Resource' || value['resourceType'] === type);
  if (isResource || key === `value${type}`) return value;
  if (isPrimitiveType(type) && key !== undefined && typeof value !== 'object')
    return body.decimals?.get(item)?.[key] ?? String(value);
  throw badParameter(`The parameter ${name} must be ${withArticle(type)}.`, at);
}

/** Throws `invalid` where it is given too seldom or too often, or where a text is none of its type. */
function checkGiven({ name, min, max, type }: ParameterDefinition, all: readonly GivenParameter[], who: string): void {
  const given = all.filter(each => each.name === name);
  if (given.length < min) throw badParameter(`${who} needs the parameter ${name}.`, 'Parameters.parameter');
  if (given.length > max)
    throw badParameter(`The parameter ${name} may be given ${max === 1 ? 'once' : `${max} times`}.`, given[max]!.at);
  for (const { value, at } of given)
    if (typeof value === 'string' && !(isPrimitiveType(type) && isText(type, value)))
      throw badParameter(
        `The parameter ${name} must be ${type === undefined ? 'given in a body' : withArticle(type)}.`,
        at,
      );
}

function isText(type: string, text: string): boolean {
  switch (type) {
    case 'boolean':
      return text === 'true' || text === 'false';
    case 'integer':
      return /^-?\d{1,10}$/.test(text) && Math.abs(Number(text)) < 2 ** 31;
    case 'unsignedInt':
    case 'positiveInt':
      return /^\d{1,10}$/.test(text) && Number(text) < 2 ** 31 && (type === 'unsignedInt' || Number(text) > 0);
    case 'decimal':
      return /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text);
    case 'date':
    case 'dateTime':
    case 'instant':
      return parseGivenDateTime(text) !== undefined;
    case 'id':
      return isId(text);
    case 'code':
      return /^\S+(?: \S+)*$/.test(text);
    default:
      return text !== '';
  }
}

/** What a parameter says cannot be meant. `expression`: where it stands. */
export const badParameter = (message: string, expression: string): FhirError =>
  new FhirError('invalid', message, { expression, detail: 'bad-parameter-value' });
