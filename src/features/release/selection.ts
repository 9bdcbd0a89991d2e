/**
 * Which documents of a patient a request gives out, and each reason against one. Pure: the same for what is shown and what is done.
 * https://www.ecfr.gov/current/title-45/section-164.502 (b), section-164.508 (a)(2), section-164.524 (a)(1); https://www.ecfr.gov/current/title-42/section-2.31
 *
 * Choices: a class of the minimum necessary, and an order of a court, gets nothing that was not asked for by type or encounter but what a person takes in one by one, and
 * nothing beyond what was asked for. For others a person may go beyond it, where an authorization covers it or the class needs none. A person can take in nothing else that
 * is out: not a draft, not what a machine has read (its scan is given out, which says what is so), and nothing of what labels guard. Labels of a document are those of its content and of what is said of it.
 */
import { isMachineText } from '../../fhir/content/machine-read.js';
import { NORMALLY, placeOfLevel, protectionIn } from '../../fhir/security-labels.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import {
  carries,
  conceptCodings,
  documentKey,
  type DocumentFacts,
  isCodedAs,
  isCovered,
  labelsNamed,
  rangeOf,
  referenceKey,
  touches,
} from './coverage.js';
import { DESK_DOCUMENTS, HREX_CODES, inputsOfKind, inputValues } from './request-task.js';
import type { GuardedLabel, RequesterClass } from './requester-classes.js';

/** Codes of profiles/release/rules/reasons.json, in the order in which they are told. */
export const RELEASE_REASONS = [
  ...([
    'other-patient',
    'of-this-desk',
    'machine-read',
    'entered-in-error',
    'superseded',
    'preliminary',
    'out-of-type',
  ] as const),
  ...(['out-of-period'] as const),
  ...(['other-encounter', 'minimum-necessary', 'not-authorized', 'restricted', 'very-restricted'] as const),
  ...(['psychotherapy', 'part-2', 'withheld-from-patient', 'left-out'] as const),
];
export type ReleaseReason = (typeof RELEASE_REASONS)[number];

export interface SelectionAsked {
  readonly of: Pick<RequesterClass, 'needs' | 'minimumNecessary' | 'withoutConsent'>;
  readonly task: Resource;
  /** What the Task names, where every element of it holds. */
  readonly consent: Resource | undefined;
  /** All of the patient that are to be seen, and whatever else somebody names. */
  readonly documents: readonly Resource[];
  /** Of this server. */
  readonly bases: readonly string[];
}

export interface SelectedDocument {
  readonly document: Resource;
  readonly isIn: boolean;
  /** What is against it; of what was taken in what it would be out for. */
  readonly reasons: readonly ReleaseReason[];
}

/** What staff decided of a document: inputs of the Task. */
export const LEFT_OUT_INPUT = 'left-out';
export const TAKEN_IN_INPUT = 'taken-in';

/** Types of what the desk writes itself: letters, and packages of what went out. */

const SCOPE: ReadonlySet<ReleaseReason> = new Set(['out-of-type', 'out-of-period', 'other-encounter']);
const NECESSITY: ReadonlySet<ReleaseReason> = new Set(['minimum-necessary']);
const FOR_PATIENTS: ReadonlySet<string> = new Set(['identity', 'authority', 'directive']);
const OF_AUTHORIZATIONS: ReadonlySet<string> = new Set(['authorization', 'directive']);
/** Labels by which a consent names what it must name, besides the label itself. */
const NAMES_PART_2 = ['42CFRPart2', 'SUD'];

/** Of each document, in their order. */
export function selectDocuments(asked: SelectionAsked): SelectedDocument[] {
  const { documents, task, of, bases } = asked;
  const select = selectorOf(asked, replacedBy(documents, bases));
  const decided = (kind: string): ReadonlySet<string | undefined> =>
    new Set(inputValues(task, kind).map(each => referenceKey(each, bases)));
  const [leftOut, takenIn] = [decided(LEFT_OUT_INPUT), decided(TAKEN_IN_INPUT)];
  // Nobody goes beyond what is necessary, or what an order states.
  const yielding = isNarrow(of) ? NECESSITY : SCOPE;
  return documents.map(document => {
    const self = documentKey(document);
    const found = select(document);
    if (leftOut.has(self)) found.add('left-out');
    const reasons = RELEASE_REASONS.filter(each => found.has(each));
    const isIn = takenIn.has(self) ? reasons.every(each => yielding.has(each)) : reasons.length === 0;
    return { document, isIn, reasons };
  });
}

const isNarrow = ({ minimumNecessary, needs }: SelectionAsked['of']): boolean => minimumNecessary || needs === 'order';

/** What documents that count replace. */
function replacedBy(documents: readonly Resource[], bases: readonly string[]): ReadonlySet<string> {
  const replaced = documents
    .filter(({ status, docStatus }) => status !== 'entered-in-error' && docStatus !== 'entered-in-error')
    .flatMap(({ relatesTo }) => itemsOf(relatesTo))
    .flatMap(each => (isObject(each) && each['code'] === 'replaces' ? [referenceKey(each['target'], bases)] : []));
  return new Set(replaced.filter(each => each !== undefined));
}

