/**
 * Passcodes of links, kept as argon2id hashes with the parameters of the OWASP Password Storage Cheat Sheet (46 MiB, one pass), as passwords of users are. A hash
 * takes a core for a good twentieth of a second, in the threads of libuv: of those that are compared two are made at a time, of new ones one, others wait. https://www.rfc-editor.org/rfc/rfc9106
 */
import { randomUUID } from 'node:crypto';
import { FhirError } from '../../../fhir/error.js';
import { Slots } from '../../../platform/slots.js';

const COST = { memoryCost: 47_104, timeCost: 1, parallelism: 1 } as const;
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
  return workIn(MAKING, () => hash(passcode.normalize('NFKC'), COST));
}

let nobodys: Promise<string> | undefined;
const nobodysHash = (): Promise<string> =>
  (nobodys ??= hashOfPasscode(randomUUID()).catch((error: unknown) => {
    nobodys = undefined;
    throw error;
  }));

/** `kept` undefined: there is no such link; the answer, which is no, takes as long then. Throws `throttled` where too many ask. */
export async function isPasscode(kept: string | undefined, passcode: string): Promise<boolean> {
  const { verify } = await library();
  const against = kept ?? (await nobodysHash());
  const isSame = await workIn(COMPARING, () => verify(against, passcode.slice(0, LENGTH.most * 4).normalize('NFKC')));
  return isSame && kept !== undefined;
}

interface Queue {
  readonly places: Slots<object>;
  asking: number;
}

const queueOf = (atOnce: number): Queue => ({ places: new Slots(atOnce, () => ({})), asking: 0 });
/** Whoever uses links keeps nobody waiting who makes one. */
const [COMPARING, MAKING] = [queueOf(2), queueOf(1)];

async function workIn<T>(queue: Queue, work: () => Promise<T>): Promise<T> {
  if (queue.asking >= MOST_ASKING)
    throw new FhirError('throttled', 'Too many links are used just now: try again.', { retryAfter: 5 });
  queue.asking++;
  const place = await queue.places.take();
  try {
    return await work();
  } finally {
    queue.places.give(place);
    queue.asking--;
  }
}
