/**
 * The questions that are asked of the audit trail, as data: which events answer one, which of them are one line, what a line says in columns and in a
 * sentence. Who saw this patient, what did this user do, what was denied, what was given out, whose data did somebody touch (45 CFR 164.404: a breach).
 */
import { formatInstant, parseDateTime } from '../../fhir/datetime.js';
import { all, ANY_RESOURCE, type Where } from '../../search/query.js';
import type { Disclosure } from '../../interactions/tell.js';
import type { QuestionAsked } from './asked.js';
import type { LineKey, TrailLine } from './lines.js';
import { lineOfText, type ToldEvent } from './told-event.js';
import { byAgent, DISCLOSURES, MAY_BE_DENIALS, ofPatient, withOutcome } from './trail-reader.js';

export interface Column {
  /** As parameter and as head of a column. */
  readonly name: string;
  readonly title: string;
  readonly of: (line: TrailLine) => string | number | boolean;
}

export interface TrailQuestion {
  readonly title: string;
  /** Finds more than `isMeant` leaves. */
  readonly where: (asked: QuestionAsked, patient: string | undefined) => Where;
  /** What is left of an event for who asks; undefined: nothing. What is asked is compared with that. */
  readonly mask?: (event: ToldEvent) => ToldEvent | undefined;
  /** `start` and `end` mean their whole days: no answer tells a time. */
  readonly wholeDays?: true;
  readonly isMeant: (event: ToldEvent, asked: QuestionAsked) => boolean;
  /** Events may tell of what was long before they were recorded. */
  readonly tellsOfEarlier?: true;
  readonly key: LineKey;
  readonly columns: readonly Column[];
  readonly sentence: (line: TrailLine) => string;
}

const timeIn = (ms: number): string => formatInstant(ms).slice(11, 19);
const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
const named = (text: string, otherwise: string): string => (text === '' ? otherwise : text);
/** `read 3, search 2`. */
const actionsIn = ({ actions }: TrailLine): string =>
  [...actions]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([action, count]) => `${named(action, 'something')} ${count}`)
    .join(', ');
const typesIn = ({ types }: TrailLine): string => [...types].toSorted().join(', ');
const whyIn = ({ event: { why } }: TrailLine): string => named(why, 'no reason given');
const patientsIn = ({ event: { patients } }: TrailLine): string => patients.join(' ');

const DAY: Column = { name: 'day', title: 'Day (UTC)', of: ({ event }) => event.day };
const PERSON: Column = { name: 'person', title: 'Who', of: ({ event }) => event.person };
const ROLE_COLUMN: Column = { name: 'role', title: 'Role', of: ({ event }) => event.role };
const PURPOSE: Column = { name: 'purpose', title: 'Purpose', of: ({ event }) => event.purpose };
const PATIENT: Column = { name: 'patient', title: 'Patient', of: patientsIn };
const COUNT: Column = { name: 'count', title: 'Times', of: ({ count }) => count };
const ACTIONS: Column = { name: 'actions', title: 'What was done', of: actionsIn };
const TYPES: Column = { name: 'types', title: 'Of what', of: typesIn };
const FIRST: Column = { name: 'first', title: 'First', of: ({ first }) => formatInstant(first) };
const LAST: Column = { name: 'last', title: 'Last', of: ({ last }) => formatInstant(last) };
const GLASS: Column = {
  name: 'break-glass',
  title: 'Through the broken glass',
  of: ({ throughGlass }) => throughGlass > 0,
};
const DENIED_COUNT: Column = { name: 'denied', title: 'Denied', of: ({ denied }) => denied };
const FAILED: Column = { name: 'failed', title: 'Failed', of: ({ failed }) => failed };
const WHY: Column = { name: 'reason', title: 'Reason', of: ({ event }) => event.why };
const ADDRESS: Column = { name: 'address', title: 'Address', of: ({ event }) => event.address };
const APPLICATION: Column = { name: 'application', title: 'Application', of: ({ event }) => event.application };
const EVENT_COLUMN: Column = { name: 'event', title: 'Newest event', of: ({ event }) => `AuditEvent/${event.id}` };