function selectorOf(asked: SelectionAsked, replaced: ReadonlySet<string>): (document: Resource) => Set<ReleaseReason> {
  const { task, of, consent, bases } = asked;
  const patient = referenceKey(task['for'], bases);
  const types = conceptCodings(inputValues(task, 'data-code', HREX_CODES));
  const period = rangeOf(inputValues(task, 'period')[0]);
  const encounters = new Set(inputValues(task, 'encounter').map(each => referenceKey(each, bases)));
  const isUnsaid = isNarrow(of) && types.length === 0 && encounters.size === 0;
  return document => {
    const facts = factsOf(document, bases);
    const { status, docStatus } = document;
    const rules: readonly (readonly [ReleaseReason, boolean])[] = [
      ['other-patient', isOfAnother(document, patient, bases)],
      ['of-this-desk', facts.types.some(({ system }) => system === DESK_DOCUMENTS)],
      ['machine-read', isMachineText(document)],
      ['entered-in-error', status === 'entered-in-error' || docStatus === 'entered-in-error'],
      ['superseded', status === 'superseded' || replaced.has(facts.self)],
      ['preliminary', docStatus === 'preliminary'],
      ['out-of-type', types.length > 0 && !isCodedAs(facts.types, types)],
      ['out-of-period', period !== undefined && !(facts.range && touches(facts.range, period))],
      ['other-encounter', encounters.size > 0 && !facts.encounters.some(each => encounters.has(each))],
      ['minimum-necessary', isUnsaid],
      ['not-authorized', OF_AUTHORIZATIONS.has(of.needs) && !(consent && isCovered(consent, facts, bases))],
      ['withheld-from-patient', FOR_PATIENTS.has(of.needs) && facts.protection.others.has('NOPAT')],
    ];
    return new Set([...rules.flatMap(([reason, holds]) => (holds ? [reason] : [])), ...guardedReasons(asked, facts)]);
  };
}

/** Its subject, or the patient whom its source names, is not the one of the request. */
function isOfAnother({ subject, context }: Resource, patient: string | undefined, bases: readonly string[]): boolean {
  const source = referenceKey(isObject(context) ? context['sourcePatientInfo'] : undefined, bases);
  // Contained: the patient as the source knew them.
  const named = source?.startsWith('Patient/') ? source : undefined;
  return patient === undefined || referenceKey(subject, bases) !== patient || (named ?? patient) !== patient;
}

/** Labels that let nothing out to a class which may not have it, but where a consent that reaches the document names them. */
function guardedReasons({ of, consent, bases }: SelectionAsked, facts: DocumentFacts): ReleaseReason[] {
  const { level, others } = facts.protection;
  const named = consent && isCovered(consent, facts, bases) ? labelsNamed(consent) : [];
  const isNamed = (...codes: readonly string[]): boolean => named.some(({ code }) => codes.some(each => each === code));
  const rows: readonly (readonly [GuardedLabel, ReleaseReason, boolean, boolean])[] = [
    ['R', 'restricted', level === 'R', isNamed('R', 'V') || named.some(label => carries(facts.protection, label))],
    ['V', 'very-restricted', placeOfLevel(level) > placeOfLevel(NORMALLY) && level !== 'R', isNamed('V')],
    ['PSYTHPN', 'psychotherapy', others.has('PSYTHPN'), isNamed('PSYTHPN')],
    ['42CFRPart2', 'part-2', others.has('42CFRPart2'), isNamed(...NAMES_PART_2)],
  ];
  return rows.flatMap(([label, reason, isLabelled, isPermitted]) =>
    isLabelled && !isPermitted && !of.withoutConsent.includes(label) ? [reason] : [],
  );
}

function factsOf(document: Resource, bases: readonly string[]): DocumentFacts {
  const { type, category, date, author } = document;
  const context: JsonObject = isObject(document['context']) ? document['context'] : {};
  const keys = (value: Json | undefined): string[] =>
    itemsOf(value).flatMap(each => {
      const key = referenceKey(each, bases);
      return key === undefined ? [] : [key];
    });
  const made = date === undefined ? undefined : rangeOf({ start: date, end: date });
  return {
    self: documentKey(document),
    types: conceptCodings([type, ...itemsOf(category)]),
    range: rangeOf(context['period']) ?? made,
    encounters: keys(context['encounter']),
    related: keys(context['related']),
    authors: keys(author),
    protection: protectionIn(document),
    contentTypes: itemsOf(document['content']).flatMap(each => {
      const attachment = isObject(each) ? each['attachment'] : undefined;
      const contentType = isObject(attachment) ? attachment['contentType'] : undefined;
      return typeof contentType === 'string' ? [contentType] : [];
    }),
  };
}

/** Why staff decided so of a document, as it stands with the decision. */
export function staffDecisions(task: Resource, bases: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const input of [LEFT_OUT_INPUT, TAKEN_IN_INPUT].flatMap(kind => inputsOfKind(task, kind))) {
    const key = referenceKey(input['valueReference'], bases);
    const reason = itemsOf(input['extension']).find(each => isObject(each) && each['url'] === DECISION_REASON_URL);
    if (key !== undefined && isObject(reason) && typeof reason['valueString'] === 'string')
      found.set(key, reason['valueString']);
  }
  return found;
}

export const DECISION_REASON_URL = 'urn:chartroom:reason';
