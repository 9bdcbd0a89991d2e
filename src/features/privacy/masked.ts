/**
 * Who saw their data, as patients are told: never the events themselves (IHE CH:ATC has the same idea, https://fhir.ch/ig/ch-atc). Times are days,
 * machines and applications behind a person are left out, and so are addresses, requests, what failed, and disclosures that must not be told yet; what is the
 * same then is said once. Whatever is asked is compared with what is left, so that no question finds more than its answer shows.
 */
import { isIP } from 'node:net';
import { parseDateTime } from '../../fhir/datetime.js';
import { parseReference } from '../../fhir/reference.js';
import type { Context } from '../../interactions/engine.js';
import type { QuestionAsked } from './asked.js';
import type { TrailQuestion } from './questions.js';
import type { ToldEvent } from './told-event.js';
import { ofPatient } from './trail-reader.js';

/** What people understand by what was done. */
const PLAIN: Readonly<Record<string, string>> = {
  read: 'looked at',
  search: 'looked at',
  history: 'looked at',
  create: 'added to',
  update: 'changed',
  delete: 'deleted from',
};
const SYSTEM_LABEL = 'a system without a user';

/** Whether it is the patient of the address who asks: by their role, or by what their token says they are. */
export function isThemself({ principal, engine }: Pick<Context, 'principal' | 'engine'>, id: string): boolean {
  const { patient, role, fhirUser = '' } = principal;
  if (patient !== id) return false;
  const who = parseReference(fhirUser, engine.settings.bases);
  const isSomebodyElse = fhirUser !== '' && !(who?.kind === 'local' && who.type === 'Patient' && who.id === id);
  return role === 'patient' ? !isSomebodyElse : fhirUser !== '' && !isSomebodyElse;
}

function mask(event: ToldEvent): ToldEvent {
  const { kept, day, person, role, purpose, action, disclosure, isThroughGlass } = event;
  const isMachine = person === '' || isIP(person) > 0 || person === event.address;
  return {
    ...{ id: '', kept, day, at: Date.parse(day), purpose, isThroughGlass },
    ...{ person: isMachine ? SYSTEM_LABEL : person, role: isMachine ? '' : role },
    action: disclosure ? 'gave to others from' : (PLAIN[action] ?? 'used'),
    ...{
      application: '',
      address: '',
      types: [],
      patients: [],
      named: [],
      outcome: '0',
      why: '',
      isDenied: false,
      isOwn: false,
      request: '',
      isWholeRequest: false,
    },
    disclosure,
    isUnreadDisclosure: false,
  };
}

/** That it is told on the day of the answer: a suspension of 45 CFR 164.528(a)(2) is over, or there is none. */
export function isTellable({ disclosure, isUnreadDisclosure }: ToldEvent, now: number): boolean {
  if (isUnreadDisclosure) return false;
  if (disclosure?.suspendedUntil === undefined) return true;
  const until = parseDateTime(disclosure.suspendedUntil);
  // What cannot be understood was meant to keep it.
  return until !== undefined && now > until.high;
}

const isAsked = ({ person, purpose, outcome }: ToldEvent, { of }: QuestionAsked): boolean =>
  (of('user') ?? person) === person &&
  (of('purpose') === undefined || purpose.split(' ').includes(of('purpose')!)) &&
  (of('outcome') ?? outcome) === outcome;

/** `now`: ms since 1970. */
export const whoSawMe = (now: number): TrailQuestion => ({
  title: 'Who saw your data',
  wholeDays: true,
  where: (_, patient = '') => ofPatient(patient),
  mask: event => (event.outcome === '0' && isTellable(event, now) ? mask(event) : undefined),
  isMeant: isAsked,
  key: {
    within: 'day',
    inOrderOfKeys: true,
    keys: ({ person, role, purpose, action }) => [[person, role, purpose, action].join('\u0000')],
  },
  columns: [
    { name: 'day', title: 'Day (UTC)', of: ({ event }) => event.day },
    { name: 'person', title: 'Who', of: ({ event }) => event.person },
    { name: 'role', title: 'Role', of: ({ event }) => event.role },
    { name: 'purpose', title: 'Purpose', of: ({ event }) => event.purpose },
    { name: 'action', title: 'What was done', of: ({ event }) => event.action },
    { name: 'break-glass', title: 'In an emergency', of: ({ event }) => event.isThroughGlass },
  ],
  sentence: ({ event: { day, person, role, purpose, action, isThroughGlass } }) =>
    `On ${day} ${person}${role === '' ? '' : ` (${role})`} ${action} your data${purpose === '' ? '' : ` for the purpose ${purpose}`}${isThroughGlass ? ', in an emergency' : ''}.`,
});
