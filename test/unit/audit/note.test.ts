import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'mocha';
import {
  checkpointText,
  keyText,
  ledgerName,
  openCheckpoint,
  streamOrigin,
  readKeyText,
  signNote,
} from '../../../src/audit/ledger/note.js';
import { leafHash } from '../../../src/store/ledger.js';

/** The example of https://pkg.go.dev/golang.org/x/mod/sumdb/note, with the seed of its secret key. */
const EXAMPLE_KEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const EXAMPLE_SEED = 'gQoUAtUUbI2E8kQzMPVAgOv5juF9nHT2JS/F1ccoMXM=';
const EXAMPLE_TEXT =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const EXAMPLE_SIGNATURE =
  'x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const ledger = ledgerName('https://fhir.example.org/fhir');
const key = { name: ledger, publicKey };
const root = leafHash(Buffer.from('a deed'));
const checkpoint = { origin: streamOrigin(ledger, 'k2jx0001ab9f3d'), size: 1204, root, extensions: [] };
const note = signNote(checkpointText(checkpoint), ledger, privateKey);

describe('a checkpoint', () => {
  it('says what was signed, and by whom', () => {
    assert.equal(
      checkpointText(checkpoint),
      `fhir.example.org/fhir/audit/k2jx0001ab9f3d\n1204\n${root.toString('base64')}\n`,
    );
    assert.deepEqual(openCheckpoint(note, [key]), { checkpoint, text: checkpointText(checkpoint), signedBy: key });
    const timed = { ...checkpoint, extensions: ['2026-01-01T00:00:00Z'] };
    const opened = openCheckpoint(signNote(checkpointText(timed), ledger, privateKey), [key]);
    assert.deepEqual([opened.checkpoint, opened.signedBy], [timed, key]);
  });

  it('is signed by nobody where a character, the key or its name is another', () => {
    const stranger = { name: ledger, publicKey: generateKeyPairSync('ed25519').publicKey };
    assert.equal(openCheckpoint(note, []).signedBy, undefined);
    assert.equal(openCheckpoint(note, [stranger]).signedBy, undefined);
    assert.equal(openCheckpoint(note, [{ name: 'elsewhere', publicKey }]).signedBy, undefined);
    assert.equal(openCheckpoint(note.replace('1204', '1205'), [key]).signedBy, undefined);
    assert.equal(openCheckpoint(note, [stranger, key]).signedBy, key);
  });

  it('is refused where it is none', () => {
    for (const wrong of [
      '',
      'a',
      note.replace('1204', '01204'),
      note.replace('1204', '-1'),
      note.replace(/^.*\n/, '\n'),
      note.replace('\n\n', '\n'),
      note.replace('1204\n', '1204\r\n'),
      note.replace(root.toString('base64'), 'c2hvcnQ='),
    ])
      assert.throws(() => openCheckpoint(wrong, [key]), RangeError, JSON.stringify(wrong));
  });

  it('is signed as others sign notes', () => {
    const x = Buffer.from(EXAMPLE_KEY.split('+').slice(2).join('+'), 'base64').subarray(1).toString('base64url');
    const d = Buffer.from(EXAMPLE_SEED, 'base64').toString('base64url');
    const secret = createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d, x }, format: 'jwk' });
    assert.equal(
      signNote(EXAMPLE_TEXT, 'PeterNeumann', secret),
      `${EXAMPLE_TEXT}\n— PeterNeumann ${EXAMPLE_SIGNATURE}\n`,
    );
    assert.equal(keyText(readKeyText(EXAMPLE_KEY)!), EXAMPLE_KEY);
  });

  it('has keys whose texts are those of signed notes', () => {
    const read = readKeyText(keyText(key))!;
    assert.deepEqual(
      [read.name, read.publicKey.export({ format: 'jwk' })],
      [ledger, publicKey.export({ format: 'jwk' })],
    );
    assert.equal(openCheckpoint(note, [read]).signedBy, read);
    for (const wrong of ['', 'a+b', keyText(key).replace(/\+[0-9a-f]{8}\+/, '+00000000+'), `${keyText(key)}A`])
      assert.equal(readKeyText(wrong), undefined, wrong);
  });
});
