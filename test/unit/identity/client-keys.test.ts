/** Keys of applications at addresses of their own: whom we ask, how often, and what is taken. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { createClientKeys } from '../../../src/identity/server/client-keys.js';
import { createOutgoing, type OutgoingClients } from '../../../src/outgoing/outgoing.js';
import { ConfigError } from '../../../src/platform/config.js';
import { createLog } from '../../../src/platform/log.js';
import { createMetrics } from '../../../src/platform/metrics.js';

const PLACE = 'https://app.example.org/jwks';
const key = (kid: string, more: object = {}) => ({ kty: 'EC', crv: 'P-384', x: 'x', y: 'y', kid, ...more });

describe('keys of applications', () => {
  const stage = (answer: () => { readonly status?: number; readonly body: unknown }) => {
    let asked = 0;
    let now = 0;
    const outgoing = {
      open: () => ({
        async ask() {
          asked++;
          const { status = 200, body } = answer();
          return { status, headers: {}, url: PLACE, body: Buffer.from(JSON.stringify(body)) };
        },
      }),
    } as unknown as OutgoingClients;
    const keys = createClientKeys(['app.example.org'], outgoing, () => now);
    return {
      kids: async (kid?: string) => (await keys.of(PLACE, kid)).map(each => each['kid']),
      asked: () => asked,
      pass: (ms: number) => (now += ms),
    };
  };

  it('are fetched once for ten minutes, and again for one that is not there, every 30 seconds at most', async () => {
    let kids = ['a'];
    const { kids: of, asked, pass } = stage(() => ({ body: { keys: kids.map(kid => key(kid)) } }));
    for (let i = 0; i < 5; i++) assert.deepEqual(await of('a'), ['a']);
    assert.equal(asked(), 1);
    kids = ['b'];
    assert.deepEqual(await of('b'), ['a']);
    assert.equal(asked(), 1);
    pass(30_000);
    assert.deepEqual(
      await Promise.all(Array.from({ length: 20 }, () => of('b'))),
      Array.from({ length: 20 }, () => ['b']),
    );
    assert.equal(asked(), 2);
    for (let i = 0; i < 20; i++) await of('made up');
    assert.equal(asked(), 2);
    kids = ['c'];
    pass(600_000);
    assert.deepEqual(await of('b'), ['c']);
    assert.equal(asked(), 3);
  });

  it('stay in use for an hour while they cannot be had', async () => {
    let away = false;
    const { kids: of, asked, pass } = stage(() => (away ? { status: 503, body: {} } : { body: { keys: [key('a')] } }));
    await of('a');
    away = true;
    pass(1_800_000);
    for (let i = 0; i < 10; i++) assert.deepEqual(await of('a'), ['a']);
    assert.equal(asked(), 2);
    pass(1_800_000);
    assert.deepEqual(await of('a'), []);
  });

  const rows: [what: string, body: unknown, kids: string[]][] = [
    ['nothing', {}, []],
    ['a list', [key('a')], []],
    ['a private key', { keys: [key('a', { d: 'secret' }), key('b')] }, ['b']],
    ['a key without a name', { keys: [{ kty: 'EC' }] }, []],
    ['a shared key', { keys: [{ kty: 'oct', k: 'x', kid: 'a' }] }, []],
    ['too many keys', { keys: Array.from({ length: 101 }, (_, i) => key(String(i))) }, []],
  ];
  for (const [what, body, kids] of rows)
    it(`take of ${what} what are public keys`, async () =>
      assert.deepEqual(await stage(() => ({ body })).kids(), kids));

  it('are asked for at no private address, whatever name leads there, and at no host that is not listed', async () => {
    for (const address of ['10.0.0.1', '127.0.0.1', '169.254.169.254', '::1', 'fd00::1']) {
      const outgoing = createOutgoing({
        metrics: createMetrics(),
        log: createLog('silent'),
        resolve: async () => [{ address, family: address.includes(':') ? 6 : 4 }],
      });
      const keys = createClientKeys(['app.example.org'], outgoing);
      assert.deepEqual(await keys.of(PLACE, 'a'), [], address);
      for (const other of [
        'https://other.example.org/',
        'https://app.example.org:8443/',
        'http://app.example.org/',
        'https://10.0.0.1/',
      ])
        assert.throws(() => keys.check(other), other);
      keys.check(PLACE);
      outgoing.close();
    }
    assert.throws(
      () => createClientKeys(['not a host'], createOutgoing({ metrics: createMetrics(), log: createLog('silent') })),
      ConfigError,
    );
  });
});
