/** What an attack is: one request, and what a server may answer to it. */
import type { Role } from '../../../src/identity/principal.js';

export interface Attack {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Made when it is sent: a corpus of large bodies would not fit into memory. */
  readonly body?: () => string | Buffer;
  /** Who sends it. Absent: the server asks nobody. */
  readonly as?: Role;
  /** Answered with a success, because it only looks dangerous. Absent: must be refused. `either`: may be both. */
  readonly answered?: true | 'either';
}

export const JSON_BODY = { 'content-type': 'application/fhir+json' } as const;
export const FORM = { 'content-type': 'application/x-www-form-urlencoded' } as const;

export const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

export const bundle = (type: 'batch' | 'transaction', entries: readonly object[]): string =>
  JSON.stringify({ resourceType: 'Bundle', type, entry: entries });

export const entry = (method: string, url: string, more: object = {}, request: object = {}): object => ({
  ...more,
  request: { method, url, ...request },
});
