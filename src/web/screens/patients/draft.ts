/** What a form says of a person: some elements of a Patient as texts. Everything else of the Patient stays as it is. */
import type { Address, ContactPoint, HumanName, Patient } from 'fhir/r4';
import { nameInUse } from '../../fhir/show.js';

export const DRAFT_FIELDS = [
  ...['family', 'given', 'birthDate', 'gender', 'phone', 'email', 'line', 'city', 'state', 'postalCode', 'country'],
  ...['contactName', 'contactPhone', 'mrn'],
] as const satisfies readonly string[];
export type DraftField =
  | (
      | 'family'
      | 'given'
      | 'birthDate'
      | 'gender'
      | 'phone'
      | 'email'
      | 'line'
      | 'city'
      | 'state'
      | 'postalCode'
      | 'country'
    )
  | ('contactName' | 'contactPhone' | 'mrn');
export type Draft = Readonly<Record<DraftField, string>>;

/** Which field holds what an error is about. */
export const FIELDS_BY_EXPRESSION: Readonly<Record<string, DraftField>> = {
  'Patient.name': 'family',
  'Patient.name.family': 'family',
  'Patient.name.given': 'given',
  'Patient.birthDate': 'birthDate',
  'Patient.gender': 'gender',
  'Patient.telecom': 'phone',
  'Patient.address': 'line',
  'Patient.address.city': 'city',
  'Patient.address.state': 'state',
  'Patient.address.postalCode': 'postalCode',
  'Patient.address.country': 'country',
  'Patient.contact': 'contactName',
  'Patient.identifier': 'mrn',
};

const MR = { system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' } as const;

const telecomOf = (telecom: readonly ContactPoint[] | undefined, system: 'phone' | 'email'): ContactPoint | undefined =>
  telecom?.find(each => each.system === system && each.use !== 'old');
const addressOf = (address: readonly Address[] | undefined): Address | undefined =>
  address?.find(({ use }) => use !== 'old') ?? address?.[0];

export function draftOf({
  name,
  birthDate = '',
  gender,
  telecom,
  address,
  contact,
  identifier,
}: Partial<Patient>): Draft {
  const { family = '', given = [] } = nameInUse(name) ?? {};
  const { line = [], city = '', state = '', postalCode = '', country = '' } = addressOf(address) ?? {};
  return {
    ...{
      family,
      given: given.join(' '),
      birthDate,
      gender: gender ?? '',
      line: line.join(', '),
      city,
      state,
      postalCode,
      country,
    },
    ...{ phone: valueOf(telecom, 'phone'), email: valueOf(telecom, 'email') },
    contactName: nameOfContact(contact?.[0]?.name),
    contactPhone: valueOf(contact?.[0]?.telecom, 'phone'),
    mrn: identifier?.find(each => each.type?.coding?.some(({ code }) => code === 'MR'))?.value ?? '',
  };
}

const valueOf = (telecom: readonly ContactPoint[] | undefined, system: 'phone' | 'email'): string =>
  telecomOf(telecom, system)?.value ?? '';
const nameOfContact = ({ text, given = [], family = '' }: HumanName = {}): string =>
  text ?? [...given, family].join(' ').trim();

/** Fields in which two differ. */
export const changedFields = (from: Draft, to: Draft): readonly DraftField[] =>
  DRAFT_FIELDS.filter(field => from[field] !== to[field].trim());

/** The Patient with what was changed: elements whose fields say what they said are the same ones. */
export function withDraft(patient: Patient, draft: Draft): Patient {
  const changed = new Set(changedFields(draftOf(patient), draft));
  const has = (...fields: readonly DraftField[]): boolean => fields.some(field => changed.has(field));
  const text = (field: DraftField): string | undefined => draft[field].trim() || undefined;
  const next: Patient = { ...patient };
  if (has('family', 'given')) next.name = withName(patient.name, text('family'), text('given'), has('given'));
  if (has('birthDate')) setOrRemove(next, 'birthDate', text('birthDate'));
  if (has('gender')) setOrRemove(next, 'gender', text('gender') as Patient['gender']);
  for (const system of ['phone', 'email'] as const)
    if (has(system)) setOrRemove(next, 'telecom', withTelecom(next.telecom, system, text(system)));
  if (has('line', 'city', 'state', 'postalCode', 'country'))
    setOrRemove(next, 'address', withAddress(patient.address, text, has('line')));
  if (has('contactName', 'contactPhone')) setOrRemove(next, 'contact', withContact(patient.contact, text));
  if (has('mrn') && text('mrn') !== undefined)
    next.identifier = [...(patient.identifier ?? []), recordNumber(text('mrn')!)];
  return next;
}

function setOrRemove<K extends keyof Patient>(patient: Patient, name: K, value: Patient[K] | undefined): void {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) delete patient[name];
  else patient[name] = value;
}

