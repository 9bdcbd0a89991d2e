/**
 * Who has broken the glass: for one patient, for an hour, by the user and the application that they did it with. Kept as records, so that every process
 * knows it at once, and nobody makes it true by writing a resource. https://hl7.org/fhir/R4/security-labels.html#break-the-glass
 */
import type { Permission } from './permission.js';
import { hash } from 'node:crypto';
import type { Principal } from '../identity/principal.js';
import { realNow } from '../platform/real-time.js';
import type { KeptRecord, Records, StoredRecord } from '../store/records.js';

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

/** One as it is kept. */
interface KeptGlass extends BrokenGlass {
  /** ms of the machine's clock: since when somebody tells its end. */
  readonly ending?: number;
}

export interface HeldGlass {
  readonly record: KeptRecord;
  readonly glass: BrokenGlass;
  readonly ending: number | undefined;
  /** It is whole again, or about to be. */
  readonly isOver: boolean;
}

/** Resolves when it is durable. */
export type TellEnd = (glass: BrokenGlass) => Promise<void>;

const KIND = 'broken-glass';
/** ms of the machine's clock after which whoever tells an end has died over it. */
const TELLING_TIME = 120_000;
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
    const held = await this.held(principal);
    return held?.isOver === false ? held.glass : undefined;
  }

  /** What is kept of it, though its time may be over. */
  async held(principal: Principal): Promise<HeldGlass | undefined> {
    const record = await this.#records.get(KIND, holderOf(principal));
    return record && this.#heldIn(record);
  }

  #heldIn(record: KeptRecord): HeldGlass {
    const { ending, ...glass } = JSON.parse(record.value) as KeptGlass;
    return { record, glass, ending, isOver: ending !== undefined || glass.until <= this.#now() };
  }

  /** Breaks it; what the same holder has broken before ends by that, and is told by `tell`. Rejects as that does. */
  async break(
    principal: Principal,
    what: Pick<BrokenGlass, 'patient' | 'until' | 'review'>,
    tell: TellEnd,
  ): Promise<void> {
    const { name, role, issuer, subject, client } = principal;
    const by = {
      ...{ role, ...(name === undefined ? {} : { name }), ...(issuer === undefined ? {} : { issuer }) },
      ...{ ...(subject === undefined ? {} : { subject }), ...(client === undefined ? {} : { client }) },
    };
    const glass: BrokenGlass = { by, ...what };
    const record = {
      ...{ kind: KIND, id: holderOf(principal), expires: realNow() + KEEP },
      value: JSON.stringify(glass),
    };
    for (;;) {
      const before = await this.held(principal);
      if (before && isUntold(before)) {
        await this.end(before, tell);
        continue;
      }
      // Of one whose end somebody is telling just now it is kept beside, until they have.
      const beside = before && { ...before.record, id: besideOf(before) };
      const kept = beside && (await this.#records.put(beside, null));
      if ((await this.#records.put(record, before?.record.revision ?? null)) !== undefined) return;
      if (kept !== undefined) await this.#records.take(KIND, beside!.id, kept);
    }
  }

  /**
   * Makes it whole; false: somebody else does, or did. Of all who end it at once, in all processes, one tells it by `tell`. Where that rejects, so does
   * this, and it is as it was; where the process dies meanwhile, whoever looks for what is over tells it.
   */
  async end({ record, glass }: HeldGlass, tell: TellEnd): Promise<boolean> {
    const beside = besideOf({ record, glass });
    const ending: KeptGlass = { ...glass, ending: realNow() };
    const claimed = await this.#records.put({ ...record, value: JSON.stringify(ending) }, record.revision);
    if (claimed === undefined) return false;
    try {
      await tell(glass);
    } catch (error) {
      // Where that fails, too, it is told when the time for telling is over.
      await this.#untell(record, claimed, { ...record, id: beside }, glass).catch(() => undefined);
      throw error;
    }
    await this.#records.take(KIND, record.id, claimed);
    await this.#records.take(KIND, beside);
    return true;
  }

  /** As it was; where another has been broken meanwhile, beside that, as one that is over and that nobody tells. */
  async #untell(record: KeptRecord, claimed: string, beside: StoredRecord, glass: BrokenGlass): Promise<void> {
    if ((await this.#records.put(record, claimed)) !== undefined) return;
    const over: KeptGlass = { ...glass, ending: 0 };
    await this.#records.put({ ...beside, value: JSON.stringify(over) });
  }

  /** Those whose time is over and whose end nobody is telling. */
  async *over(): AsyncGenerator<HeldGlass> {
    let after = '';
    for (;;) {
      const records = await this.#records.list(KIND, LISTED_AT_ONCE, { after });
      for (const record of records) {
        const held = this.#heldIn(record);
        if (held.isOver && isUntold(held)) yield held;
      }
      if (records.length < LISTED_AT_ONCE) return;
      after = records.at(-1)!.id;
    }
  }
}

/** Nobody is telling its end, or whoever was has died over it. */
const isUntold = ({ ending }: HeldGlass): boolean => ending === undefined || realNow() - ending > TELLING_TIME;

/** Id of what is kept of one beside another that the same holder has broken since. */
const besideOf = ({ record, glass }: Pick<HeldGlass, 'record' | 'glass'>): string => `${record.id}/${glass.review}`;

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
