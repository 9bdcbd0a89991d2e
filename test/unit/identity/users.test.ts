/** Users: passwords, one-time codes against the vectors of RFC 6238, recovery codes, and what guessing costs. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { createSeal } from '../../../src/identity/seal.js';
import { faultOfPassword, hashPassword, isPassword } from '../../../src/identity/users/password.js';
import { createSignIn, type SignIn } from '../../../src/identity/users/sign-in.js';
import { stepOfCode, toBase32, totpCode, totpStep, totpUri } from '../../../src/identity/users/totp.js';
import { Users } from '../../../src/identity/users/users.js';
import { openEmbedded } from '../../../src/store/embedded/index.js';
import type { Store } from '../../../src/store/store.js';
import { layout } from '../../support/changes.js';

const PASSWORD = 'correct horse battery';

describe('passwords', () => {
  it('are argon2id hashes, each with a salt of its own, and made beside the event loop', async () => {
    const hashes = async () => {
      const started = performance.now();
      let turns = 0;
      const turn = setInterval(() => turns++, 1);
      const made = await Promise.all([hashPassword(PASSWORD), hashPassword(PASSWORD)]);
      clearInterval(turn);
      return { made, turns, isFree: turns > (performance.now() - started) / 20 };
    };
    let now = await hashes();
    // A machine that has much to do may give the process no turn for as long; where the hash holds the loop there is never one.
    for (let again = 0; !now.isFree && again < 10; again++) now = await hashes();
    const { turns } = now;
    const [one, two] = now.made;
    assert.match(one, /^\$argon2id\$v=19\$m=47104,t=1,p=1\$/);
    assert.notEqual(one, two);
    assert.ok(now.isFree, `${turns} turns`);
    assert.equal(await isPassword(one, PASSWORD), true);
    assert.equal(await isPassword(one, `${PASSWORD}.`), false);
    assert.equal(await isPassword(undefined, PASSWORD), false);
    assert.equal(await isPassword(one, 'x'.repeat(100_000)), false);
  });

  it('are the same however a keyboard writes a letter', async () =>
    assert.equal(await isPassword(await hashPassword('grüne Wiesen 12'), 'gru\u0308ne Wiesen 12'), true));

  const rows: [what: string, password: string, fault: RegExp | undefined][] = [
    ['short', 'elevenchars', /12/],
    ['of few characters', 'abababababababab', /five/],
    ['with the name in it', 'xxAnna-loves-y', /name/],
    ['long', 'abcdef'.repeat(50), /256/],
    ['good', PASSWORD, undefined],
  ];
  for (const [what, password, fault] of rows)
    it(`${what}: ${fault ? 'refused' : 'taken'}`, () => {
      const said = faultOfPassword(password, 'anna');
      if (fault) assert.match(said ?? '', fault);
      else assert.equal(said, undefined);
    });
});

describe('one-time codes', () => {
  const SECRET = toBase32(Buffer.from('12345678901234567890'));

  it('are those of RFC 6238, appendix B', () => {
    const rows: [seconds: number, code: string][] = [
      [59, '94287082'],
      [1_111_111_109, '07081804'],
      [1_111_111_111, '14050471'],
      [1_234_567_890, '89005924'],
      [2_000_000_000, '69279037'],
      [20_000_000_000, '65353130'],
    ];
    for (const [seconds, code] of rows)
      assert.equal(totpCode(SECRET, totpStep(seconds * 1000)), code.slice(2), String(seconds));
  });

  it('count within a step of now, once', () => {
    const now = 1_800_000_000_000;
    const step = totpStep(now);
    for (const [offset, counts] of [
      [-2, false],
      [-1, true],
      [0, true],
      [1, true],
      [2, false],
    ] as const)
      assert.equal(stepOfCode(SECRET, totpCode(SECRET, step + offset), now) !== undefined, counts, String(offset));
    assert.equal(stepOfCode(SECRET, totpCode(SECRET, step), now, step), undefined);
    for (const wrong of ['', '0', '1234567', 'abcdef']) assert.equal(stepOfCode(SECRET, wrong, now), undefined);
  });

  it('come with a link for authenticators', () =>
    assert.equal(
      totpUri(SECRET, 'anna@x'),
      `otpauth://totp/Chartroom%3Aanna%40x?secret=${SECRET}&issuer=Chartroom&algorithm=SHA1&digits=6&period=30`,
    ));
});

describe('sealed secrets', () => {
  it('open for whom they were sealed, by the secret that sealed them', () => {
    const seal = createSeal('s'.repeat(32), 'users');
    const sealed = seal.close('JBSWY3DP', 'anna');
    assert.equal(sealed.includes('JBSWY3DP'), false);
    assert.equal(seal.open(sealed, 'anna'), 'JBSWY3DP');
    const others = [createSeal('t'.repeat(32), 'users'), createSeal('s'.repeat(32), 'keys')];
    assert.throws(() => seal.open(sealed, 'berta'), { kind: 'unavailable' });
    for (const other of others) assert.throws(() => other.open(sealed, 'anna'), { kind: 'unavailable' });
    assert.throws(() => seal.open('AAAA', 'anna'), { kind: 'unavailable' });
  });
});

describe('users', () => {
  let store: Store;
  let users: Users;
  let signIn: SignIn;
  let now = Date.now();
  let address = 0;
  const add = (name: string, more: object = {}) => users.add({ name, role: 'reader', password: PASSWORD, ...more });
  const attempt = (name: string, password = PASSWORD, code = '') =>
    signIn({ name, password, code, address: `192.0.2.${address}` });
  const goes = async (name: string, password?: string, code?: string): Promise<boolean> =>
    'user' in (await attempt(name, password, code));

  before(async () => {
    store = await openEmbedded({ file: ':memory:', layout });
    users = new Users(store.records, createSeal('s'.repeat(32), 'users'));
    signIn = createSignIn(users, store.records, () => now);
  });
  after(() => store.close());

  it('are added once, found, listed, changed and disabled', async () => {
    assert.equal(await users.isEmpty(), true);
    await add('berta');
    await add('anna', { display: 'Anna', fhirUser: 'Practitioner/p1', patient: 'p1' });
    await assert.rejects(add('anna'), { kind: 'conflict' });
    assert.equal(await users.isEmpty(), false);
    const names: string[] = [];
    for await (const { name } of users.all()) names.push(name);
    assert.deepEqual(names, ['anna', 'berta']);
    const { password, ...rest } = (await users.find('anna'))!;
    assert.match(password, /^\$argon2id/);
    assert.deepEqual(rest, {
      ...{ name: 'anna', role: 'reader', display: 'Anna', fhirUser: 'Practitioner/p1', patient: 'p1' },
    });
    await users.change('berta', user => ({ ...user, disabled: true }));
    assert.equal(await goes('berta'), false);
    await users.change('berta', ({ disabled: _was, ...user }) => user);
    assert.equal(await goes(' Berta '), true);
    await assert.rejects(
      users.change('nobody', user => user),
      { kind: 'not-found' },
    );
  });

  it('have names, resources and passwords that mean something', async () => {
    for (const wrong of ['', 'Anna', 'a/b', '.a', 'x'.repeat(65)])
      await assert.rejects(add(wrong), { kind: 'invalid' });
    await assert.rejects(add('carl', { fhirUser: 'Observation/1' }), { kind: 'invalid' });
    await assert.rejects(add('carl', { patient: 'a b' }), { kind: 'invalid' });
    await assert.rejects(add('carl', { password: 'short' }), { kind: 'invalid' });
  });

  it('lose no change of two that are made at once', async () => {
    await add('dora');
    await Promise.all(
      Array.from({ length: 20 }, () => users.change('dora', user => ({ ...user, totpStep: (user.totpStep ?? 0) + 1 }))),
    );
    assert.equal((await users.find('dora'))?.totpStep, 20);
  });

  it('give a code where they have an authenticator, each code once', async () => {
    await add('emil');
    const { secret, codes } = await users.setSecondFactor('emil');
    assert.equal(JSON.stringify(await users.find('emil')).includes(secret), false);
    assert.equal(await goes('emil'), false);
    assert.equal(await goes('emil', PASSWORD, '000000'), false);
    const code = totpCode(secret, totpStep(now));
    const both = await Promise.all([goes('emil', PASSWORD, code), goes('emil', PASSWORD, code)]);
    assert.deepEqual(both.filter(Boolean).length, 1);
    assert.equal(await goes('emil', PASSWORD, codes[3]!.toUpperCase()), true);
    assert.equal(await goes('emil', PASSWORD, codes[3]), false);
    assert.equal(await goes('emil', 'wrong password 1', codes[4]), false);
    assert.equal(await goes('emil', PASSWORD, codes[4]), true);
    const other = await users.setSecondFactor('emil');
    assert.equal(await goes('emil', PASSWORD, codes[5]), false);
    assert.equal(await goes('emil', PASSWORD, other.codes[5]), true);
  });

  for (const [what, name] of [
    ['who are there', 'frida'],
    ['who are not', 'nobody'],
  ] as const)
    it(`wait longer and longer after five failures: ${what}`, async () => {
      if (name === 'frida') await add(name);
      address++;
      for (let i = 0; i < 5; i++) assert.deepEqual(await attempt(name, 'wrong password 1'), { wait: 0 });
      assert.deepEqual(await attempt(name), { wait: 30 });
      // From elsewhere, too.
      address++;
      assert.deepEqual(await attempt(name), { wait: 30 });
      now += 30_001;
      assert.deepEqual(await attempt(name, 'wrong password 1'), { wait: 0 });
      assert.deepEqual(await attempt(name), { wait: 60 });
      now += 60_001;
      assert.equal(await goes(name), name === 'frida');
      now += 15 * 60_001;
      if (name === 'frida') assert.equal(await goes(name), true);
    });

  it('are counted apart where their names differ by a hyphen', async () => {
    await add('karla');
    await add('kar-la');
    address++;
    for (let i = 0; i < 4; i++) assert.deepEqual(await attempt('kar-la', 'wrong password 1'), { wait: 0 });
    assert.equal(await goes('karla'), true);
    assert.deepEqual(await attempt('kar-la', 'wrong password 1'), { wait: 0 });
    assert.deepEqual(await attempt('kar-la'), { wait: 30 });
  });

  it('are not guessed at by many attempts at once', async () => {
    await add('gerda');
    address++;
    const all = await Promise.all(Array.from({ length: 30 }, () => attempt('gerda', 'wrong password 1')));
    assert.equal(all.filter(each => 'wait' in each && each.wait === 0).length, 5);
  });

  it('keep an address from going through many names', async () => {
    address++;
    let looked = 0;
    // The hash of a password that nobody has would be made for each.
    for (let i = 0; i < 52; i++) if ('wait' in (await attempt(`guess${i}`, 'x'.repeat(2000)))) looked++;
    assert.equal(looked, 52);
    assert.deepEqual(await attempt('anna'), { wait: 30 });
    address++;
    assert.equal(await goes('anna'), true);
  });

  it('are counted as one address within a network of IPv6', async () => {
    const addresses = async () =>
      (await store.records.list('sign-in-failures', 1000)).filter(({ id }) => id.startsWith('address ')).length;
    const counted = await addresses();
    for (const at of ['2001:db8:0:1::1', '2001:db8:0:1:ffff::2', '2001:db8:0:2::1'])
      assert.deepEqual(await signIn({ name: 'nobody6', password: 'x'.repeat(2000), code: '', address: at }), {
        wait: 0,
      });
    assert.equal(await addresses(), counted + 2);
  });

  it('are refused in the same words, and by the same work, whatever was wrong', async () => {
    await add('hugo');
    await add('ida');
    await users.change('ida', user => ({ ...user, disabled: true }));
    address++;
    // Of the processor, in all threads: how long it takes is a matter of what else the machine does.
    const times = new Map<string, number[]>();
    for (let round = 0; round < 4; round++)
      for (const name of ['hugo', 'ida', 'jemand']) {
        const from = process.cpuUsage();
        assert.deepEqual(await attempt(name, 'wrong password 1'), { wait: 0 });
        const { user, system } = process.cpuUsage(from);
        times.set(name, [...(times.get(name) ?? []), user + system]);
      }
    const least = [...times.values()].map(each => Math.min(...each));
    // Without a hash it would be a twentieth.
    assert.ok(Math.max(...least) < 5 * Math.min(...least), JSON.stringify([...times]));
  });

  it('cannot be told apart by what is kept of their failures', async () => {
    for await (const record of store.records.all())
      if (record.kind === 'sign-in-failures') assert.doesNotMatch(record.id, /anna|nobody|hugo/);
  });
});
