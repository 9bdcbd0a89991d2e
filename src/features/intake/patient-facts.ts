/**
 * What a document says of its patient, beside the reference: each thing that tells one person from another (an identifier, a name, the date of birth). Two of
 * them are asked for before a document is put into a record (The Joint Commission, NPSG.01.01.01).
 */
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';

/** Ids of the Patients here that documents are about, each once. */
export function subjectsOf(documents: readonly JsonObject[], bases: readonly string[]): string[] {
  const targets = documents.map(({ subject }) => parseReference(saidIn(subject, 'reference'), bases));
  return [...new Set(targets.flatMap(each => (each?.kind === 'local' && each.type === 'Patient' ? [each.id] : [])))];
}

/** Something that identifies a patient. */
export interface PatientFact {
  /** Equal ones count once. */
  readonly name: string;
  agrees(patient: Resource): boolean;
}

const saidIn = (value: Json | undefined, name: string): string => {
  const found = isObject(value) ? value[name] : undefined;
  return typeof found === 'string' ? found : '';
};

/** Identifiers of `subject` and of the Patient that `context.sourcePatientInfo` contains, its first name, and its date of birth. */
export function patientFacts(document: Resource): readonly PatientFact[] {
  const { subject } = document;
  const stated = statedPatient(document);
  const identifiers = [isObject(subject) ? subject['identifier'] : undefined, ...itemsOf(stated?.['identifier'])];
  const facts = [
    ...identifiers.flatMap(identifierFact),
    ...itemsOf(stated?.['name']).slice(0, 1).flatMap(nameFact),
    ...birthFact(stated?.['birthDate']),
  ];
  return [...new Map(facts.map(fact => [fact.name, fact])).values()];
}

function statedPatient({ context, contained }: Resource): JsonObject | undefined {
  const reference = saidIn(isObject(context) ? context['sourcePatientInfo'] : undefined, 'reference');
  return itemsOf(contained)
    .filter(isObject)
    .find(each => each['resourceType'] === 'Patient' && `#${saidIn(each, 'id')}` === reference);
}

function identifierFact(identifier: Json | undefined): PatientFact[] {
  const value = saidIn(identifier, 'value').trim();
  const system = saidIn(identifier, 'system');
  if (value === '') return [];
  const isThis = (each: Json): boolean =>
    saidIn(each, 'value').trim() === value && (system === '' || saidIn(each, 'system') === system);
  return [{ name: `identifier ${value}`, agrees: ({ identifier: known }) => itemsOf(known).some(isThis) }];
}

/** A name without case, accents, spaces, hyphens and apostrophes. */
const plainName = (name: string): string =>
  name
    .normalize('NFKD')
    .replaceAll(/[\p{M}\s'’-]/gu, '')
    .toLowerCase();

const givenNames = (name: Json): string[] =>
  (isObject(name) ? itemsOf(name['given']) : []).flatMap(each => (typeof each === 'string' ? [plainName(each)] : []));

function nameFact(name: Json): PatientFact[] {
  const [family, [given]] = [plainName(saidIn(name, 'family')), givenNames(name)];
  if (family === '' || given === undefined) return [];
  const isThis = (each: Json): boolean =>
    plainName(saidIn(each, 'family')) === family && givenNames(each).includes(given);
  return [{ name: 'name', agrees: ({ name: known }) => itemsOf(known).some(isThis) }];
}

const birthFact = (date: Json | undefined): PatientFact[] =>
  typeof date === 'string' ? [{ name: 'birth', agrees: ({ birthDate }) => birthDate === date }] : [];
