/**
 * Checkpoints: the size and root of a tree, as a note that is signed (https://c2sp.org/tlog-checkpoint, https://c2sp.org/signed-note).
 *
 *     localhost:8080/fhir/audit/k2jx0001ab9f3d
 *     1204
 *     ySbUHgz3Hs63JpfWqkVnGLM4NOGEYLwmDq9lMHlz/fI=
 *
 *     — localhost:8080/fhir/audit Az3grh…
 *
 * Signatures are Ed25519. The name of a key is that of the whole ledger; the origin of a stream's checkpoints has the stream's id behind it.
 */
import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { type Hash, HASH_BYTES, leafHash, type TreeHead } from '../../store/ledger.js';

export interface Checkpoint extends TreeHead {
  readonly origin: string;
  /** Further lines, none of them empty. */
  readonly extensions: readonly string[];
}

/** A key by which notes are verified. */
export interface NoteKey {
  readonly name: string;
  readonly publicKey: KeyObject;
}

/** Names what a ledger is of: the FHIR base without its scheme. */
export const ledgerName = (base: string): string => `${base.replace(/^https?:\/\//, '')}/audit`;
export const streamOrigin = (ledger: string, stream: string): string => `${ledger}/${stream}`;
/** The stream of which a checkpoint of this origin is. */
export const streamOfOrigin = (origin: string): string => origin.slice(origin.lastIndexOf('/') + 1);

/** What is signed: the lines, each with its end. */
export const checkpointText = ({ origin, size, root, extensions }: Checkpoint): string =>
  [origin, String(size), root.toString('base64'), ...extensions].map(line => `${line}\n`).join('');

/** Ed25519 in the algorithms of signed notes, and as witnesses sign. */
const ALGORITHM = 1;
const COSIGNATURE = 4;
const KEY_BYTES = 32;
const ID_BYTES = 4;

/** To export a key takes longer than to verify by it. */
const exported = new WeakMap<KeyObject, Buffer>();

function rawKey(publicKey: KeyObject): Buffer {
  let raw = exported.get(publicKey);
  if (!raw) exported.set(publicKey, (raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-KEY_BYTES)));
  return raw;
}

/** Tells a key's signatures from those of others: a hint, no proof. */
const keyIdOf = ({ name, publicKey }: NoteKey, algorithm = ALGORITHM): Buffer =>
  createHash('sha256')
    .update(`${name}\n`)
    .update(Buffer.of(algorithm))
    .update(rawKey(publicKey))
    .digest()
    .subarray(0, ID_BYTES);

/** A verifier key as text: name, id and key, `+` between them. */
export const keyText = (key: NoteKey, algorithm = ALGORITHM): string =>
  [
    key.name,
    keyIdOf(key, algorithm).toString('hex'),
    Buffer.concat([Buffer.of(algorithm), rawKey(key.publicKey)]).toString('base64'),
  ].join('+');

/** Of a witness: https://c2sp.org/tlog-cosignature */
export const readWitnessKey = (text: string): NoteKey | undefined => readKeyText(text, COSIGNATURE);
export const witnessKeyText = (key: NoteKey): string => keyText(key, COSIGNATURE);

/** Undefined: it is no text of a key. */
export function readKeyText(text: string, algorithm = ALGORITHM): NoteKey | undefined {
  const [, name, id, encoded] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(text.trim()) ?? [];
  if (name === undefined || id === undefined || encoded === undefined) return undefined;
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.length !== 1 + KEY_BYTES || bytes[0] !== algorithm || bytes.toString('base64') !== encoded)
    return undefined;
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: bytes.subarray(1).toString('base64url') };
  const key = { name, publicKey: createPublicKey({ key: jwk, format: 'jwk' }) };
  return keyIdOf(key, algorithm).toString('hex') === id ? key : undefined;
}

/** The note over `text`, which ends with a line's end. `secret`: an Ed25519 key. */
export function signNote(text: string, name: string, secret: KeyObject): string {
  const key = { name, publicKey: createPublicKey(secret) };
  const signature = Buffer.concat([keyIdOf(key), sign(null, Buffer.from(text), secret)]).toString('base64');
  return `${text}\n— ${name} ${signature}\n`;
}

