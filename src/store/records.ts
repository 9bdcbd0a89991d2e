/**
 * What is no FHIR resource and must be known to every process, or survive this one: sessions, grants, codes, applications, users. It is
 * in no index, has no versions, and no audit event is made of it here. What must not be read in a copy of the store is hashed or sealed
 * by whoever puts it.
 */
import { createHash, randomBytes } from 'node:crypto';
import { FhirError } from '../fhir/error.js';

/** ms are those of the machine's clock: what a harness says of time has no say here. */
export interface StoredRecord {
  /** What it is; a word of letters, digits and hyphens. */
  readonly kind: string;
  /** Unique in its kind; 1 to 300 characters. */
  readonly id: string;
  /** A text, whatever it says. 256 KB at most. */
  readonly value: string;
  /** Records of one group can be removed together. */
  readonly group?: string;
  /** ms since 1970 from which on it is not given any more. Absent: it stays until it is removed. */
  readonly expires?: number;
}

export interface KeptRecord extends StoredRecord {
  /** Another one with each put, in whatever process: what tells that a record has changed. With a digest of the record. */
  readonly revision: string;
}

export interface Records {
  /**
   * Keeps a record in place of the one with its kind and id; durable when it resolves, with its revision. `replaces`: only if that is
   * the revision of the one that is there now, or, `null`, there is none (or none that is not over). Undefined: it is not so, and nothing was kept.
   */
  put(record: StoredRecord, replaces?: string | null): Promise<string | undefined>;
  get(kind: string, id: string): Promise<KeptRecord | undefined>;
  /** Gives it and removes it; only if this is its revision, where one is named. Of all who ask at once, in all processes, one gets it. */
  take(kind: string, id: string, revision?: string): Promise<KeptRecord | undefined>;
  /** Those of a group, of all kinds; gives how many. */
  remove(group: string): Promise<number>;
  /** At most `limit` of a kind with an id above `after`, in the order of their ids; of a group alone, where one is named. */
  list(kind: string, limit: number, more?: RecordRange): Promise<readonly KeptRecord[]>;
  /** How many of a kind there are, `limit` at most. */
  count(kind: string, limit: number): Promise<number>;
  /** Every one that is kept, over or not, in no order: for a check of all of them. */
  all(): AsyncIterable<KeptRecord>;
  /** Removes those that are over; gives how many. The database may have done so by itself. */
  expire(): Promise<number>;
}

export interface RecordRange {
  readonly after?: string;
  readonly group?: string;
}

const KIND = /^[A-Za-z][A-Za-z0-9-]{0,63}$/;
const MOST_ID = 300;
const MOST_VALUE = 262_144;

/** Throws `fault`: whoever makes records bounds what others say in them. */
export function checkRecord({ kind, id, value, group = '' }: StoredRecord): void {
  const isNamed = KIND.test(kind) && id !== '' && id.length <= MOST_ID && group.length <= MOST_ID;
  if (!isNamed || value.length > MOST_VALUE)
    throw new FhirError('fault', `A record of the kind ${kind} cannot be kept.`);
}

export const newRevision = (record: StoredRecord): string =>
  randomBytes(9).toString('base64url') + digestOfRecord(record);

/** Whether it says something else than what was put; somebody who means to can make it right again. */
export const isRecordAltered = (record: KeptRecord): boolean => !record.revision.endsWith(digestOfRecord(record));

const digestOfRecord = ({ kind, id, value, group, expires }: StoredRecord): string =>
  createHash('sha256')
    .update(JSON.stringify([kind, id, value, group ?? null, expires ?? null]))
    .digest('base64url')
    .slice(0, 16);
