/**
 * Sessions of users and what was granted in them, so that both can be listed and ended. A grant goes with its session where that is signed out of,
 * and is known by its user for as long as something that was given for it may be good.
 */
import type { Provider } from 'oidc-provider';
import { realNow } from '../../platform/real-time.js';
import type { Records } from '../../store/records.js';
import { allOfKind, endGrant, GRANT_OF_USER, groupOfSessions, SESSION_KIND, takeSession } from './adapter.js';
import type { AskedInteraction } from './asked.js';
import { ACCESS_LIFE, LONGEST_GRANT, LONGEST_SESSION, type ProviderGround } from './provider.js';

const GRANT_OF_SESSION = 'grant-of-session';
/** That a page shows, the latest. */
const MOST_LISTED = 200;

/** What somebody has granted. */
export interface KeptGrant {
  readonly id: string;
  readonly user: string;
  readonly client: string;
  readonly scopes: readonly string[];
  readonly patient?: string | undefined;
}

export interface ListedGrant extends KeptGrant {
  /** ms since 1970. */
  readonly since: number;
}

export interface ListedSession {
  readonly uid: string;
  /** s since 1970: when somebody signed in, and until when it lasts without a request. */
  readonly loginTs: number;
  readonly exp: number;
}

const ofSession = (uid: string): string => `session ${uid}`;
const ofUser = (name: string): string => `grants of ${name}`;

/** s for which something may be good that was given for these: its code has a minute. */
function lifeOfGrant(scopes: readonly string[]): number {
  if (scopes.includes('offline_access')) return LONGEST_GRANT;
  return (scopes.includes('online_access') ? LONGEST_SESSION : 60) + ACCESS_LIFE;
}

export async function keepGrant(
  { records }: { readonly records: Records },
  { session, exp }: Pick<AskedInteraction, 'session' | 'exp'>,
  grant: KeptGrant,
): Promise<void> {
  await records.put({
    ...{ kind: GRANT_OF_SESSION, id: grant.id, value: '', group: ofSession(session?.uid ?? '') },
    expires: (exp + LONGEST_SESSION) * 1000,
  });
  const since = realNow();
  const value = JSON.stringify({ ...grant, since } satisfies ListedGrant);
  const expires = since + lifeOfGrant(grant.scopes) * 1000;
  await records.put({ kind: GRANT_OF_USER, id: grant.id, value, group: ofUser(grant.user), expires });
}

/** With all that was granted in it. Gives whose it was; undefined: there was none, or somebody else has ended it at the same time. */
export async function endSession(
  ground: Pick<ProviderGround, 'records' | 'revocations'>,
  provider: Provider,
  uid: string,
): Promise<string | undefined> {
  const { records } = ground;
  for await (const { id } of allOfKind(records, GRANT_OF_SESSION, ofSession(uid))) await endGrant(ground, id);
  await records.remove(ofSession(uid));
  const session = await provider.Session.findByUid(uid);
  if (!session) return undefined;
  const isEnded = await takeSession(records, session.jti);
  await session.destroy();
  return isEnded ? session.accountId : undefined;
}

/** What it was; undefined: the user has granted no such thing. */
export async function endGrantOf(
  ground: Pick<ProviderGround, 'records' | 'revocations'>,
  name: string,
  id: string,
): Promise<KeptGrant | undefined> {
  const kept = id.length <= 100 ? await ground.records.get(GRANT_OF_USER, id) : undefined;
  if (kept?.group !== ofUser(name)) return undefined;
  await endGrant(ground, id);
  return JSON.parse(kept.value) as KeptGrant;
}

export async function sessionsOf({ records }: { readonly records: Records }, name: string): Promise<ListedSession[]> {
  const kept = await records.list(SESSION_KIND, MOST_LISTED, { group: groupOfSessions(name) });
  return kept.map(({ value }) => JSON.parse(value) as ListedSession).toSorted((a, b) => b.loginTs - a.loginTs);
}

/** What has not ended otherwise, the latest first. */
export async function grantsOf(
  { records }: { readonly records: Records },
  provider: Pick<Provider, 'Grant'>,
  name: string,
): Promise<ListedGrant[]> {
  const grants: ListedGrant[] = [];
  for await (const { value } of allOfKind(records, GRANT_OF_USER, ofUser(name)))
    grants.push(JSON.parse(value) as ListedGrant);
  grants.sort((a, b) => b.since - a.since);
  const alive: ListedGrant[] = [];
  for (let from = 0; from < grants.length && alive.length < MOST_LISTED; from += MOST_LISTED) {
    const some = grants.slice(from, from + MOST_LISTED);
    const found = await Promise.all(some.map(({ id }) => provider.Grant.find(id)));
    alive.push(...some.filter((_grant, i) => found[i] !== undefined));
  }
  return alive.slice(0, MOST_LISTED);
}
