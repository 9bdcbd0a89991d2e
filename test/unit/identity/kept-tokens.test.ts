/** Tokens that have been verified: for how long they are known, and that one taken back is known no more. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { createAddressLimit, createFailures } from '../../../src/identity/failures.js';
import { KeptTokens, type RevokedTokens, type VerifiedToken } from '../../../src/identity/kept-tokens.js';
import { FhirError } from '../../../src/fhir/error.js';

const MINUTE = 60_000;
const one = (until = Infinity, name = 'a'): VerifiedToken => ({ principal: { name, role: 'reader' }, until });

describe('verified tokens', () => {
  it('are kept for five minutes, or until they are over', async () => {
    let now = 0;
    const kept = new KeptTokens(() => now);
    const [long, short] = [one(), one(MINUTE)];
    assert.equal(kept.get('t'), undefined);
    await kept.verified('long', async () => long);
    await kept.verified('short', async () => short);
    now = MINUTE - 1;
    assert.equal(kept.get('long')?.principal, long.principal);
    assert.equal(kept.get('short')?.principal, short.principal);
    now = MINUTE;
    assert.equal(kept.get('short'), undefined);
    now = 5 * MINUTE;
    assert.equal(kept.get('long'), undefined);
  });

  it('that were refused are not kept, and are verified again', async () => {
    const kept = new KeptTokens(() => 0);
    await assert.rejects(
      kept.verified('t', async () => Promise.reject(new Error('no'))),
      /no/,
    );
    assert.equal(kept.get('t'), undefined);
    assert.ok(await kept.verified('t', async () => one()));
  });

  it('are no more than there is room for', async () => {
    const kept = new KeptTokens(() => 0, undefined, 3);
    for (const token of ['a', 'b', 'c', 'd']) await kept.verified(token, async () => one());
    assert.deepEqual(
      ['a', 'b', 'c', 'd'].map(token => kept.get(token) !== undefined),
      [false, true, true, true],
    );
  });

  it('that are taken back are known no more, also where that happens while they are verified', async () => {
    const out = new Set<string>();
    let asked = 0;
    const revoked: RevokedTokens & { generation: number } = {
      generation: 0,
      isRevoked: ({ name = '' }) => (asked++, out.has(name)),
    };
    const kept = new KeptTokens(() => 0, revoked);
    await kept.verified('a', async () => one(Infinity, 'a'));
    await kept.verified('b', async () => one(Infinity, 'b'));
    const before = asked;
    assert.ok(kept.get('a') && kept.get('a'));
    assert.equal(asked, before);
    out.add('a');
    revoked.generation++;
    assert.equal(kept.get('a'), undefined);
    assert.ok(kept.get('b') && kept.get('b'));
    assert.equal(asked, before + 2);
    assert.equal(await kept.verified('a', async () => one(Infinity, 'a')), undefined);
    const during = kept.verified('c', async () => {
      out.add('c');
      revoked.generation++;
      return one(Infinity, 'c');
    });
    assert.equal(await during, undefined);
    assert.equal(kept.get('c'), undefined);
  });

  it('are forgotten by whose they are', async () => {
    const kept = new KeptTokens(() => 0);
    for (const name of ['a', 'b']) await kept.verified(name, async () => one(Infinity, name));
    kept.forget(({ name }) => name === 'a');
    assert.deepEqual([kept.get('a') === undefined, kept.get('b') === undefined], [true, false]);
  });
});

describe('refusals of an address', () => {
  it('are counted by the second', () => {
    let now = 0;
    const failures = createFailures(() => now);
    const refused = (address: string): boolean => {
      try {
        failures.check(address);
        return false;
      } catch (error) {
        assert.ok(error instanceof FhirError && error.kind === 'throttled' && error.retryAfter === 1);
        return true;
      }
    };
    for (let i = 0; i < 20; i++) {
      assert.ok(!refused('a'));
      failures.note('a');
    }
    assert.deepEqual([refused('a'), refused('b')], [true, false]);
    now = 999;
    assert.ok(refused('a'));
    now = 1000;
    assert.ok(!refused('a'));
  });

  it('are counted together of all who find no place', () => {
    const limit = createAddressLimit({ most: 2, within: 60_000, now: () => 0 });
    for (let i = 0; i < 10_000; i++) limit.note(`10.0.${i >> 8}.${i & 255}`);
    const waits = () => ['10.0.0.1', '192.0.2.1', '192.0.2.2'].map(address => limit.wait(address));
    assert.deepEqual(waits(), [0, 0, 0]);
    limit.note('192.0.2.1');
    limit.note('192.0.2.3');
    assert.deepEqual(waits(), [0, 60_000, 60_000]);
    limit.note('10.0.0.1');
    assert.deepEqual(waits(), [60_000, 60_000, 60_000]);
  });

  it('are counted together of an IPv6 network, and apart of other addresses', () => {
    const limit = createAddressLimit({ most: 1, within: 60_000, now: () => 0 });
    limit.note('2001:db8:0:1::1');
    limit.note('::1');
    limit.note('192.0.2.1');
    const waits = ['2001:db8:0:1::1', '2001:db8:0:1:ffff::', '2001:db8:0:2::1', '::1', '::2', '192.0.2.1', '192.0.2.2'];
    assert.deepEqual(
      waits.map(address => limit.wait(address)),
      [60_000, 60_000, 0, 60_000, 0, 60_000, 0],
    );
  });
});
