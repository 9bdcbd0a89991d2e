/**
 * The keys that tokens are signed with: ES256 for access tokens, RS256 for id_tokens (which clients of SMART expect). They are made on the first
 * start and kept sealed. After 90 days others take their place: they are shown in the JWKS two hours before they sign, so that every process, which
 * looks every hour, and whoever keeps our keys knows them by then; those before stay there until what they signed is over.
 */
import { generateKeyPair, exportJWK, type JWK } from 'jose';
import { realNow } from '../../platform/real-time.js';
import type { KeptRecord, Records } from '../../store/records.js';
import type { Seal } from '../seal.js';

const KIND = 'signing-keys';
const ID = 'generations';
const HOUR = 60 * 60_000;
const DAY = 24 * HOUR;
const ROTATE = 90 * DAY;
/** ms for which keys are shown before they sign, and after. */
const AHEAD = 2 * HOUR;
const SHOWN = 2 * DAY;

interface Generation {
  /** ms since 1970 from which on it signs. */
  readonly from: number;
  readonly keys: readonly JWK[];
}

/** Private keys, those that sign first. `now`: ms by the machine's clock. */
export async function loadSigningKeys(records: Records, seal: Seal, now = realNow): Promise<readonly JWK[]> {
  for (;;) {
    const record = await records.get(KIND, ID);
    const there = record ? opened(record, seal) : [];
    const [newest] = there;
    if (newest && newest.from + ROTATE - AHEAD > now()) return inOrder(there, now());
    const from = newest ? newest.from + ROTATE : now();
    // Nobody looked for long: it signs when all know it.
    const made = { from: newest ? Math.max(from, now() + AHEAD) : from, keys: await newKeys(now()) };
    const value = seal.close(JSON.stringify([made, ...(newest ? [newest] : [])]), KIND);
    // Of processes that start at once one makes them.
    await records.put({ kind: KIND, id: ID, value }, record?.revision ?? null);
  }
}

/** `generations`: the newest first. */
function inOrder(generations: readonly Generation[], now: number): readonly JWK[] {
  const found = generations.findIndex(({ from }) => from <= now);
  // Of a clock that is behind that of whoever made them none signs yet: the oldest does.
  const signing = found < 0 ? generations.length - 1 : found;
  const ahead = generations.slice(0, signing);
  const before = generations.slice(signing + 1).filter((_one, i) => generations[signing + i]!.from + SHOWN > now);
  return [generations[signing]!, ...ahead, ...before].flatMap(({ keys }) => keys);
}

const opened = ({ value }: KeptRecord, seal: Seal): readonly Generation[] =>
  JSON.parse(seal.open(value, KIND)) as readonly Generation[];

const newKeys = (now: number): Promise<JWK[]> =>
  Promise.all(
    (['ES256', 'RS256'] as const).map(async alg => {
      const { privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 });
      return { ...(await exportJWK(privateKey)), alg, use: 'sig', kid: `${alg.toLowerCase()}-${now.toString(36)}` };
    }),
  );

/** What others may know of them. */
export const publicPart = ({ d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...key }: JWK): JWK => key;
