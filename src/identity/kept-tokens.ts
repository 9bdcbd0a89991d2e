/**
 * Tokens that have been verified, by their SHA-256, so that the next request with one costs a digest and a look-up. No token is kept.
 * One is forgotten when its time is over, when others need its place, and when somebody takes it back.
 */
import { hash } from 'node:crypto';
import type { Principal } from './principal.js';

/** What is known of a token. */
export interface VerifiedToken {
  readonly principal: Principal;
  /** ms since 1970: when the token, or what was said of it, is over. */
  readonly until: number;
  /** Thumbprint of the key that whoever sends it must prove to have: https://www.rfc-editor.org/rfc/rfc9449#section-6 */
  readonly jkt?: string | undefined;
}

/** Tokens that were taken back before their time was over. */
export interface RevokedTokens {
  /** Another one whenever `isRevoked` may have become true of somebody: what is kept is asked about again. */
  readonly generation: number;
  isRevoked(principal: Principal): boolean;
}

/** Of issuers elsewhere nobody tells us: what is kept of theirs is short. */
export const NEVER_REVOKED: RevokedTokens = { generation: 0, isRevoked: () => false };

const MOST_KEPT = 10_000;
const KEEP = 5 * 60_000;

interface KeptToken extends VerifiedToken {
  readonly keepUntil: number;
  /** Of the revocations that it was last compared with. */
  generation: number;
}

export class KeptTokens {
  readonly #now: () => number;
  readonly #revoked: RevokedTokens;
  readonly #most: number;
  readonly #kept = new Map<string, KeptToken>();
  readonly #asking = new Map<string, Promise<VerifiedToken>>();

  /** `now`: ms since 1970. */
  constructor(now: () => number, revoked: RevokedTokens = NEVER_REVOKED, most = MOST_KEPT) {
    this.#now = now;
    this.#revoked = revoked;
    this.#most = most;
  }

  /** Undefined: it is not known. */
  get(token: string): VerifiedToken | undefined {
    const digest = tokenDigest(token);
    const kept = this.#kept.get(digest);
    if (!kept) return undefined;
    const { generation } = this.#revoked;
    if (kept.keepUntil > this.#now() && (kept.generation === generation || !this.#revoked.isRevoked(kept.principal))) {
      kept.generation = generation;
      return kept;
    }
    this.#kept.delete(digest);
    return undefined;
  }

  /** What `verify` says of the token; for many who ask at the same time it is asked once. Undefined: it was taken back. */
  async verified(token: string, verify: () => Promise<VerifiedToken>): Promise<VerifiedToken | undefined> {
    const digest = tokenDigest(token);
    let asking = this.#asking.get(digest);
    if (!asking) {
      asking = verify().finally(() => this.#asking.delete(digest));
      this.#asking.set(digest, asking);
    }
    const { generation } = this.#revoked;
    const { principal, until, jkt } = await asking;
    if (this.#revoked.isRevoked(principal)) return undefined;
    const kept = this.#kept.get(digest);
    // All who waited get the same principal: what others know of it hangs on the object.
    if (kept?.principal === principal) return kept;
    const made = { principal, until, jkt, keepUntil: Math.min(until, this.#now() + KEEP), generation };
    this.#kept.set(digest, made);
    if (this.#kept.size > this.#most) this.#kept.delete(this.#kept.keys().next().value!);
    return made;
  }

  /** Forgets tokens of some principals, so that they are verified anew. */
  forget(which: (principal: Principal) => boolean): void {
    for (const [digest, { principal }] of this.#kept) if (which(principal)) this.#kept.delete(digest);
  }
}

const tokenDigest = (token: string): string => hash('sha256', token, 'base64');
