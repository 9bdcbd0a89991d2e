/** A witness in tests, after https://c2sp.org/tlog-witness: it signs what grows from what it has signed, and nothing else. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { cosignature, type NoteKey, openCheckpoint, readKeyText, witnessKeyText } from '../../src/audit/ledger/note.js';
import type { WitnessAnswer } from '../../src/audit/ledger/witness.js';
import { isConsistent, type TreeHead } from '../../src/store/ledger.js';

export class TestWitness {
  readonly name = 'witness.test/w1';
  readonly #secret: KeyObject;
  readonly key: NoteKey;
  /** Of each log that it knows what it has signed last. */
  readonly heads = new Map<string, TreeHead>();
  /** Texts of keys of logs. */
  trusted: readonly string[] = [];
  asked = 0;

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    this.#secret = privateKey;
    this.key = { name: this.name, publicKey };
  }

  get keyText(): string {
    return witnessKeyText(this.key);
  }

  add(body: string): WitnessAnswer {
    this.asked += 1;
    const told = (status: number, text = '', contentType = 'text/plain'): WitnessAnswer => ({
      status,
      text,
      contentType,
    });
    const end = body.indexOf('\n\n');
    const [first = '', ...proof] = body.slice(0, end).split('\n');
    const old = /^old (\d+)$/.exec(first)?.[1];
    if (end === -1 || old === undefined || proof.length > 63) return told(400);
    const note = body.slice(end + 2);
    const keys = this.trusted.map(text => readKeyText(text)!);
    const { checkpoint, signedBy } = openCheckpoint(note, keys);
    if (!keys.some(({ name }) => checkpoint.origin.startsWith(`${name}/`))) return told(404);
    if (!signedBy) return told(403);
    const known = this.heads.get(checkpoint.origin);
    if (Number(old) > checkpoint.size) return told(400);
    if (Number(old) !== (known?.size ?? 0)) return told(409, `${known?.size ?? 0}\n`, 'text/x.tlog.size');
    const hashes = proof.map(text => Buffer.from(text, 'base64'));
    if (known && !isConsistent(known, checkpoint, hashes)) return told(known.size === checkpoint.size ? 409 : 422);
    if (!known && hashes.length > 0) return told(422);
    this.heads.set(checkpoint.origin, checkpoint);
    return told(200, cosignature(note, this.name, this.#secret, BigInt(Math.floor(Date.now() / 1000))));
  }
}
