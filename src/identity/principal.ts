/** What a principal may do, by the name of a role (access/roles.ts). `admin` may do everything. */
export type Role = string;

export interface Principal {
  /** Unique within the server; what the audit trail names. Undefined: nobody was asked (authentication `none`). */
  readonly name?: string;
  readonly role: Role;
  /** What an access token grants, as in `patient/Observation.rs`. Absent: what the role may do. */
  readonly scopes?: readonly string[];
  /** Id of the one patient in whose context an app was launched. */
  readonly patient?: string;
  /** Purpose of use, a code of http://terminology.hl7.org/CodeSystem/v3-ActReason. */
  readonly purpose?: string;
  /** Name of the user for whom a client acts. */
  readonly onBehalfOf?: string;
}

/** Headers of a request, names in lower case. */
export type IdentifyingHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Who sent a request with these headers; rejects with `unauthenticated`. It is asynchronous because a token may have to be
 * asked about elsewhere, or its key to be fetched.
 */
export type Identify = (headers: IdentifyingHeaders) => Promise<Principal>;

/** Where nobody is asked (loopback only). */
export const ANYBODY: Principal = { role: 'admin' };
/** The server itself: demo data, command line. */
export const SYSTEM: Principal = { name: 'chartroom', role: 'admin' };
