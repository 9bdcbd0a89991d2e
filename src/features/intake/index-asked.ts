/** Index fields as parameters say them, of `$index` and of each file of `$intake`, and as elements of a DocumentReference. */
import { parseGivenDateTime } from '../../fhir/datetime.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import { badParameter } from '../../interactions/operations/parameters.js';
import { plainSpaces } from './index-fields.js';

/** What is said, as far as it is. */
export interface IndexAsked {
  readonly patient?: JsonObject;
  readonly encounter?: JsonObject;
  readonly type?: JsonObject;
  /** FHIR dateTime. */
  readonly date?: string;
  readonly author?: JsonObject;
  /** Of the patient, as the paper says them: identifiers as `system|value` or a value alone. */
  readonly identifiers: readonly string[];
  readonly family?: string;
  readonly given?: string;
  readonly birthDate?: string;
}

const TYPES: Readonly<Record<string, string>> = {
  patient: 'Reference',
  encounter: 'Reference',
  type: 'Coding',
  date: 'DateTime',
  author: 'Reference',
  identifier: 'String',
  family: 'String',
  given: 'String',
  birthdate: 'Date',
};

export const INDEX_PARAMETERS: readonly string[] = Object.keys(TYPES);

/** Characters of a text. */
const LONGEST = 300;

/** Of the parts of a parameter, which stands `at`. Throws `invalid`. */
export function indexAsked(parts: readonly JsonObject[], at: string): IndexAsked {
  const values = parts.map(part => {
    const name = typeof part['name'] === 'string' ? part['name'] : '';
    const type = Object.hasOwn(TYPES, name) ? TYPES[name]! : undefined;
    if (type === undefined)
      throw badParameter(
        `A file has the parts attachment, pages, separated, ${INDEX_PARAMETERS.join(', ')}.`,
        `${at}.part`,
      );
    const value = part[`value${type}`] ?? (type === 'DateTime' ? part['valueDate'] : undefined);
    if (value === undefined) throw badParameter(`The part ${name} is a value${type}.`, `${at}.part`);
    return [name, value] as const;
  });
  return indexGiven(values, at);
}

/** Of names and values. Throws `invalid` where a text is none. */
export function indexGiven(values: readonly (readonly [name: string, value: Json])[], at: string): IndexAsked {
  const all = (name: string): Json[] => values.flatMap(each => (each[0] === name ? [each[1]] : []));
  const one = (name: string): Json | undefined => {
    const [first, another] = all(name);
    if (another !== undefined) throw badParameter(`${name} is given once.`, at);
    return first;
  };
  const text = (value: Json | undefined): string | undefined => {
    if (value === undefined) return undefined;
    const plain = typeof value === 'string' ? plainSpaces(value) : '';
    if (plain === '' || plain.length > LONGEST)
      throw badParameter(`A text has ${LONGEST} characters at most, and not none.`, at);
    return plain;
  };
  const object = (name: string): JsonObject | undefined => {
    const value = one(name);
    return isObject(value) ? value : undefined;
  };
  const [date, birthDate] = [text(one('date')), text(one('birthdate'))];
  if (date !== undefined && !parseGivenDateTime(date))
    throw badParameter('date is a date, or a time with its zone.', at);
  const identifiers = all('identifier').map(each => text(each)!);
  const said = {
    ...{ patient: object('patient'), encounter: object('encounter'), type: object('type'), author: object('author') },
    ...{ date, birthDate, family: text(one('family')), given: text(one('given')) },
  };
  const known = Object.entries(said).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(known), identifiers };
}

const STATED = 'source-patient';

/** Elements of a document with what is said; what is not said stays as the document has it. */
export function indexedElements(asked: IndexAsked, document: JsonObject): JsonObject {
  const { patient, encounter, type, date, author } = asked;
  const stated = statedOf(asked);
  const around = isObject(document['context']) ? document['context'] : {};
  const context = {
    ...around,
    ...(encounter === undefined ? {} : { encounter: [encounter] }),
    ...(date === undefined ? {} : { period: { start: date } }),
    ...(stated === undefined ? {} : { sourcePatientInfo: { reference: `#${STATED}` } }),
  };
  const others = itemsOf(document['contained']).filter(each => !isObject(each) || each['id'] !== STATED);
  return {
    ...(patient === undefined ? {} : { subject: patient }),
    ...(type === undefined ? {} : { type: { coding: [type] } }),
    ...(author === undefined ? {} : { author: [author] }),
    ...(Object.keys(context).length === 0 ? {} : { context }),
    ...(stated === undefined ? {} : { contained: [...others, stated] }),
  };
}

/** What the paper says of the patient. */
function statedOf({ identifiers, family, given, birthDate }: IndexAsked): Resource | undefined {
  const name = { ...(family === undefined ? {} : { family }), ...(given === undefined ? {} : { given: [given] }) };
  if (identifiers.length === 0 && Object.keys(name).length === 0 && birthDate === undefined) return undefined;
  return {
    resourceType: 'Patient',
    id: STATED,
    ...(identifiers.length === 0 ? {} : { identifier: identifiers.map(identifierSaid) }),
    ...(Object.keys(name).length === 0 ? {} : { name: [name] }),
    ...(birthDate === undefined ? {} : { birthDate }),
  };
}

function identifierSaid(text: string): JsonObject {
  const bar = text.lastIndexOf('|');
  const [system, value] = [text.slice(0, Math.max(bar, 0)), text.slice(bar + 1)];
  return system === '' ? { value } : { system, value };
}
