/**
 * What oidc-provider keeps (sessions, grants, codes, tokens), as records of the store. Their ids are secrets of whoever holds them, so that
 * records go by the SHA-256 of an id. https://github.com/panva/node-oidc-provider/blob/v9.x/example/my_adapter.js
 *
 * The library looks and then writes. Where two processes may do so at the same time, the second is refused here: a code or a refresh
 * token is consumed once, an assertion is noted once.
 */
import { hash } from 'node:crypto';
import { decodeProtectedHeader } from 'jose';
import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider';
import { realNow } from '../../platform/real-time.js';
import type { KeptRecord, Records, StoredRecord } from '../../store/records.js';
import type { Applications } from './applications.js';
import type { AnonymousRecords } from './bounds.js';
import type { ClientKeys } from './client-keys.js';
import type { Revocations } from './revocations.js';

/** A class of errors of the library: it is loaded by then. */
export type RefuseGrant = (text: string) => Error;

export interface AdapterGround {
  readonly records: Records;
  readonly applications: Applications;
  readonly revocations: Revocations;
  readonly anonymous: AnonymousRecords;
  /** What becomes of the second who uses something that counts once. */
  readonly refuse: RefuseGrant;
  readonly clientKeys: ClientKeys;
  /** By which an application says who it is in this request. */
  readonly assertion: () => string | undefined;
}

/** A grant and what was issued under it is one group. */
export const groupOfGrant = (grantId: string): string => `grant ${grantId}`;

export function createAdapter(ground: AdapterGround): AdapterFactory {
  const { records, revocations, anonymous, refuse } = ground;
  return name => {
    const kind = `oidc-${name}`;
    const get = (id: string): Promise<KeptRecord | undefined> => records.get(kind, keyOf(id));
    const find = async (id: string): Promise<AdapterPayload | undefined> => {
      if (name === 'Client') return findClient(ground, id);
      const payload = payloadOf(await get(id));
      // Of a user who was disabled no session is left.
      return payload?.accountId !== undefined && revocations.hasUser(payload.accountId) ? undefined : payload;
    };
    const adapter: Adapter = {
      async upsert(id, payload, expiresIn) {
        const group = recordGroup(name, id, payload);
        const record: StoredRecord = {
          kind,
          id: keyOf(id),
          value: JSON.stringify(payload),
          ...(group === undefined ? {} : { group }),
          ...(expiresIn === undefined ? {} : { expires: realNow() + expiresIn * 1000 }),
        };
        const kept = await records.put(record, name === 'ReplayDetection' ? null : undefined);
        if (kept === undefined) throw refuse('it must only be used once');
        if (OF_SESSIONS.includes(kind)) {
          if (payload.accountId === undefined && payload.session === undefined) await anonymous.note(kind, keyOf(id));
          else anonymous.forget(kind, keyOf(id));
        }
        if (name === 'Session' && payload.uid !== undefined)
          await records.put({ ...withoutGroup(record), kind: SESSION_OF_UID, id: keyOf(payload.uid), value: id });
      },
      find,
      findByUserCode: async () => undefined,
      async findByUid(uid) {
        const session = await records.get(SESSION_OF_UID, keyOf(uid));
        return session && find(session.value);
      },
      async consume(id) {
        const record = await get(id);
        const payload = payloadOf(record);
        const isFree = record && payload && payload.consumed === undefined;
        const value = JSON.stringify({ ...payload, consumed: Math.floor(realNow() / 1000) });
        if (isFree && (await records.put({ ...withoutRevision(record), value }, record.revision)) !== undefined) return;
        const grant = payload?.grantId;
        if (grant !== undefined) await endGrant(ground, grant);
        throw refuse('it was used already');
      },
      async destroy(id) {
        anonymous.forget(kind, keyOf(id));
        await records.take(kind, keyOf(id));
      },
      revokeByGrantId: grantId => endGrant(ground, grantId),
    };
    return adapter;
  };
}

/** With its keys where it says by one of them who it is. */
async function findClient(
  { applications, clientKeys, assertion }: AdapterGround,
  id: string,
): Promise<AdapterPayload | undefined> {
  const found = await applications.find(id);
  const place = found?.record.jwksUri;
  const signed = assertion();
  if (!found || place === undefined || signed === undefined) return found?.metadata;
  const { jwks_uri: _place, ...metadata } = found.metadata;
  return { ...metadata, jwks: { keys: await clientKeys.of(place, kidOf(signed)) } };
}

function kidOf(signed: string): string | undefined {
  try {
    return decodeProtectedHeader(signed).kid;
  } catch {
    return undefined;
  }
}

export const SESSION_KIND = 'oidc-Session';
/** Sessions of one user are one group. */
export const groupOfSessions = (user: string): string => `sessions of ${user}`;

function recordGroup(name: string, id: string, { grantId, accountId }: AdapterPayload): string | undefined {
  if (name === 'Session') return accountId === undefined ? undefined : groupOfSessions(accountId);
  const grant = name === 'Grant' ? id : grantId;
  return grant === undefined ? undefined : groupOfGrant(grant);
}

/** Gives whether there was one: of all who end it at once, one does. */
export const takeSession = async (records: Records, id: string): Promise<boolean> =>
  (await records.take(SESSION_KIND, keyOf(id))) !== undefined;

const SESSION_OF_UID = 'oidc-SessionUid';

const keyOf = (id: string): string => hash('sha256', id, 'base64url');

const payloadOf = (record: KeptRecord | undefined): AdapterPayload | undefined =>
  record && (JSON.parse(record.value) as AdapterPayload);

const withoutRevision = ({ revision: _was, ...record }: KeptRecord): Omit<KeptRecord, 'revision'> => record;

const withoutGroup = ({ group: _of, ...record }: StoredRecord): StoredRecord => record;

const GRANT = 'oidc-Grant';
/** By which a user finds it (sessions.ts). */
export const GRANT_OF_USER = 'grant-of-user';
const OF_SESSIONS: readonly string[] = [SESSION_KIND, 'oidc-Interaction'];
const LISTED_AT_ONCE = 1000;

/** Nothing that a user has granted, and no session of theirs, is good any more; access tokens within two seconds. Looks at all grants that there are. */
export async function endAllOf(
  { records, revocations }: Pick<AdapterGround, 'records' | 'revocations'>,
  name: string,
): Promise<void> {
  for (const kind of OF_SESSIONS)
    for await (const { id, value } of allOfKind(records, kind)) {
      const { accountId, session } = JSON.parse(value) as AdapterPayload;
      if (accountId === name || session?.accountId === name) await records.take(kind, id);
    }
  for await (const { group = '', value } of allOfKind(records, GRANT))
    if ((JSON.parse(value) as AdapterPayload).accountId === name)
      await endGrant({ records, revocations }, group.slice(groupOfGrant('').length));
}

/** `group`: those of this one alone. */
export async function* allOfKind(records: Records, kind: string, group?: string): AsyncGenerator<KeptRecord> {
  const within = group === undefined ? {} : { group };
  let after = '';
  for (;;) {
    const found = await records.list(kind, LISTED_AT_ONCE, { ...within, after });
    yield* found;
    if (found.length < LISTED_AT_ONCE) return;
    after = found.at(-1)!.id;
  }
}

/** Nothing that was issued under a grant is good any more, access tokens within two seconds. */
export async function endGrant(
  { records, revocations }: Pick<AdapterGround, 'records' | 'revocations'>,
  grantId: string,
): Promise<void> {
  await records.remove(groupOfGrant(grantId));
  await records.take(GRANT_OF_USER, grantId);
  await revocations.revokeGrant(grantId);
}
