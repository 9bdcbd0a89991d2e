/**
 * Seals what must be read again and may not be read in a copy of the store: keys, shared secrets of one-time codes. AES-256-GCM with a key
 * that is derived from the secret of the server for this use alone: https://www.rfc-editor.org/rfc/rfc5869
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { FhirError } from '../fhir/error.js';

export interface Seal {
  /** `about`: whose it is; what was sealed for one opens for no other. */
  close(text: string, about: string): string;
  /** Throws `unavailable`: the secret of the server is another one than that by which it was sealed. */
  open(sealed: string, about: string): string;
}

/** `secret`: that of the server, 32 characters or more. `use`: what it is for. */
export function createSeal(secret: string, use: string): Seal {
  const key = Buffer.from(hkdfSync('sha256', secret, '', `chartroom ${use}`, 32));
  return {
    close(text, about) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(about));
      return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString(
        'base64',
      );
    },
    open(sealed, about) {
      const bytes = Buffer.from(sealed, 'base64');
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12)).setAAD(Buffer.from(about));
        decipher.setAuthTag(bytes.subarray(-16));
        return decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8');
      } catch (cause) {
        throw new FhirError(
          'unavailable',
          'A sealed secret in the store cannot be opened: CHARTROOM_SECRET, or the file secret in CHARTROOM_DATA, is not the one that it was sealed with.',
          { cause },
        );
      }
    },
  };
}
