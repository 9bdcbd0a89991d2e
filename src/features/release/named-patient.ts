/**
 * Whom a document names: two identifiers of the patient that a person has read in it, and lines of its own text that say another name, birth date or record
 * number. Pure.
 *
 * Choices: what is looked at are lines with a word before the value (`MRN: 12`, `Patient: Ada`, `Date of birth: …`, in English and Spanish); a name in
 * running text is not taken for a patient. Words are compared without case, accents and punctuation.
 */
import { isObject, itemsOf, type Json, type Resource } from '../../fhir/resource.js';

/** What a person has read in a document. */
export interface ReadInDocument {
  readonly identifier: string;
  readonly birthDate: string | undefined;
  readonly name: string | undefined;
}

/** Which of what was read is not the patient's: names of members. */
export function otherThanPatient(patient: Resource, read: ReadInDocument): readonly string[] {
  const { birthDate, name } = read;
  return [
    ...(isIdentifierOf(patient, read.identifier) ? [] : ['identifier']),
    ...(birthDate === undefined || birthDate === patient['birthDate'] ? [] : ['birth-date']),
    ...(name === undefined || isNameOf(patient, name) ? [] : ['name']),
  ];
}

/** Kinds of lines that name somebody else. */
export type NamedOther = 'other-identifier' | 'other-birth-date' | 'other-name';

/** Characters of a line, and lines. */
const LONGEST_LINE = 400;
const MOST_LINES = 200_000;

const IDENTIFIER =
  /(?:\bmrn\b|medical record (?:number|no)|patient id|record number|historia cl[ií]nica)[ .:#]{1,6}([a-z0-9][a-z0-9-]{2,29})/i;
const BIRTH_DATE =
  /(?:\bdob\b|date of birth|birth date|fecha de nacimiento)[ .:]{1,6}(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4})/i;
const NAME = /(?:\bpatient(?: name)?|\bname of patient|\bpaciente) ?: ?([^:;|]{3,80})/i;

/** What its text says of somebody else, each kind once. */
export function othersNamedIn(text: string, patient: Resource): readonly NamedOther[] {
  const found = new Set<NamedOther>();
  for (const line of text.split(/[\r\n]+/, MOST_LINES)) {
    const short = line.slice(0, LONGEST_LINE);
    const identifier = IDENTIFIER.exec(short)?.[1];
    if (identifier !== undefined && /\d/.test(identifier) && !isIdentifierOf(patient, identifier))
      found.add('other-identifier');
    const date = BIRTH_DATE.exec(short)?.[1];
    if (date !== undefined && !isBirthDate(patient['birthDate'], date)) found.add('other-birth-date');
    const name = NAME.exec(short)?.[1];
    if (name !== undefined && /\p{L}{2}/u.test(name) && !sharesFamily(patient, name)) found.add('other-name');
  }
  return [...found];
}

const plain = (text: string): string =>
  text
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
const closed = (text: string): string => plain(text).replaceAll(' ', '');

const isIdentifierOf = ({ identifier }: Resource, value: string): boolean =>
  itemsOf(identifier).some(
    each => isObject(each) && typeof each['value'] === 'string' && closed(each['value']) === closed(value),
  );

const namesOf = ({ name }: Resource): readonly (readonly string[])[] =>
  itemsOf(name).flatMap(each => {
    if (!isObject(each)) return [];
    const { text, family, given } = each;
    const words = typeof family === 'string' ? [family, ...itemsOf(given).filter(isText)] : [text].filter(isText);
    return words.length > 0 ? [plain(words.join(' ')).split(' ')] : [];
  });

const isText = (value: Json | undefined): value is string => typeof value === 'string';

/** Its family name and a given name, in any order. */
function isNameOf(patient: Resource, name: string): boolean {
  const words = new Set(plain(name).split(' '));
  return itemsOf(patient['name']).some(each => {
    if (!isObject(each)) return false;
    const { text, family, given } = each;
    if (isText(text) && plain(text) === plain(name)) return true;
    const has = (part: string): boolean =>
      plain(part)
        .split(' ')
        .every(word => words.has(word));
    const givens = itemsOf(given).filter(isText);
    return isText(family) && has(family) && (givens.length === 0 || givens.some(has));
  });
}

/** One word of the names is enough: lines are cut, and have titles. A patient without a name is not told from others. */
function sharesFamily(patient: Resource, text: string): boolean {
  const names = namesOf(patient);
  const words = new Set(plain(text).split(' '));
  return names.length === 0 || names.some(([family = '']) => words.has(family));
}

/** In any order of day and month. */
function isBirthDate(birthDate: Json | undefined, said: string): boolean {
  if (typeof birthDate !== 'string') return true;
  const numbers = (text: string): string =>
    text
      .split(/[-/.]/)
      .map(Number)
      .toSorted((a, b) => a - b)
      .join();
  return birthDate.length < 10 || numbers(birthDate) === numbers(said);
}
