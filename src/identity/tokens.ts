/**
 * Static bearer tokens (https://www.rfc-editor.org/rfc/rfc6750): a JSON file `[{"token", "name", "role"}]`. Only
 * digests stay in memory, and every one is compared, in constant time, whatever the first ones said. The file is read
 * again when it changes; one that cannot be used then changes nothing, and the log says why.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import { readFileSync, type Stats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Clock } from '../platform/clock.js';
import { ConfigError } from '../platform/config.js';
import { didYouMean } from '../platform/nearest.js';
import type { Principal, Role } from './principal.js';

const digest = (token: string): Buffer => hash('sha256', token, 'buffer');

/** ms between two looks at the file: polling also sees what is mounted or replaced by renaming. */
const LOOK_EVERY = 1000;

/** Whose a token is; undefined: it is none of them. */
export type StaticTokens = (token: string) => Principal | undefined;

interface KnownToken {
  readonly digest: Buffer;
  readonly principal: Principal;
}

/** Another one when the file is another or has changed; empty where it is missing. */
const markOf = (file?: Stats): string => (file ? `${file.ino} ${file.mtimeMs} ${file.size}` : '');

/**
 * `warn`: told, in sentences without tokens, of a file that others may read, and of a changed one that was or could not
 * be taken. `roles`: all that there are. Throws ConfigError where the file cannot be used at the start; its message never repeats a token.
 */
export function openTokenFile(
  file: string,
  roles: readonly Role[],
  warn: (text: string) => void,
  clock: Pick<Clock, 'every'>,
): StaticTokens {
  // Looked at before it is read: what changes from here on is seen, however soon it comes (watchFile would miss it).
  let seen = markOf(statSync(file, { throwIfNoEntry: false }));
  let known = readKnownTokens(file, roles);
  warnOfReaders(file, warn);
  const look = (mark: string): void => {
    if (mark === seen) return;
    seen = mark;
    try {
      known = readKnownTokens(file, roles);
      warn(`The tokens were read again from ${file}: ${known.length} are in force.`);
      warnOfReaders(file, warn);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      warn(`${error.message} The tokens read before stay in force.`);
    }
  };
  clock.every(LOOK_EVERY, () =>
    stat(file)
      .then(markOf, () => markOf())
      .then(look),
  );
  return token => {
    const given = digest(token);
    let found: Principal | undefined;
    for (const candidate of known) if (timingSafeEqual(candidate.digest, given)) found = candidate.principal;
    return found;
  };
}

function warnOfReaders(file: string, warn: (text: string) => void): void {
  if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0)
    warn(`Others on this machine can read ${file}: chmod 600 keeps it to the server.`);
}

const readKnownTokens = (file: string, roles: readonly Role[]): readonly KnownToken[] =>
  readTokens(file, roles).map(({ token, name, role }) => ({ digest: digest(token), principal: { name, role } }));

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
    typeof role === 'string'
  );
}

/** What the documentation shows in the place of a token: whoever copies it must not have opened the server to all. */
const SAMPLE_TOKEN = /^(?:REPLACE[-_]|at-least-16-random-characters$|another-random-token-for-audit$)/i;

function readTokens(file: string, roles: readonly Role[]): TokenLine[] {
  let lines: unknown;
  try {
    lines = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'does not exist' : code === undefined ? 'is no JSON' : `cannot be read (${code})`;
    throw new ConfigError(`The file of CHARTROOM_TOKENS, ${file}, ${why}.`);
  }
  const wrong = (text: string) => new ConfigError(`The file of CHARTROOM_TOKENS, ${file}, ${text}`);
  if (!Array.isArray(lines) || lines.length === 0)
    throw wrong('must be a JSON array of {"token", "name", "role"} with at least one token.');
  const bad = lines.findIndex(line => !isTokenLine(line));
  if (bad >= 0)
    throw wrong(
      `needs "token" (16 characters or more), "name" and "role" (${roles.join(', ')}) in each entry; entry ${bad + 1} is not so.`,
    );
  const tokens = lines as TokenLine[];
  const strange = tokens.findIndex(({ role }) => !roles.includes(role));
  if (strange >= 0)
    throw wrong(
      `names a role in entry ${strange + 1} that the file of roles does not have: there are ${roles.join(', ')}.${didYouMean(tokens[strange]!.role, roles)}`,
    );
  if (tokens.some(({ token }) => SAMPLE_TOKEN.test(token)))
    throw wrong('holds a sample of the documentation: make tokens with openssl rand -hex 24.');
  if (new Set(tokens.map(({ name }) => name)).size !== tokens.length) throw wrong('names one user twice.');
  if (new Set(tokens.map(({ token }) => token)).size !== tokens.length) throw wrong('has one token twice.');
  return tokens;
}
