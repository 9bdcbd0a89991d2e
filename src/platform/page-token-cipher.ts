/**
 * Sealed tokens (AES-256-GCM): opaque to clients, because a paging link repeats search values that may be PHI; signed,
 * because what comes back must be what was given out; with an end, because a cursor is no archive.
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
import type { Clock } from './clock.js';

export interface PageTokenCipher {
  /** `lifetime` in ms. */
  close(value: unknown, lifetime: number): string;
  /** 'expired' and 'invalid' are told apart, so that the client learns whether to start again. `evenOld`: what has expired is opened, too. */
  open(token: string, evenOld?: boolean): { readonly value: unknown } | 'expired' | 'invalid';
  /** 32 bytes that are the same for the same text, and that nobody foresees who does not know the secret: HMAC with SHA-256. */
  mark(text: string): Buffer;
}

/**
 * @param secret any text of at least 32 characters.
 * @param repeats the same values give the same token, for tests that compare bytes: whoever sees two tokens learns whether they mean
 *   the same.
 */
export function createPageTokenCipher(secret: string, { now }: Pick<Clock, 'now'>, repeats = false): PageTokenCipher {
  const key = createHash('sha256').update(secret).digest();
  return {
    mark: text => createHmac('sha256', key).update(`mark/${text}`).digest(),
    close(value, lifetime) {
      const plain = JSON.stringify([Math.floor((now() + lifetime) / 1000), value]);
      // A nonce may seal one text alone: one that follows from the text does.
      const nonce = repeats ? createHmac('sha256', key).update(plain).digest().subarray(0, 12) : randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      return Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString(
        'base64url',
      );
    },
    open(token, evenOld = false) {
      const bytes = Buffer.from(token, 'base64url');
      if (bytes.length < 30) return 'invalid';
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12));
        decipher.setAuthTag(bytes.subarray(-16));
        const plain = decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8');
        const [until, value] = JSON.parse(plain) as [number, unknown];
        return until * 1000 < now() && !evenOld ? 'expired' : { value };
      } catch {
        return 'invalid';
      }
    },
  };
}
