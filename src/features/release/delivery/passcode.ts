/**
 * Passcodes of links, kept as argon2id hashes with the parameters of the OWASP Password Storage Cheat Sheet (46 MiB, one pass), as passwords of users are. A hash
 * takes a core for a good twentieth of a second, in the threads of libuv: two are made at a time, others wait. https://www.rfc-editor.org/rfc/rfc9106
 */
import { randomUUID } from 'node:crypto';
import { FhirError } from '../../../fhir/error.js';
import { Slots } from '../../../platform/slots.js';

const COST = { memoryCost: 47_104, timeCost: 1, parallelism: 1 } as const;
const AT_ONCE = 2;
/** Who waits behind so many gives up. */
const MOST_ASKING = 50;
const LENGTH = { least: 8, most: 100 };

/** Why it cannot be a passcode; undefined: it can. */
export function faultOfPasscode(passcode: string): string | undefined {
  const characters = Array.from(passcode.normalize('NFKC'));
  if (characters.length < LENGTH.least || characters.length > LENGTH.most)
    return `A passcode has ${LENGTH.least} to ${LENGTH.most} characters.`;
  return new Set(characters).size < 4 ? 'A passcode has four different characters or more.' : undefined;
}

/** The library is loaded with the first link. */
const library = () => import('@node-rs/argon2');

export async function hashOfPasscode(passcode: string): Promise<string> {
  const { hash } = await library();
  return passcodeWork(() => hash(passcode.normalize('NFKC'), COST));
}

let nobodys: Promise<string> | undefined;

/** `kept` undefined: there is no such link; the answer, which is no, takes as long then. Throws `throttled` where too many ask. */
export async function isPasscode(kept: string | undefined, passcode: string): Promise<boolean> {
  const { verify } = await library();
  const against = kept ?? (await (nobodys ??= hashOfPasscode(randomUUID())));
  const isSame = await passcodeWork(() => verify(against, passcode.slice(0, LENGTH.most * 4).normalize('NFKC')));
  return isSame && kept !== undefined;
}

const places = new Slots(AT_ONCE, () => ({}));
let asking = 0;

async function passcodeWork<T>(work: () => Promise<T>): Promise<T> {
  if (asking >= MOST_ASKING)
    throw new FhirError('throttled', 'Too many links are used just now: try again.', { retryAfter: 5 });
  asking++;
  const place = await places.take();
  try {
    return await work();
  } finally {
    places.give(place);
    asking--;
  }
}
