/** Which of the identifiers of a person is told to others, or printed. https://hl7.org/fhir/R4/v2/0203/ */
import { isObject, itemsOf, type Json, type JsonObject } from './resource.js';

/** Numbers of social security, by either name of their system. https://terminology.hl7.org/NamingSystem-ssn.html */
const SSN: ReadonlySet<unknown> = new Set(['http://hl7.org/fhir/sid/us-ssn', 'urn:oid:2.16.840.1.113883.4.1']);

/** The number of the record where there is one; never that of social security, nor one that is not used any more. It has a system and a value. */
export function identifierToTell(identifiers: readonly Json[]): JsonObject | undefined {
  const isOf = ({ type }: JsonObject, code: string): boolean =>
    isObject(type) && itemsOf(type['coding']).some(each => isObject(each) && each['code'] === code);
  const known = identifiers
    .filter(isObject)
    .filter(
      each =>
        typeof each['system'] === 'string' &&
        typeof each['value'] === 'string' &&
        each['use'] !== 'old' &&
        !SSN.has(each['system']) &&
        !isOf(each, 'SS'),
    );
  return known.find(each => isOf(each, 'MR')) ?? known[0];
}
