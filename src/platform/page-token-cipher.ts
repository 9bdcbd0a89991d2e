/**
 * Sealed tokens (AES-256-GCM): opaque to clients, because a paging link repeats search values that may be PHI; signed,
 * because what comes back must be what was given out; with an end, because a cursor is no archive.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { Clock } from './clock.js';

export interface PageTokenCipher {
  /** `lifetime` in ms. */
  close(value: unknown, lifetime: number): string;
  /** 'expired' and 'invalid' are told apart, so that the client learns whether to start again. */
  open(token: string): { readonly value: unknown } | 'expired' | 'invalid';
}

/** @param secret any text of at least 32 characters. */
export function createPageTokenCipher(secret: string, { now }: Pick<Clock, 'now'>): PageTokenCipher {
  const key = createHash('sha256').update(secret).digest();
  return {
    close(value, lifetime) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      const plain = JSON.stringify([Math.floor((now() + lifetime) / 1000), value]);
      return Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString(
        'base64url',
      );
    },
    open(token) {
      const bytes = Buffer.from(token, 'base64url');
      if (bytes.length < 30) return 'invalid';
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12));
        decipher.setAuthTag(bytes.subarray(-16));
        const plain = decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8');
        const [until, value] = JSON.parse(plain) as [number, unknown];
        return until * 1000 < now() ? 'expired' : { value };
      } catch {
        return 'invalid';
      }
    },
  };
}
