/**
 * Static bearer tokens (https://www.rfc-editor.org/rfc/rfc6750): a JSON file `[{"token", "name", "role"}]`. Only
 * digests stay in memory, and every one is compared, in constant time, whatever the first ones said.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { FhirError } from '../fhir/error.js';
import { ConfigError } from '../platform/config.js';
import { ANYBODY, type Principal, ROLES, type Role } from './principal.js';

const digest = (token: string): Buffer => createHash('sha256').update(token).digest();

/** Authorization header → Principal; throws `unauthenticated`. */
export type Identify = (authorization: string | undefined) => Principal;

export const identifyAnybody: Identify = () => ANYBODY;

/** Throws ConfigError where the file cannot be used; its message never repeats a token. */
export function identifyByTokens(file: string): Identify {
  const known = readTokens(file).map(({ token, name, role }) => ({ digest: digest(token), principal: { name, role } }));
  return authorization => {
    const token = /^Bearer +([\w.~+/-]+=*) *$/i.exec(authorization ?? '')?.[1];
    if (!token)
      throw new FhirError('unauthenticated', 'This server needs a bearer token in the Authorization header.', {
        expression: 'http.Authorization',
      });
    const given = digest(token);
    let found: Principal | undefined;
    for (const candidate of known) if (timingSafeEqual(candidate.digest, given)) found = candidate.principal;
    if (!found)
      throw new FhirError('unauthenticated', 'The bearer token is not known to this server.', {
        expression: 'http.Authorization',
      });
    return found;
  };
}

interface TokenLine {
  readonly token: string;
  readonly name: string;
  readonly role: Role;
}

function isTokenLine(line: unknown): line is TokenLine {
  if (typeof line !== 'object' || line === null) return false;
  const { token, name, role } = line as Partial<Record<keyof TokenLine, unknown>>;
  return (
    typeof token === 'string' &&
    token.length >= 16 &&
    typeof name === 'string' &&
    name !== '' &&
    ROLES.some(known => known === role)
  );
}

function readTokens(file: string): TokenLine[] {
  let lines: unknown;
  try {
    lines = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    throw new ConfigError('The file of CHARTROOM_TOKENS cannot be read as JSON.');
  }
  if (!Array.isArray(lines) || lines.length === 0 || !lines.every(isTokenLine))
    throw new ConfigError(
      `The file of CHARTROOM_TOKENS must be a JSON array of {"token" (16 characters or more), "name", "role" (${ROLES.join(', ')})}.`,
    );
  if (new Set(lines.map(line => line.name)).size !== lines.length)
    throw new ConfigError('The file of CHARTROOM_TOKENS names one user twice.');
  return lines;
}
