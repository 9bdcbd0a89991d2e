/**
 * What clients know of the resources they write: each version that was acknowledged, and the one request whose answer
 * they did not live to see. Says what to send next and what a restarted server must give back.
 */
import type { Random } from '../../support/random.js';

/** What a version holds: a text that stands in several of its elements; undefined: the version is a deletion. */
export type Mark = string | undefined;

export interface Holding {
  readonly type: 'Patient' | 'DocumentReference';
  /** Undefined: a creation without an answer. */
  id?: string;
  /** Acknowledged versions, oldest first. */
  readonly versions: Mark[];
  /** Sent, not answered. */
  pending?: { readonly mark: Mark };
}

export interface Deed {
  readonly record: Holding;
  readonly method: 'POST' | 'PUT' | 'DELETE';
  readonly mark: Mark;
}

export const IDENTIFIERS = 'http://example.org/kill';

/** The bytes of a document, made from its mark: long enough to be kept outside the resource text. */
export const bytesOf = (mark: string): string => Buffer.from(`${mark}\n`.repeat(700)).toString('base64');

/** Every element that is indexed or kept apart carries the mark: a version that mixes two marks is half a version. */
export function resourceOf({ type, id }: Holding, mark: string): Readonly<Record<string, unknown>> {
  const common = { resourceType: type, ...(id === undefined ? {} : { id }) };
  const identifier = [{ system: IDENTIFIERS, value: mark }];
  if (type === 'Patient')
    return { ...common, identifier, name: [{ family: mark }], address: [{ city: mark }], birthDate: '1970-03-08' };
  const attachment = { contentType: 'text/plain', data: bytesOf(mark) };
  return { ...common, identifier, status: 'current', description: mark, content: [{ attachment }] };
}

/** What one client does next, to one of its own resources or a new one. */
export function nextDeed(own: Holding[], random: Random, mark: string): Deed {
  const known = own.filter(({ id, pending }) => id !== undefined && pending === undefined);
  const record = known.length > 0 && !random.chance(0.35) ? random.pick(known) : undefined;
  if (!record) {
    const type = random.chance(0.75) ? 'Patient' : 'DocumentReference';
    const created: Holding = { type, versions: [], ...(random.chance(0.3) ? { id: `k-${mark}` } : {}) };
    own.push(created);
    return { record: created, method: created.id === undefined ? 'POST' : 'PUT', mark };
  }
  const alive = record.versions.at(-1) !== undefined;
  return alive && random.chance(0.2) ? { record, method: 'DELETE', mark: undefined } : { record, method: 'PUT', mark };
}

/** The statuses that acknowledge a deed. */
export function statusOf({ record, method }: Deed): number {
  if (method === 'DELETE') return 204;
  return record.versions.at(-1) === undefined ? 201 : 200;
}