/** What is marked of a line: what was denied, failed, and was done through a broken glass. */
const marksOf = ({ denied, failed, throughGlass }: TrailLine): string =>
  [
    ...(throughGlass > 0 ? [`${throughGlass} through the broken glass`] : []),
    ...(denied > 0 ? [`${denied} denied`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ]
    .map(mark => `; ${mark}`)
    .join('');

const spanOf = ({ first, last }: TrailLine): string =>
  first === last ? `at ${timeIn(first)}` : `between ${timeIn(first)} and ${timeIn(last)}`;

const aboutPatients = ({ patients }: ToldEvent): string =>
  patients.length > 0 ? ` about ${patients.map(id => `Patient/${id}`).join(', ')}` : '';

const ifGiven = (name: string | undefined, where: (given: string) => Where): Where =>
  name === undefined ? ANY_RESOURCE : where(name);
const isOfPurpose = ({ purpose }: ToldEvent, asked: QuestionAsked): boolean => {
  const wanted = asked.of('purpose');
  return wanted === undefined || purpose.split(' ').includes(wanted);
};
const joined = (...parts: readonly string[]): readonly string[] => [parts.join('\u0000')];

/** Who came on a day for what, and what was done how often. */
const WHO_COLUMNS = [DAY, PERSON, ROLE_COLUMN, PURPOSE];
const WHAT_COLUMNS = [COUNT, ACTIONS, TYPES, FIRST, LAST, GLASS, DENIED_COUNT, FAILED, EVENT_COLUMN];

const whoSaw: TrailQuestion = {
  title: 'Who saw the data of this patient',
  where: (asked, patient = '') =>
    all(
      ofPatient(patient),
      ifGiven(asked.of('user'), byAgent),
      ifGiven(asked.of('outcome'), code => withOutcome(code)),
    ),
  isMeant: isOfPurpose,
  key: { within: 'day', keys: ({ person, role, purpose }) => joined(person, role, purpose) },
  columns: [...WHO_COLUMNS, ...WHAT_COLUMNS],
  sentence: line => {
    const { event, count } = line;
    const role = event.role === '' ? '' : ` (${event.role})`;
    const purpose = event.purpose === '' ? 'no stated purpose' : `the purpose ${event.purpose}`;
    return `On ${event.day} ${named(event.person, 'somebody unknown')}${role} came ${counted(count, 'time')} for ${purpose}, ${spanOf(line)} UTC: ${actionsIn(line)}${marksOf(line)}.`;
  },
};

const whatDid: TrailQuestion = {
  title: 'What this user did',
  where: asked => byAgent(asked.of('user')!),
  isMeant: () => true,
  // An application acts for many people.
  key: {
    within: 'day',
    keys: ({ person, role, patients, purpose, action }) => joined(person, role, patients.join(' '), purpose, action),
  },
  columns: [...WHO_COLUMNS, PATIENT, ...WHAT_COLUMNS],
  sentence: line => {
    const { event } = line;
    return `On ${event.day} ${named(event.person, 'somebody unknown')} did ${actionsIn(line)}${aboutPatients(event)}, ${spanOf(line)} UTC${marksOf(line)}.`;
  },
};

const denials: TrailQuestion = {
  title: 'What was denied',
  where: () => MAY_BE_DENIALS,
  isMeant: ({ isDenied }) => isDenied,
  key: {
    within: 'day',
    keys: ({ person, why, patients, address, action }) => joined(person, why, patients.join(' '), address, action),
  },
  columns: [
    DAY,
    PERSON,
    ROLE_COLUMN,
    WHY,
    PATIENT,
    COUNT,
    ACTIONS,
    TYPES,
    APPLICATION,
    ADDRESS,
    FIRST,
    LAST,
    EVENT_COLUMN,
  ],
  sentence: line => {
    const { event, count } = line;
    return `On ${event.day} ${named(event.person, 'somebody unknown')} was denied ${counted(count, 'time')} (${whyIn(line)})${aboutPatients(event)}, ${spanOf(line)} UTC: ${actionsIn(line)}.`;
  },
};

/** ms since 1970: when something was given out, which may be told later. */
export const givenOutAt = ({ at, disclosure }: ToldEvent): number =>
  (disclosure?.when === undefined ? undefined : parseDateTime(disclosure.when)?.low) ?? at;

/** Whether it may have been within a time (ms, inclusive), of which it may say no more than the month or the year. */
export function wasGivenWithin({ at, disclosure }: ToldEvent, from: number, to: number): boolean {
  const { low, high } = (disclosure?.when === undefined ? undefined : parseDateTime(disclosure.when)) ?? {
    low: at,
    high: at,
  };
  return high >= from && low <= to;
}

const withAddress = ({ name, address }: Disclosure['other']): string =>
  `${named(lineOfText(name), 'somebody unknown')}${address === '' ? '' : ` (${lineOfText(address)})`}`;

/** In words, and by names of resources. */
const dataGivenOut = ({ description = '', data }: Disclosure): string =>
  [description, data.join(', ')]
    .filter(each => each !== '')
    .map(each => lineOfText(each))
    .join(': ');

const whenGiven = ({ at, disclosure }: ToldEvent): string => lineOfText(disclosure?.when) || formatInstant(at);

/** A column of what was given out. */
const given = (name: string, title: string, of: (disclosure: Disclosure) => string | undefined): Column => ({
  name,
  title,
  of: ({ event }) => lineOfText(event.disclosure && of(event.disclosure)),
});

const disclosures: TrailQuestion = {
  title: 'What was given out',
  tellsOfEarlier: true,
  where: () => DISCLOSURES,
  isMeant(event, asked) {
    const { disclosure } = event;
    if (disclosure?.direction !== 'given') return false;
    const recipient = asked.of('recipient');
    return (
      wasGivenWithin(event, asked.from ?? -Infinity, asked.to ?? Infinity) &&
      (recipient === undefined || [disclosure.other.name, disclosure.other.reference].includes(recipient))
    );
  },
  key: { within: 'day', keys: ({ id }) => [id] },
  columns: [
    { name: 'time', title: 'When', of: ({ event }) => whenGiven(event) },
    PATIENT,
    given('recipient', 'Recipient', ({ other }) => other.name),
    given('address', 'Address', ({ other }) => other.address),
    given('purpose', 'Purpose', ({ purpose }) => purpose),
    given('basis', 'Legal basis', ({ basis }) => basis),
    given('data', 'What', dataGivenOut),
    given('custodian', 'Released by', ({ custodian }) => custodian?.name),
    given('authorizer', 'Authorized by', ({ authorizer }) => authorizer?.name),
    given('request', 'Asked for by', ({ request }) => request),
    given('suspended-until', 'Not told before', ({ suspendedUntil }) => suspendedUntil),
    EVENT_COLUMN,
  ],
  sentence({ event }) {
    const { disclosure } = event;
    if (!disclosure) return '';
    const { other, purpose, basis, patient } = disclosure;
    const why = purpose === '' ? 'no stated purpose' : `the purpose ${purpose}`;
    return `On ${whenGiven(event)} ${named(dataGivenOut(disclosure), 'data')} of Patient/${patient} was given to ${withAddress(other)} for ${why}${basis === '' ? '' : ` by 45 CFR ${basis}`}.`;
  },
};

const breachAffected: TrailQuestion = {
  title: 'Whose data somebody touched',
  where: asked => all(byAgent(asked.of('agent')!), withOutcome('0')),
  isMeant: ({ patients }) => patients.length > 0,
  key: { within: 'period', keys: ({ patients }) => patients },
  columns: [{ ...PATIENT, of: ({ key }) => key }, ...[COUNT, ACTIONS, TYPES, FIRST, LAST, GLASS, EVENT_COLUMN]],
  sentence: line =>
    `Data of Patient/${line.key} was touched ${counted(line.count, 'time')} from ${formatInstant(line.first)} to ${formatInstant(line.last)}: ${actionsIn(line)}${marksOf(line)}.`,
};

/** The question that patients have, too (masked.ts). */
export const WHO_SAW = 'who-saw';

export const QUESTIONS: Readonly<Record<string, TrailQuestion>> = {
  [WHO_SAW]: whoSaw,
  'what-did': whatDid,
  denials,
  disclosures,
  'breach-affected': breachAffected,
};
