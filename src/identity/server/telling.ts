/** Tells what happens here: sign-ins, tokens, the ends of sessions. Before an answer is given, so that none is given that the audit trail has not. */
import type { IncomingMessage } from 'node:http';
import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { TellHappening } from '../happening.js';
import type { SignIn } from '../users/sign-in.js';
import { nameTyped } from '../users/shown-name.js';
import type { Users } from '../users/users.js';

/** A sign-in that is told. Who has typed what is no name of a user may have typed a password: it is left out. */
export const toldSignIn =
  (signIn: SignIn, users: Pick<Users, 'find'>, tell: TellHappening): SignIn =>
  async credentials => {
    const result = await signIn(credentials);
    const known = await users.find(nameTyped(credentials.name));
    const what = 'user' in result ? 'signed-in' : result.wait > 0 ? 'locked-out' : 'sign-in-failed';
    await tell({ what, user: known?.name }, credentials.address);
    return result;
  };

/** Parameters of a token request that are no secrets. */
const SHOWN = ['grant_type', 'client_id', 'scope', 'redirect_uri', 'resource', 'client_assertion_type'];
const LONGEST = 2000;

const addresses = new WeakMap<IncomingMessage, string>();

/** Whose request it is, for what is told of it. */
export const noteAddress = (request: IncomingMessage, address: string): void => void addresses.set(request, address);

/** Without secrets, for the audit trail. */
export function shownRequest(path: string, parameters: Readonly<Record<string, unknown>>): string {
  const shown = new URLSearchParams();
  for (const name of SHOWN) {
    const value = parameters[name];
    if (typeof value === 'string') shown.append(name, value);
  }
  return `POST ${path}\n\n${shown.toString()}`.slice(0, LONGEST);
}

/** Of a session that has ended. `user`: whose it was; undefined: there was none, and nothing is told. */
export async function tellSignedOut(
  { tell }: { readonly tell: TellHappening },
  user: string | undefined,
  address: string,
): Promise<void> {
  if (user !== undefined) await tell({ what: 'signed-out', user }, address);
}

/** Tells of each token that is given out or refused. */
export function tellTokens(provider: Provider, path: string, tell: TellHappening): void {
  provider.use(async (given, next) => {
    await next();
    const ctx = given as unknown as KoaContextWithOIDC;
    if (ctx.oidc?.route !== 'token') return;
    const { Account, Client } = ctx.oidc.entities;
    const { error } = (ctx.body ?? {}) as { readonly error?: unknown };
    const request = shownRequest(`${path}/token`, ctx.oidc.body ?? {});
    const about = { client: Client?.clientId, user: Account?.accountId, request };
    const address = addresses.get(ctx.req) ?? 'unknown';
    try {
      if (ctx.status === 200) await tell({ what: 'token-issued', ...about }, address);
      else await tell({ what: 'token-refused', ...about, why: typeof error === 'string' ? error : 'refused' }, address);
    } catch {
      // No token is given out that nobody knows of.
      ctx.status = 503;
      ctx.body = { error: 'temporarily_unavailable' };
    }
  });
}
