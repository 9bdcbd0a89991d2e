/**
 * Who has broken the glass: for one patient, for an hour, by the user and the application that they did it with. Kept as records, so that every process
 * knows it at once, and nobody makes it true by writing a resource. https://hl7.org/fhir/R4/security-labels.html#break-the-glass
 */
import type { Permission } from './permission.js';
import { hash } from 'node:crypto';
import type { Principal } from '../identity/principal.js';
import { realNow } from '../platform/real-time.js';
import type { Records } from '../store/records.js';

/** ms. */
export const GLASS_TIME = 60 * 60_000;
/** Purpose of use, a code of http://terminology.hl7.org/CodeSystem/v3-ActReason: to break the glass. */
export const BREAKING = 'BTG';

export interface BrokenGlass {
  /** Who, as the audit trail names them. */
  readonly by: Pick<Principal, 'name' | 'role' | 'issuer' | 'subject' | 'client'>;
  /** Id of the one patient. */
  readonly patient: string;
  /** ms since 1970, of the time of users, from which on it is whole again. */
  readonly until: number;
  /** Id of the Task by which it is reviewed. */
  readonly review: string;
}

const KIND = 'broken-glass';
/** ms of the machine's clock for which one is kept whose end nobody has told: all processes may have been away. */
const KEEP = 30 * 24 * 60 * 60_000;
const LISTED_AT_ONCE = 200;

export class Glasses {
  readonly #records: Records;
  readonly #now: () => number;

  /** `now`: ms since 1970 as users see it. */
  constructor(records: Records, now: () => number) {
    this.#records = records;
    this.#now = now;
  }

  /** That of a user with an application; undefined: it is whole, or whole again. */
  async of(principal: Principal): Promise<BrokenGlass | undefined> {
    const glass = await this.#held(holderOf(principal));
    return glass && !this.#isOver(glass) ? glass : undefined;
  }

  /** Takes that of a user whose time is over and of whose end nobody was told: of all who ask at once one gets it. */
  async takeOver(principal: Principal): Promise<BrokenGlass | undefined> {
    const id = holderOf(principal);
    const glass = await this.#held(id);
    return glass && this.#isOver(glass) ? this.#takeOver(id) : undefined;
  }

  async #held(id: string): Promise<BrokenGlass | undefined> {
    const record = await this.#records.get(KIND, id);
    return record && glassIn(record);
  }

  #isOver({ until }: BrokenGlass): boolean {
    return until <= this.#now();
  }

  async #takeOver(id: string): Promise<BrokenGlass | undefined> {
    const taken = await this.#records.take(KIND, id);
    if (!taken || this.#isOver(glassIn(taken))) return taken && glassIn(taken);
    // Somebody may have broken it anew meanwhile.
    await this.#records.put(taken, null);
    return undefined;
  }

  /** Breaks it; what the same holder has broken before ends by that. */
  async break(principal: Principal, what: Pick<BrokenGlass, 'patient' | 'until' | 'review'>): Promise<void> {
    const { name, role, issuer, subject, client } = principal;
    const by = {
      ...{ role, ...(name === undefined ? {} : { name }), ...(issuer === undefined ? {} : { issuer }) },
      ...{ ...(subject === undefined ? {} : { subject }), ...(client === undefined ? {} : { client }) },
    };
    const glass: BrokenGlass = { by, ...what };
    await this.#records.put({
      ...{ kind: KIND, id: holderOf(principal), expires: realNow() + KEEP },
      value: JSON.stringify(glass),
    });
  }

  /** Makes it whole; gives what was broken. Of all who ask at once one gets it. */
  async end(principal: Principal): Promise<BrokenGlass | undefined> {
    const record = await this.#records.take(KIND, holderOf(principal));
    return record && glassIn(record);
  }

  /** Takes those whose time is over, each once in all processes. */
  async *over(): AsyncGenerator<BrokenGlass> {
    let after = '';
    for (;;) {
      const records = await this.#records.list(KIND, LISTED_AT_ONCE, { after });
      for (const record of records) {
        const glass = this.#isOver(glassIn(record)) ? await this.#takeOver(record.id) : undefined;
        if (glass) yield glass;
      }
      if (records.length < LISTED_AT_ONCE) return;
      after = records.at(-1)!.id;
    }
  }
}

const glassIn = ({ value }: { readonly value: string }): BrokenGlass => JSON.parse(value) as BrokenGlass;

const holderOf = ({ name, issuer, subject, client }: Principal): string =>
  hash('sha256', JSON.stringify([name ?? null, issuer ?? null, subject ?? null, client ?? null]), 'base64url');

/** Whether somebody may break the glass: a person, in a role that may. */
export function mayBreakGlass(principal: Principal, permission: Pick<Permission, 'breaksGlass'> | undefined): boolean {
  const { name, client, subject, scopes } = principal;
  const isApplication =
    (client !== undefined && (subject === undefined || subject === client)) ||
    (scopes !== undefined && scopes.every(({ context }) => context === 'system'));
  return permission?.breaksGlass === true && name !== undefined && !isApplication;
}
