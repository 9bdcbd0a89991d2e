/**
 * What verified claims say of who asks: of a JWT (https://www.rfc-editor.org/rfc/rfc9068#section-2.2) or of an answer about an opaque
 * token (https://www.rfc-editor.org/rfc/rfc7662#section-2.2), with those of SMART, and of IHE IUA (https://profiles.ihe.net/ITI/IUA/).
 * A claim that is there and means nothing makes the token invalid: it may have been meant to narrow it.
 *
 * Choices: a role comes from the claim that the rules of the issuer name, else from what they say of the application, else of everybody;
 * where they say nothing, scopes for users grant nothing, and all others what they say. Of several purposes of use the first counts.
 */
import { FhirError } from '../fhir/error.js';
import type { IssuerRules } from './issuer-rules.js';
import type { Principal, Role, Scope } from './principal.js';
import { invalidToken } from './refusal.js';

export type Claims = Readonly<Record<string, unknown>>;

export interface ClaimsGround {
  /** Reads scopes with spaces between them; throws FhirError. */
  readonly readScopes: (text: string) => { readonly scopes: readonly Scope[] };
  /** FHIR bases of this server. */
  readonly bases: readonly string[];
}

const ID = /^[A-Za-z0-9.-]{1,64}$/;
const FHIR_USER =
  /^(?:https?:\/\/[^\s?#]{1,900}\/)?(?:Patient|Practitioner|PractitionerRole|RelatedPerson|Person|Device)\/[A-Za-z0-9.-]{1,64}$/;
const PURPOSE = /^[A-Za-z0-9_-]{1,64}$/;
/** Of names that others gave. */
const MOST_NAME = 255;

/** Throws FhirError `unauthenticated` with what is wrong, never with the value. */
export function principalOf(claims: Claims, rules: IssuerRules, ground: ClaimsGround): Principal {
  const subject = nameIn(claims, 'sub');
  const client = nameIn(claims, 'client_id') ?? nameIn(claims, 'azp');
  const named = subject ?? client;
  if (named === undefined) throw wrongClaim('sub', 'it must say who asks');
  const tokenId = nameIn(claims, 'jti');
  const patient = contextIn(claims, 'patient', 'Patient', ground);
  const encounter = contextIn(claims, 'encounter', 'Encounter', ground);
  const fhirUser = fhirUserIn(claims);
  const purpose = purposeIn(claims);
  const organization = organizationIn(claims);
  const role =
    claimedRole(claims, rules) ?? (client === undefined ? undefined : rules.clients.get(client)) ?? rules.role;
  const scopes = scopesIn(claims, ground);
  return {
    name: `${rules.url}|${named}`,
    role: role ?? rules.roleOfScopes,
    scopes: role === undefined ? scopes.filter(({ context }) => context !== 'user') : scopes,
    issuer: rules.url,
    subject: named,
    ...(client === undefined ? {} : { client }),
    ...(tokenId === undefined ? {} : { tokenId }),
    ...(patient === undefined ? {} : { patient }),
    ...(encounter === undefined ? {} : { encounter }),
    ...(fhirUser === undefined ? {} : { fhirUser }),
    ...(purpose === undefined ? {} : { purpose }),
    ...(organization === undefined ? {} : { organizations: [organization] }),
  };
}

const wrongClaim = (name: string, why: string): FhirError =>
  invalidToken(`The claim ${name} of the token cannot be used: ${why}.`);

function nameIn(claims: Claims, name: string): string | undefined {
  const value = claims[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && value !== '' && value.length <= MOST_NAME && !hasControls(value)) return value;
  throw wrongClaim(name, `it must be a text of at most ${MOST_NAME} characters`);
}

const hasControls = (text: string): boolean => /\p{Cc}/u.test(text);

/** Scopes as a text, or, where an issuer has `scp`, as a list. Without any the token grants nothing. */
function scopesIn(claims: Claims, { readScopes }: ClaimsGround): readonly Scope[] {
  const given = claims['scope'] ?? claims['scp'] ?? '';
  const texts: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (!texts.every(text => typeof text === 'string')) throw wrongClaim('scope', 'it must be a text');
  try {
    return readScopes(texts.join(' ')).scopes;
  } catch (error) {
    if (!(error instanceof FhirError) || error.kind !== 'invalid') throw error;
    throw invalidToken(`A scope of the token cannot be used (invalid_scope). ${error.message}`);
  }
}

/** An id, which some issuers write as a reference to this server. */
function contextIn(claims: Claims, name: string, type: string, { bases }: ClaimsGround): string | undefined {
  const value = claims[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') {
    const base = bases.find(each => value.startsWith(`${each}/`));
    const local = base === undefined ? value : value.slice(base.length + 1);
    const id = local.startsWith(`${type}/`) ? local.slice(type.length + 1) : local;
    if (ID.test(id)) return id;
  }
  throw wrongClaim(name, `it must be the id of one ${type}`);
}

function fhirUserIn(claims: Claims): string | undefined {
  const value = claims['fhirUser'];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && FHIR_USER.test(value)) return value;
  throw wrongClaim(
    'fhirUser',
    'it must be the URL of a Patient, Practitioner, PractitionerRole, RelatedPerson or Person',
  );
}

/** A code, a coding, or a list of these; of IHE IUA one level deeper. */
function purposeIn(claims: Claims): string | undefined {
  const given = claims['purpose_of_use'] ?? memberOf(memberOf(claims['extensions'], 'ihe_iua'), 'purpose_of_use');
  if (given === undefined || given === null) return undefined;
  const first: unknown = Array.isArray(given) ? given[0] : given;
  const code = typeof first === 'string' ? first : memberOf(first, 'code');
  if (typeof code === 'string' && PURPOSE.test(code)) return code;
  throw wrongClaim('purpose_of_use', 'it must be a code of v3-ActReason');
}

/** Of IHE IUA: the organization in whose name somebody asks. */
function organizationIn(claims: Claims): string | undefined {
  const given = memberOf(memberOf(claims['extensions'], 'ihe_iua'), 'subject_organization_id');
  if (given === undefined || given === null) return undefined;
  if (typeof given === 'string' && given !== '' && given.length <= MOST_NAME && !hasControls(given)) return given;
  throw wrongClaim('subject_organization_id', `it must be a text of at most ${MOST_NAME} characters`);
}

const memberOf = (given: unknown, name: string): unknown =>
  typeof given === 'object' && given !== null && Object.hasOwn(given, name)
    ? (given as Record<string, unknown>)[name]
    : undefined;

/** The first role, in the order of the rules, that a value of the claim means. */
function claimedRole(claims: Claims, { roleClaim, roles }: IssuerRules): Role | undefined {
  if (roleClaim.length === 0) return undefined;
  const given = roleClaim.reduce<unknown>(memberOf, claims);
  const values: readonly unknown[] = Array.isArray(given) ? given : [given];
  for (const [value, role] of roles) if (values.includes(value)) return role;
  return undefined;
}
