/**
 * Who asks, as Consents and labels know them: for which purpose, as which of the actors that a Consent can name, and in whose own record.
 *
 * What is not known counts against whoever asks: a rule that denies applies, one that permits does not. What a token for an application itself
 * (scopes `system/`) does, no person does.
 */
import { hash } from 'node:crypto';
import type { Principal } from '../identity/principal.js';
import { parseReference, type ReferenceTarget } from '../fhir/reference.js';
import type { ConsentRule } from './consent.js';
import { type Sight } from './labels.js';
import { type Confidentiality, NORMALLY } from '../fhir/security-labels.js';
import { OF_PATIENTS, purposeWithKinds } from './purposes.js';
import type { RoleDuty } from './roles.js';

export interface WhoAsks extends Sight {
  /** The purpose of use with those that it is a kind of; undefined: not known. */
  readonly purposes: readonly string[] | undefined;
  /** `Type/id` of this server, or URLs. */
  readonly actors: ReadonlySet<string>;
  /** Kinds of actors of which nobody knows whether they are one. */
  readonly unknown: ReadonlySet<string>;
  /** The patient who asks: what they have consented to binds others. */
  readonly own: string | undefined;
  /** The patient for whom they have broken the glass. */
  readonly glass: string | undefined;
  /** The rules of Consents bind them. */
  readonly bound: boolean;
  /** Equal for those who differ in nothing but actors. */
  readonly key: string;
}

const PERSONS = ['Practitioner', 'PractitionerRole', 'Patient', 'RelatedPerson'] as const;

/** As what else a Consent may name somebody who is named as one of these. */
const MAY_BE: Readonly<Record<string, readonly string[]>> = {
  Practitioner: ['PractitionerRole'],
  PractitionerRole: ['Practitioner'],
  Patient: ['RelatedPerson'],
  RelatedPerson: ['Patient'],
  Device: [],
};
const STAFF: ReadonlySet<string> = new Set(['Practitioner', 'PractitionerRole']);

/** Type of what is named, where the name tells. */
export function typeOfActor(name: string): string | undefined {
  const target = parseReference(name, []);
  return target?.kind === 'local' || target?.kind === 'url' ? target.type : undefined;
}

/** `principal`: with the organizations to which they belong and their other names, where some Consent names such. */
export function askingOf(
  principal: Principal,
  duty: Pick<RoleDuty, 'purpose' | 'confidentiality' | 'consents'>,
  bases: readonly string[],
): WhoAsks {
  const { fhirUser, glass } = principal;
  const purpose = principal.purpose ?? duty.purpose;
  const user = fhirUser === undefined ? undefined : parseReference(fhirUser, bases);
  const local = user?.kind === 'local' ? user : undefined;
  const own = local?.type === 'Patient' ? local.id : ownOf(principal, duty);
  const actors = actorsOf(principal, user, own, bases);
  const unknown = unknownOf(principal, own === undefined ? user : { kind: 'local', type: 'Patient', id: own });
  const most: Confidentiality = duty.confidentiality ?? NORMALLY;
  const asPatient = own !== undefined || duty.purpose === OF_PATIENTS;
  const bound = duty.consents !== 'disregarded';
  const purposes = purpose === undefined ? undefined : purposeWithKinds(purpose);
  const told = [purposes ?? null, [...unknown], own ?? null, glass ?? null, most, asPatient, bound];
  return {
    purposes,
    actors,
    unknown,
    own,
    glass,
    most,
    asPatient,
    bound,
    key: hash('sha256', JSON.stringify(told), 'base64'),
  };
}

/** As whom a Consent can name them. */
function actorsOf(
  { client, organizations = [], alsoKnownAs = [] }: Principal,
  user: ReferenceTarget | undefined,
  own: string | undefined,
  bases: readonly string[],
): ReadonlySet<string> {
  const nameOf = (target: ReferenceTarget | undefined): readonly string[] =>
    target?.kind === 'local' ? [`${target.type}/${target.id}`] : target?.kind === 'url' ? [target.url] : [];
  const belongs = organizations.map(each => nameOf(parseReference(each, bases))[0] ?? each);
  return new Set([
    ...nameOf(user),
    ...alsoKnownAs,
    ...(own === undefined ? [] : [`Patient/${own}`]),
    ...(client === undefined ? [] : [`Device/${client}`]),
    ...belongs,
  ]);
}

function unknownOf(
  { fhirUser, client, organizations = [], moreOrganizations, alsoKnownAs, scopes = [] }: Principal,
  user: ReferenceTarget | undefined,
): ReadonlySet<string> {
  const isApplication = scopes.some(({ context }) => context === 'system');
  const type = user?.kind === 'local' || user?.kind === 'url' ? user.type : undefined;
  const persons = (type === undefined ? undefined : MAY_BE[type]) ?? PERSONS;
  const isUnknown = (each: string): boolean => alsoKnownAs === undefined || !STAFF.has(each);
  return new Set<string>([
    ...(isApplication && !user ? [] : persons.filter(isUnknown)),
    ...(client === undefined && fhirUser === undefined ? ['Device'] : []),
    ...(organizations.length === 0 || moreOrganizations ? ['Organization'] : []),
  ]);
}

/** Whoever has no name as a user, but a token in the name of the patient and the role of patients. */
const ownOf = ({ fhirUser, patient }: Principal, { purpose }: Pick<RoleDuty, 'purpose'>): string | undefined =>
  fhirUser === undefined && purpose === OF_PATIENTS ? patient : undefined;

/** Whether the rule is about whoever asks, at this time. */
export function concerns(rule: ConsentRule, asking: WhoAsks, now: number): boolean {
  const { between, purposes, actors, permits } = rule;
  if (now < between.from || now > between.until) return false;
  if (purposes) {
    const isMeant = asking.purposes ? asking.purposes.some(each => purposes.includes(each)) : !permits;
    if (!isMeant) return false;
  }
  if (!actors || actors.some(each => asking.actors.has(each))) return true;
  return !permits && actors.some(each => asking.unknown.has(typeOfActor(each) ?? ''));
}
