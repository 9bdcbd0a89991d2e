/** The questions that the trail answers, as data: where each is asked, and what it needs to know. Source: OperationDefinitions of this server. */
import type { Parameters } from 'fhir/r4';
import { parametersOf } from '../../audit/asked.js';
import { sayAudit } from '../../messages/audit.js';
import type { FieldFault } from '../../ui/fault-summary.js';

export type QuestionName =
  | 'who-saw'
  | 'what-did'
  | 'denials'
  | 'disclosures'
  | 'breach-affected'
  | 'accounting-of-disclosures';

interface Question {
  readonly isOfPatient: boolean;
  /** What its parameter for a person is called. */
  readonly person?: 'user' | 'agent' | 'recipient';
  readonly needsPerson?: boolean;
  /** It writes into the record, so that whoever asks says that it is meant. */
  readonly writes?: boolean;
}

export const QUESTIONS: Readonly<Record<QuestionName, Question>> = {
  'who-saw': { isOfPatient: true, person: 'user' },
  'what-did': { isOfPatient: false, person: 'user', needsPerson: true },
  denials: { isOfPatient: false },
  disclosures: { isOfPatient: false, person: 'recipient' },
  'breach-affected': { isOfPatient: false, person: 'agent', needsPerson: true },
  'accounting-of-disclosures': { isOfPatient: true, writes: true },
};

export interface Inquiry {
  readonly question: QuestionName;
  /** Of the patient, where one is asked about and not yet known by id. */
  readonly identifier: string;
  readonly person: string;
  readonly start: string;
  readonly end: string;
  readonly isMeant: boolean;
}

export const NEW_INQUIRY: Inquiry = {
  ...{ question: 'what-did', identifier: '', person: '', start: '', end: '', isMeant: false },
};

/** `hasPatient`: the patient is known already. */
export function faultsOfInquiry(inquiry: Inquiry, hasPatient: boolean): readonly FieldFault[] {
  const { isOfPatient, needsPerson, writes } = QUESTIONS[inquiry.question];
  const isMissing = {
    identifier: isOfPatient && !hasPatient && inquiry.identifier.trim() === '',
    person: needsPerson === true && inquiry.person.trim() === '',
    meant: writes === true && !inquiry.isMeant,
  };
  return [
    ...(isMissing.identifier ? [{ field: 'identifier', text: sayAudit('identifier.missing') }] : []),
    ...(isMissing.person ? [{ field: 'person', text: sayAudit('user.missing') }] : []),
    ...(isMissing.meant ? [{ field: 'meant', text: sayAudit('accounting.missing') }] : []),
  ];
}

/** Below the base. `patient`: id, where one is asked about. */
export const pathOf = ({ question }: Inquiry, patient: string | undefined): string =>
  QUESTIONS[question].isOfPatient ? `Patient/${patient!}/$${question}` : `$${question}`;

/** `count`: lines of a page. */
export function parametersOfInquiry({ question, person, ...days }: Inquiry, count?: number): Parameters {
  const name = QUESTIONS[question].person;
  return parametersOf(
    days,
    count,
    name !== undefined && person.trim() !== '' ? [{ name, valueString: person.trim() }] : [],
  );
}
