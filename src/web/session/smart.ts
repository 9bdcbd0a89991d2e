/**
 * Signing in at the authorization server of this server: an authorization code with PKCE, for a public client.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html, https://www.rfc-editor.org/rfc/rfc9700#section-2.1.1
 *
 * On the way there and back three values are kept by the browser, for this window alone and until it is back: the verifier, the state, and where
 * it was. None of them opens anything.
 */
import * as oauth from 'oauth4webapi';
import { FHIR, HOME, SERVER } from './server.js';
import type { ConsoleSession } from './session.js';

const CLIENT: oauth.Client = { client_id: 'chartroom-console' };
/** The audit trail is meant by its name alone: without it nobody would have the audit screens, whatever their role. */
const SCOPES = 'openid fhirUser online_access user/*.cruds user/AuditEvent.rs';
const KEPT = 'chartroom-sign-in';

interface KeptOnTheWay {
  readonly verifier: string;
  readonly state: string;
  readonly back: string;
}

/** Loopback has no TLS. */
const insecure = location.protocol === 'http:' ? { [oauth.allowInsecureRequests]: true } : {};

/** The page as the server calls it: cookies and redirects belong to that name. */
const redirectUri = (): string => `${SERVER.base.replace(/\/fhir$/, '')}${HOME}`;

async function authorizationServer(): Promise<oauth.AuthorizationServer> {
  const answer = await fetch(`${FHIR}/.well-known/smart-configuration`, { credentials: 'omit' });
  if (!answer.ok) throw new Error('smart-configuration');
  const said = (await answer.json()) as oauth.AuthorizationServer;
  return { ...said, authorization_response_iss_parameter_supported: true };
}

/** Leaves the page. `back`: the address below the console to which it comes back. */
export async function goToSignIn(back: string): Promise<void> {
  const at = new URL(redirectUri());
  if (at.origin !== location.origin) return location.replace(`${at.origin}${back}`);
  const { authorization_endpoint: endpoint } = await authorizationServer();
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  sessionStorage.setItem(KEPT, JSON.stringify({ verifier, state, back } satisfies KeptOnTheWay));
  const to = new URL(endpoint!);
  to.search = new URLSearchParams({
    ...{ client_id: CLIENT.client_id, response_type: 'code', redirect_uri: redirectUri() },
    ...{ scope: SCOPES, state, aud: SERVER.base },
    ...{ code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' },
  }).toString();
  location.assign(to);
}

/** Whether the address is that of somebody who comes back. */
export const comesBack = (): boolean =>
  sessionStorage.getItem(KEPT) !== null && /[?&](?:code|error)=/.test(location.search);

/** Gives the session, and where it was; `undefined`: access was refused there. Throws for an answer that is not to our question. */
export async function comeBack(): Promise<{ readonly session: ConsoleSession | undefined; readonly back: string }> {
  const { verifier, state, back } = JSON.parse(sessionStorage.getItem(KEPT)!) as KeptOnTheWay;
  const here = new URL(location.href);
  sessionStorage.removeItem(KEPT);
  history.replaceState(null, '', HOME);
  if (here.searchParams.get('error') === 'access_denied' && here.searchParams.get('state') === state)
    return { session: undefined, back };
  const server = await authorizationServer();
  const parameters = oauth.validateAuthResponse(server, CLIENT, here, state);
  const response = await oauth.authorizationCodeGrantRequest(
    ...[server, CLIENT, oauth.None(), parameters, redirectUri(), verifier],
    insecure,
  );
  const tokens = await oauth.processAuthorizationCodeResponse(server, CLIENT, response);
  return { session: sessionOf(server, tokens), back: isOurs(back) ? back : HOME };
}

/** A path below the console: nothing else is gone to. */
const isOurs = (back: string): boolean => back.startsWith(HOME) && !back.includes('//');

/** Whoever sits here next is asked who they are. */
const ENDING = { end_session: 'true' };

function sessionOf(server: oauth.AuthorizationServer, tokens: oauth.TokenEndpointResponse): ConsoleSession {
  const { access_token: token, refresh_token: refresh } = tokens;
  const { role, sub, fhirUser } = claimsOf(token);
  /** https://www.rfc-editor.org/rfc/rfc7009#section-2.2: 200 of a token that is worthless already, too. */
  const revoke = (each: string): Promise<boolean> =>
    oauth
      .revocationRequest(server, CLIENT, oauth.None(), each, { ...insecure, additionalParameters: ENDING })
      .then(({ ok }) => ok)
      .catch(() => false);
  return {
    ...{ token, role, user: sub, fhirUser: fhirUser?.replace(`${SERVER.base}/`, '') },
    renew:
      refresh === undefined
        ? undefined
        : async () => {
            const response = await oauth.refreshTokenGrantRequest(server, CLIENT, oauth.None(), refresh, insecure);
            return sessionOf(server, await oauth.processRefreshTokenResponse(server, CLIENT, response));
          },
    async revoke() {
      let isRevoked = true;
      for (const each of [refresh, token]) if (each !== undefined) isRevoked = (await revoke(each)) && isRevoked;
      return isRevoked;
    },
  };
}

/** Which screens are shown goes by these: whoever changes them sees screens that the server refuses. */
function claimsOf(token: string): Readonly<Partial<Record<'role' | 'sub' | 'fhirUser', string>>> {
  try {
    const text = atob(token.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/'));
    const said = Object.entries(JSON.parse(text) as Readonly<Record<string, unknown>>);
    return Object.fromEntries(said.filter((claim): claim is [string, string] => typeof claim[1] === 'string'));
  } catch {
    return {};
  }
}
