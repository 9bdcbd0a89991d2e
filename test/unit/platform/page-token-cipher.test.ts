import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { newId } from '../../../src/platform/ids.js';
import { createPageTokenCipher } from '../../../src/platform/page-token-cipher.js';
import { steppedTime } from '../../support/stepped-time.js';

describe('sealed tokens', () => {
  const time = steppedTime();
  const seal = createPageTokenCipher('s'.repeat(32), time);

  it('come back as they went', () => {
    const value = { q: [['name', 'Ärger|x']], cursor: [1, null, 'a'] };
    assert.deepEqual(seal.open(seal.close(value, 60_000)), { value });
  });
  it('show nothing of what they hold', () => {
    const token = seal.close({ patient: 'p-secret' }, 60_000);
    assert.ok(!token.includes('secret') && !Buffer.from(token, 'base64url').includes('secret'));
  });
  it('expire', () => {
    const token = seal.close(1, 60_000);
    time.step(61_000);
    assert.equal(seal.open(token), 'expired');
  });
  it('are refused when changed, cut, foreign or junk', () => {
    const token = seal.close({ a: 1 }, 60_000);
    const last = token.at(-1) === 'A' ? 'B' : 'A';
    const first = token.startsWith('A') ? 'B' : 'A';
    const foreign = createPageTokenCipher('t'.repeat(32), time).close({ a: 1 }, 60_000);
    for (const bad of [
      first + token.slice(1),
      token.slice(0, -8),
      `${token.slice(0, -5)}${last}AAAA`,
      foreign,
      '',
      'x',
      '%%%',
    ])
      assert.equal(seal.open(bad), 'invalid');
  });
});

describe('server ids', () => {
  it('are valid, unique and ordered by time', () => {
    const at = Date.UTC(2026, 0, 1);
    const ids = Array.from({ length: 5000 }, () => newId(at));
    assert.ok(ids.every(id => /^[0-9a-z]{14}$/.test(id)));
    assert.equal(new Set(ids).size, ids.length);
    const heads = ids.map(id => id.slice(0, 10));
    assert.deepEqual(heads, heads.toSorted());
    assert.ok(newId(at) < newId(at + 1000));
  });

  it('are ids, and each another one, of a clock that is set to any time', () => {
    for (const at of [Date.parse('9999-12-31T23:59:59Z'), Date.parse('0001-01-01T00:00:00Z'), 0]) {
      const ids = Array.from({ length: 5000 }, () => newId(at));
      assert.ok(ids.every(id => /^[0-9a-z]{14}$/.test(id)));
      assert.equal(new Set(ids.map(id => id.slice(0, 10))).size, ids.length);
    }
  });

  it('are none without a time, and those after it are as before', () => {
    for (const at of [Number.NaN, Number.POSITIVE_INFINITY]) assert.throws(() => newId(at), RangeError);
    assert.match(newId(Date.UTC(2026, 0, 1)), /^[0-9a-z]{14}$/);
  });
});
