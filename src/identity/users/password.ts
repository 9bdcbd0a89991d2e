/**
 * Passwords, kept as argon2id hashes with the parameters of the OWASP Password Storage Cheat Sheet (46 MiB, one pass):
 * https://www.rfc-editor.org/rfc/rfc9106. What a password must be: https://pages.nist.gov/800-63-4/sp800-63b.html#passwordver
 *
 * A hash takes a core for a good tenth of a second, in the threads of libuv, which files need too: two are made at a time, others wait.
 * The library is loaded with the first one.
 */
import { FhirError } from '../../fhir/error.js';

const COST = { memoryCost: 47_104, timeCost: 1, parallelism: 1 } as const;
const AT_ONCE = 2;
/** Who waits for more than these gives up. */
const MOST_WAITING = 100;
const SHORTEST = 12;
/** Characters: what is hashed is bounded, and nobody types more. */
const LONGEST = 256;

/** Why it cannot be a password; undefined: it can. `name`: whose it is. */
export function faultOfPassword(password: string, name: string): string | undefined {
  const { length } = Array.from(password.normalize('NFKC'));
  if (length < SHORTEST) return `A password has ${SHORTEST} characters or more.`;
  if (length > LONGEST) return `A password has ${LONGEST} characters at most.`;
  if (password.toLowerCase().includes(name.toLowerCase()))
    return 'A password does not have the name of its user in it.';
  if (new Set(password).size < 5) return 'A password has five different characters or more.';
  return undefined;
}

export async function hashPassword(password: string): Promise<string> {
  const { hash } = await argon();
  return twoAtOnce(() => hash(password.normalize('NFKC'), COST));
}

/** `kept`: undefined where there is no such user; the answer, which is no, takes as long then. */
export async function isPassword(kept: string | undefined, password: string): Promise<boolean> {
  const { verify } = await argon();
  if (password.length > LONGEST * 4) return false;
  const against = kept ?? (await nobodys());
  const same = await twoAtOnce(() => verify(against, password.normalize('NFKC')));
  return same && kept !== undefined;
}

const argon = () => import('@node-rs/argon2');

let nobody: Promise<string> | undefined;
/** The hash of what nobody types. */
const nobodys = (): Promise<string> => (nobody ??= hashPassword(crypto.randomUUID()));

let running = 0;
const waiting: (() => void)[] = [];

async function twoAtOnce<T>(work: () => Promise<T>): Promise<T> {
  if (running >= AT_ONCE) {
    if (waiting.length >= MOST_WAITING)
      throw new FhirError('throttled', 'Too many people sign in just now: try again.', { retryAfter: 5 });
    await new Promise<void>(go => waiting.push(go));
  } else running++;
  try {
    return await work();
  } finally {
    // Whoever comes next takes this place.
    const next = waiting.shift();
    if (next) next();
    else running--;
  }
}
