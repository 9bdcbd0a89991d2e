import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'mocha';
import { readLedgerEntry, readRoot } from '../../../src/audit/ledger/entry.js';
import { keyText } from '../../../src/audit/ledger/note.js';
import { isRotationSigned, rotationOf } from '../../../src/audit/ledger/rotation.js';
import { leafHash } from '../../../src/store/ledger.js';

const root = leafHash(Buffer.from('a')).toString('base64');
const head = { stream: 's', size: 3, root };
const ENTRIES = [
  { what: 'opened', stream: 's', key: 'k', process: 'p', heads: [head] },
  { what: 'closed' },
  { what: 'recovered', ...head },
  { what: 'key', from: 'a', to: 'b', signatures: ['x', 'y'] },
  { what: 'removed', stream: 's', from: 0, to: 256, root },
  { what: 'before', rows: 0, events: 2, root, through: 'id' },
  { what: 'restored', heads: [] },
];

describe('an entry of the ledger', () => {
  it('is read as it was written', () => {
    for (const entry of ENTRIES) assert.deepEqual(readLedgerEntry(JSON.stringify(entry)), entry);
  });

  it('is none where a member is of another kind', () => {
    for (const entry of ENTRIES)
      for (const name of Object.keys(entry).filter(member => member !== 'through'))
        for (const value of [undefined, null, -1, {}, [1]])
          if (!(name === 'heads' && entry.what === 'closed'))
            assert.equal(
              readLedgerEntry(JSON.stringify({ ...entry, [name]: value })),
              undefined,
              `${entry.what}.${name}`,
            );
    for (const text of ['', '[]', 'null', '{"what":"other"}', '{"what":"removed"'])
      assert.equal(readLedgerEntry(text), undefined);
  });

  it('has roots of 32 bytes in base64', () => {
    assert.equal(readRoot(root)!.length, 32);
    for (const wrong of [undefined, 1, '', 'AAAA', `${root} `, root.replace('=', '')])
      assert.equal(readRoot(wrong), undefined);
  });
});

describe('a change of keys', () => {
  const [old, next, other] = [1, 2, 3].map(() => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    return { text: keyText({ name: 'ledger/audit', publicKey }), privateKey };
  });

  it('is signed by both', () => {
    const rotation = rotationOf(old!.text, next!.text, [old!.privateKey, next!.privateKey]);
    assert.equal(isRotationSigned(rotation), true);
    assert.equal(isRotationSigned({ ...rotation, to: other!.text }), false);
    assert.equal(isRotationSigned({ ...rotation, signatures: rotation.signatures.slice(0, 1) }), false);
    assert.equal(isRotationSigned({ ...rotation, to: 'no key' }), false);
    for (const secrets of [
      [other!.privateKey, next!.privateKey],
      [old!.privateKey, other!.privateKey],
    ] as const)
      assert.equal(isRotationSigned(rotationOf(old!.text, next!.text, secrets)), false);
  });
});
