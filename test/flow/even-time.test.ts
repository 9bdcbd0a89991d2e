/** That nothing is there is told after the same time, whether something is hidden or not: docs/access.md, "What each path tells". */
import assert from 'node:assert/strict';
import type { FhirResource } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { as, identifyAs } from '../support/consents.js';
import { decideWith } from '../support/roles.js';
import { type RunningServer, startServer } from '../support/server.js';
import { type Talk, talkTo } from '../support/talk.js';

const seen = { type: 'Observation', letters: 'cruds', where: 'status=final' };

describe('what is hidden', () => {
  let server: RunningServer;
  let talk: Talk;
  /** How often an answer was held back. */
  let held = 0;
  before(async () => {
    server = await startServer({ store: 'embedded', evenTime: true });
    talk = talkTo(server.base);
    const { evenTime } = server.engine;
    assert.ok(evenTime);
    const due = evenTime.due.bind(evenTime);
    evenTime.due = (begun, about) => {
      held += 1;
      return due(begun, about);
    };
    Object.assign(server.engine, {
      identify: identifyAs({ owner: { name: 'owner', role: 'admin' }, some: { name: 'some', role: 'some' } }),
      decide: decideWith({ some: { types: [seen], operations: [] } }),
    });
    for (const [id, status] of Object.entries({ hidden: 'preliminary', shown: 'final' })) {
      const one = { resourceType: 'Observation', id, status, code: { text: 'x' } } as FhirResource & { id: string };
      assert.equal((await talk.update(one, as('owner'))).status, 201);
    }
  });
  after(() => server?.stop());

  const heldFor = async (method: 'GET' | 'DELETE', path: string, who = 'some'): Promise<[number, number]> => {
    const since = held;
    const { status } = await talk.send(method, path, { headers: as(who) });
    return [status, held - since];
  };

  it('is held back as what is absent is, by each way that names it', async () => {
    for (const id of ['hidden', 'absent']) {
      for (const path of ['', '/_history/1', '/_history'])
        assert.deepEqual(await heldFor('GET', `Observation/${id}${path}`), [404, 1], `${id}${path}`);
      assert.deepEqual(await heldFor('DELETE', `Observation/${id}`), [204, 1], id);
      assert.deepEqual(await heldFor('DELETE', `Observation?_id=${id}`), [204, 1], id);
    }
  });

  it('alone is: nobody waits for what they see, nor who sees everything', async () => {
    assert.deepEqual(await heldFor('GET', 'Observation/shown'), [200, 0]);
    assert.deepEqual(await heldFor('GET', 'Observation/shown/_history'), [200, 0]);
    assert.deepEqual(await heldFor('GET', 'Observation/absent', 'owner'), [404, 0]);
    assert.deepEqual(await heldFor('DELETE', 'Observation/shown'), [204, 0]);
  });
});
