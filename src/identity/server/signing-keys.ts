/**
 * The keys that tokens are signed with: ES256 for access tokens, RS256 for id_tokens (which clients of SMART expect). They are made on the first
 * start, kept sealed, and others take their place after 90 days; those before stay in the JWKS until what they signed is over.
 */
import { generateKeyPair, exportJWK, type JWK } from 'jose';
import { realNow } from '../../platform/real-time.js';
import type { KeptRecord, Records } from '../../store/records.js';
import type { Seal } from '../seal.js';

const KIND = 'signing-keys';
const ID = 'current';
const DAY = 24 * 60 * 60_000;
const ROTATE = 90 * DAY;
/** ms for which keys that sign no more are shown. */
const SHOWN = 2 * DAY;

interface KeySet {
  /** ms since 1970. */
  readonly made: number;
  /** Those that sign first. */
  readonly keys: readonly JWK[];
}

/** Private keys, those that sign first. `now`: ms by the machine's clock. */
export async function loadSigningKeys(records: Records, seal: Seal, now = realNow): Promise<readonly JWK[]> {
  for (;;) {
    const record = await records.get(KIND, ID);
    const set = record && opened(record, seal);
    if (set && set.made + ROTATE > now()) return set.keys.filter((_key, i) => i < 2 || set.made + SHOWN > now());
    const made: KeySet = { made: now(), keys: [...(await newKeys(now())), ...(set?.keys.slice(0, 2) ?? [])] };
    const value = seal.close(JSON.stringify(made), KIND);
    // Of processes that start at once one makes them.
    if ((await records.put({ kind: KIND, id: ID, value }, record?.revision ?? null)) !== undefined) return made.keys;
  }
}

const opened = ({ value }: KeptRecord, seal: Seal): KeySet => JSON.parse(seal.open(value, KIND)) as KeySet;

const newKeys = (now: number): Promise<JWK[]> =>
  Promise.all(
    (['ES256', 'RS256'] as const).map(async alg => {
      const { privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 });
      return { ...(await exportJWK(privateKey)), alg, use: 'sig', kid: `${alg.toLowerCase()}-${now.toString(36)}` };
    }),
  );

/** What others may know of them. */
export const publicPart = ({ d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...key }: JWK): JWK => key;
