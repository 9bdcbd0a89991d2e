/** Bytes by their hash, as a name for identifiers: https://www.rfc-editor.org/rfc/rfc6920 */

/** The system of identifiers that are URIs. */
export const URI_SYSTEM = 'urn:ietf:rfc:3986';

/** `sha256`: in hexadecimal digits. */
export const nameOfBytes = (sha256: string): string =>
  `ni:///sha-256;${Buffer.from(sha256, 'hex').toString('base64url')}`;
