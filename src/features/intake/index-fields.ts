/**
 * The index fields of a scan: whose it is (by two identifiers), of which encounter, what kind of document, of which day, and by whom. They stand where FHIR has
 * them: `subject` with its identifier and `context.sourcePatientInfo` (what the paper says of the patient), `context.encounter`, `type`,
 * `context.period`, `author`. https://hl7.org/fhir/R4/documentreference.html
 *
 * One judge for `$index` and for plain FHIR: which rules of data quality do not hold.
 */
import { readFileSync } from 'node:fs';
import { parseGivenDateTime } from '../../fhir/datetime.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type Json, type Resource } from '../../fhir/resource.js';
import type { HookGround } from '../../interactions/write/hooks.js';
import { patientFacts } from './patient-facts.js';
import type { DqFinding, QualityCode } from './vocabulary.js';

type IndexField = 'patient' | 'encounter' | 'type' | 'date' | 'author';

export interface IndexRules {
  readonly required: readonly IndexField[];
  /** Types of documents that are of no encounter. */
  readonly withoutEncounter: readonly { readonly system: string; readonly code: string }[];
}

/** Throws an Error where the file has not the form. */
export function readIndexRules(file: URL): IndexRules {
  const { required, withoutEncounter } = JSON.parse(readFileSync(file, 'utf8')) as Partial<IndexRules>;
  if (!Array.isArray(required) || !Array.isArray(withoutEncounter))
    throw new Error('index-fields.json has required and withoutEncounter.');
  return { required, withoutEncounter };
}

export interface FieldGround {
  readonly rules: IndexRules;
  readonly view: Pick<HookGround['view'], 'read'>;
  /** Of this server. */
  readonly bases: readonly string[];
  /** ms since 1970. */
  readonly now: number;
}

const stringIn = (value: Json | undefined): string => (typeof value === 'string' ? value : '');
const memberOf = (value: Json | undefined, name: string): Json | undefined =>
  isObject(value) ? value[name] : undefined;

/** What is wrong with the index fields of a document, in their order. It reads the patient and the encounter as far as they may be seen. */
export async function judgeFields(ground: FieldGround, document: Resource): Promise<readonly DqFinding[]> {
  const patient = await referred(ground, document['subject'], 'Patient');
  const encounter = await referred(ground, itemsOf(memberOf(document['context'], 'encounter'))[0], 'Encounter');
  return [
    ...patientFindings(ground, document, patient),
    ...encounterFindings(ground, document, encounter),
    ...typeFindings(ground, document),
    ...dateFindings(ground, document, { patient, encounter }),
    ...authorFindings(ground, document),
  ];
}

const finding = (code: QualityCode, path: string): DqFinding => ({ code, expression: `DocumentReference.${path}` });

/** The resource that a Reference leads to; undefined: it leads to none of this type here. */
async function referred(
  { view, bases }: FieldGround,
  reference: Json | undefined,
  type: string,
): Promise<Resource | undefined> {
  const target = parseReference(stringIn(memberOf(reference, 'reference')), bases);
  const row = target?.kind === 'local' && target.type === type ? await view.read(type, target.id) : undefined;
  return row?.text ? parseJson(row.text, STORED_JSON).resource : undefined;
}

function patientFindings({ rules }: FieldGround, document: Resource, patient: Resource | undefined): DqFinding[] {
  const { subject } = document;
  if (subject === undefined)
    return rules.required.includes('patient') ? [finding('DQ-patient-missing', 'subject')] : [];
  if (!patient) return [finding('DQ-patient-unknown', 'subject')];
  const facts = patientFacts(document);
  return [
    ...(patient['active'] === false ? [finding('DQ-patient-inactive', 'subject')] : []),
    ...(facts.every(fact => fact.agrees(patient)) ? [] : [finding('DQ-patient-mismatch', 'subject')]),
    ...(facts.length < 2 ? [finding('DQ-patient-unconfirmed', 'context.sourcePatientInfo')] : []),
  ];
}

