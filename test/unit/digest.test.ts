/** The digest kept beside a version (store/digest.ts) is that of SHA-256, whichever way it was computed. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { digestOf, isAltered } from '../../src/store/digest.js';

const plain = (head: string, text?: Uint8Array): Buffer =>
  createHash('sha256')
    .update(head)
    .update(text ?? '')
    .digest()
    .subarray(0, 16);

describe('digest of a version', () => {
  const heads = { empty: '', ascii: '["a",1]', wide: '["Zürich – 東京 🩺"]', long: 'ü'.repeat(30_000) };
  const texts = [undefined, 0, 1, 2000, 65_000, 65_535, 65_536, 65_537, 400_000].map(size =>
    size === undefined ? undefined : Buffer.alloc(size, 'xyz'),
  );
  for (const [name, head] of Object.entries(heads))
    for (const text of texts)
      it(`is 16 bytes of SHA-256: ${name} head, ${text?.length ?? 'no'} bytes`, () => {
        assert.deepEqual(digestOf(head, text), plain(head, text));
      });

  it('does not change when another one is computed', () => {
    const first = digestOf('first', Buffer.from('one'));
    digestOf('second', Buffer.from('two'));
    assert.deepEqual(first, plain('first', Buffer.from('one')));
  });

  it('tells what was altered, and lets pass what has none', () => {
    const kept = digestOf('head', Buffer.from('text'));
    assert.equal(isAltered(kept, digestOf('head', Buffer.from('text'))), false);
    assert.equal(isAltered(new Uint8Array(kept), digestOf('head', Buffer.from('tExt'))), true);
    assert.equal(isAltered(undefined, kept), false);
  });
});
