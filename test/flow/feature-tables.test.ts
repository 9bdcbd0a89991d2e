/** A table of a feature: what it follows from is written like anything else, and every process knows it. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { Flag } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import type { Feature } from '../../src/interactions/feature.js';
import type { TypeTable } from '../../src/live/live-table.js';
import { FRESH_MS } from '../../src/live/live-tables.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { newStore, type RunningServer, startServer } from '../support/server.js';
import { type Talk, talkTo } from '../support/talk.js';

/** Tells which Flags are active, and who asks may want to know it as it is now. */
const flagged: Feature = {
  name: 'flagged',
  open() {
    let active: readonly string[] = [];
    const flags: TypeTable<string> = {
      name: 'flags',
      type: 'Flag',
      entry: ({ id, status }) => (status === 'active' && typeof id === 'string' ? id : undefined),
      exchange: entries => void (active = [...entries.values()].toSorted()),
    };
    return {
      tables: [flags],
      routes: [
        {
          path: '/flagged',
          methods: ['GET'],
          who: 'anybody',
          recorded: 'as-performed',
          async answer({ caller, parameters }) {
            if (parameters().length > 0) await caller.engine.live.current(FRESH_MS);
            return { body: active.join(' ') };
          },
        },
      ],
    };
  },
};

const flag = (id: string, status: Flag['status'] = 'active'): Flag => ({
  resourceType: 'Flag',
  id,
  status,
  code: { text: 'x' },
  subject: { reference: 'Patient/1' },
});
const told = async ({ request }: RunningServer, query = '') => (await request.get(`/flagged${query}`)).text;

onStoresInTurn(
  'a table of a feature',
  stage => {
    it('is as the resources are that it follows from, as soon as they are written', async () => {
      const { server, talk } = stage();
      assert.equal(await told(server), '');
      for (const each of [flag('a'), flag('b', 'inactive'), flag('c')])
        assert.equal((await talk.update(each)).status, 201);
      assert.equal(await told(server), 'a c');
      await talk.update(flag('b'));
      await talk.delete('Flag/a');
      assert.equal(await told(server), 'b c');
      await talk.send('POST', 'Flag/c/$purge');
      assert.equal(await told(server), 'b');
    });
  },
  { features: [flagged] },
);

describe('a table of a feature in two processes', () => {
  const servers: RunningServer[] = [];
  let talk: Talk;
  let url = '';
  before(async function () {
    url = await newStore(this, 'mongo');
    for (let i = 0; i < 2; i++) servers.push(await startServer({ store: url, features: [flagged] }));
    talk = talkTo(servers[0]!.base);
  });
  after(() => Promise.all(servers.map(server => server.stop())));

  it('is known to the other one by itself, and as it is now to whoever must know', async () => {
    const [, other] = servers;
    await talk.update(flag('a'));
    while ((await told(other!)) !== 'a') await pause(5);
    await talk.update(flag('a', 'entered-in-error'));
    // What was known a second ago is all that it may be asked by.
    while ((await told(other!, '?now=')) !== '') await pause(5);
    assert.equal(await told(other!), '');
  });

  it('is read when a process starts, and cannot be of what is no resource', async () => {
    await talk.update(flag('b'));
    const third = await startServer({ store: url, features: [flagged] });
    servers.push(third);
    assert.equal(await told(third), 'b');
    const wrong: Feature = {
      name: 'wrong',
      open: () => ({ tables: [{ name: 'x', type: 'Flags', entry: () => 1, exchange: () => {} }] }),
    };
    await assert.rejects(startServer({ store: 'embedded', features: [wrong] }), /Flags, which is no resource type/);
  });
});
