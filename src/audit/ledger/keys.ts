/**
 * The keys that sign a ledger: Ed25519, PKCS #8 in PEM. Those of a process are files `audit-1.pem`, `audit-2.pem` … of the folder `keys`
 * in DATA, or what CHARTROOM_AUDIT_KEY says; the last one signs, and those before hand over to it. Processes that share a database and no folder
 * have a key each, and all of them are listed in the store.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../platform/folder.js';
import { makeSecretFile } from '../../platform/secret-file.js';
import { keyText } from './note.js';

export interface LedgerKey {
  readonly secret: KeyObject;
  /** Of the verifier key, with the name of the ledger in it. */
  readonly text: string;
}

export interface LedgerKeyPlace {
  /** PEM, or the path of a file of it; empty: files of the folder. */
  readonly given: string;
  /** DATA. */
  readonly data: string;
}

const FILE = /^audit-([1-9]\d{0,5})\.pem$/;
const PEM = /-----BEGIN PRIVATE KEY-----[\s\S]+?-----END PRIVATE KEY-----/g;

const folderOf = (data: string): string => join(data, 'keys');
const fileOf = (data: string, number: number): string => join(folderOf(data), `audit-${number}.pem`);

/** Numbers of the keys in the folder, in order. */
function numbersIn(data: string): number[] {
  const folder = folderOf(data);
  const files = existsSync(folder) ? readdirSync(folder) : [];
  return files
    .flatMap(file => FILE.exec(file)?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => a - b);
}

/** One more key in the folder; of several who make the same one the first has made it. */
function makeKey(data: string, number: number): void {
  makeFolder(folderOf(data));
  const { privateKey } = generateKeyPairSync('ed25519');
  makeSecretFile(fileOf(data, number), privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
}

/** The key that signs from the next look at the folder on. Gives its file. */
export function addLedgerKey(data: string): string {
  const next = (numbersIn(data).at(-1) ?? 0) + 1;
  makeKey(data, next);
  return fileOf(data, next);
}

/** All of this process, the one that signs last; the first one is made where there is none. Throws RangeError for what is no key. */
export function readLedgerKeys({ given, data }: LedgerKeyPlace, name: string): readonly LedgerKey[] {
  if (given !== '') {
    const text = given.includes('-----BEGIN') ? given.replaceAll('\\n', '\n') : readFileSync(given, 'utf8');
    return keysOfPem(text, name);
  }
  if (numbersIn(data).length === 0) makeKey(data, 1);
  return numbersIn(data).flatMap(number => keysOfPem(readFileSync(fileOf(data, number), 'utf8'), name));
}

/** One that nobody keeps, for a process that has nowhere to keep it. */
export const passingKey = (name: string): LedgerKey => keyOf(generateKeyPairSync('ed25519').privateKey, name);

function keysOfPem(text: string, name: string): readonly LedgerKey[] {
  const keys = (text.match(PEM) ?? []).map(pem => {
    let secret: KeyObject;
    try {
      secret = createPrivateKey(pem);
    } catch (cause) {
      throw new RangeError('A key of the audit trail cannot be read: it must be an Ed25519 key, PKCS #8 in PEM.', {
        cause,
      });
    }
    return keyOf(secret, name);
  });
  if (keys.length === 0)
    throw new RangeError('A key of the audit trail cannot be read: it must be an Ed25519 key, PKCS #8 in PEM.');
  return keys;
}

function keyOf(secret: KeyObject, name: string): LedgerKey {
  if (secret.asymmetricKeyType !== 'ed25519')
    throw new RangeError('A key of the audit trail is of another kind: it must be an Ed25519 key.');
  return { secret, text: keyText({ name, publicKey: createPublicKey(secret) }) };
}

/** The id in the text of a key. */
export const idOfKeyText = (text: string): string => text.split('+')[1]!;
