/**
 * Users of this server, as records of the store. A name is what somebody types (shown-name.ts), in small letters; passwords are kept as argon2id hashes,
 * recovery codes by their SHA-256, the secret of one-time codes sealed.
 */
import { hash, randomBytes } from 'node:crypto';
import { FhirError } from '../../fhir/error.js';
import type { KeptRecord, Records } from '../../store/records.js';
import type { Role } from '../principal.js';
import type { Seal } from '../seal.js';
import { faultOfPassword, hashPassword } from './password.js';
import { faultOfShownName } from './shown-name.js';
import { newTotpSecret, toBase32, totpUri } from './totp.js';

export interface User {
  readonly name: string;
  readonly role: Role;
  /** What pages call them. */
  readonly display?: string;
  /** The resource that says who they are: `Type/id` on this server, or an absolute URL. */
  readonly fhirUser?: string;
  /** Id of the Patient whom they see where an app asks for one; absent: they choose. */
  readonly patient?: string;
  readonly disabled?: true;
  /** argon2id. */
  readonly password: string;
  /** Sealed, base32. Absent: no one-time code is asked for. */
  readonly totp?: string;
  /** The last step whose code was used. */
  readonly totpStep?: number;
  /** SHA-256 of those that were not used yet. */
  readonly recovery?: readonly string[];
}

export interface NewUser extends Pick<User, 'name' | 'role' | 'display' | 'fhirUser' | 'patient'> {
  readonly password: string;
}

/** What a user must keep, shown once. */
export interface SecondFactor {
  readonly secret: string;
  /** For an authenticator. */
  readonly uri: string;
  readonly codes: readonly string[];
}

const KIND = 'user';
const NAME = /^[a-z0-9][a-z0-9._@-]{0,63}$/;
const FHIR_USER =
  /^(?:https?:\/\/[^\s?#]{1,900}\/)?(?:Patient|Practitioner|PractitionerRole|RelatedPerson|Person)\/[A-Za-z0-9.-]{1,64}$/;
const PATIENT = /^[A-Za-z0-9.-]{1,64}$/;
const RECOVERY_CODES = 10;
const LISTED_AT_ONCE = 200;

export class Users {
  readonly #records: Records;
  readonly #seal: Seal;

  constructor(records: Records, seal: Seal) {
    this.#records = records;
    this.#seal = seal;
  }

  async find(name: string): Promise<User | undefined> {
    const record = await this.#record(name);
    return record && userOf(record);
  }

  /** All, in the order of their names. */
  async *all(): AsyncGenerator<User> {
    let after = '';
    for (;;) {
      const records = await this.#records.list(KIND, LISTED_AT_ONCE, { after });
      yield* records.map(userOf);
      if (records.length < LISTED_AT_ONCE) return;
      after = records.at(-1)!.id;
    }
  }

  async isEmpty(): Promise<boolean> {
    return (await this.#records.list(KIND, 1)).length === 0;
  }

  /** Throws `invalid` with what is wrong, `conflict` where there is a user of this name. */
  async add({ password, ...given }: NewUser): Promise<void> {
    checkUser(given);
    const fault = given.display === undefined ? undefined : faultOfShownName(given.display);
    if (fault !== undefined) throw new FhirError('invalid', fault);
    const user: User = { ...given, password: await hashOfNew(password, given.name) };
    if ((await this.#put(user, null)) === undefined)
      throw new FhirError('conflict', `There is a user ${given.name} already.`);
  }

  /**
   * Exchanges what is said of a user, by what it was just then; gives what it is now. `change` is asked again where somebody else was
   * faster; it gives undefined where nothing is to change. Throws `not-found`.
   */
  async change(name: string, change: (user: User) => User | undefined): Promise<User | undefined> {
    for (;;) {
      const record = await this.#record(name);
      if (!record) throw new FhirError('not-found', `There is no user ${shown(name)}.`);
      const changed = change(userOf(record));
      if (!changed) return undefined;
      checkUser(changed);
      if ((await this.#put(changed, record.revision)) !== undefined) return changed;
    }
  }

  async setPassword(name: string, password: string): Promise<void> {
    const hashed = await hashOfNew(password, name);
    await this.change(name, user => ({ ...user, password: hashed }));
  }

  /** From now on a code is asked for; the one before and its recovery codes count for nothing. */
  async setSecondFactor(name: string, secret = newTotpSecret()): Promise<SecondFactor> {
    const codes = Array.from({ length: RECOVERY_CODES }, newRecoveryCode);
    await this.change(name, ({ totpStep: _used, ...user }) => ({
      ...user,
      totp: this.#seal.close(secret, name),
      recovery: codes.map(digestOfCode),
    }));
    return { secret, uri: totpUri(secret, name), codes };
  }

  /** The secret of one-time codes; undefined: none is asked for. */
  secretOf({ name, totp }: User): string | undefined {
    return totp === undefined ? undefined : this.#seal.open(totp, name);
  }

  #record(name: string): Promise<KeptRecord | undefined> {
    return NAME.test(name) ? this.#records.get(KIND, name) : Promise.resolve(undefined);
  }

  #put(user: User, replaces: string | null): Promise<string | undefined> {
    return this.#records.put({ kind: KIND, id: user.name, value: JSON.stringify(user) }, replaces);
  }
}

const userOf = ({ value }: KeptRecord): User => JSON.parse(value) as User;

/** What is no name is not repeated. */
const shown = (name: string): string => (NAME.test(name) ? name : 'of this name');

async function hashOfNew(password: string, name: string): Promise<string> {
  const fault = faultOfPassword(password, name);
  if (fault !== undefined) throw new FhirError('invalid', fault);
  return hashPassword(password);
}

function checkUser({ name, fhirUser, patient }: Omit<NewUser, 'password'>): void {
  if (!NAME.test(name))
    throw new FhirError(
      'invalid',
      'A user name has small letters, digits and . _ @ -, 64 at most, and begins with a letter or digit.',
    );
  if (fhirUser !== undefined && !FHIR_USER.test(fhirUser))
    throw new FhirError(
      'invalid',
      'A user is a Patient, Practitioner, PractitionerRole, RelatedPerson or Person, as in Practitioner/p1.',
    );
  if (patient !== undefined && !PATIENT.test(patient))
    throw new FhirError('invalid', 'A patient is named by the id of a Patient.');
}

/** 80 bits, in groups that can be typed. */
const newRecoveryCode = (): string => toBase32(randomBytes(10)).toLowerCase().match(/.{4}/g)!.join('-');

/** As somebody may have typed it. */
export const digestOfCode = (code: string): string =>
  hash('sha256', code.toLowerCase().replaceAll(/[\s-]/g, ''), 'base64url');
