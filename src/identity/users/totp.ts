/**
 * One-time codes by time: six digits of HMAC-SHA-1, another each 30 seconds, as every authenticator has them.
 * https://www.rfc-editor.org/rfc/rfc6238, https://github.com/google/google-authenticator/wiki/Key-Uri-Format
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const STEP = 30_000;
const DIGITS = 6;
/** Steps before and after the one of now that are taken: clocks of telephones differ, and people type slowly. */
const DRIFT = 1;
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** 160 bits, as RFC 4226, section 4, asks for; in base32. */
export const newTotpSecret = (): string => toBase32(randomBytes(20));

/** The code of a step. `secret`: base32. */
export function totpCode(secret: string, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', fromBase32(secret)).update(counter).digest();
  const number = mac.readUInt32BE(mac[19]! & 0x0f) & 0x7f_ff_ff_ff;
  return String(number % 10 ** DIGITS).padStart(DIGITS, '0');
}

/** The step of a time, ms since 1970. */
export const totpStep = (now: number): number => Math.floor(now / STEP);

/** The step whose code this is, later than `last`, so that none counts twice; undefined: it is no code of now. */
export function stepOfCode(secret: string, code: string, now: number, last = -1): number | undefined {
  const given = Buffer.from(code);
  const current = totpStep(now);
  for (let step = current - DRIFT; step <= current + DRIFT; step++) {
    const right = Buffer.from(totpCode(secret, step));
    if (step > last && given.length === right.length && timingSafeEqual(given, right)) return step;
  }
  return undefined;
}

/** What an authenticator takes, as a link or a picture of it. */
export function totpUri(secret: string, name: string): string {
  const label = encodeURIComponent(`Chartroom:${name}`);
  return `otpauth://totp/${label}?secret=${secret}&issuer=Chartroom&algorithm=SHA1&digits=${DIGITS}&period=${STEP / 1000}`;
}

export function toBase32(bytes: Uint8Array): string {
  let bits = '';
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
  return (bits.match(/.{1,5}/g) ?? []).map(five => BASE32[Number.parseInt(five.padEnd(5, '0'), 2)]).join('');
}

function fromBase32(text: string): Buffer {
  const bits = Array.from(text, letter => BASE32.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map(eight => Number.parseInt(eight, 2)));
}
