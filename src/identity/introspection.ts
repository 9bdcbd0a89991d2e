/** What its issuer says of a token that is opaque to us: https://www.rfc-editor.org/rfc/rfc7662 */
import { readFile } from 'node:fs/promises';
import { FhirError } from '../fhir/error.js';
import { audiencesOf, CLOCK_SKEW, type VerifyGround } from './access-token.js';
import type { Claims } from './claims.js';
import { type Issuer, objectIn } from './issuer.js';

/**
 * Undefined: it is not one of this issuer's for this server, or is over. Throws FhirError `unavailable` where nobody can say. An answer without `aud`
 * is taken: whoever may ask is told of tokens for us alone (section 4), and SMART wants no `aud` there.
 */
export async function introspect(token: string, issuer: Issuer, ground: VerifyGround): Promise<Claims | undefined> {
  const { introspection, url } = issuer.rules;
  if (!introspection) return undefined;
  const { introspection_endpoint: place } = await issuer.metadata();
  if (typeof place !== 'string') throw silent('no introspection_endpoint');
  const secret = (await readFile(introspection.secretFile, 'utf8')).trim();
  const { status, body } = await issuer.client.ask(place, {
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
    credentials: { authorization: `Basic ${basic(introspection.client, secret)}` },
    body: new URLSearchParams({ token, token_type_hint: 'access_token' }).toString(),
  });
  if (status !== 200) throw silent(`status ${status}`);
  const said = objectIn(body);
  if (!said || typeof said['active'] !== 'boolean') throw silent('no answer');
  return said['active'] && isForUs(said, url, audiencesOf(issuer, ground), ground.now() / 1000) ? said : undefined;
}

const silent = (cause: string): FhirError =>
  new FhirError('unavailable', 'The issuer of the token cannot be asked about it.', {
    detail: 'issuer-away',
    cause: new Error(cause),
  });

/** https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1 */
const basic = (client: string, secret: string): string =>
  Buffer.from(`${formEncoded(client)}:${formEncoded(secret)}`).toString('base64');
const formEncoded = (text: string): string => new URLSearchParams({ a: text }).toString().slice(2);

function isForUs({ iss, aud, exp, nbf }: Claims, url: string, audiences: readonly string[], now: number): boolean {
  if (iss !== undefined && iss !== url) return false;
  const named: readonly unknown[] = aud === undefined ? audiences : Array.isArray(aud) ? aud : [aud];
  if (!named.some(each => typeof each === 'string' && audiences.includes(each))) return false;
  const isTime = (value: unknown): boolean =>
    value === undefined || (typeof value === 'number' && Number.isFinite(value));
  if (!isTime(exp) || !isTime(nbf)) return false;
  return (
    (exp === undefined || (exp as number) > now - CLOCK_SKEW) &&
    (nbf === undefined || (nbf as number) <= now + CLOCK_SKEW)
  );
}