const recordNumber = (value: string) => ({ use: 'usual' as const, type: { coding: [MR], text: 'MRN' }, value });

const withoutEmpty = <T extends object>(given: T): T =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== '')) as T;

/** `text` is what was shown of the former name. */
function withName(
  names: readonly HumanName[] = [],
  family: string | undefined,
  given: string | undefined,
  hasOtherGiven: boolean,
): HumanName[] {
  const old = nameInUse(names);
  const { text: _text, family: _family, given: were = [], ...rest } = old ?? { use: 'official' };
  const words = hasOtherGiven ? (given?.split(/\s+/) ?? []) : were;
  const next = { ...rest, ...(family === undefined ? {} : { family }), ...(words.length > 0 ? { given: words } : {}) };
  return old ? names.map(each => (each === old ? next : each)) : [...names, next];
}

function withTelecom(
  telecom: ContactPoint[] = [],
  system: 'phone' | 'email',
  value: string | undefined,
): ContactPoint[] {
  const old = telecomOf(telecom, system);
  if (value === undefined) return telecom.filter(each => each !== old);
  return old ? telecom.map(each => (each === old ? { ...each, value } : each)) : [...telecom, { system, value }];
}

type TextOfField = (field: DraftField) => string | undefined;

function withAddress(addresses: Address[] = [], text: TextOfField, hasOtherLine: boolean): Address[] {
  const old = addressOf(addresses);
  const { text: _text, line: was, ...rest } = old ?? { use: 'home' };
  const line = hasOtherLine ? text('line')?.split(/\s*,\s*/) : was;
  const [city, state, postalCode, country] = (['city', 'state', 'postalCode', 'country'] as const).map(text);
  const next = withoutEmpty({ ...rest, line, city, state, postalCode, country }) as Address;
  return old ? addresses.map(each => (each === old ? next : each)) : [next];
}

function withContact(contacts: Patient['contact'] = [], text: TextOfField): NonNullable<Patient['contact']> {
  const [old = {}, ...others] = contacts;
  const [name, phone] = [text('contactName'), text('contactPhone')];
  const { name: _name, telecom = [], ...rest } = old;
  const points = withTelecom(telecom, 'phone', phone);
  const next = {
    ...rest,
    ...(name === undefined
      ? {}
      : { name: draftOf({ contact: [old] }).contactName === name ? old.name! : { text: name } }),
    ...(points.length > 0 ? { telecom: points } : {}),
  };
  return Object.keys(next).length > 0 ? [next, ...others] : others;
}

/** What is wrong before anything is asked of the server. A name that was like this before is nobody's fault now: it may be one of text alone. */
export function missingFields(was: Draft, draft: Draft, isNew: boolean): readonly DraftField[] {
  if (!isNew && !changedFields(was, draft).some(field => field === 'family' || field === 'given')) return [];
  const nameless = draft.family.trim() === '' && draft.given.trim() === '';
  return nameless ? ['family'] : [];
}