function encounterFindings(
  { rules, bases }: FieldGround,
  document: Resource,
  encounter: Resource | undefined,
): DqFinding[] {
  const place = 'context.encounter';
  const named = itemsOf(memberOf(document['context'], 'encounter'));
  if (named.length === 0) {
    const codings = itemsOf(memberOf(document['type'], 'coding')).filter(isObject);
    const isOfNone = rules.withoutEncounter.some(({ system, code }) =>
      codings.some(each => each['system'] === system && each['code'] === code),
    );
    return rules.required.includes('encounter') && !isOfNone ? [finding('DQ-encounter-missing', place)] : [];
  }
  if (!encounter) return [finding('DQ-encounter-unknown', place)];
  const { subject } = document;
  if (subject === undefined) return [];
  const [whose, whom] = [encounter['subject'], subject].map(each =>
    parseReference(stringIn(memberOf(each, 'reference')), bases),
  );
  const isOfThem = whose?.kind === 'local' && whom?.kind === 'local' && whose.id === whom.id;
  return isOfThem ? [] : [finding('DQ-encounter-of-other', place)];
}

function typeFindings({ rules }: FieldGround, { type }: Resource): DqFinding[] {
  const codings = itemsOf(memberOf(type, 'coding')).filter(isObject);
  if (codings.some(({ system, code }) => stringIn(system) !== '' && stringIn(code) !== '')) return [];
  const isNamed = codings.length > 0 || stringIn(memberOf(type, 'text')) !== '';
  if (isNamed) return [finding('DQ-type-uncoded', 'type')];
  return rules.required.includes('type') ? [finding('DQ-type-missing', 'type')] : [];
}

/** ms that clocks and time zones may differ by. */
const DAY = 86_400_000;

interface AroundService {
  readonly patient: Resource | undefined;
  readonly encounter: Resource | undefined;
}

function dateFindings(
  { rules, now }: FieldGround,
  { context }: Resource,
  { patient, encounter }: AroundService,
): DqFinding[] {
  const place = 'context.period';
  const period = memberOf(context, 'period');
  const said = stringIn(memberOf(period, 'start') ?? memberOf(period, 'end'));
  const service = parseGivenDateTime(said);
  if (!service) return rules.required.includes('date') ? [finding('DQ-date-missing', place)] : [];
  const born = parseGivenDateTime(stringIn(patient?.['birthDate']));
  const [began, ended] = ['start', 'end'].map(name =>
    parseGivenDateTime(stringIn(memberOf(encounter?.['period'], name))),
  );
  const isOutside =
    (began !== undefined && service.high < began.low - DAY) || (ended !== undefined && service.low > ended.high + DAY);
  return [
    ...(service.low > now ? [finding('DQ-date-future', place)] : []),
    ...(born && service.high < born.low ? [finding('DQ-date-before-birth', place)] : []),
    ...(said.length < 'yyyy-mm-dd'.length ? [finding('DQ-date-imprecise', place)] : []),
    ...(isOutside ? [finding('DQ-date-outside-encounter', place)] : []),
  ];
}

function authorFindings({ rules, bases }: FieldGround, { author }: Resource): DqFinding[] {
  const [first] = itemsOf(author);
  if (first === undefined) return rules.required.includes('author') ? [finding('DQ-author-missing', 'author')] : [];
  const target = parseReference(stringIn(memberOf(first, 'reference')), bases);
  return target?.kind === 'local' ? [] : [finding('DQ-author-unknown', 'author')];
}

/** Spaces of the texts that people type, in place: around them none, and one between words. */
export function normalizeFields(document: Resource): void {
  const { type, subject, author } = document;
  const codings = isObject(type) ? itemsOf(type['coding']) : [];
  for (const each of [type, ...codings, subject, ...itemsOf(author)])
    if (isObject(each))
      for (const name of ['text', 'display', 'code'])
        if (typeof each[name] === 'string') (each as Record<string, Json>)[name] = plainSpaces(each[name]);
}

export const plainSpaces = (text: string): string => text.trim().replaceAll(/\s+/g, ' ');
