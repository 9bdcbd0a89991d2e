import type { Where } from '../search/query.js';

/** What a principal may do, by the name of a role (access/roles.ts). `admin` may do everything. */
export type Role = string;

/** The role of those to whom nobody has given one: it is in no file of roles, so that it allows nothing. */
export const NO_ROLE: Role = '';

/**
 * What is done with resources of a type: one is created, read by its id, updated, deleted, or searched for.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources
 */
export type Letter = 'c' | 'r' | 'u' | 'd' | 's';
export const DUTY_LETTERS: readonly Letter[] = ['c', 'r', 'u', 'd', 's'];

/**
 * One grant of an access token (access/scopes.ts reads them). Several grant what any of them does. `patient`: within the
 * compartment of the patient of the principal; `user`: what the role of the principal allows, too; `system`: by itself.
 */
export interface Scope {
  readonly context: 'patient' | 'user' | 'system';
  /** A concrete resource type, or `*`. */
  readonly type: string;
  /** Not empty. */
  readonly letters: ReadonlySet<Letter>;
  /** The resources that are meant; absent: all of the type. A store answers it alone. */
  readonly where?: Where;
  /** As the token has it. */
  readonly text: string;
}

export interface Principal {
  /** Unique within the server; what the audit trail names. Undefined: nobody was asked (authentication `none`). */
  readonly name?: string;
  readonly role: Role;
  /** What an access token grants, and nothing beyond it, whatever the role; empty: nothing. Absent: what the role may do. */
  readonly scopes?: readonly Scope[];
  /** Id of the one patient in whose context an app was launched; without it no `patient` scope grants anything. */
  readonly patient?: string;
  /** Id of the encounter in whose context an app was launched. */
  readonly encounter?: string;
  /** The resource that says who the user is: an absolute URL, or `Type/id` on this server. */
  readonly fhirUser?: string;
  /** Id of the application that holds the token, at its issuer. */
  readonly client?: string;
  /** Id of the user, or of the application that acts for itself, at the issuer. */
  readonly subject?: string;
  /** URL of who issued the token; absent: this server. */
  readonly issuer?: string;
  /** `jti`: what the issuer calls the token. */
  readonly tokenId?: string;
  /** Organizations to which they belong: `Organization/id` of this server, URLs, or identifiers that a token names. */
  readonly organizations?: readonly string[];
  /** They may belong to others, too. */
  readonly moreOrganizations?: true;
  /** Other names of a Practitioner, who is the same person as their PractitionerRoles, or of a PractitionerRole; absent: not known. */
  readonly alsoKnownAs?: readonly string[];
  /** Purpose of use, a code of http://terminology.hl7.org/CodeSystem/v3-ActReason. */
  readonly purpose?: string;
  /** Id of the one patient for whom they have broken the glass, where the request is made through it. */
  readonly glass?: string;
  /** Name of the user for whom a client acts. */
  readonly onBehalfOf?: string;
}

/** The same as plain JSON, to be kept for work that is done later: scopes as their token had them. */
export interface KeptPrincipal extends Omit<Principal, 'scopes' | 'glass'> {
  readonly scopes?: readonly string[];
}

/** What is done later sees nothing through a broken glass. */
export function keepPrincipal({ scopes, glass: _glass, ...rest }: Principal): KeptPrincipal {
  return scopes ? { ...rest, scopes: scopes.map(({ text }) => text) } : rest;
}

/** `readScopes`: as they were read when it was kept. Throws what it throws, so that nobody is more than he was. */
export function principalKept(
  { scopes, ...rest }: KeptPrincipal,
  readScopes: (text: string) => { readonly scopes: readonly Scope[] },
): Principal {
  return scopes ? { ...rest, scopes: readScopes(scopes.join(' ')).scopes } : rest;
}

/** Headers of a request, names in lower case. */
export type IdentifyingHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What is looked at of a request to know who sent it. */
export interface IdentifyingRequest {
  readonly headers: IdentifyingHeaders;
  /** Names and values by turns, as they came. */
  readonly rawHeaders: readonly string[];
  readonly method: string;
  /** Path and query from the root of the server. */
  readonly url: string;
  /** Network address of who asks. */
  readonly address: string;
}

/**
 * Who sent a request; rejects with `unauthenticated`, with `throttled` after too many refusals, with `unavailable` where whoever knows is
 * away. It is asynchronous because a token may have to be asked about elsewhere, or its key to be fetched.
 */
export type Identify = (request: IdentifyingRequest) => Promise<Principal>;

/** Where nobody is asked (loopback only). */
export const ANYBODY: Principal = { role: 'admin' };
/** The server itself: demo data, command line. */
export const SYSTEM: Principal = { name: 'chartroom', role: 'admin' };
