/**
 * Whether somebody is who they say: name, password, and a one-time or recovery code where the user has these.
 * https://pages.nist.gov/800-63-4/sp800-63b.html#throttle
 *
 * Every attempt is counted before anything is looked at, for the name and for the address, whether there is such a user or not; a success
 * takes its count away. After five failures each further one costs a longer wait. All refusals are one answer, and all that look at a
 * password take one time, so that nobody learns which users there are, whose password is right, or who is disabled.
 */
import { hash } from 'node:crypto';
import type { Records } from '../../store/records.js';
import { networkOf } from '../failures.js';
import { isPassword } from './password.js';
import { stepOfCode } from './totp.js';
import { nameTyped } from './shown-name.js';
import { digestOfCode, type User, type Users } from './users.js';

export interface Credentials {
  readonly name: string;
  readonly password: string;
  /** Empty: none was given. */
  readonly code: string;
  /** Network address of who asks. */
  readonly address: string;
}

export type SignedIn =
  | { readonly user: User }
  /** `wait`: s until another attempt is looked at; 0: at once. */
  | { readonly wait: number };

/** Failures before the first wait. Of an address more: many people may stand behind one. */
const FREE_FAILURES = { name: 5, address: 50 } as const;
const FIRST_WAIT = 30_000;
const LONGEST_WAIT = 15 * 60_000;
/** ms for which failures are remembered. */
const MEMORY = 24 * 60 * 60_000;
const KIND = 'sign-in-failures';

interface Failed {
  readonly count: number;
  /** ms since 1970. */
  readonly until: number;
}

/** `now`: ms of the machine's clock, by which records end. */
export type SignIn = (credentials: Credentials) => Promise<SignedIn>;

export function createSignIn(users: Users, records: Records, now: () => number): SignIn {
  /** Counts an attempt as a failure; gives the ms to wait where it may not be made. */
  const count = async (id: string, free: number): Promise<number> => {
    for (;;) {
      const record = await records.get(KIND, id);
      const before = record ? (JSON.parse(record.value) as Failed) : { count: 0, until: 0 };
      if (before.until > now()) return before.until - now();
      const next = before.count + 1;
      const until = next < free ? 0 : now() + Math.min(FIRST_WAIT * 2 ** (next - free), LONGEST_WAIT);
      const failed: Failed = { count: next, until };
      const put = { kind: KIND, id, value: JSON.stringify(failed), expires: now() + MEMORY };
      if ((await records.put(put, record?.revision ?? null)) !== undefined) return 0;
    }
  };
  return async ({ name: typed, password, code, address }) => {
    const name = nameTyped(typed);
    const ofName = `name ${hash('sha256', name, 'base64url')}`;
    const ofAddress = `address ${networkOf(address)}`;
    const wait = Math.max(await count(ofAddress, FREE_FAILURES.address), await count(ofName, FREE_FAILURES.name));
    if (wait > 0) return { wait: Math.ceil(wait / 1000) };
    const user = await users.find(name);
    const isRight = await isPassword(user?.password, password);
    if (!user || !isRight || user.disabled || !(await hasCode(users, user, code, now()))) return { wait: 0 };
    await records.take(KIND, ofName);
    await uncount(records, ofAddress);
    return { user };
  };
}

/** A success of one does not forgive the others behind the same address. */
async function uncount(records: Records, id: string): Promise<void> {
  const record = await records.get(KIND, id);
  if (!record) return;
  const { count, until } = JSON.parse(record.value) as Failed;
  const value = JSON.stringify({ count: Math.max(0, count - 1), until } satisfies Failed);
  // Where others count at the same time, one too many is no matter.
  await records.put({ kind: KIND, id, value, expires: record.expires! }, record.revision);
}

/** Uses the code up. */
async function hasCode(users: Users, user: User, code: string, now: number): Promise<boolean> {
  const secret = users.secretOf(user);
  if (secret === undefined) return true;
  const step = stepOfCode(secret, code.trim(), now, user.totpStep);
  const digest = digestOfCode(code);
  // As it is now: of two who give one code at once, one is let in.
  const changed = await users.change(user.name, ({ ...there }) => {
    if (step !== undefined) return step > (there.totpStep ?? -1) ? { ...there, totpStep: step } : undefined;
    const left = there.recovery?.filter(each => each !== digest);
    return left && left.length < there.recovery!.length ? { ...there, recovery: left } : undefined;
  });
  return changed !== undefined;
}
