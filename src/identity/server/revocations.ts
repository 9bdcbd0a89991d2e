/**
 * What is not good any more before its time is over: grants that were ended, users and applications that were disabled. Each is a record;
 * another record changes with each of them, and every process looks at that every second, so that within two nothing of them works anywhere.
 */
import { realInterval, realNow } from '../../platform/real-time.js';
import type { Records } from '../../store/records.js';
import type { RevokedTokens } from '../kept-tokens.js';
import type { Principal } from '../principal.js';

const KIND = 'revoked';
const COUNTER = { kind: 'revocations', id: 'counter', value: '' } as const;
const EVERY = 1000;
/** ms that an access token may still live. */
const LONGEST_TOKEN = 2 * 60 * 60_000;
const LISTED_AT_ONCE = 1000;

/** Of an id of a token of ours: the grant stands in front of it. */
const GRANT_END = '~';
export const tokenIdOf = (grantId: string, jti: string): string => `${grantId}${GRANT_END}${jti}`;

export class Revocations implements RevokedTokens {
  readonly #records: Records;
  #revoked: ReadonlySet<string> = new Set();
  #seen: string | undefined;
  #generation = 0;
  #looking: NodeJS.Timeout | undefined;

  constructor(records: Records) {
    this.#records = records;
  }

  get generation(): number {
    return this.#generation;
  }

  isRevoked({ tokenId = '', subject = '', client = '' }: Principal): boolean {
    if (this.#revoked.size === 0) return false;
    const grant = tokenId.includes(GRANT_END) ? tokenId.slice(0, tokenId.indexOf(GRANT_END)) : '';
    return (
      this.hasUser(subject) ||
      this.hasClient(client) ||
      this.#revoked.has(`grant ${grant}`) ||
      this.#revoked.has(`token ${tokenId}`)
    );
  }

  hasUser(name: string): boolean {
    return this.#revoked.has(`user ${name}`);
  }

  hasClient(id: string): boolean {
    return this.#revoked.has(`client ${id}`);
  }

  revokeGrant(grantId: string): Promise<void> {
    return this.#put(`grant ${grantId}`, realNow() + LONGEST_TOKEN);
  }

  /** One of an application that acts for itself: it belongs to no grant. */
  revokeToken(tokenId: string): Promise<void> {
    return this.#put(`token ${tokenId}`, realNow() + LONGEST_TOKEN);
  }

  /** `off`: until it is enabled again. */
  async disable(what: 'user' | 'client', name: string, off: boolean): Promise<void> {
    if (off) return this.#put(`${what} ${name}`);
    await this.#records.take(KIND, `${what} ${name}`);
    await this.#tell();
  }

  /** Looks now, and then every second until `stop`. What a look fails at is the next one's. */
  async start(): Promise<void> {
    await this.look();
    this.#looking = realInterval(EVERY, () => void this.look().catch(() => {}));
    this.#looking.unref();
  }

  stop(): void {
    clearInterval(this.#looking);
  }

  async look(): Promise<void> {
    const counter = (await this.#records.get(COUNTER.kind, COUNTER.id))?.revision;
    if (counter === this.#seen) return;
    const revoked = new Set<string>();
    let after = '';
    for (;;) {
      const records = await this.#records.list(KIND, LISTED_AT_ONCE, { after });
      for (const { id } of records) revoked.add(id);
      if (records.length < LISTED_AT_ONCE) break;
      after = records.at(-1)!.id;
    }
    this.#revoked = revoked;
    this.#seen = counter;
    this.#generation++;
  }

  async #put(id: string, expires?: number): Promise<void> {
    await this.#records.put({ kind: KIND, id, value: '', ...(expires === undefined ? {} : { expires }) });
    await this.#tell();
  }

  async #tell(): Promise<void> {
    await this.#records.put(COUNTER);
    await this.look();
  }
}
