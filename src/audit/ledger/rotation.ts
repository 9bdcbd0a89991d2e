/** From one key of the ledger to the next: both sign which follows which, so that whoever trusts the one may trust the other. */
import { type KeyObject, sign, verify } from 'node:crypto';
import type { LedgerEntry } from './entry.js';
import { readKeyText } from './note.js';

type Rotation = Extract<LedgerEntry, { what: 'key' }>;

const rotationText = (from: string, to: string): Buffer => Buffer.from(`chartroom audit key\n${from}\n${to}\n`);

/** `from`, `to`: texts of keys. `secrets`: Ed25519 keys, the old one first. */
export function rotationOf(from: string, to: string, secrets: readonly [KeyObject, KeyObject]): Rotation {
  const text = rotationText(from, to);
  return { what: 'key', from, to, signatures: secrets.map(secret => sign(null, text, secret).toString('base64')) };
}

/** Whether both keys have signed it. */
export function isRotationSigned({ from, to, signatures }: Rotation): boolean {
  const text = rotationText(from, to);
  return [from, to].every((key, at) => {
    const known = readKeyText(key);
    return known && verify(null, text, known.publicKey, Buffer.from(signatures[at] ?? '', 'base64'));
  });
}
