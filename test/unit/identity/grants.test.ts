/** What a user sees of what they have granted: for as long as something of it is good, the latest, however much there was. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { endGrant } from '../../../src/identity/server/adapter.js';
import { Revocations } from '../../../src/identity/server/revocations.js';
import { grantsOf, keepGrant } from '../../../src/identity/server/sessions.js';
import { openEmbedded } from '../../../src/store/embedded/index.js';
import type { Store } from '../../../src/store/store.js';
import { layout } from '../../support/changes.js';

const HOUR = 60 * 60_000;

describe('what a user has granted', () => {
  let store: Store;
  beforeEach(async () => void (store = await openEmbedded({ file: ':memory:', layout })));
  afterEach(() => store.close());

  const keep = (id: string, scopes: readonly string[]) =>
    keepGrant(store, { session: undefined, exp: 0 }, { id, user: 'anna', client: 'app', scopes });
  /** Grants of these ids are gone. */
  const providerWithout = (isGone: (id: string) => boolean) =>
    ({ Grant: { find: async (id: string) => (isGone(id) ? undefined : {}) } }) as unknown as Parameters<
      typeof grantsOf
    >[1];

  const rows: [scopes: string, life: number][] = [
    ['patient/*.rs', HOUR + 60_000],
    ['patient/*.rs online_access', 13 * HOUR],
    ['patient/*.rs offline_access', 90 * 24 * HOUR],
  ];
  for (const [scopes, life] of rows)
    it(`is listed for ${life / HOUR} hours: ${scopes}`, async () => {
      const earliest = Date.now() + life;
      await keep('g', scopes.split(' '));
      const { expires } = (await store.records.get('grant-of-user', 'g'))!;
      assert.ok(expires! >= earliest && expires! <= Date.now() + life, String(expires! - earliest));
    });

  it('is listed behind any number of those that are gone', async () => {
    for (let i = 0; i < 205; i++) await keep(`a${i}`, ['offline_access']);
    await keep('z', ['offline_access']);
    const listed = await grantsOf(
      store,
      providerWithout(id => id !== 'z'),
      'anna',
    );
    assert.deepEqual(
      listed.map(({ id }) => id),
      ['z'],
    );
    assert.equal(
      (
        await grantsOf(
          store,
          providerWithout(() => false),
          'anna',
        )
      ).length,
      200,
    );
  });

  it('is listed no longer where it ends in whatever way', async () => {
    await keep('g', ['offline_access']);
    await endGrant({ records: store.records, revocations: new Revocations(store.records) }, 'g');
    assert.equal(await store.records.get('grant-of-user', 'g'), undefined);
  });
});