/** The leaf of a log of notes. */
export const leafOfNote = (note: string): Hash => leafHash(Buffer.from(note));

const TIME_BYTES = 8;
/** Of the year 9999. */
const LAST_SECOND = 253_402_300_799n;
/** What a witness signs. `seconds`: since 1970. */
const cosignedText = (text: string, seconds: bigint): Buffer => Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`);

/** The line by which a witness signs a note. */
export function cosignature(note: string, name: string, secret: KeyObject, seconds: bigint): string {
  const key = { name, publicKey: createPublicKey(secret) };
  const time = Buffer.alloc(TIME_BYTES);
  time.writeBigUInt64BE(seconds);
  const signed = sign(null, cosignedText(textSigned(note), seconds), secret);
  return `— ${name} ${Buffer.concat([keyIdOf(key, COSIGNATURE), time, signed]).toString('base64')}\n`;
}

/** When a witness has signed a note, in ms since 1970; undefined: it has not. */
export function cosignedAt(note: string, key: NoteKey): number | undefined {
  for (const { name, bytes } of signaturesOf(note)) {
    if (name !== key.name || !bytes.subarray(0, ID_BYTES).equals(keyIdOf(key, COSIGNATURE))) continue;
    if (bytes.length <= ID_BYTES + TIME_BYTES) continue;
    const seconds = bytes.readBigUInt64BE(ID_BYTES);
    if (seconds > LAST_SECOND) continue;
    const signature = bytes.subarray(ID_BYTES + TIME_BYTES);
    if (verify(null, cosignedText(textSigned(note), seconds), key.publicKey, signature)) return Number(seconds) * 1000;
  }
  return undefined;
}

/** The text that a note signs. */
export const textSigned = (note: string): string => note.slice(0, note.lastIndexOf('\n\n') + 1);

const signaturesOf = (note: string): { readonly name: string; readonly bytes: Buffer }[] =>
  note
    .slice(note.lastIndexOf('\n\n') + 2)
    .split('\n')
    .flatMap(line => {
      const [, name, encoded] = /^— (\S+) ([A-Za-z0-9+/]+=*)$/.exec(line) ?? [];
      return name === undefined ? [] : [{ name, bytes: Buffer.from(encoded!, 'base64') }];
    });

/** What a note says, and which of `keys` has signed it; undefined: none of them. Throws RangeError for what is no checkpoint. */
export function openCheckpoint(
  note: string,
  keys: readonly NoteKey[],
): { readonly checkpoint: Checkpoint; readonly text: string; readonly signedBy: NoteKey | undefined } {
  const text = textSigned(note);
  const [origin, size, root, ...extensions] = text.slice(0, -1).split('\n');
  const hash = Buffer.from(root ?? '', 'base64');
  if (!origin || !/^(?:0|[1-9]\d{0,15})$/.test(size ?? '') || hash.length !== HASH_BYTES)
    throw new RangeError('This is no checkpoint of a log.');
  const checkpoint = { origin, size: Number(size), root: hash, extensions };
  if (checkpointText(checkpoint) !== text) throw new RangeError('This is no checkpoint of a log.');
  const signatures = signaturesOf(note);
  const signedBy = keys.find(key =>
    signatures.some(
      ({ name, bytes }) =>
        name === key.name &&
        bytes.subarray(0, ID_BYTES).equals(keyIdOf(key)) &&
        verify(null, Buffer.from(text), key.publicKey, bytes.subarray(ID_BYTES)),
    ),
  );
  return { checkpoint, text, signedBy };
}

/** Of a log of anchors that a witness is shown (witness.ts). `log`: empty for the first one. */
export const anchorsOrigin = (ledger: string, log = ''): string => `${ledger}/anchors${log === '' ? '' : `/${log}`}`;

/** Undefined: it is no origin of a log of anchors of this ledger; an empty text: of the first one. */
export function logOfOrigin(origin: string, ledger: string): string | undefined {
  const first = anchorsOrigin(ledger);
  if (origin === first) return '';
  return origin.startsWith(`${first}/`) ? origin.slice(first.length + 1) : undefined;
}
