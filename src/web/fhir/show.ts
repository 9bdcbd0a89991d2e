/** FHIR's values in words: names, dates, codes, addresses. Dates name their month, so that nobody takes a day for one. */
import type { Address, CodeableConcept, Coding, ContactPoint, HumanName, Identifier, Patient, Period } from 'fhir/r4';

const LANGUAGE = 'en-GB';
export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

const day = new Intl.DateTimeFormat(LANGUAGE, { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });
const month = new Intl.DateTimeFormat(LANGUAGE, { month: 'short', year: 'numeric', timeZone: 'UTC' });
const moment = new Intl.DateTimeFormat(LANGUAGE, {
  ...({ day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' } as const),
  hour12: false,
});
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });
export const byText = (a: string, b: string): number => collator.compare(a, b);

/** A date, dateTime or instant: as exact as it is given, times in the zone of the reader. What is none is shown as it stands. */
export function shownDate(value: string | undefined): string {
  if (value === undefined) return '';
  const [, year, hasMonth, hasDay, hasTime] = /^(\d{4})(-\d\d)?(-\d\d)?(T.+)?$/.exec(value) ?? [];
  if (year === undefined || Number.isNaN(Date.parse(value))) return value;
  if (hasTime !== undefined) return moment.format(new Date(value));
  const date = new Date(`${year}${hasMonth ?? '-01'}${hasDay ?? '-01'}T00:00:00Z`);
  return hasDay !== undefined ? day.format(date) : hasMonth !== undefined ? month.format(date) : year;
}

export const shownPeriod = ({ start, end }: Period = {}): string =>
  start === undefined && end === undefined ? '' : `${shownDate(start) || '…'} – ${shownDate(end) || '…'}`;

/** Whole years from one day to another; undefined where the first is not known to the day. */
function yearsBetween(from: string | undefined, to: Date): number | undefined {
  const [, year, of, at] = /^(\d{4})-(\d\d)-(\d\d)/.exec(from ?? '') ?? [];
  if (year === undefined) return undefined;
  const isBefore = to.getMonth() + 1 < Number(of) || (to.getMonth() + 1 === Number(of) && to.getDate() < Number(at));
  return to.getFullYear() - Number(year) - (isBefore ? 1 : 0);
}

/** Years at death, or today. */
export const ageOf = ({ birthDate, deceasedDateTime }: Patient): number | undefined =>
  yearsBetween(birthDate, deceasedDateTime === undefined ? new Date() : new Date(deceasedDateTime));

const USES = ['usual', 'official', undefined, 'nickname', 'anonymous', 'temp', 'maiden', 'old'];
const rankOf = ({ use }: { use?: string | undefined }): number => (USES.indexOf(use) + USES.length) % USES.length;

/** The one that is used now. */
export const nameInUse = (names: readonly HumanName[] = []): HumanName | undefined =>
  names.toSorted((a, b) => rankOf(a) - rankOf(b))[0];

/** As it is said to be written; else its parts, in the order of most of Europe. */
export function shownName({ text, prefix = [], given = [], family, suffix = [] }: HumanName = {}): string {
  const words = [...prefix, ...given, family ?? '', ...suffix].filter(each => each !== '');
  return (text ?? '').trim() || words.join(' ');
}

export const shownCoding = ({ display, code }: Coding = {}): string => display ?? code ?? '';
export const shownConcept = ({ text, coding = [] }: CodeableConcept = {}): string =>
  text ?? (coding.map(shownCoding).find(each => each !== '') || '');

const LABELS: Readonly<Record<string, string>> = { MR: 'MRN', SS: 'SSN', DL: 'Driving licence', PPN: 'Passport' };
/** What an identifier is called. */
export function labelOfIdentifier({ type, system }: Identifier): string {
  const code = type?.coding?.[0]?.code;
  return (code !== undefined && LABELS[code]) || shownConcept(type) || (system ?? 'Identifier').replace(/^.*[/:|]/, '');
}

export const shownContact = ({ value = '', system, use }: ContactPoint): string =>
  [value, [use, system].filter(each => each !== undefined).join(' ')].filter(each => each !== '').join(' · ');

export function shownAddress({ text, line = [], city, state, postalCode, country }: Address): string {
  const parts = [...line, [postalCode, city, state].filter(each => each !== undefined).join(' '), country ?? ''];
  const known = parts.filter(each => each !== '');
  return known.length > 0 ? known.join(', ') : (text ?? '');
}

export function shownSize(bytes: number | undefined): string {
  if (bytes === undefined) return '';
  const units = ['bytes', 'KB', 'MB', 'GB'];
  const step = bytes < 1024 ? 0 : Math.min(3, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]!}`;
}
