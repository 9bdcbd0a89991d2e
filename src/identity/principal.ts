/** Who asks. `admin` may do everything, `writer` read and write, `reader` read; only an admin reads the audit trail. */
export type Role = 'admin' | 'writer' | 'reader';
export const ROLES: readonly Role[] = ['admin', 'writer', 'reader'];

export interface Principal {
  /** Unique within the server; what the audit trail names. Undefined: nobody was asked (authentication `none`). */
  readonly name?: string;
  readonly role: Role;
}

/** Where nobody is asked (loopback only). */
export const ANYBODY: Principal = { role: 'admin' };
/** The server itself: demo data, command line. */
export const SYSTEM: Principal = { name: 'chartroom', role: 'admin' };
