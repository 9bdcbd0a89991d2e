/** What CHARTROOM_FULLTEXT does to a store, told on each: words are kept, or not, and who changes his mind is told what to do. */
import { noUsers } from '../support/no-users.js';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { reindex } from '../../src/cli/reindex.js';
import { systemContext } from '../../src/cli/seed.js';
import { parseJson } from '../../src/fhir/json/json.js';
import type { Engine } from '../../src/interactions/engine.js';
import { perform } from '../../src/interactions/perform.js';
import { open } from '../../src/main.js';
import { loadConfig } from '../../src/platform/config.js';
import { parseWords } from '../../src/search/words.js';
import { newStore, STORES } from '../support/server.js';

const DIV = '<div xmlns="http://www.w3.org/1999/xhtml">A <b>long</b> story</div>';

for (const name of STORES)
  describe(`full text on and off (${name})`, () => {
    const data = mkdtempSync(join(tmpdir(), 'chartroom-words-'));
    let store: string;
    const config = (fulltext: string) =>
      loadConfig({ flags: { data, store, fulltext, demo: 'off', log: 'silent' }, env: {} });
    before(async function () {
      store = await newStore(this, name);
    });
    after(() => rmSync(data, { recursive: true, force: true }));

    /** Opens with the setting, does something, closes. */
    async function within<T>(fulltext: 'on' | 'off', work: (engine: Engine) => Promise<T>): Promise<T> {
      const engine = await open(config(fulltext));
      try {
        return await work(engine);
      } finally {
        await engine.store.close();
      }
    }
    const write = (engine: Engine, id: string, family: string) =>
      perform(systemContext(engine, 'test'), {
        kind: 'update',
        type: 'Patient',
        id,
        body: parseJson(
          Buffer.from(
            JSON.stringify({
              resourceType: 'Patient',
              id,
              text: { status: 'generated', div: DIV },
              name: [{ family }],
            }),
          ),
          { maxDepth: 64 },
        ),
      });
    const sayers = async (engine: Engine, value: string, among: 'text' | 'content' = 'content') => {
      const words = parseWords(`_${among}`, value);
      const { found } = await engine.store.searchText({ types: ['Patient', 'AuditEvent'], among, words }, 100);
      return found.map(({ type, id }) => `${type}/${id}`).toSorted();
    };

    it('keeps the words of what is written through the door, but none of its audit events', () =>
      within('on', async engine => {
        await write(engine, 'first', 'Firstname');
        assert.deepEqual(await sayers(engine, 'firstname'), ['Patient/first']);
        assert.deepEqual(await sayers(engine, '"long story"', 'text'), ['Patient/first']);
        const { where } = { where: { kind: 'all', of: [] } } as const;
        assert.ok((await engine.store.count({ types: ['AuditEvent'], where })).count > 0);
        assert.deepEqual(await sayers(engine, 'patient or update or test or chartroom'), []);
        assert.equal(await engine.store.needsReindex(), false);
      }));

    it('writes none where it is off, takes old ones away, and says how to search', () =>
      within('off', async engine => {
        await write(engine, 'second', 'Secondname');
        assert.deepEqual(await sayers(engine, 'secondname'), []);
        await write(engine, 'first', 'Firstname anew');
        assert.deepEqual(await sayers(engine, 'firstname'), []);
        for (const parameter of ['_text', '_content'])
          await assert.rejects(
            perform(systemContext(engine, 'test'), {
              kind: 'search',
              type: 'Patient',
              parameters: [[parameter, 'a']],
              lenient: false,
            }),
            { kind: 'not-supported', status: 400, message: /CHARTROOM_FULLTEXT/ },
          );
      }));

    it('asks for a reindex when it is on again, which finds everything', async () => {
      assert.equal(await within('on', engine => engine.store.needsReindex()), true);
      await reindex({
        config: config('on'),
        words: [],
        options: {},
        open: () => open(config('on')),
        backUp: async () => {},
        openUsers: noUsers,
        acceptGuides: async () => {},
        openValidator: async () => {
          throw new Error('no validator');
        },
      });
      await within('on', async engine => {
        assert.equal(await engine.store.needsReindex(), false);
        assert.deepEqual(await sayers(engine, 'firstname or secondname'), ['Patient/first', 'Patient/second']);
        assert.deepEqual(await sayers(engine, 'story', 'text'), ['Patient/first', 'Patient/second']);
      });
    });

    it('takes all words away with a reindex while it is off', async () => {
      await reindex({
        config: config('off'),
        words: [],
        options: {},
        open: () => open(config('off')),
        backUp: async () => {},
        openUsers: noUsers,
        acceptGuides: async () => {},
        openValidator: async () => {
          throw new Error('no validator');
        },
      });
      await within('off', async engine => assert.deepEqual(await sayers(engine, 'story'), []));
    });
  });
